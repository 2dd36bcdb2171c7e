"""Start the class-token ViT from the weights of a pretrained vision transformer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor

from wsss.errors import UserError, one_line
from wsss.models.checkpoint import read_state_dict
from wsss.models.positions import resize_positions
from wsss.models.released.pretrained_names import encoder_weights
from wsss.models.vit import ClassTokenViT
from wsss.models.weights import pretrained_file

#: Bands of a checkpoint, by the number of bands that it has.
KNOWN_BANDS: Mapping[int, tuple[str, ...]] = {
    3: ("red", "green", "blue"),
    13: ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B10", "B11", "B12"),
    12: ("B1", "B2", "B3", "B4", "B5", "B6", "B7", "B8", "B8A", "B9", "B11", "B12"),
    2: ("VV", "VH"),
}
_ENCODER = ("blocks.", "patch_embed.", "norm.")
ALIKE = {"B4": "red", "B3": "green", "B2": "blue"}


@dataclass
class LoadReport:
    """How the weights of a checkpoint were used."""

    loaded: list[str] = field(default_factory=list)
    """Loaded tensors, by this project's names."""
    adapted: dict[str, str] = field(default_factory=dict)
    """Loaded tensors that were changed, and how."""
    fresh: list[str] = field(default_factory=list)
    """Tensors of the model that the checkpoint does not have."""
    unused: list[str] = field(default_factory=list)
    """Tensors of the checkpoint that the model does not have."""

    def summary(self) -> str:
        """One line for the terminal."""
        changed = "".join(f"; {name}: {how}" for name, how in self.adapted.items())
        return (
            f"{len(self.loaded)} tensors loaded{changed}; fresh: {', '.join(self.fresh) or 'none'}"
            f"; not used: {', '.join(self.unused) or 'none'}"
        )


def load_pretrained(model: ClassTokenViT, path: Path, bands: Sequence[str]) -> LoadReport:
    """Load the weights of a checkpoint into the encoder of a model.

    The checkpoint must have every block, in the model's size. Position embeddings are interpolated
    bicubically to the model's grid. Each class token and its position start as those of the
    checkpoint, the register token as its first register, if it has one. The patch embedding
    is adapted by `adapt_bands` and resized bicubically to the model's patch size. The final norm is
    used if the model has one; heads are not.

    Args:
        model: receives the weights; unchanged after an error.
        path: ``.safetensors`` or PyTorch file, or a directory written by Hugging Face.
        bands: the model's bands in order.

    Raises:
        UserError: the file cannot be read, or holds no vision transformer of this size.
    """
    with named(path):
        return _load(model, path, bands)


def pretrained_side(path: Path) -> int:
    """Rows, and columns, of patches that a checkpoint has position embeddings for.

    Raises:
        UserError: as from `load_pretrained`.
    """
    with named(path):
        return _patch_positions(encoder_weights(read_state_dict(pretrained_file(path))))[1]


@contextmanager
def named(path: Path) -> Iterator[None]:
    """Every error of a checkpoint as a `UserError` that names the file."""
    try:
        yield
    except UserError as error:
        if str(error).startswith("model."):
            raise
        raise UserError(f"model.pretrained={path}: {error}") from error
    except (LookupError, ValueError, TypeError, RuntimeError) as error:  # shapes of any kind
        reason = one_line(error)[:200]
        raise UserError(
            f"model.pretrained={path}: not the tensors of a vision transformer ({reason})"
        ) from error


def _load(model: ClassTokenViT, path: Path, bands: Sequence[str]) -> LoadReport:
    weights = encoder_weights(read_state_dict(pretrained_file(path)))
    report, state = LoadReport(), dict(model.state_dict())
    width, own = weights["cls_token"].shape[-1], model.cls_token.shape[-1]
    if width != own:
        raise UserError(f"model.pretrained={path}: {width} wide, the model {own} (model.embed_dim)")
    ready = {n: v for n, v in weights.items() if n.startswith("blocks.")}
    if model.norm is not None:
        ready |= {n: v for n, v in weights.items() if n in ("norm.weight", "norm.bias")}
    ready |= _tokens(model, weights, report)
    ready |= _patch_embedding(model, weights, bands, report)
    for name, value in ready.items():
        if name not in state:
            if name.endswith(".attn.qkv.bias"):
                raise UserError(f"model.pretrained={path} has {name}: set model.qkv_bias=true")
            if name.startswith("blocks."):
                depth = 1 + max(int(n.split(".")[1]) for n in ready if n.startswith("blocks."))
                raise UserError(
                    f"model.pretrained={path} has {name}, the model does not: it has "
                    f"{len(model.blocks)} blocks, the checkpoint {depth} (model.depth)"
                )
        if value.shape != state[name].shape:
            key = " (model.mlp_ratio)" if ".mlp." in name else ""
            raise UserError(
                f"model.pretrained={path}: {name} is {list(value.shape)}, "
                f"the model's is {list(state[name].shape)}{key}"
            )
    report.loaded = sorted(ready)
    report.fresh = sorted(n for n in state if n not in ready and not n.startswith("gates."))
    if missing := [n for n in report.fresh if n.startswith(_ENCODER)]:
        raise UserError(f"model.pretrained={path} has no {missing[0]} ({len(missing)} missing)")
    used = {*ready, "cls_token", "pos_embed", "register_tokens", "patch_embed.proj.weight"}
    report.unused = sorted(n for n in weights if n not in used)
    model.load_state_dict(state | ready)
    return report


def adapt_bands(weight: Tensor, names: Sequence[str], bands: Sequence[str]) -> tuple[Tensor, str]:
    """Kernels ``[D, bands, p, p]`` for other bands than those of a checkpoint.

    A band of the checkpoint keeps its kernel (B4, B3 and B2 of Sentinel-2 are red, green and
    blue). Every new band gets the mean of the checkpoint's kernels. If a band is new or left out,
    all kernels are scaled by the number of the checkpoint's bands over that of the model's bands,
    so that tokens keep about the same magnitude.

    Args:
        weight: kernels of the checkpoint.
        names: bands of the checkpoint, in order.
        bands: bands of the model, in order.

    Returns:
        The kernels, and a description of the changes, empty if there are none.
    """
    index = {name: i for i, name in enumerate(names)}
    places = [index.get(band, index.get(ALIKE.get(band, ""))) for band in bands]
    mean = weight.mean(dim=1)
    kernels = torch.stack([mean if at is None else weight[:, at] for at in places], dim=1)
    unknown = [band for band, at in zip(bands, places, strict=True) if at is None]
    known = [at for at in places if at is not None]
    if not unknown and len(known) == len(names):
        return kernels, "bands reordered" if known != sorted(known) else ""
    how = f"{len(known)} of {len(names)} bands kept"
    if unknown:
        how += f", mean kernel for {', '.join(unknown)}"
    return kernels * (len(names) / len(bands)), how


def _tokens(
    model: ClassTokenViT, weights: Mapping[str, Tensor], report: LoadReport
) -> dict[str, Tensor]:
    """Class tokens, register token and position embeddings."""
    positions, side = _patch_positions(weights)
    prefix = positions.shape[1] - side**2
    ready = {"cls_token": weights["cls_token"].expand(-1, model.num_class_tokens, -1).clone()}
    if model.num_class_tokens > 1:
        report.adapted["cls_token"] = f"one token for each of {model.num_classes} classes"
    patches, grid = positions[:, prefix:], model.architecture.grid
    if (side, side) != grid:
        patches = resize_positions(patches, (side, side), grid)
        report.adapted["pos_embed"] = f"{side} x {side} to {grid[0]} x {grid[1]}"
    of_class = positions[:, :1] if prefix else torch.zeros_like(positions[:, :1])
    parts = [of_class.expand(-1, model.num_class_tokens, -1), patches]
    if model.register_token is not None:
        parts.append(torch.zeros_like(of_class))
    ready["pos_embed"] = torch.cat(parts, dim=1)
    if "register_tokens" in weights and model.register_token is not None:
        ready["register_token"] = weights["register_tokens"][:, :1]
    return ready


def _patch_positions(weights: Mapping[str, Tensor]) -> tuple[Tensor, int]:
    """Position embeddings ``[1, T, D]``, those of a square of patches last, and its side."""
    positions = weights.get("pos_embed")
    if positions is None:
        raise UserError(
            "its tokens have no position embeddings, which the model needs; "
            "for rotary positions, such as those of DINOv3, set model=transformers"
        )
    return positions, math.isqrt(positions.shape[1])


def _patch_embedding(
    model: ClassTokenViT, weights: Mapping[str, Tensor], bands: Sequence[str], report: LoadReport
) -> dict[str, Tensor]:
    name = "patch_embed.proj.weight"
    if name not in weights:
        return {}
    weight, changes = weights[name], []
    names = KNOWN_BANDS.get(weight.shape[1], [f"band {i}" for i in range(weight.shape[1])])
    if list(names) != list(bands):
        weight, how = adapt_bands(weight, names, bands)
        changes += [how] if how else []
    if tuple(weight.shape[2:]) != model.patch_size:
        area = weight.shape[2] * weight.shape[3] / (model.patch_size[0] * model.patch_size[1])
        changes.append(f"patch {weight.shape[2]} to {model.patch_size[0]}")
        resized = F.interpolate(weight, size=model.patch_size, mode="bicubic", antialias=True)
        weight = resized * area  # a token sums this many times fewer or more pixels
    if changes:
        report.adapted[name] = ", ".join(changes)
    return {name: weight, "patch_embed.proj.bias": weights["patch_embed.proj.bias"]}
