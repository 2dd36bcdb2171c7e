"""Rows, columns and means."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from helpers.fake_runs import make_run, make_sweep, masking

from wsss.compare.comparison import Comparison, compare_runs
from wsss.compare.runs import read_run
from wsss.compare.text import lacking_lines, means_table
from wsss.errors import UserError
from wsss.report.seeds import mean_and_spread


def compared(paths: list[Path], **options: object) -> Comparison:
    return compare_runs([read_run(path) for path in paths], **options)  # type: ignore[arg-type]


def test_means_over_seeds_in_sorted_rows(tmp_path: Path) -> None:
    comparison = compared(make_sweep(tmp_path)[::-1])
    table = means_table(comparison)
    assert table.head == (
        *("masking.name", "masking.dp_rate", "seeds"),
        *("pseudo-mask mIoU", "segmenter mIoU", "mAP", "heads kept"),
    )
    spread = "0.870 ± 0.020", "5.0 ± 0.0"
    assert table.rows == (
        ("none", "0", "3", "0.820 ± 0.020", "0.720 ± 0.020", *spread),
        ("random", "0.5", "3", "0.920 ± 0.020", "0.820 ± 0.020", "0.970 ± 0.020", "5.0 ± 0.0"),
        ("random", "0.75", "3", "0.880 ± 0.020", "0.780 ± 0.020", "0.930 ± 0.020", "5.0 ± 0.0"),
    )
    assert "judged on toy/test (12 images), image labels given to pseudo-masks" in table.caption
    assert comparison.metric == "segmenter_miou" and comparison.lacking == []


def test_one_seed_has_no_spread(tmp_path: Path) -> None:
    assert mean_and_spread([0.25]) == "0.250"
    assert mean_and_spread([4, 6], 1) == "5.0 ± 1.4"
    comparison = compared([make_run(tmp_path, "one", 0.5)])
    assert comparison.columns == ()
    assert means_table(comparison).rows == (("1", "0.600", "0.500", "0.650", "5.0"),)
    assert comparison.rows[0].label(()) == "all settings"


def test_settings_of_an_option_have_no_column_of_their_own(tmp_path: Path) -> None:
    runs = [
        make_run(tmp_path, "a", 0.5, masking=masking(0.5)),
        make_run(tmp_path, "b", 0.5, masking=masking(0.5, "scheduled")),
        make_run(tmp_path, "c", 0.5, masking=masking(0)),
    ]
    assert compared(runs).columns == ("masking.name", "masking.dp_rate")
    runs.append(make_run(tmp_path, "d", 0.5, masking=masking(0.5, place="input")))
    assert compared(runs).columns == ("masking.name", "masking.dp_rate", "masking.place")
    # A setting that an older version did not have: nothing else tells these apart.
    older = make_run(tmp_path, "e", 0.5, model={"name": "mini"})
    assert compared([runs[0], older]).columns == ("model.depth",)


def test_by_chooses_columns_but_never_merges(tmp_path: Path) -> None:
    runs = make_sweep(tmp_path)
    assert compared(runs, by=["dp_rate", "masking"]).columns == ("masking.dp_rate", "masking.name")
    assert compared(runs, by=["dp_rate"]).columns == ("masking.dp_rate",)
    with pytest.raises(UserError, match=r"--by masking would merge .* differ in masking.dp_rate;"):
        compared(runs, by=["masking"])
    with pytest.raises(UserError, match=r"unknown key 'dp_rat'; valid: masking.name, mask"):
        compared(runs, by=["dp_rat"])
    with pytest.raises(UserError, match=r"'seed'; valid: masking.name, masking.dp_rate"):
        compared(runs, by=["seed"])
    ambiguous = [make_run(tmp_path, name, 0.5, model={"name": name}) for name in "ab"]
    ambiguous += runs
    with pytest.raises(UserError, match="'name' may be model.name or masking.name; write it in f"):
        compared(ambiguous, by=["name"])


def test_runs_that_lack_a_result_are_listed(tmp_path: Path) -> None:
    unfinished = make_run(tmp_path, "half", None, seed=7)
    alone = make_run(tmp_path, "alone", None, masking=masking(0.9))
    comparison = compared([*make_sweep(tmp_path), unfinished, alone])
    cells = {row[:3]: row[3:] for row in means_table(comparison).rows}
    assert cells["random", "0.5", "4"][1] == "0.820 ± 0.020 (3 of 4)"
    assert cells["random", "0.9", "1"] == ("-", "-", "-", "0.900", "5.0")
    assert "val mAP" in means_table(comparison).head  # the best there is of two runs
    missing = "has no pseudo-mask mIoU, segmenter mIoU, mAP"
    assert lacking_lines(comparison) == [
        f"{unfinished} (masking.name=random, masking.dp_rate=0.5, seed 7) {missing}",
        f"{alone} (masking.name=random, masking.dp_rate=0.9, seed 0) {missing}",
    ]
    heads = make_run(tmp_path, "uncounted", 0.5, heads=None, seed=4)
    comparison = compared([*make_sweep(tmp_path / "b"), heads], metric="val_mAP")
    assert comparison.lacking == []


@pytest.mark.parametrize("part", ["split", "image_labels", "images"])
def test_another_rule_gets_a_column(tmp_path: Path, part: str) -> None:
    values: dict[str, tuple[Any, Any]] = {
        "split": ("test", "val"),
        "image_labels": ("given", "predicted"),
        "images": (12, 9),
    }
    runs = []
    for value, rate in zip(values[part], (0.5, 0.75), strict=True):
        rule: dict[str, Any] = {part: value}
        for seed in (0, 1):
            name = f"{rate}_{seed}"
            runs.append(make_run(tmp_path, name, 0.5, seed=seed, masking=masking(rate), **rule))
    comparison = compared(runs)
    table = means_table(comparison)
    if part == "image_labels":  # the setting says it
        assert comparison.rule_columns == ()
        assert "pseudo_mask.image_labels" in table.head
        assert comparison.differences[1] is not None
    else:
        assert comparison.rule_columns == (part,)
        assert f"judged: {part}" in table.head
        assert comparison.differences[1] is None  # other pixels
        heads = compared(runs, metric="heads_kept").differences[1]
        assert heads is not None and heads.mean == 0


def test_contradicting_runs_are_refused(tmp_path: Path) -> None:
    run = make_run(tmp_path / "a", "one", 0.5)
    same = make_run(tmp_path / "b", "one", 0.5)
    assert len(compared([run, same]).rows[0].runs) == 1
    other = make_run(tmp_path / "c", "one", 0.6)
    with pytest.raises(UserError, match="same configuration and seed but other results"):
        compared([run, other])
    fewer = make_run(tmp_path / "d", "two", 0.6, seed=1, images=11)
    with pytest.raises(UserError, match=r"judged by other rules \(images: 12, 11\)"):
        compared([run, fewer])


def test_an_option_comes_before_the_other_settings_of_its_group(tmp_path: Path) -> None:
    models = {"tiny": {"depth": 12, "name": "tiny"}, "mini": {"depth": 2, "name": "mini"}}
    runs = [make_run(tmp_path, name, 0.5, model=model) for name, model in models.items()]

    assert compared(runs).columns[:2] == ("model.name", "model.depth")
