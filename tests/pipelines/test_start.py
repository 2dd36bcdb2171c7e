"""What a command does not need it does not load: every start, and every job, pays for imports."""

from __future__ import annotations

import sys

from helpers import tiny

SLOW = ("pytorch_lightning", "torchmetrics", "monai", "transformers", "matplotlib", "mlflow")


def test_submitting_loads_nothing_that_only_stages_need() -> None:
    loaded = (
        "import sys, wsss.cluster.launch, wsss.pipelines.status; "
        f"print([name for name in {SLOW} if name in sys.modules])"
    )
    assert tiny.run_command([sys.executable, "-c", loaded]).stdout.strip() == "[]"
