"""A vision transformer of the library transformers as the encoder of patches."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from typing import Any, Self

import torch
from torch import Tensor, nn

from wsss.errors import one_line
from wsss.models.library_description import FAMILIES

_MOST_LAYERS = 1_000


class LibraryEncoder(nn.Module):
    """Patch tokens by the library's own forward pass, as in its ``last_hidden_state``.

    That is after the final norm, except for CLIP, whose final norm is for the class token alone.
    Other tokens (class, registers) are left out. It is never in training mode: dropout would
    draw from the global random state, which a resumed training does not restore.

    Args:
        description: as `read_description` gives it, and ``channels``, the positions of the
            encoder's bands among those of an image; by default all in order.

    Raises:
        LookupError, RuntimeError, TypeError, ValueError: it describes no encoder.
    """

    def __init__(self, description: Mapping[str, Any]) -> None:
        super().__init__()
        self.family = FAMILIES[description["model_type"]]
        self.settings = encoder_settings(description)
        self.channels: list[int] | None = description.get("channels")
        with torch.random.fork_rng(devices=[]):  # the weights are read from a file later
            self.network: nn.Module = _network(self.family.network)(
                self.settings, **self.family.options
            )
        self._leave_out_unused()

    def _leave_out_unused(self) -> None:
        """Train no weight that patch tokens do not depend on; several devices would wait for it."""
        for name, weight in self.network.eval().named_parameters():
            if "mask_token" in name or ("post_layernorm" in name and "CLIP" in self.family.network):
                weight.requires_grad_(False)

    def forward(self, x: Tensor) -> Tensor:
        """Images ``[B, bands, H, W]``, standardised, to tokens ``[B, N, D]``, row by row."""
        if self.channels is not None:
            x = x[:, self.channels]
        patch = self.settings.patch_size
        count = (x.shape[-2] // patch) * (x.shape[-1] // patch)
        options: dict[str, Any] = {}
        if self.family.interpolates:
            options["interpolate_pos_encoding"] = True
        if self.family.network == "ViTMAEModel":  # it hides none, and keeps their order
            options["noise"] = torch.arange(count, device=x.device).expand(len(x), -1)
        tokens: Tensor = self.network(x, **options).last_hidden_state
        return tokens[:, -count:]

    def train(self, mode: bool = True) -> Self:
        """As for any module, but the encoder itself stays in evaluation mode."""
        super().train(mode)
        self.network.eval()
        return self

    def load(self, state: Mapping[str, Tensor]) -> tuple[set[str], set[str]]:
        """Read weights by the names of any version of the library.

        Returns:
            Names of weights that are missing, and of those that are not used.

        Raises:
            RuntimeError, ValueError: weights of another shape.
        """
        from transformers.utils import logging

        kind = type(self.network)
        del self.network  # there may be no room for two
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()  # type: ignore[no-untyped-call]
        logging.disable_progress_bar()  # type: ignore[no-untyped-call]
        try:
            self.network, info = kind.from_pretrained(  # type: ignore[attr-defined]
                None,
                config=self.settings,
                state_dict={name: value.float() for name, value in state.items()},
                dtype=torch.float32,
                output_loading_info=True,
                **self.family.options,
            )
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()  # type: ignore[no-untyped-call]
        self._leave_out_unused()
        return set(info["missing_keys"]), set(info["unexpected_keys"])


def encoder_settings(description: Mapping[str, Any]) -> Any:
    """Settings of the library, with its defaults for what is not described.

    Raises:
        LookupError, ValueError: it describes no encoder.
    """
    import transformers  # takes seconds

    layers = description.get("num_hidden_layers", 1)
    if not isinstance(layers, int) or not 1 <= layers <= _MOST_LAYERS:
        raise ValueError(f"num_hidden_layers is {layers}, it must lie between 1 and {_MOST_LAYERS}")
    family = FAMILIES[description["model_type"]]
    kind = getattr(transformers, family.settings)
    known = {field.name for field in fields(kind)}
    fixed = {"vision_use_head": False, "mask_ratio": 0.0, "use_mask_token": False}
    given = {name: value for name, value in (dict(description) | fixed).items() if name in known}
    try:
        return kind(**given, attn_implementation="sdpa")
    except Exception as error:  # the library's own, of any kind
        raise ValueError(one_line(error)) from error


def weights_of(description: Mapping[str, Any]) -> int:
    """Number of weights that a description asks for, without room for any.

    Raises:
        LookupError, RuntimeError, TypeError, ValueError: it describes no encoder.
    """
    try:
        with torch.device("meta"):
            return sum(weight.numel() for weight in LibraryEncoder(description).parameters())
    except ArithmeticError as error:
        raise ValueError(one_line(error)) from error


def _network(name: str) -> Any:
    import transformers

    return getattr(transformers, name)
