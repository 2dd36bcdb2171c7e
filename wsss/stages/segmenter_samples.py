"""What a segmenter is trained on: windows of images or, on a frozen encoder, stored tokens."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader

from wsss.data.fit import pad_mask, resize_mask
from wsss.data.types import Mask, Split
from wsss.engine.stage import Context
from wsss.models.input_spec import InputSpec, input_size
from wsss.models.vit import ClassTokenViT
from wsss.stages.frozen import patch_tokens
from wsss.training.samples import Batch, Samples, TrainingSamples, build_loader
from wsss.training.stored_tokens import StoredTokens
from wsss.training.token_samples import TokenSamples
from wsss.training.world import ALONE


def segmenter_loader(
    context: Context,
    spec: InputSpec,
    split: Split,
    *,
    read_mask: Callable[[str], Mask],
    seed: int,
    encoder: ClassTokenViT | None,
) -> DataLoader[Batch]:
    """A loader of images with the pixel labels ``read_mask(image_id)``.

    With ``encoder`` it gives the patch tokens of whole images in place of pixels, and labels on
    their grid; of the augmentation, the horizontal flip alone applies. Without, it gives windows of
    ``segmenter.window`` pixels.
    """
    config, training = context.config, split == "train"
    samples: Samples
    if encoder is None:
        samples = TrainingSamples(
            context.dataset,
            split,
            spec,
            augmentation=config.dataset.augment if training else None,
            seed=seed,
            window=config.segmenter.window if training else None,
            read_mask=read_mask,
        )
    else:
        samples = _token_samples(context, spec, split, read_mask, seed=seed, encoder=encoder)
    return build_loader(
        samples,
        batch_size=config.segmenter.batch_size,
        seed=seed,
        shuffle=training,
        num_workers=config.trainer.num_workers if encoder is None else 0,
        world=context.world if training else ALONE,
    )


def _token_samples(
    context: Context,
    spec: InputSpec,
    split: Split,
    read_mask: Callable[[str], Mask],
    *,
    seed: int,
    encoder: ClassTokenViT,
) -> TokenSamples:
    ids = context.dataset.ids(split)

    def as_encoded(index: int) -> Tensor:
        mask = torch.from_numpy(np.ascontiguousarray(read_mask(ids[index])))
        if spec.fit != "pad":
            return mask
        size = (mask.shape[-2], mask.shape[-1])
        return pad_mask(resize_mask(mask, input_size(size, spec)), spec.image_size)

    tokens = StoredTokens(list(patch_tokens(context, encoder, spec, split).values()))
    return TokenSamples(tokens, torch.from_numpy(context.dataset.labels(split)), seed, as_encoded)
