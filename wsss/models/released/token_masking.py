"""Import of checkpoints released with "Know Your Attention Maps" (TokenMasking-WSSS)."""

from __future__ import annotations

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from wsss.errors import UserError, one_line
from wsss.models.gates import HeadGates
from wsss.models.released.tensors import find_tensor, read_architecture
from wsss.models.vit import ClassTokenViT

#: Stored in the release, but without influence on its class scores or class attention.
UNUSED = ("norm.", "head.", "classifier_head_test.")
_GATE = re.compile(r"blocks\.(\d+)\.attn\.gate\.log_a")


def import_release(state_dict: Mapping[str, Tensor], num_heads: int) -> ClassTokenViT:
    """Build the model from a released checkpoint; sizes are those of its tensors.

    Args:
        state_dict: names as released (``mct.*`` and ``classifier_head_test.*``), with or without
            Lightning's ``model.`` prefix, with or without gates.
        num_heads: heads per block, the one size that no tensor implies.

    Returns:
        The model in evaluation mode. Gates of the checkpoint become ``model.gates``, which
        `ClassTokenViT.forward` applies hard, as the release does.

    Raises:
        UserError: a tensor is missing, unknown or of an unexpected shape.
    """
    tensors = {name.removeprefix("model."): value.float() for name, value in state_dict.items()}
    encoder = {n.removeprefix("mct."): v for n, v in tensors.items() if n.startswith("mct.")}
    for part in ("weight", "bias"):
        name = f"classifier_head_test.{part}"
        # The release stores the layer twice, at the top level and inside the encoder.
        encoder[f"classifier.{part}"] = find_tensor(tensors, name, f"mct.{name}")
    gates = {int(m[1]): v for n, v in encoder.items() if (m := _GATE.fullmatch(n))}
    kept = {
        name: value
        for name, value in encoder.items()
        if not name.startswith(UNUSED) and not _GATE.fullmatch(name)
    }

    try:
        model = ClassTokenViT(read_architecture(kept, num_heads, register_token=True))
        model.load_state_dict(kept)
    except (RuntimeError, ValueError, IndexError) as error:
        raise UserError(f"released checkpoint does not fit: {one_line(error)}") from error
    if gates:
        model.gates = _gates(gates, len(model.blocks), num_heads)
    return model.eval()


def _gates(found: Mapping[int, Tensor], depth: int, num_heads: int) -> HeadGates:
    """Gates of all blocks; those of a block without any are fully open."""
    gates = HeadGates(depth, num_heads)
    with torch.no_grad():
        for layer in range(depth):
            always_open = torch.full((num_heads,), 20.0)
            values = found[layer].flatten() if layer in found else always_open
            if len(values) != num_heads:
                raise UserError(f"gate of block {layer} has {len(values)} heads, not {num_heads}")
            gates.log_a[layer] = values
    return gates
