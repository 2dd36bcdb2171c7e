"""Names of runs and settings are text wherever a comparison is opened."""

from __future__ import annotations

import csv
from pathlib import Path

import pytest
from helpers.fake_runs import make_run, make_sweep

from wsss.compare.comparison import compare_runs
from wsss.compare.escaping import csv_cell, markdown_cell
from wsss.compare.runs import read_run
from wsss.compare.write import write_comparison


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=cmd|' /C calc'!A0", "'=cmd|' /C calc'!A0"),
        ("@SUM(A1)", "'@SUM(A1)"),
        ("+1+1", "'+1+1"),
        ("\t=1", r"\t=1"),
        ("-0.5", "-0.5"),
        ("+1e-3", "+1e-3"),
        ("-", "-"),
        ("a, b", "a, b"),
    ],
)
def test_spreadsheets_compute_nothing(text: str, cell: str) -> None:
    assert csv_cell(text) == cell


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("<img src=x onerror=alert(1)>", "&lt;img src=x onerror=alert(1)&gt;"),
        ("![](http://a/b.png)", r"!\[\](http://a/b.png)"),
        ("a|b`c\nd", r"a\|b\`c\\nd"),
        ("masking.dp_rate", "masking.dp_rate"),
    ],
)
def test_markdown_shows_it_as_it_is(text: str, cell: str) -> None:
    assert markdown_cell(text) == cell


def test_files_of_a_comparison(tmp_path: Path) -> None:
    runs = make_sweep(tmp_path)
    runs.append(make_run(tmp_path, "=1+1", 0.5, model={"name": "=<b>\x1b[2J", "depth": 2}))
    comparison = compare_runs([read_run(run) for run in runs])
    table, text, _ = write_comparison(comparison, tmp_path / "to")
    rows = list(csv.DictReader(table.read_text().splitlines()))
    assert [row["model.name"] for row in rows if row["runs"] == "'=1+1"] == ["'=<b>\\x1b[2J"]
    assert "&lt;b&gt;" in text.read_text() and "\x1b" not in text.read_text()
