"""The experiment that suits a pretrained encoder, where the command line names none."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser

_BACKGROUND: Mapping[str, bool] = {
    "ade20k": False,
    "cityscapes": False,
    "coco": True,
    "folder": False,
    "msrc21": False,
    "voc": True,
}
"""Datasets of colour images with several labels each: whether one class is a background."""
_SIDE = 336


def suited_overrides(overrides: Sequence[str]) -> tuple[list[str], str | None]:
    """Overrides with those added that suit ``model.pretrained``, and a line that says so.

    Nothing is added if an experiment or anything else of the model is chosen, if the images have
    other bands than colours, or without ``model.pretrained``.

    Args:
        overrides: as `check_overrides` accepts them.

    Raises:
        UserError: ``model.pretrained`` is a directory whose description cannot be used.
    """
    given = _plain_values(overrides)
    pretrained, dataset = given.get("model.pretrained"), str(given.get("dataset"))
    others = {key for key in given if key.startswith("model.")} - {"model.pretrained"}
    chosen = others or {"experiment", "model", "dataset.bands"} & set(given)
    if chosen or not isinstance(pretrained, str) or dataset not in _BACKGROUND:
        return list(overrides), None
    background = _BACKGROUND[dataset] or given.get("dataset.background") is not None
    added = [f"experiment=frozen_{'background' if background else 'encoder'}"]
    if Path(pretrained).is_dir():
        added += _of_library(Path(pretrained), given)
    line = f"for model.pretrained: {' '.join(added)} (give experiment=... to choose yourself)"
    return [*added, *overrides], line


def _plain_values(overrides: Sequence[str]) -> dict[str, object]:
    """Values by key; that of a sweep is an object of Hydra."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {override.key_or_group: override.value() for override in parsed}


def _of_library(directory: Path, given: Mapping[str, object]) -> list[str]:
    """The sizes and the normalisation of an encoder of the library, if the directory has one."""
    from wsss.models.library_description import (  # takes a while, as all that reads images
        expected_normalisation,
        is_described,
        read_description,
    )

    if not is_described(directory):
        return []
    description = read_description(directory)
    if not {"hidden_size", "patch_size"} <= description.keys():  # those of the library count
        from wsss.models.library_encoder import encoder_settings

        description = vars(encoder_settings(description))
    added = ["model=transformers", "model.depth=0"]
    patch = description["patch_size"]
    added += [f"model.embed_dim={description['hidden_size']}", f"model.patch_size={patch}"]
    odd = isinstance(patch, int) and patch > 0 and _SIDE % patch
    if odd and "dataset.image_size" not in given:
        added.append(f"dataset.image_size={max(1, round(_SIDE / patch)) * patch}")
    return [*added, f"model.normalisation={expected_normalisation(directory)}"]
