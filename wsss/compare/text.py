"""A comparison as text, for the terminal and for Markdown."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from wsss.compare.comparison import Comparison
from wsss.compare.differences import CONFIDENCE
from wsss.compare.keys import show
from wsss.compare.metrics import METRICS
from wsss.compare.table import Row
from wsss.report.seeds import mean_and_spread

NONE = "-"


@dataclass(frozen=True)
class TextTable:
    """A table with a sentence above it."""

    caption: str
    head: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def means_table(comparison: Comparison) -> TextTable:
    """Mean and standard deviation of every metric of every row."""
    head = (
        *comparison.columns,
        *(f"judged: {part}" for part in comparison.rule_columns),
        "seeds",
        *(METRICS[metric].title for metric in comparison.metrics),
    )
    rows = tuple(
        (
            *(show(row.settings, key) for key in comparison.columns),
            *(row.rule.get(part, NONE) for part in comparison.rule_columns),
            str(len(row.runs)),
            *(_mean(row, metric) for metric in comparison.metrics),
        )
        for row in comparison.rows
    )
    caption = f"Mean ± sample standard deviation over seeds{_common_rule(comparison)}."
    return TextTable(caption, head, rows)


def differences_table(comparison: Comparison) -> TextTable:
    """Difference of every row from the baseline."""
    metric = METRICS[comparison.metric]
    baseline = comparison.rows[comparison.baseline]
    number, percent = metric.decimals, f"{100 * CONFIDENCE:g} %"
    rows = []
    for index, (row, difference) in enumerate(
        zip(comparison.rows, comparison.differences, strict=True)
    ):
        settings = [show(row.settings, key) for key in comparison.columns]
        if index == comparison.baseline:
            results = [NONE, "baseline", NONE]
        elif difference is None:
            results = [NONE, "judged on other pixels", NONE]
        elif difference.mean is None:
            results = [str(len(difference.seeds)), NONE, NONE]
        else:
            results = [
                str(len(difference.seeds)),
                f"{difference.mean:+.{number}f}",
                f"{difference.low:+.{number}f} to {difference.high:+.{number}f}",
            ]
        rows.append((*settings, *results))
    caption = (
        f"{metric.title} minus that of the baseline ({baseline.label(comparison.columns)}), paired "
        f"by seed: mean difference and its {percent} confidence interval, a paired t interval over "
        f"the common seeds, not corrected for the number of rows; '{NONE}' with fewer than two "
        "common seeds."
    )
    head = (*comparison.columns, "common seeds", "difference", f"{percent} interval")
    return TextTable(caption, head, tuple(rows))


def lacking_lines(comparison: Comparison) -> list[str]:
    """One line per run that lacks metrics, with their names."""
    labels = {
        run.path: row.label(comparison.columns) for row in comparison.rows for run in row.runs
    }
    return [
        f"{run.path} ({labels[run.path]}, seed {run.seed}) has no "
        + ", ".join(METRICS[metric].title for metric in metrics)
        for run, metrics in comparison.lacking
    ]


def split_of(rows: Sequence[Row]) -> str:
    """The split that all rows were scored on; empty if unknown or different."""
    splits = {row.rule["split"] for row in rows if "split" in row.rule}
    return splits.pop() if len(splits) == 1 else ""


def _mean(row: Row, metric: str) -> str:
    scores = list(row.scores(metric).values())
    if not scores:
        return NONE
    text = mean_and_spread(scores, METRICS[metric].decimals)
    return text if len(scores) == len(row.runs) else f"{text} ({len(scores)} of {len(row.runs)})"


def _common_rule(comparison: Comparison) -> str:
    """The pixels that all rows were scored on, as the end of a sentence."""
    split = split_of(comparison.rows)
    text = f", judged on {split}" if split else ""
    numbers = {row.rule["images"] for row in comparison.rows if "images" in row.rule}
    if split and len(numbers) == 1:
        text += f" ({numbers.pop()} images)"
    labels = {row.rule["image_labels"] for row in comparison.rows if "image_labels" in row.rule}
    if len(labels) == 1:
        text += f", image labels {labels.pop()} to pseudo-masks"
    return text
