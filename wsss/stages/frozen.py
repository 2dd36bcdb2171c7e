"""Training on the patch tokens of a frozen encoder, which are computed once.

They are kept in ``data/tokens`` of the outputs folder, so that other settings of masking, loss and
optimizer train within minutes. What is kept is deleted at will.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.lib.format import open_memmap
from numpy.typing import NDArray
from torch.utils.data import DataLoader

from wsss.atomic import replacing
from wsss.config.schema import Config
from wsss.data.fit import pad
from wsss.data.types import Split
from wsss.digests import file_digest, file_digests
from wsss.engine.artifacts import write_json
from wsss.engine.stage import Context, dataset_inputs
from wsss.models.input_spec import InputSpec, prepare
from wsss.models.vit import ClassTokenViT
from wsss.progress import track
from wsss.runs.identity import fingerprint
from wsss.training.samples import Batch, build_loader
from wsss.training.self_labelling import learn_from_own_labels
from wsss.training.token_samples import TokenSamples

_VERSION = 1
_BATCH = 16


def trains_on_tokens(config: Config) -> bool:
    """Whether nothing before the patch head is trained."""
    model, loss = config.model, config.loss
    alone = model.frozen and model.class_tokens == "shared" and model.token_head == "none"
    return (
        alone
        and config.pruning.with_classifier() is None
        and loss.diversity == 0
        and loss.contrast == 0
    )


def self_label(context: Context, model: ClassTokenViT, spec: InputSpec) -> None:
    """Add a labeller to a trained classifier, if the config has rounds of self-labelling."""
    settings = context.config.self_labelling
    if settings.rounds == 0:
        return
    assert model.patch_head is not None
    labeller = learn_from_own_labels(
        model.patch_head,
        _tokens(context, model, spec, "train", views=_views(context.config)),
        torch.from_numpy(context.dataset.labels("train")),
        settings,
        seed=context.config.seed,
        report=partial(context.report_epoch, unit="round"),
    )
    model.architecture, model.labeller = replace(model.architecture, labeller=True), labeller


def token_loaders(
    context: Context, model: ClassTokenViT, spec: InputSpec
) -> tuple[DataLoader[Batch], DataLoader[Batch]]:
    """Loaders of patch tokens of the training and validation split, with image labels.

    Of the augmentation, the horizontal flip alone applies: each view must be encoded.
    """
    config = context.config

    def samples(split: Split, views: int) -> TokenSamples:
        tokens = _tokens(context, model, spec, split, views=views)
        labels = torch.from_numpy(context.dataset.labels(split))
        return TokenSamples(tokens, labels, config.seed)

    def loader(samples: TokenSamples, *, shuffle: bool) -> DataLoader[Batch]:
        return build_loader(
            samples,
            batch_size=config.trainer.batch_size,
            seed=config.seed,
            shuffle=shuffle,
            num_workers=0,  # reading tokens is no work
            **({"world": context.world} if shuffle else {}),
        )

    train, val = samples("train", _views(config)), samples("val", 1)
    return loader(train, shuffle=True), loader(val, shuffle=False)


def _views(config: Config) -> int:
    return 2 if config.dataset.augment.flip_horizontal else 1


def _tokens(
    context: Context, model: ClassTokenViT, spec: InputSpec, split: Split, *, views: int
) -> NDArray[np.float16]:
    """``[images, views, D, h, w]``, memory-mapped; the second view is the mirror image."""
    question = [
        _VERSION,
        _weights_digest(model),
        model.architecture.description() | {"num_classes": None, "labeller": None},
        asdict(spec) | {"classes": None},
        dataset_inputs(context.config, context.dataset, (split,)),
        views,
    ]
    path = context.config.outputs / "data" / "tokens" / f"{fingerprint(question)}.npy"
    if not _is_whole(path, context.memory):
        _encode(context, model, spec, split, views=views, path=path)
    kept: NDArray[np.float16] = np.load(path, mmap_mode="r")
    return kept


@torch.no_grad()
def _encode(
    context: Context, model: ClassTokenViT, spec: InputSpec, split: Split, *, views: int, path: Path
) -> None:
    dataset, ids = context.dataset, context.dataset.ids(split)
    (rows, columns), width = model.architecture.grid, model.architecture.embed_dim
    shape = (len(ids), views, width, rows, columns)
    size = 2 * np.prod(shape, dtype=np.int64) / 1e6
    context.console.print(f"  patch tokens of {split}: {size:.0f} MB, computed once")
    model.to(context.device).eval()
    with replacing(path) as partial:
        tokens = open_memmap(partial, "w+", np.float16, shape)
        batches = range(0, len(ids), _BATCH)
        for first in track(batches, f"patch tokens of {split}", len(batches)):
            some = ids[first : first + _BATCH]
            images = torch.stack(
                [pad(prepare(dataset.read_image(i), spec), spec.image_size) for i in some]
            ).to(context.device)
            for view in range(views):
                encoded = model.encode(images.flip(-1) if view else images)
                assert encoded.patches is not None
                tokens[first : first + len(some), view] = encoded.patches.half().cpu().numpy()
        tokens.flush()
        del tokens
        digest = file_digest(partial)
    write_json(path.with_suffix(".json"), {"sha256": digest})
    model.cpu()


def _is_whole(path: Path, memory: Path) -> bool:
    try:
        stated = json.loads(path.with_suffix(".json").read_text("utf-8"))
        return [stated["sha256"]] == file_digests([path], memory)
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return False


def _weights_digest(model: ClassTokenViT) -> str:
    """Digest of all that the tokens depend on."""
    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        if not name.startswith(("patch_head.", "labeller.")):
            digest.update(name.encode())
            digest.update(value.contiguous().numpy().tobytes())
    return digest.hexdigest()
