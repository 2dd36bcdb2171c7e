"""Printing the report of an inspection."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from wsss.check.report import Report, Severity, Sizes
from wsss.data.types import SPLITS

_MAX_FINDINGS = 20
_MAX_CLASSES = 30
_MAX_LABELS = 7
_STYLES: dict[Severity, str] = {"fault": "bold red", "warning": "yellow"}


def print_report(report: Report, console: Console, file: Path) -> None:
    """Print counts, labels, classes, sizes, masks and findings; `file` has the uncut lists."""
    bands = f"{len(report.bands)} bands ({', '.join(report.bands)})"
    labels = "any number of labels" if report.multi_label else "one label per image"
    background = f", background '{report.background}'" if report.background else ""
    _say(console, f"{report.dataset}: images of {bands}, {labels}{background}\n")
    if any(part not in SPLITS or c.expected is not None for part, c in report.counts.items()):
        _print_table(console, ("part", "images", "expected"), _count_rows(report))
    _print_table(console, *_label_rows(report))
    _print_classes(report, console, file)
    if report.sizes:
        _say(console, f"sizes (height x width): {_sizes(report.sizes)}")
    _print_table(console, *_value_rows(report))
    sound = [f"{number} sound in {split}" for split, number in report.sound_masks.items()]
    _say(console, f"masks: {', '.join(sound) or 'none'}")
    _print_findings(report, console, file)


def verdict(report: Report) -> str:
    """One line: whether a run would succeed."""
    faults, warnings = len(report.of("fault")), len(report.of("warning"))
    noted = f" ({warnings} warning{'s' * (warnings != 1)})" if warnings else ""
    if faults:
        return f"a run would fail: {faults} fault{'s' * (faults != 1)}{noted}"
    if report.without_masks is not None:
        reason = report.without_masks
        return f"a run would succeed with all stages but evaluate{noted}; no masks: {reason}"
    return f"a run would succeed{noted}"


def _sizes(sizes: Sizes) -> str:
    smallest, median, largest = (
        f"{height} x {width}" for height, width in (sizes.smallest, sizes.median, sizes.largest)
    )
    if sizes.distinct == 1:
        return f"all {median}"
    return f"{smallest} to {largest}, median {median}, {sizes.distinct} distinct"


def _count_rows(report: Report) -> list[list[str]]:
    return [
        [part, str(found), "-" if expected is None else str(expected)]
        for part, (found, expected) in report.counts.items()
    ]


def _label_rows(report: Report) -> tuple[list[str], list[list[str]]]:
    """Header and rows: number of images in each split by their number of labels."""
    numbers = {number for split in report.splits.values() for number in split.labels_per_image}
    columns = sorted({min(number, _MAX_LABELS) for number in numbers})
    names = [f"{number}{'+' * (number == _MAX_LABELS)}" for number in columns]
    header = ["split", "images", f"labels: {names[0]}", *names[1:]]
    rows = []
    for split, summary in report.splits.items():
        cells = dict.fromkeys(columns, 0)
        for number, images in summary.labels_per_image.items():
            cells[min(number, _MAX_LABELS)] += images
        rows.append([split, str(summary.images), *map(str, cells.values())])
    return header, rows


def _value_rows(report: Report) -> tuple[list[str], list[list[str]]]:
    """Header and rows: the values of each band."""
    header = ["values", "least", "1 %", "median", "99 %", "most", "no data"]
    rows = [
        [
            v.band,
            *(f"{x:.4g}" for x in (v.least, v.low, v.median, v.high, v.most)),
            f"{v.no_data:.1%}",
        ]
        for v in report.values
    ]
    return header, rows


def _print_classes(report: Report, console: Console, file: Path) -> None:
    train = report.splits["train"].class_images
    cut = len(train) > _MAX_CLASSES
    shown = sorted(train, key=lambda name: train[name])[:_MAX_CLASSES] if cut else list(train)
    rows = [
        [name, *(str(report.splits[split].class_images[name]) for split in SPLITS)]
        for name in shown
    ]
    _print_table(console, ("images with class", *SPLITS), rows)
    if cut:
        _say(console, f"the rarest of {len(train)} classes; all are in {file.name}\n")


def _print_findings(report: Report, console: Console, file: Path) -> None:
    every = (*report.findings, *report.unwritten)
    for (severity, topic), group in groupby(every, lambda f: (f.severity, f.topic)):
        findings = list(group)
        for finding in findings[:_MAX_FINDINGS]:
            line = (severity, _STYLES[severity]), f" {topic}: {finding.message}"
            console.print(Text.assemble(*line), soft_wrap=True)
        if (rest := len(findings) - _MAX_FINDINGS) > 0:
            _say(console, f"and {rest} more; all are in {file.name}")


def _print_table(console: Console, header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    table = Table(box=None, header_style="bold", pad_edge=False)
    for column, name in enumerate(header):
        table.add_column(name, justify="right" if column else "left")
    for row in rows:
        table.add_row(*map(Text, row))  # Text, because brackets in names are not markup
    console.print(table, "", sep="\n")


def _say(console: Console, line: str) -> None:
    console.print(Text(line), soft_wrap=True)
