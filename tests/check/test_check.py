from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers import tiny
from PIL import Image as Pillow
from rich.console import Console

from wsss.check.__main__ import main
from wsss.check.report import Finding, Report, SplitSummary
from wsss.check.tables import print_report, verdict
from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.data.types import Count
from wsss.report.contact_sheet import choose_examples, contact_sheet

MODULE = [sys.executable, "-m", "wsss.data.check"]


def of_pets(root: Path, *more: str) -> list[str]:
    outputs = f"paths.outputs={root.parent / 'out'}"
    return ["dataset=folder", f"dataset.root={root}", "dataset.lists=lists", outputs, *more]


def read_report(root: Path, dataset: str = "folder") -> dict[str, Any]:
    content = (root.parent / "out" / "checks" / dataset / "report.json").read_text()
    report: dict[str, Any] = json.loads(content)
    return report


def test_a_sound_folder(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(of_pets(pets)) == 0

    printed, complaint = capsys.readouterr()
    assert printed.splitlines()[-1] == "a run would succeed" and not complaint
    folder = pets.parent / "out" / "checks" / "folder"
    assert sorted(path.name for path in folder.iterdir()) == ["contact_sheet.jpg", "report.json"]
    for path in folder.iterdir():
        assert f"written: {path}" in printed
    report = read_report(pets)
    assert report["run_would_succeed"] and report["findings"] == []
    assert report["counts"]["val"] == {"found": 1, "expected": None}
    assert report["splits"]["train"] == {
        "images": 1,
        "labels_per_image": {"2": 1},
        "class_images": {"cat": 1, "dog": 1},
    }
    assert report["splits"]["test"]["class_images"] == {"cat": 0, "dog": 1}
    sizes = {name: [4, 6] for name in ("smallest", "median", "largest")}
    assert report["sizes"] == sizes | {"distinct": 1}
    assert report["sound_masks"] == {"test": 1, "train": 1} and report["without_masks"] is None
    with Pillow.open(folder / "contact_sheet.jpg") as sheet:
        assert sheet.format == "JPEG" and 1200 < sheet.width < 2400 and 200 < sheet.height < 2400


def test_georeferenced_patches(written_tree: Path, tmp_path: Path) -> None:
    root = tmp_path / "tree"
    shutil.copytree(written_tree, root)
    arguments = ["dataset=dfc", f"dataset.root={root}", "dataset.val_patches=2"]

    assert main([*arguments, f"paths.outputs={tmp_path / 'out'}"]) == 0

    report = read_report(root, "dfc")
    assert len(report["bands"]) == 13 and report["sizes"]["largest"] == [32, 32]
    assert report["sound_masks"] == {"test": 2, "train": 6}


Spoil = Callable[[Path], object]


def _break(name: str) -> Spoil:
    return lambda root: (root / name).write_bytes((root / name).read_bytes()[:40])


def _copy(source: str, target: str) -> Spoil:
    return lambda root: shutil.copy(root / source, root / target)


def _write(name: str, text: str) -> Spoil:
    return lambda root: (root / name).write_text(text)


def _small_mask(root: Path) -> None:
    Pillow.new("L", (2, 2)).save(root / "masks" / "c.png")


def _cows_only_in_test(root: Path) -> None:
    (root / "classes.txt").write_text("cat\ndog\ncow\n")
    (root / "labels.csv").write_text("image_id,cat,dog,cow\na,1,0,0\nb,0,1,0\nc,0,1,1\n")


def _second_training_image_without_mask(root: Path) -> None:
    Pillow.linear_gradient("L").resize((6, 4)).convert("RGB").save(root / "images" / "d.png")
    (root / "labels.csv").write_text("image_id,cat,dog\na,1,1\nb,1,0\nc,0,1\nd,1,1\n")
    (root / "lists" / "train.txt").write_text("a\nd\n")


FINDINGS: dict[str, tuple[Spoil, tuple[str, ...], list[tuple[str, str, str]]]] = {
    "broken image": (
        _break("images/a.png"),
        (),
        [("fault", "image", "images/a.png: broken, truncated or not a picture")],
    ),
    "every image of other bands": (
        lambda root: None,
        ("dataset.bands=[r,g,b,nir]",),
        [("fault", "image", f"{name}: 3 bands, but") for name in ("a.png", "b.jpg", "c.png")],
    ),
    "broken mask": (_break("masks/c.png"), (), [("fault", "mask", "masks/c.png: broken")]),
    "mask of another size": (_small_mask, (), [("fault", "mask", "c.png: size (2, 2)")]),
    "some training masks": (_second_training_image_without_mask, (), []),
    "no training masks": (lambda root: (root / "masks/a.png").unlink(), (), []),
    "leak": (
        _copy("images/a.png", "images/c.png"),
        (),
        [("warning", "duplicate", "'a' of train and 'c' of test are the same image: a leak")],
    ),
    "classes without training images": (
        _cows_only_in_test,
        (),
        [
            ("warning", "class", "class 'dog': no training image has it, but 1 of test do"),
            ("warning", "class", "class 'cow': no training image has it, but 1 of test do"),
        ],
    ),
    "class without images": (
        _write("labels.csv", "image_id,dog,cat\na,1,0\nb,1,0\nc,1,0\n"),
        (),
        [("warning", "class", "class 'cat': no training image has it")],
    ),
}
"""What spoils the tree, further overrides, and each finding: severity, topic, words."""


@pytest.mark.parametrize("case", list(FINDINGS))
def test_findings(case: str, pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    spoil, overrides, expected = FINDINGS[case]
    spoil(pets)

    status = main(of_pets(pets, *overrides))

    printed = capsys.readouterr()
    findings = read_report(pets)["findings"]
    assert [(f["severity"], f["topic"]) for f in findings] == [f[:2] for f in expected]
    for finding, (severity, topic, words) in zip(findings, expected, strict=True):
        assert words in finding["message"]
        assert f"{severity} {topic}: {finding['message']}\n" in printed.out
    faults = [f for f in expected if f[0] == "fault"]
    assert status == (2 if faults else 0)
    last = printed.out.splitlines()[-1]
    assert last.startswith(f"a run would fail: {len(faults)}" if faults else "a run would succeed")
    assert not printed.err


def test_left_out_images_are_warnings(pets: Path, capsys: pytest.CaptureFixture[str]) -> None:
    _second_training_image_without_mask(pets)
    shutil.copy(pets / "masks/a.png", pets / "masks/d.png")
    _break("images/a.png")(pets)

    status = main(of_pets(pets, "dataset.on_error=skip"))

    assert status == 0
    assert capsys.readouterr().out.splitlines()[-1] == "a run would succeed (1 warning)"
    report = read_report(pets)
    (finding,) = report["findings"]
    assert finding["severity"] == "warning" and "a.png: broken" in finding["message"]
    assert report["splits"]["train"]["images"] == 1


def test_a_labelled_class_that_no_mask_holds_is_printed(
    pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Pillow.fromarray(np.ones((4, 6), np.uint8)).save(pets / "masks" / "a.png")  # cat and dog

    assert main(of_pets(pets)) == 0

    printed = capsys.readouterr().out
    words = "train: images are labelled with 'cat', but no mask holds any pixel of it"
    assert f"warning mask: {words}\n" in printed and "test: images" not in printed
    assert printed.splitlines()[-1] == "a run would succeed (1 warning)"
    assert "cat" not in str(read_report(pets)["findings"])


@pytest.mark.parametrize("drop", ["masks", "masks/c.png"])
def test_without_masks_all_stages_but_evaluate(
    drop: str, pets: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = pets / drop
    shutil.rmtree(path) if path.is_dir() else path.unlink()

    assert main(of_pets(pets)) == 0

    last = capsys.readouterr().out.splitlines()[-1]
    assert "all stages but evaluate" in last and "no masks" in last
    assert read_report(pets)["without_masks"] and not read_report(pets)["findings"]


def test_nothing_of_a_sound_mask_shows(pets: Path) -> None:
    main(of_pets(pets))
    before = read_report(pets)
    for path in (pets / "masks").iterdir():
        Pillow.fromarray(np.ones((4, 6), np.uint8)).save(path)

    main(of_pets(pets))

    assert read_report(pets) == before


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["dataset=folder"], "dataset.root is not set; add dataset.root=<value>"),
        (["dataset=folder", "dataset.root=/nowhere"], "no folder /nowhere"),
        (["dataset.rot=/data"], "unknown key 'dataset.rot', did you mean 'root'"),
        (["datset=folder"], "datset"),
    ],
)
def test_bad_overrides_get_one_line(
    overrides: list[str], words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([*overrides, f"paths.outputs={tmp_path}"]) == 2

    printed = capsys.readouterr()
    assert printed.err.startswith("error: ") and printed.err.count("\n") == 1
    assert words in printed.err
    assert not printed.out and not list(tmp_path.iterdir())


@pytest.mark.slow
def test_a_missing_folder_ends_the_real_command_with_status_2(pets: Path) -> None:
    shutil.rmtree(pets / "images")

    done = tiny.run_command([*MODULE, *of_pets(pets)], check=False)

    assert done.returncode == 2 and not done.stdout
    assert done.stderr == f"error: {pets / 'images'}: no such folder\n"


def test_help_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    printed = capsys.readouterr().out
    assert 3 < printed.count("\n") < 20
    assert printed.index("python -m wsss.check ") < printed.index("python -m wsss.data.check ")


def test_long_lists_are_cut(capsys: pytest.CaptureFixture[str]) -> None:
    names = {f"class {index}": index for index in range(60)}
    split = SplitSummary(images=1, labels_per_image={0: 1, 12: 4}, class_images=names)
    report = Report(
        dataset="many",
        bands=("gray",),
        multi_label=True,
        background=None,
        counts={"all of it": Count(40, 41)},
        splits={"train": split, "val": split, "test": split},
        sizes=None,
        values=(),
        sound_masks={},
        without_masks=None,
        findings=tuple(Finding("fault", "image", f"[b]{index}.png") for index in range(33)),
    )

    print_report(report, Console(width=80), Path("out/report.json"))

    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 80
    assert sum("fault image: [b]" in line for line in lines) == 20
    assert lines[-1] == "and 13 more; all are in report.json"
    assert sum(line.startswith("class ") for line in lines) == 30
    assert any(line.split() == ["all", "of", "it", "40", "41"] for line in lines)
    assert verdict(report) == "a run would fail: 33 faults"


def test_the_sheet_shows_every_class_that_it_has_room_for(
    tmp_path: Path, make_folder: Callable[..., FolderConfig]
) -> None:
    labels = ["1,0,0,0"] * 20 + ["1,1,0,0", "0,1,1,0", "0,0,0,1"] + ["1,0,0,0"] * 2
    rows = ["image_id,a,b,c,d,split"]
    (tmp_path / "images").mkdir()
    for index, cells in enumerate(labels):
        rows.append(f"{index},{cells},{('val', 'test', 'train')[min(index, 2)]}")
        Pillow.new("RGB", (9, 5), (index, 0, 0)).save(tmp_path / "images" / f"{index}.png")
    (tmp_path / "labels.csv").write_text("\n".join(rows))
    (tmp_path / "classes.txt").write_text("a\nb\nc\nd\n")
    dataset = FolderDataset(make_folder(tmp_path, lists=None, masks=None))

    chosen = choose_examples(dataset, "train", 3)

    shown = {label for image_id in chosen for label in dataset.record(image_id).labels}
    assert shown == {0, 1, 2, 3}
    assert choose_examples(dataset, "train", 3) == chosen
    assert "22" not in choose_examples(dataset, "train", 3, without=["22"])
    assert sorted(choose_examples(dataset, "train", 99)) == sorted(dataset.ids("train"))
    sheet = contact_sheet(dataset, "train", chosen)
    assert [axes.get_title() for axes in sheet.axes] == chosen
