"""The files that a comparison leaves, and its plot."""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from helpers.fake_runs import make_run, make_sweep, masking
from matplotlib.figure import Figure

from wsss.compare.comparison import Comparison, compare_runs
from wsss.compare.plot import comparison_figure
from wsss.compare.runs import read_run
from wsss.compare.write import write_comparison


def compared(paths: list[Path], **options: object) -> Comparison:
    return compare_runs([read_run(path) for path in paths], **options)  # type: ignore[arg-type]


def legend(figure: Figure) -> list[str]:
    found = figure.axes[0].get_legend()
    assert found is not None
    return [text.get_text() for text in found.get_texts()]


def test_csv_has_every_number_in_full(tmp_path: Path) -> None:
    runs = [*make_sweep(tmp_path), make_run(tmp_path, "half", None, seed=9, masking=masking(0.9))]
    files = write_comparison(compared(runs), tmp_path / "new" / "folder")
    assert [file.name for file in files] == ["compare.csv", "compare.md", "compare.png"]
    assert sorted(files[0].parent.iterdir()) == sorted(files)  # no partial file stays
    none, half, _, unfinished = csv.DictReader(files[0].read_text().splitlines())
    assert none["masking.name"] == "none" and none["seeds"] == "0 1 2"
    assert none["runs"] == "toy_0.0_0 toy_0.0_1 toy_0.0_2"
    assert (none["judged.split"], none["judged.image_labels"]) == ("toy/test", "given")
    assert (none["baseline"], none["difference"]) == ("1", "")
    assert half["metric"] == "segmenter_miou" and half["masking.dp_rate"] == "0.5"
    assert float(half["segmenter_miou_mean"]) == pytest.approx(0.82, abs=1e-12)
    assert float(half["segmenter_miou_std"]) == pytest.approx(0.02, abs=1e-12)
    assert float(half["difference"]) == pytest.approx(0.1, abs=1e-12)
    assert float(half["difference_high"]) == pytest.approx(0.1496828, abs=1e-7)
    assert float(half["difference_low"]) == pytest.approx(0.0503172, abs=1e-7)
    assert half["difference_n"] == "3"
    missing = [unfinished[f"segmenter_miou_{what}"] for what in ("mean", "std", "n")]
    assert missing == ["", "", "0"]
    assert unfinished["heads_kept_mean"] == "5.0" and unfinished["heads_kept_std"] == ""


def test_markdown_has_tables_and_what_is_missing(tmp_path: Path) -> None:
    odd = masking(0.5) | {"place": "a|b"}
    runs = [*make_sweep(tmp_path), make_run(tmp_path, "half", None, masking=odd)]
    (_, markdown, picture) = write_comparison(compared(runs), tmp_path / "to")
    text = markdown.read_text("utf-8")
    assert "| masking.name | masking.dp_rate | masking.place | seeds |" in text
    assert "| none | 0 | - | 3 | 0.820 ± 0.020 | 0.720 ± 0.020 |" in text
    assert "| random | 0.5 | output | 3 | +0.100 | +0.050 to +0.150 |" in text
    assert "| random | 0.5 | a\\|b |" in text
    assert f"- {runs[-1]} (masking.name=random" in text
    assert "](compare.png)" in text and picture.read_bytes().startswith(b"\x89PNG")


def test_one_configuration_has_no_differences(tmp_path: Path) -> None:
    (_, markdown, _) = write_comparison(compared(make_sweep(tmp_path)[:3]), tmp_path / "to")
    assert "baseline" not in markdown.read_text("utf-8")


def test_a_line_for_each_masking(tmp_path: Path) -> None:
    runs = make_sweep(tmp_path)
    runs += [
        make_run(tmp_path, f"s{seed}", score, seed=seed, masking=masking(0.5, "scheduled"))
        for seed, score in enumerate((0.8, 0.9))
    ]
    figure = comparison_figure(compared(runs))
    (axes,) = figure.axes
    assert legend(figure) == ["none", "random", "scheduled"]
    assert axes.get_ylabel() == "segmenter mIoU on toy/test, %"
    lines, bars = zip(*((c.lines[0], c.lines[2][0]) for c in axes.containers), strict=True)  # type: ignore[attr-defined]
    drawn = [line.get_xydata().tolist() for line in lines]
    assert drawn[0] == [pytest.approx([0, 72])]
    assert drawn[1] == [pytest.approx([0.5, 82]), pytest.approx([0.75, 78])]
    (spread,) = bars[2].get_segments()
    assert spread[:, 1].tolist() == pytest.approx([85 - 50**0.5, 85 + 50**0.5])
    rings = [c.get_offsets() for c in axes.collections if c not in bars]
    assert [len(np.asarray(seeds)) for seeds in rings] == [3, 3, 3, 2]


def test_places_and_other_settings_name_lines_where_they_vary(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, f"{place}{rate}", 0.5, masking=masking(rate, place=place))
        for place in ("input", "output")
        for rate in (0.5, 0.75)
    ]
    assert legend(comparison_figure(compared(runs))) == ["random, input", "random, output"]
    runs.append(make_run(tmp_path, "deep", 0.5, model={"name": "mini", "depth": 6}))
    assert legend(comparison_figure(compared(runs))) == [
        "random, input, model.depth=2",
        "random, output, model.depth=2",
        "random, output, model.depth=6",
    ]


def test_bars_where_the_rate_does_not_vary(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, f"{depth}{seed}", 0.5 + seed / 10, seed=seed, model={"depth": depth})
        for depth in (2, 10)
        for seed in (0, 1)
    ]
    runs.append(make_run(tmp_path, "unfinished", None, model={"depth": 4}))
    (axes,) = comparison_figure(compared(runs, metric="pseudo_mask_miou")).axes
    labels = [label.get_text() for label in axes.get_yticklabels()]
    assert labels == ["model.depth=2", "model.depth=10"]
    assert [patch.get_width() for patch in axes.patches] == pytest.approx([65, 65])  # type: ignore[attr-defined]
    assert axes.get_xlabel() == "pseudo-mask mIoU on toy/test, %"
