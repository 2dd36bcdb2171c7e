"""Figures: same input, same bytes; sane sizes; no pyplot. And the table on the terminal."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image as matplotlib_image
from matplotlib.figure import Figure
from rich.console import Console

from wsss.data.types import DatasetInfo
from wsss.report import figures
from wsss.report.bars import iou_bars
from wsss.report.confusion import confusion_figure
from wsss.report.curves import training_curves
from wsss.report.figures import save
from wsss.report.grid import Floats, GridRow, prediction_grid
from wsss.report.heads import heads_figure, write_head_table
from wsss.report.table import SummaryRow, print_summary
from wsss.report.thresholds import threshold_figure

CLASSES = ("Forest", "Grassland", "Urban", "Water")
INFO = DatasetInfo(
    name="toy",
    classes=CLASSES,
    palette=((0, 100, 0), (150, 210, 80), (220, 40, 40), (30, 90, 200)),
    bands=("blue", "green", "red", "infrared"),
    multi_label=True,
    display_bands=(2, 1, 0),
    display_range=(0.0, 0.3),
    background=None,
)
HISTORY = [
    {"epoch": e, "train/loss": 1 / (e + 1), "val/mAP": 0.4 + 0.05 * e, "dp_rate": 0.1 * e}
    for e in range(5)
] + [{"epoch": 5, "val/loss": 0.3}]


def grid_rows() -> list[GridRow]:
    generator = np.random.default_rng(0)
    height, width = 40, 60
    image = generator.uniform(-0.1, 0.4, (4, height, width)).astype(np.float32)
    image[:, 0, 0] = np.nan
    mask = np.zeros((height, width), np.uint8)
    mask[20:, :30] = 2
    mask[:5] = 255
    maps: dict[int, Floats] = {
        0: generator.random((7, 7)).astype(np.float16),
        2: np.zeros((7, 7), np.float32),
    }
    probabilities = {0: 0.9, 2: 0.4}
    return [
        GridRow("first", image, (0,), maps, probabilities, mask, mask, mask),
        GridRow("ROIs0000_test_dfc_0_p1234_that_goes_on", image[:, :, :30], (3,)),
    ]


FIGURES = {
    "grid": lambda: prediction_grid(grid_rows(), INFO),
    "confusion": lambda: confusion_figure(np.diag([9, 5, 0, 1]) + [[0], [1], [0], [2]], CLASSES),
    "curves": lambda: training_curves(HISTORY),
    "heads": lambda: heads_figure(
        [[0.02, 0.5, 0.1], [0.3, 0.04, 0.9]], [[1.0, 0.0, 0.7], [0.49, 0.5, 0.0]], [[1, 0, 1]] * 2
    ),
    "bars": lambda: iou_bars(
        {"pseudo-mask": {"a": 0.5, "b": None}, "segmenter": {"a": 0.7, "b": 0.0}}
    ),
    "thresholds": lambda: threshold_figure(
        thresholds=[0.0, 0.5, 1.0], miou=[0.1, 0.625, 0.3], best=0.5, configured=0.4, split="val"
    ),
}


@pytest.mark.parametrize("kind", FIGURES)
def test_same_input_gives_same_bytes(kind: str, tmp_path: Path) -> None:
    figure = FIGURES[kind]()
    first = save(figure, tmp_path / "new" / "a.png")
    again = save(figure, tmp_path / "b.png")
    anew = save(FIGURES[kind](), tmp_path / "c.png")
    assert first.read_bytes() == again.read_bytes() == anew.read_bytes()
    assert b"Software" not in first.read_bytes()
    assert [p.name for p in first.parent.iterdir()] == ["a.png"]  # no temporary file stays
    height, width = matplotlib_image.imread(first).shape[:2]
    assert 250 < height < 2000
    assert 400 < width < 2500


def test_grid_leaves_out_what_a_row_lacks() -> None:
    figure = prediction_grid(grid_rows(), INFO)
    titles = [axes.get_title() for axes in figure.axes]
    assert titles == [
        "first",
        "ground truth",
        "segmenter",
        "pseudo-mask",
        "Forest\ngiven, p = 0.90",
        "Urban\nnot given, p = 0.40",
        "…_dfc_0_p1234_that_goes_on",
    ]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["Forest", "Urban", "no class"]


def test_grid_paints_classes_in_their_colours() -> None:
    figure = prediction_grid(grid_rows(), INFO)
    painted = np.asarray(figure.axes[1].images[0].get_array())
    assert np.allclose(painted[30, 10] * 255, (220, 40, 40))
    assert np.allclose(painted[30, 50] * 255, (0, 100, 0))
    assert np.allclose(painted[0, 0], 0.88)
    shown = np.asarray(figure.axes[0].images[0].get_array())
    assert shown.shape == (40, 60, 3)
    assert shown.min() >= 0 and shown.max() <= 1
    expected = np.clip(grid_rows()[0].image[2, 9, 9] / 0.3, 0, 1)  # band 2 is shown as red
    assert shown[9, 9, 0] == pytest.approx(expected, abs=1e-6)


def texts(figure: Figure) -> list[str]:
    return [text.get_text() for text in figure.axes[0].texts]


def test_confusion_rows_are_shares() -> None:
    assert texts(confusion_figure([[3, 1], [0, 0]], "ab")) == ["75", "25"]
    with_unlabelled = confusion_figure([[999, 0, 1], [0, 1, 0]], "ab")
    assert texts(with_unlabelled) == ["100", "0", "<1", "0", "100", "0"]
    assert texts(confusion_figure([[1, 0, 0], [0, 1, 0]], "ab")) == ["100", "0", "0", "100"]
    with pytest.raises(ValueError, match=r"\(2, 2\) for 3 classes"):
        confusion_figure([[1, 0], [0, 1]], "abc")


def test_curves_have_a_panel_for_losses_and_one_for_scores() -> None:
    panels = [[line.get_label() for line in axes.lines] for axes in training_curves(HISTORY).axes]
    assert panels == [["train/loss", "val/loss"], ["val/mAP", "dp_rate"]]
    assert len(training_curves([{"epoch": 0, "train/loss": 1.0}]).axes) == 1
    with pytest.raises(ValueError, match="empty history"):
        training_curves([])


def test_heads_show_confidence_of_all_and_mark_closed_ones() -> None:
    first, second = FIGURES["heads"]().axes[:2]
    confidence = [text.get_text() for text in first.texts]
    assert confidence == ["2.0", "50.0", "10.0", "30.0", "4.0", "90.0"]
    (marks,) = first.lines
    assert np.round(np.asarray(marks.get_xydata())).tolist() == [[1, 0], [1, 1]]
    assert second.get_title() == "Gates: 4 of 6 heads kept"  # whatever the gates are
    greyed = np.ma.getmaskarray(np.ma.asarray(second.images[0].get_array()))
    assert greyed.tolist() == [[False, True, False]] * 2
    with pytest.raises(ValueError, match=r"\(1, 2\), \(2, 1\)"):
        heads_figure([[1, 1]], [[1], [1]], [[1], [1]])


def test_a_table_of_heads_may_have_layers_of_any_size(tmp_path: Path) -> None:
    path = tmp_path / "new" / "heads.csv"
    write_head_table(path, {"confidence": [[0.25], [], [1 / 3, 1.0]], "gate": None})
    assert path.read_bytes() == (b"layer,head,confidence,gate\n0,0,0.25,\n2,0,0.333333,\n2,1,1,\n")


def test_bars_name_each_mean() -> None:
    figure = FIGURES["bars"]()
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["pseudo-mask, mIoU 50.0", "segmenter, mIoU 35.0"]
    assert texts(figure) == ["50.0", "-", "70.0", "0.0"]
    with pytest.raises(ValueError, match="same classes"):
        iou_bars({"x": {"a": 1.0}, "y": {"b": 1.0}})


def test_a_threshold_curve_names_the_best_and_the_configured_one() -> None:
    (axes,) = FIGURES["thresholds"]().axes
    legend = axes.get_legend()
    assert legend is not None
    assert [t.get_text() for t in legend.get_texts()] == ["best: 0.5, 62.5", "configured: 0.4"]
    assert "on val" in axes.get_ylabel()
    assert np.asarray(axes.lines[0].get_ydata()).tolist() == [10.0, 62.5, 30.0]
    with pytest.raises(ValueError, match="2 thresholds, 1 scores"):
        threshold_figure(thresholds=[0.0, 1.0], miou=[0.1], best=0.0, configured=0.4, split="val")


def test_no_figure_imports_pyplot() -> None:
    sources = sorted(Path(figures.__file__).parent.glob("*.py"))
    assert len(sources) > 5
    for source in sources:
        imports = [line for line in source.read_text().splitlines() if "import" in line.split()]
        assert not any("pyplot" in line for line in imports), source


def test_summary_names_every_stage_and_whole_paths() -> None:
    long = Path("/outputs") / "deep" / ("x" * 90)
    rows = [
        SummaryRow("train", "mAP 81.2 %", 63.21, "run", Path("outputs/train-1f"), {}),
        SummaryRow("generate", "labelled [/] 93 %", 0.04, "up to date", long, {}),
    ]
    stream = io.StringIO()
    print_summary(rows, Console(file=stream, width=100))
    text = stream.getvalue()
    for part in ("train", "mAP 81.2 %", "63.2 s", "up to date", "labelled [/] 93 %", "train-1f"):
        assert part in text
    assert text.count("x") == 90


def test_of_many_classes_only_those_that_occur_are_drawn() -> None:
    names = [f"class {index}" for index in range(150)]
    counts = np.zeros((150, 151), int)
    counts[3, 3], counts[3, 70], counts[9, 150] = 5, 2, 1
    (axes, _) = confusion_figure(counts, names).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == [
        "class 3",
        "class 9",
        "class 70",
    ]
    assert axes.get_xticklabels()[-1].get_text() == "unlabelled"
    scores = {name: 0.5 if name == "class 7" else None for name in names}
    (axes,) = iou_bars({"segmenter": scores}).axes
    assert [label.get_text() for label in axes.get_yticklabels()] == ["class 7"]
