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
    if (Path(pretrained) / "config.json").is_file():
        added += _of_library(Path(pretrained), given)
    line = f"for model.pretrained: {' '.join(added)} (give experiment=... to choose yourself)"
    return [*added, *overrides], line


def _plain_values(overrides: Sequence[str]) -> dict[str, object]:
    """Values by key; that of a sweep is an object of Hydra."""
    parsed = OverridesParser.create().parse_overrides(list(overrides))
    return {override.key_or_group: override.value() for override in parsed}


def _of_library(directory: Path, given: Mapping[str, object]) -> list[str]:
    """The sizes and the normalisation of an encoder in a directory of Hugging Face."""
    from wsss.models.library_description import read_description, read_normalisation
    from wsss.models.normalisation import name_of  # takes a while, as all that reads images

    description = read_description(directory)
    added = ["model=transformers", "model.depth=0"]
    for key, size in (("model.embed_dim", "hidden_size"), ("model.patch_size", "patch_size")):
        if isinstance(value := description.get(size), int):
            added.append(f"{key}={value}")
    patch = description.get("patch_size")
    if isinstance(patch, int) and patch > 0 and _SIDE % patch and "dataset.image_size" not in given:
        added.append(f"dataset.image_size={max(1, round(_SIDE / patch)) * patch}")
    expected = read_normalisation(directory)
    if expected is not None and (name := name_of(*expected)) is not None:
        added.append(f"model.normalisation={name}")
    return added
