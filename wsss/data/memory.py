"""Results that take a pass over a dataset, stored on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

from wsss.atomic import replacing


def remembered(folder: Path | None, question: Any, answer: Callable[[], Any]) -> Any:
    """Return the stored answer, or compute and store it.

    Args:
        folder: where answers are stored; ``None`` stores nothing.
        question: everything that the answer depends on, JSON-ready.
        answer: computes the answer, JSON-ready.
    """
    if folder is None:
        return answer()
    path = folder / f"{sha256(json.dumps(question).encode()).hexdigest()[:16]}.json"
    if path.is_file():
        return json.loads(path.read_text("utf-8"))
    computed = answer()
    with replacing(path) as partial:
        partial.write_text(json.dumps(computed, indent=1) + "\n", "utf-8")
    return computed
