"""The real command line inside the test's process, which saves seconds of imports."""

from __future__ import annotations

import io
import os
import signal
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from unittest import mock

import pytest
from hydra.core.global_hydra import GlobalHydra

from wsss.pipelines.__main__ import main


def run_here(arguments: Sequence[str]) -> subprocess.CompletedProcess[str]:
    """Run ``python -m wsss.pipelines`` with arguments, its lines 200 characters wide."""
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch.dict(os.environ, {"COLUMNS": "200"}),
    ):
        status = _call_main(arguments)
    return subprocess.CompletedProcess(arguments, status, out.getvalue(), err.getvalue())


def run_main(arguments: list[str], capture: pytest.CaptureFixture[str]) -> tuple[int, str, str]:
    """Status, standard output and standard error."""
    return _call_main(arguments), *capture.readouterr()


def refused(arguments: list[str], capture: pytest.CaptureFixture[str], *words: str) -> str:
    """Run, expect the refusal that names all words, and return what was printed before it."""
    status, printed, complaint = run_main(arguments, capture)

    assert status == 2, printed + complaint
    lines = [line for line in complaint.splitlines() if line.strip()]
    assert len(lines) == 1 and lines[0].startswith("error: "), complaint
    for word in words:
        assert word in lines[0]
    return printed


def _call_main(arguments: Sequence[str]) -> int:
    """The exit status; environment, signal handlers and Hydra are left as they were."""
    GlobalHydra.instance().clear()
    on_termination = signal.getsignal(signal.SIGTERM)
    with mock.patch.dict(os.environ), mock.patch.object(sys, "argv", ["wsss", *arguments]):
        os.environ.pop("HYDRA_FULL_ERROR", None)
        try:
            main()
        except SystemExit as end:
            return end.code if isinstance(end.code, int) else 1
        finally:
            signal.signal(signal.SIGTERM, on_termination)
    return 0
