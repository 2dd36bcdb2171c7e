"""A comparison as plain data."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsss.compare.differences import Difference, paired_difference
from wsss.compare.keys import find_key, parse_setting, show
from wsss.compare.metrics import METRICS, SAME_PIXELS
from wsss.compare.runs import Run
from wsss.compare.table import (
    Row,
    choose_columns,
    differing_keys,
    differing_rules,
    group_runs,
    sort_rows,
)
from wsss.errors import UserError
from wsss.suggest import suggestion

#: The default metric is the first of these that every run has.
_DEFAULTS = ("segmenter_miou", "pseudo_mask_miou", "mAP")


@dataclass(frozen=True)
class Comparison:
    """Rows, the settings that identify them, and their differences from the baseline."""

    rows: tuple[Row, ...]
    columns: tuple[str, ...]
    """Settings that identify a row."""
    rule_columns: tuple[str, ...]
    """Parts of the rule that differ between rows."""
    metrics: tuple[str, ...]
    """Names in `METRICS` of the numbers shown."""
    metric: str
    """The metric of differences and plot."""
    baseline: int
    """Index of the row that others are compared with."""
    differences: tuple[Difference | None, ...]
    """One per row; ``None`` for the baseline and for rows that were scored on other pixels."""

    @property
    def lacking(self) -> list[tuple[Run, list[str]]]:
        """Runs that lack metrics of a finished run, and the names of those metrics."""
        wanted = [m for m in self.metrics if METRICS[m].of_chain or m == self.metric]
        runs = [run for row in self.rows for run in row.runs]
        lacks = [(run, [m for m in wanted if m not in run.scores]) for run in runs]
        return [(run, metrics) for run, metrics in lacks if metrics]


def compare_runs(
    runs: Sequence[Run],
    metric: str | None = None,
    by: Sequence[str] = (),
    baseline: Sequence[str] = (),
) -> Comparison:
    """Group runs by configuration and compare each with a baseline.

    Args:
        runs: at least one.
        metric: name in `METRICS`, for differences and plot. The default is the first of segmenter
            mIoU, pseudo-mask mIoU and mAP that every run has, or else that any run has.
        by: keys that identify a configuration, by default all that differ.
        baseline: ``key=value`` settings that select one row, by default the first with a result.

    Raises:
        UserError: no runs or results, an unknown metric or key, ``by`` that merges configurations,
            a baseline that matches no row or several, or runs that contradict each other.
    """
    if not runs:
        raise UserError("no runs to compare")
    metric = _choose_metric(runs, metric)
    unsorted = group_runs(runs)
    columns = choose_columns(unsorted, by)
    rows = sort_rows(unsorted, columns)
    index = _choose_baseline(rows, columns, baseline, metric)
    return Comparison(
        rows=tuple(rows),
        columns=columns,
        rule_columns=differing_rules(rows, columns),
        metrics=_shown(runs, metric),
        metric=metric,
        baseline=index,
        differences=tuple(_difference(row, rows[index], metric) for row in rows),
    )


def _difference(row: Row, baseline: Row, metric: str) -> Difference | None:
    same = not METRICS[metric].judged or all(
        row.rule[part] == baseline.rule[part]
        for part in SAME_PIXELS
        if part in row.rule and part in baseline.rule
    )
    if row is baseline or not same:
        return None
    return paired_difference(row.scores(metric), baseline.scores(metric))


def _choose_metric(runs: Sequence[Run], wanted: str | None) -> str:
    if wanted is not None and wanted not in METRICS:
        raise UserError(f"unknown metric '{wanted}'{suggestion(wanted, list(METRICS))}")
    there = [metric for metric in METRICS if any(metric in run.scores for run in runs)]
    if not there:
        raise UserError(f"none of {len(runs)} runs has a result yet; run their stages first")
    if wanted is not None and wanted not in there:
        raise UserError(f"no run has the metric '{wanted}'; they have: {', '.join(there)}")
    whole = [m for m in _DEFAULTS if all(m in run.scores for run in runs)]
    return wanted or [*whole, *(m for m in _DEFAULTS if m in there), *there][0]


def _shown(runs: Sequence[Run], metric: str) -> tuple[str, ...]:
    """Metrics that any run has; mAP on ``val`` only if a run lacks mAP on the reported split."""
    there = [m for m in METRICS if any(m in run.scores for run in runs)]
    needless = all("mAP" in run.scores for run in runs) and metric != "val_mAP"
    return tuple(m for m in there if not (m == "val_mAP" and needless))


def _choose_baseline(
    rows: Sequence[Row], columns: Sequence[str], settings: Sequence[str], metric: str
) -> int:
    if not settings:
        return next(index for index, row in enumerate(rows) if row.scores(metric))
    every = list(dict.fromkeys(key for row in rows for key in row.settings))
    left = list(enumerate(rows))
    for setting in settings:
        word, value = parse_setting(setting)
        key = find_key(word, every, differing_keys(rows))
        values = list(dict.fromkeys(show(row.settings, key) for _, row in left))
        left = [(index, row) for index, row in left if show(row.settings, key) == value]
        if not left:
            among = f" with {settings[0]}" if setting != settings[0] else ""
            valid = " or ".join(values)
            raise UserError(
                f"no configuration{among} has {key}={value} as baseline; valid: {valid}"
            )
    if len(left) > 1:
        labels = "; ".join(row.label(columns) for _, row in left)
        raise UserError(
            f"baseline {' '.join(settings)} matches {len(left)} configurations ({labels}); "
            "add KEY=VALUE until one is left"
        )
    return left[0][0]
