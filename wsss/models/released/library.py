"""Loading an encoder of the library transformers into a class-token vision transformer."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from wsss.errors import UserError
from wsss.models.build import ModelConfig
from wsss.models.checkpoint import read_state_dict
from wsss.models.library_description import SHAPING, expected_normalisation, read_description
from wsss.models.library_encoder import LibraryEncoder, encoder_settings, weights_of
from wsss.models.released.pretrained import ALIKE, KNOWN_BANDS, LoadReport, named
from wsss.models.vit import ClassTokenViT
from wsss.models.weights import pretrained_file


def describe(config: ModelConfig, bands: Sequence[str]) -> dict[str, Any]:
    """The description of the encoder in the directory ``config.pretrained``.

    Args:
        config: of the model; it must agree with the encoder.
        bands: of the images, in order; those of the encoder are found by name.

    Raises:
        UserError: no such encoder, other sizes or another normalisation, or a missing band.
    """
    assert config.pretrained is not None
    directory = Path(config.pretrained)
    description = read_description(directory)
    with named(directory):
        settings = encoder_settings(description)
        asked, file = weights_of(description), pretrained_file(directory)
        if asked > file.stat().st_size:  # not even a byte for each
            raise UserError(f"config.json describes {asked} weights, {file.name} has fewer bytes")
    _check(config, directory, settings)
    resolved = {name: getattr(settings, name) for name in SHAPING if hasattr(settings, name)}
    channels = _channels(directory, settings.num_channels, bands)
    return {"model_type": description["model_type"], "channels": channels} | resolved


def _check(config: ModelConfig, directory: Path, settings: Any) -> None:
    """`UserError` for sizes or a normalisation other than the encoder's."""
    right: dict[str, object] = {
        "model.embed_dim": settings.hidden_size,
        "model.patch_size": settings.patch_size,
    }
    given: dict[str, object] = {
        "model.embed_dim": config.embed_dim,
        "model.patch_size": config.patch_size,
    }
    if config.normalisation != "dataset":
        right["model.normalisation"] = expected_normalisation(directory)
        given["model.normalisation"] = config.normalisation
    if wrong := [f"{key}={value}" for key, value in right.items() if given[key] != value]:
        raise UserError(f"model.pretrained={directory}: for this encoder set {' '.join(wrong)}")


def _channels(directory: Path, count: int, bands: Sequence[str]) -> list[int]:
    """Positions of an encoder's bands among those of the images."""
    expected = KNOWN_BANDS.get(count)
    if expected is None:
        raise UserError(
            f"model.pretrained={directory}: it has {count} bands, whose names are unknown"
        )
    own = [ALIKE.get(band, band) if count == 3 else band for band in bands]
    if missing := [band for band in expected if band not in own]:
        raise UserError(
            f"model.pretrained={directory}: the encoder needs {', '.join(missing)}; "
            f"the images have {', '.join(bands)}"
        )
    return [own.index(band) for band in expected]


def load_library(model: ClassTokenViT, path: Path, bands: Sequence[str]) -> LoadReport:
    """Load the weights of a `LibraryEncoder`; all of them must be there.

    Raises:
        UserError: the file cannot be read, or holds other weights.
    """
    encoder = model.patch_embed
    assert isinstance(encoder, LibraryEncoder)
    with named(path):
        missing, unused = encoder.load(read_state_dict(pretrained_file(path)))
        if missing:
            raise UserError(f"it has no {min(missing)} ({len(missing)} missing)")
        with torch.no_grad():
            side = 2 * encoder.settings.patch_size
            tokens = encoder(torch.zeros(1, len(bands), side, side))
        if tokens.shape[1] != 4 or not tokens.isfinite().all():
            raise UserError("it gives no tokens of an image; are config.json and weights a pair?")
    prefix = "patch_embed."
    loaded = sorted(name for name in model.state_dict() if name.startswith(prefix))
    fresh = sorted(name for name in model.state_dict() if not name.startswith(prefix))
    adapted = {}
    if encoder.channels != list(range(len(bands))):
        assert encoder.channels is not None
        adapted["bands"] = f"it reads {', '.join(bands[at] for at in encoder.channels)}"
    return LoadReport(loaded, adapted, fresh, sorted(unused))
