"""Hard-concrete gates, one per attention head.

Louizos et al., "Learning Sparse Neural Networks through L0 Regularization" (ICLR 2018), used on
attention heads by Voita et al., "Analyzing Multi-Head Self-Attention" (ACL 2019), section 6.1.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

TEMPERATURE = 0.33  # beta in the papers
STRETCH_LOW, STRETCH_HIGH = -0.1, 1.1  # gamma, zeta


class HeadGates(nn.Module):
    """Gates of every head of every layer, with parameters ``log_a [L, heads]``.

    A gate is the stretched and clamped binary-concrete variable of the paper, so that it can be
    exactly 0 or exactly 1 and still has gradients in between.

    Args:
        num_layers: number of transformer blocks.
        num_heads: number of heads per block.
        initial_log_a: initial value; at 2.0 a gate is open with probability 0.95.
        keep: number of heads that `hard` leaves open; by default, heads with a soft gate of at
            least 0.5 stay open.
    """

    def __init__(
        self,
        num_layers: int,
        num_heads: int,
        initial_log_a: float = 2.0,
        keep: int | None = None,
    ) -> None:
        super().__init__()
        self.keep = keep
        self.log_a = nn.Parameter(torch.full((num_layers, num_heads), float(initial_log_a)))

    def sample(self, generator: torch.Generator) -> Tensor:
        """Noisy gates in [0, 1], shape ``[L, heads]``: equation 11 of Louizos et al."""
        uniform = torch.rand(self.log_a.shape, generator=generator, device=generator.device)
        uniform = uniform.clamp(1e-6, 1 - 1e-6).to(self.log_a)
        noisy = torch.sigmoid((torch.logit(uniform) + self.log_a) / TEMPERATURE)
        return _stretch(noisy)

    def soft(self) -> Tensor:
        """Noise-free gates in [0, 1], shape ``[L, heads]``: equation 13 of Louizos et al."""
        return _stretch(torch.sigmoid(self.log_a))

    def hard(self) -> Tensor:
        """Gates of the pruned model, 0 or 1: the soft gates cut at 0.5, or the ``keep`` highest.

        Among equal gates the first ones are kept.
        """
        if self.keep is None:
            return (self.soft() >= 0.5).to(self.log_a.dtype)
        falling = self.log_a.detach().flatten().argsort(descending=True, stable=True)
        best = torch.zeros_like(self.log_a).flatten()
        best[falling[: self.keep]] = 1
        return best.view_as(self.log_a)

    def open_probability(self) -> Tensor:
        """P(gate > 0) in (0, 1), shape ``[L, heads]``: equation 12 of Louizos et al."""
        return torch.sigmoid(self.log_a - TEMPERATURE * math.log(-STRETCH_LOW / STRETCH_HIGH))

    def penalty(self) -> Tensor:
        """Expected number of open heads, a scalar: the L0 term, without its coefficient.

        With ``keep``, the expected number of open heads beyond ``keep``.
        """
        expected = self.open_probability().sum()
        return expected if self.keep is None else (expected - self.keep).clamp(min=0)


def _stretch(values: Tensor) -> Tensor:
    return (values * (STRETCH_HIGH - STRETCH_LOW) + STRETCH_LOW).clamp(0.0, 1.0)
