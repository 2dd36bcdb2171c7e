"""Paired differences and the choice of baseline and metric."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers.fake_runs import make_run, make_sweep, masking

from wsss.compare.comparison import compare_runs
from wsss.compare.differences import Difference, paired_difference
from wsss.compare.runs import Run, read_run
from wsss.compare.text import differences_table
from wsss.errors import UserError


@pytest.fixture
def runs(tmp_path: Path) -> list[Run]:
    return [read_run(path) for path in make_sweep(tmp_path)]


def test_paired_interval_by_hand() -> None:
    # Differences 1, 2, 6: mean 3, s² = (4 + 1 + 9) / 2 = 7; the table of Student's t has 4.303 for
    # two degrees of freedom, so that half the interval is 4.303 * sqrt(7 / 3) = 6.573.
    difference = paired_difference({0: 11, 1: 22, 2: 36, 9: 5}, {0: 10, 1: 20, 2: 30, 8: 1})
    assert difference.seeds == (0, 1, 2)
    assert difference.mean == pytest.approx(3)
    assert difference.low == pytest.approx(3 - 6.573, abs=2e-3)
    assert difference.high == pytest.approx(3 + 6.573, abs=2e-3)
    assert paired_difference({0: 1.0, 1: 2.0}, {1: 1.0}) == Difference((1,), None, None, None)


def test_each_row_against_the_first(runs: list[Run]) -> None:
    lone = [run for run in runs if run.settings["masking.dp_rate"] != 0.75 or run.seed == 2]
    table = differences_table(compare_runs(lone))
    assert table.head[2:] == ("common seeds", "difference", "95 % interval")
    assert table.rows == (
        ("none", "0", "-", "baseline", "-"),
        ("random", "0.5", "3", "+0.100", "+0.050 to +0.150"),  # 0.1 ± 4.303 * 0.02 / sqrt(3)
        ("random", "0.75", "1", "-", "-"),
    )
    for words in (
        "segmenter mIoU minus",
        "paired t interval",
        "masking.name=none",
        "two common seeds",
    ):
        assert words in table.caption


@pytest.mark.parametrize(
    ("settings", "index"),
    [
        (["dp_rate=0", "masking.name=none"], 0),
        (["masking=none"], 0),
        (["masking.dp_rate=0.50"], 1),
        (["dp_rate=0.75"], 2),
    ],
)
def test_a_baseline_is_chosen_by_settings(runs: list[Run], settings: list[str], index: int) -> None:
    comparison = compare_runs(runs, baseline=settings)
    assert comparison.baseline == index
    assert [i for i, d in enumerate(comparison.differences) if d is None] == [index]


@pytest.mark.parametrize(
    ("settings", "complaint"),
    [
        (["masking=random"], "matches 2 configurations .*masking.dp_rate=0.75.*until one is left"),
        (["dp_rate=0.6"], "has masking.dp_rate=0.6 as baseline; valid: 0 or 0.5 or 0.75"),
        (["masking=none", "dp_rate=0.5"], "no configuration with masking=none has .*; valid: 0$"),
        (["dp=0"], "unknown key 'dp'; valid: masking.name, masking.dp_rate"),
        (["dp_rate"], "'dp_rate' is not a setting; write KEY=VALUE"),
    ],
)
def test_a_baseline_must_be_one_row(runs: list[Run], settings: list[str], complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        compare_runs(runs, baseline=settings)


def test_a_row_without_the_metric_is_no_default_baseline(tmp_path: Path, runs: list[Run]) -> None:
    unfinished = read_run(make_run(tmp_path, "new", None, masking=masking(0.1, "never")))
    comparison = compare_runs([*runs, unfinished])
    assert comparison.rows[0].settings["masking.name"] == "never"
    assert comparison.baseline == 1
    assert differences_table(comparison).rows[0][2:] == ("0", "-", "-")


def test_the_metric_is_the_first_that_all_have(tmp_path: Path, runs: list[Run]) -> None:
    assert compare_runs(runs).metric == "segmenter_miou"
    assert compare_runs(runs, "heads_kept").metric == "heads_kept"
    early = [read_run(make_run(tmp_path, f"early{s}", None, seed=s)) for s in (7, 8)]
    assert compare_runs(early).metric == "val_mAP"
    assert compare_runs([*runs, early[0]][3:]).metric == "segmenter_miou"
    with pytest.raises(UserError, match="unknown metric 'miou'.*pseudo_mask_miou, segmenter_miou"):
        compare_runs(runs, "miou")
    with pytest.raises(UserError, match="no run has .*'mAP'; they have: val_mAP, heads_kept"):
        compare_runs(early, "mAP")
    with pytest.raises(UserError, match="no runs"):
        compare_runs([])
