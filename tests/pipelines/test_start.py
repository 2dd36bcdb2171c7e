"""What a command does not need it does not load: every start, and every job, pays for imports."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest
from helpers import tiny

SLOW = ("pytorch_lightning", "torchmetrics", "monai", "transformers", "matplotlib", "mlflow")


def test_submitting_loads_nothing_that_only_stages_need() -> None:
    loaded = (
        "import sys, wsss.cluster.launch, wsss.pipelines.status; "
        "from wsss.engine.registry import STAGES, find_stage; [find_stage(n) for n in STAGES]; "
        f"print([name for name in {SLOW} if name in sys.modules])"
    )
    assert tiny.run_command([sys.executable, "-c", loaded]).stdout.strip() == "[]"


def test_what_is_up_to_date_is_found_without_pytorch(finished: Path, tmp_path: Path) -> None:
    shutil.copytree(finished, tmp_path / "copy", symlinks=True)
    run = tiny.command(tmp_path / "copy")[2:]
    shown = (
        f"import atexit, runpy, sys; sys.argv = {run!r}; names = ('torch', 'scipy', 'submitit'); "
        "atexit.register(lambda: print('loaded:', [n for n in names if n in sys.modules])); "
        "runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)"
    )
    printed = tiny.run_command([sys.executable, "-c", shown]).stdout
    assert printed.count("up to date") == len(tiny.STAGES)
    assert printed.splitlines()[-1] == "loaded: []"


@pytest.mark.parametrize(
    "module",
    [
        "wsss.pipelines",
        "wsss.check",
        "wsss.compare",
        "wsss.tracking",
        "wsss.data.check",
        "wsss.data.derive_labels",
    ],
)
def test_help_comes_without_pytorch(module: str) -> None:
    shown = (
        "import atexit, runpy, sys; sys.argv = ['wsss', '--help']; "
        "atexit.register(lambda: print('torch loaded:', 'torch' in sys.modules)); "
        f"runpy.run_module({module!r}, run_name='__main__', alter_sys=True)"
    )
    printed = tiny.run_command([sys.executable, "-c", shown]).stdout
    assert printed.splitlines()[-1] == "torch loaded: False"
