"""Run directories made by hand, as small as a comparison can read."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

#: Segmenter mIoU over seeds 0 to 2 by dp_rate, masking random; rate 0 is masking none.
SCORES = {0.0: (0.70, 0.74, 0.72), 0.5: (0.80, 0.82, 0.84), 0.75: (0.76, 0.80, 0.78)}


def masking(rate: float, name: str = "random", place: str = "output") -> dict[str, Any]:
    """The config group, without a rate for ``none``."""
    if name == "none" or rate == 0:
        return {"name": "none"}
    extra = {"start_rate": 0.0, "ramp": 0.5} if name == "scheduled" else {}
    return {"name": name, "dp_rate": rate, **extra, "place": place, "balance": "none"}


def make_run(
    outputs: Path,
    name: str,
    segmenter: float | None,
    *,
    seed: int = 0,
    split: str = "test",
    image_labels: str = "given",
    images: int = 12,
    heads: int | None = 5,
    uri: str = "",
    **groups: Mapping[str, Any],
) -> Path:
    """A run directory; ``segmenter`` None: it stopped before the stage ``evaluate``.

    Pseudo-masks score 0.1 more than the segmenter, the classifier 0.15 more.
    """
    run = outputs / "runs" / name
    config = {
        "stage": ["all"],
        "seed": seed,
        "dataset": {"name": "toy", "root": str(run), "bands": None},
        "model": {"name": "mini", "depth": 2},
        "masking": masking(0.5),
        "pseudo_mask": {"name": "adaptive", "image_labels": image_labels},
        "evaluation": {"split": split, "figure_images": 8},
        "launch": {"threads": seed},
        "tracking": {
            "name": "mlflow" if uri else "none",
            "uri": uri,
            "experiment": "toys",
            "flush_seconds": 60.0,
        },
        "paths": {"outputs": str(outputs)},
    }
    _write(run / "config.json", config | groups)
    _write(run / "train" / "metrics.json", {"val": {"mAP": 0.9}})
    if heads is not None:
        _write(run / "prune" / "metrics.json", {"heads": 16, "heads_kept": heads})
    if segmenter is not None:
        rule = {"classes": ["a", "b"], "split": f"toy/{split}", "protocol": "as shipped"}
        judged = {
            "classifier": {split: {"mAP": segmenter + 0.15}},
            "pseudo_mask": {
                "train": {"miou": 0.1},
                split: {
                    "miou": segmenter + 0.1,
                    "images": images,
                    "rule": rule | {"image_labels": image_labels},
                },
            },
            "segmenter": {
                split: {
                    "miou": segmenter,
                    "images": images,
                    "rule": rule | {"image_labels": "none"},
                }
            },
        }
        _write(run / "evaluate" / "metrics.json", judged)
    return run


def make_sweep(outputs: Path, uri: str = "") -> list[Path]:
    """A run for each rate and seed of `SCORES`."""
    return [
        make_run(outputs, f"toy_{rate}_{seed}", score, seed=seed, uri=uri, masking=masking(rate))
        for rate, scores in SCORES.items()
        for seed, score in enumerate(scores)
    ]


def _write(path: Path, content: Any) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
