"""Writing a comparison to files."""

from __future__ import annotations

import csv
import io
import statistics
from pathlib import Path

from wsss.atomic import replacing
from wsss.compare.comparison import Comparison
from wsss.compare.escaping import csv_cell, markdown_cell
from wsss.compare.keys import show
from wsss.compare.plot import comparison_figure
from wsss.compare.text import TextTable, differences_table, lacking_lines, means_table
from wsss.report.figures import save
from wsss.report.seeds import markdown_table

_RULE = ("split", "images", "image_labels")  # needed to interpret a score


def write_comparison(comparison: Comparison, folder: Path) -> list[Path]:
    """Write ``compare.csv``, ``compare.md`` and ``compare.png``, each atomically.

    Returns:
        the three files.
    """
    texts = {"compare.csv": csv_text(comparison), "compare.md": markdown_text(comparison)}
    for name, text in texts.items():
        with replacing(folder / name) as partial:
            partial.write_text(text, "utf-8", newline="\n")
    figure = save(comparison_figure(comparison), folder / "compare.png")
    return [*(folder / name for name in texts), figure]


def csv_text(comparison: Comparison) -> str:
    """One line per configuration, numbers with all digits.

    Shares are in [0, 1]. ``<metric>_std`` is the sample standard deviation over ``<metric>_n``
    seeds. ``difference`` and its interval are for ``metric``, from the line with ``baseline`` 1.
    Seeds and run directories are separated by spaces.
    """
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    numbers = [f"{m}_{what}" for m in comparison.metrics for what in ("mean", "std", "n")]
    rule = list(dict.fromkeys([*_RULE, *comparison.rule_columns]))
    judged = [f"judged.{part}" for part in rule]
    paired = ["difference", "difference_low", "difference_high", "difference_n"]
    head = [*comparison.columns, *judged, "seeds", "runs", *numbers, "metric", "baseline", *paired]
    writer.writerow(map(csv_cell, head))
    for index, row in enumerate(comparison.rows):
        texts = [show(row.settings, key) for key in comparison.columns]
        texts += [row.rule.get(part, "") for part in rule]
        texts += [" ".join(str(run.seed) for run in row.runs)]
        texts += [" ".join(run.path.name for run in row.runs)]
        cells: list[object] = [csv_cell(text) for text in texts]
        for metric in comparison.metrics:
            values = list(row.scores(metric).values())
            cells.append(statistics.fmean(values) if values else None)
            cells.append(statistics.stdev(values) if len(values) > 1 else None)
            cells.append(len(values))
        cells += [comparison.metric, int(index == comparison.baseline)]
        if difference := comparison.differences[index]:
            cells += [difference.mean, difference.low, difference.high, len(difference.seeds)]
        else:
            cells += [None] * len(paired)
        writer.writerow(cells)
    return buffer.getvalue()


def markdown_text(comparison: Comparison) -> str:
    """The tables, the plot and the runs that lack metrics."""
    parts = ["# Comparison", *_markdown(means_table(comparison))]
    if len(comparison.rows) > 1:
        parts += _markdown(differences_table(comparison))
    parts.append("![The metric of every configuration](compare.png)")
    if lines := lacking_lines(comparison):
        named = "\n".join(f"- {markdown_cell(line)}" for line in lines)
        parts += ["Runs that lack a result:", named]
    return "\n\n".join(part.rstrip() for part in parts) + "\n"


def _markdown(table: TextTable) -> tuple[str, str]:
    head, *rows = [[markdown_cell(cell) for cell in row] for row in (table.head, *table.rows)]
    return markdown_cell(table.caption), markdown_table(head, rows)
