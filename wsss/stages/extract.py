"""Stage ``extract``: class probabilities and class-attention maps of every image.

Both come from the classifier of stage ``prune`` or, with ``attention.heads=all``, from that of
stage ``train``. Both artifacts are upstream in either case. For maps of the pruned classifier this
changes nothing, since the prune artifact's fingerprint covers its train artifact's; with
``heads=all``, a change of pruning settings extracts the same maps again.
"""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.types import SPLITS
from wsss.engine.stage import Context, Metrics, Part, Stage, dataset_inputs


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """How maps are computed, and for which images."""
    return {
        "attention": asdict(config.attention),
        "dataset": dataset_inputs(config, dataset, SPLITS),
    }


def run(context: Context) -> Metrics:
    """Write one shard after another; existing shards are kept."""
    from wsss.stages.extraction import extract

    return extract(context)


def run_part(context: Context, part: Part) -> None:
    """Write the shards of one part."""
    from wsss.stages.extraction import extract_part

    extract_part(context, part)


STAGE = Stage(
    name="extract",
    upstream=("train", "prune"),
    inputs=inputs,
    run=run,
    run_part=run_part,
    key_figure=lambda metrics: f"maps of {sum(metrics['images'].values())} images",
)
