"""Recipes: every experiment that they name can be run, and tables are made of what runs leave."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny

from pipelines import ablation_table, experiments, rules_table, story_of_heads, systems_table
from pipelines.experiments import Overrides, directory, system_table

pytestmark = pytest.mark.slow

ROWS: dict[str, Overrides] = {
    f"{recipe.__name__}: {title}": overrides
    for recipe, rows in (
        (systems_table, systems_table.ROWS | {"ceiling": systems_table.CEILING}),
        (story_of_heads, story_of_heads.ROWS),
        (ablation_table, ablation_table.MASKING | ablation_table.MAPS),
        (rules_table, {str(title): row for title, row in rules_table.ROWS.items()}),
    )
    for title, overrides in rows.items()
}


@pytest.mark.parametrize("title", ROWS)
def test_every_row_composes(title: str) -> None:
    assert directory(*ROWS[title], "seed=1") != directory(*ROWS[title], "seed=2")


def test_a_table_is_made_of_the_runs_of_all_seeds(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(experiments, "SEEDS", (0, 1))
    monkeypatch.setattr(experiments, "TABLES", tmp_path / "tables")
    sizes = [a for a in tiny.TINY if not a.startswith("launch")]
    overrides = (f"paths.outputs={tmp_path}", "tracking=none", *sizes)
    system_table("tiny", {"small": overrides})

    printed = capsys.readouterr().out
    assert "[2/2]" in printed
    head, _, row = (tmp_path / "tables" / "tiny.md").read_text().splitlines()
    assert head.startswith("| system | pseudo-mask mIoU (train) |")
    title, *cells = [cell.strip() for cell in row.strip("|").split("|")]
    assert title == "small" and len(cells) == len(experiments.SYSTEM_COLUMNS)
    assert all("±" in cell for cell in cells[:4])


def test_a_failed_run_is_shown(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="experiment=nothing"):
        experiments.run_all((f"paths.outputs={tmp_path}", "experiment=nothing"))
