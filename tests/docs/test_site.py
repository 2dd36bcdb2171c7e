"""The built site stands alone, and its notebook runs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from helpers.documentation import REPOSITORY
from nbclient import NotebookClient

NOTEBOOKS = sorted(REPOSITORY.glob("docs/**/*.ipynb"))
MOST_BYTES = 300_000
_LOADED = re.compile(r"""(?:src|<link[^>]*href)=["']?(https?:)?//[^"'> ]+""")


@pytest.mark.slow
def test_the_site_builds_strictly_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    arguments = ["-m", "mkdocs", "build", "--strict", "--site-dir", str(tmp_path)]
    done = subprocess.run(
        [sys.executable, *arguments], cwd=REPOSITORY, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for page in tmp_path.rglob("*.html"):
        found = [m[0] for m in _LOADED.finditer(page.read_text()) if 'rel="canonical"' not in m[0]]
        assert not found, f"{page.relative_to(tmp_path)}: {found[0]}"


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_has_small_outputs_without_errors(path: Path) -> None:
    code = [cell for cell in _read(path).cells if cell.cell_type == "code"]
    kinds = {output.output_type for cell in code for output in cell.outputs}

    assert path.stat().st_size < MOST_BYTES
    assert [cell.execution_count for cell in code] == list(range(1, len(code) + 1))
    assert "error" not in kinds and {"stream", "display_data"} <= kinds


@pytest.mark.slow
@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.name)
def test_a_notebook_runs(path: Path) -> None:
    resources = {"metadata": {"path": str(REPOSITORY)}}
    NotebookClient(_read(path), timeout=300, kernel_name="python3", resources=resources).execute()


def _read(path: Path) -> nbformat.NotebookNode:
    notebook: nbformat.NotebookNode = nbformat.reads(path.read_text(), as_version=4)  # type: ignore[no-untyped-call]
    return notebook
