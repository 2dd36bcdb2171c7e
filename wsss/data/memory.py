"""Results that take a pass over a dataset, stored on disk."""

from __future__ import annotations

import json
from collections.abc import Callable
from contextlib import suppress
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
        with suppress(ValueError, RecursionError):  # damaged: computed again
            kept = json.loads(path.read_text("utf-8"))
            if isinstance(kept, dict) and kept.keys() == {"answer", "sha256"}:
                answered = json.dumps(kept["answer"])
                if sha256(answered.encode()).hexdigest() == kept["sha256"]:
                    return kept["answer"]
    computed = answer()
    with replacing(path) as partial:
        digest = sha256(json.dumps(computed).encode()).hexdigest()
        partial.write_text(json.dumps({"answer": computed, "sha256": digest}) + "\n", "utf-8")
    return computed
