"""The real command line inside the test's process, which spares it seconds of imports."""

from __future__ import annotations

import sys

import pytest
from hydra.core.global_hydra import GlobalHydra

from wsss.pipelines.__main__ import main


def run_main(arguments: list[str], capture: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Status, standard output and standard error."""
    GlobalHydra.instance().clear()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["wsss", *arguments])
        patch.delenv("HYDRA_FULL_ERROR", raising=False)
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code if isinstance(end.code, int) else 1
    return status, *capture.readouterr()


def refused(arguments: list[str], capture: pytest.CaptureFixture[str], *words: str) -> str:
    """Run, expect the refusal that names all words, and return what was printed before it."""
    status, printed, complaint = run_main(arguments, capture)

    assert status == 2, printed + complaint
    lines = [line for line in complaint.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: "), complaint
    for word in words:
        assert word in lines[0]
    return printed
