"""Patch tokens of a frozen encoder, which are computed once.

They are kept in ``data/tokens`` of the outputs folder, so that other settings of masking, loss and
optimizer train within minutes. What is kept is deleted at will.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from itertools import chain
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from wsss.data.fit import pad
from wsss.data.types import Split
from wsss.engine.stage import WHOLE, Context, Part, dataset_inputs
from wsss.errors import UserError
from wsss.models.architecture import Architecture
from wsss.models.input_spec import InputSpec, input_size, prepare
from wsss.models.patches import grid_of
from wsss.models.vit import ClassTokenViT
from wsss.progress import track
from wsss.runs.identity import fingerprint
from wsss.stages.shards import shards_of
from wsss.training.stored_tokens import is_intact, write_tokens

_VERSION = 2
_BATCH = 16
_NO_MATTER = ("num_classes", "patch_head", "patch_members", "labeller")
"""Settings of the network that do not change patch tokens."""


def patch_tokens(
    context: Context, model: ClassTokenViT, spec: InputSpec, split: Split, *, part: Part = WHOLE
) -> dict[int, Path]:
    """The file of each shard of a part; computed where it is missing or damaged.

    Each image has one view or, in the training split with ``augment.flip_horizontal``, its mirror
    image as the second.

    Raises:
        UserError: the disk has too little room, or an image cannot be read.
    """
    views = 2 if split == "train" and context.config.dataset.augment.flip_horizontal else 1
    question = [
        _VERSION,
        _weights_digest(model),
        _network(model.architecture),
        asdict(spec) | {"classes": 0},
        dataset_inputs(context.config, context.dataset, (split,)),
        views,
    ]
    folder = context.config.outputs / "data" / "tokens" / fingerprint(question)
    shards = {i: ids for i, ids in shards_of(context.dataset.ids(split)).items() if part.has(i)}
    paths = {index: folder / f"{split}_{index:05d}.safetensors" for index in shards}
    missing = {i: ids for i, ids in shards.items() if not is_intact(paths[i], context.memory)}
    if missing:
        _state_size(context, model, spec, split, ids=list(chain(*missing.values())), views=views)
        model.to(context.device).eval()
        for index in track(missing, f"patch tokens of {split}", len(missing)):
            tokens = dict(_encode(context, model, spec, missing[index], views=views))
            write_tokens(paths[index], [tokens[image_id] for image_id in missing[index]])
        model.cpu()
    return paths


def _state_size(
    context: Context,
    model: ClassTokenViT,
    spec: InputSpec,
    split: Split,
    *,
    ids: Sequence[str],
    views: int,
) -> None:
    """Say what tokens take before they are computed; `UserError` if the disk has less."""
    grids = [_grid(context, model, spec, image_id) for image_id in ids]
    size = 2 * views * model.architecture.embed_dim * sum(h * w for h, w in grids)
    free = shutil.disk_usage(context.config.outputs).free
    if size > free:
        group = "segmenter" if context.artifact.stage == "segment" else "dataset"
        raise UserError(
            f"patch tokens of {split} take {size / 1e9:.3g} GB, the disk of "
            f"{context.config.outputs} has {free / 1e9:.3g}; lower {group}.image_size"
        )
    context.console.print(f"  patch tokens of {split}: {size / 1e6:.3g} MB, computed once")


def _grid(
    context: Context, model: ClassTokenViT, spec: InputSpec, image_id: str
) -> tuple[int, int]:
    side = spec.image_size
    padded = spec.fit == "pad"
    size = (side, side) if padded else input_size(context.dataset.size(image_id), spec)
    return grid_of(size, model.patch_size)


@torch.no_grad()
def _encode(
    context: Context, model: ClassTokenViT, spec: InputSpec, ids: Sequence[str], *, views: int
) -> Iterator[tuple[str, Tensor]]:
    """Image ids and their tokens ``[views, D, h, w]``, in batches of one size."""
    by_grid: dict[tuple[int, int], list[str]] = {}
    for image_id in ids:
        by_grid.setdefault(_grid(context, model, spec, image_id), []).append(image_id)
    for members in by_grid.values():
        for first in range(0, len(members), _BATCH):
            some = members[first : first + _BATCH]
            prepared = [prepare(context.dataset.read_image(i), spec) for i in some]
            if spec.fit == "pad":
                prepared = [pad(image, spec.image_size) for image in prepared]
            images = torch.stack(prepared).to(context.device)
            encoded = [
                model.encode(images.flip(-1) if view else images).patches for view in range(views)
            ]
            both = torch.stack([patches for patches in encoded if patches is not None], dim=1)
            yield from zip(some, both.half().cpu(), strict=True)


def _network(architecture: Architecture) -> dict[str, Any]:
    """All of an architecture that tokens depend on."""
    if architecture.depth == 0:
        return {"encoder": architecture.encoder, "patch_size": architecture.patch_size}
    return architecture.description() | dict.fromkeys(_NO_MATTER)


def _weights_digest(model: ClassTokenViT) -> str:
    """Digest of all that the tokens depend on."""
    digest = hashlib.sha256()
    others = ("patch_head.", "labeller.") if model.blocks else ("patch_head.", "labeller.", "cls_")
    for name, value in sorted(model.state_dict().items()):
        if not name.startswith(others):
            digest.update(name.encode())
            digest.update(value.cpu().contiguous().numpy().tobytes())
    return digest.hexdigest()
