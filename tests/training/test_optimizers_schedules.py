from __future__ import annotations

import math
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from helpers.training_modules import classifier_training, pruning_after
from torch import nn

from wsss.models import ClassTokenViT, HeadGates
from wsss.training.optimizers import (
    AdamConfig,
    AdamWConfig,
    OptimizerConfig,
    SgdConfig,
    build_optimizer,
)
from wsss.training.schedulers import ConstantConfig, CosineConfig, SchedulerConfig, build_scheduler

ADAMW = AdamWConfig("adamw", 0.1, 0.3, [0.8, 0.9])
ADAM = AdamConfig("adam", 0.1, 0.3, [0.8, 0.9])
SGD = SgdConfig("sgd", 0.1, 0.3, 0.7)


def build() -> ClassTokenViT:
    return ClassTokenViT(
        image_size=8,
        patch_size=4,
        in_channels=2,
        num_classes=2,
        embed_dim=8,
        depth=1,
        num_heads=2,
        qkv_bias=True,
    )


def test_matrices_decay_and_nothing_else() -> None:
    model = build()
    optimizer = build_optimizer(ADAMW, model.named_parameters())
    name_of = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed, plain = (
        {name_of[id(parameter)] for parameter in group["params"]}
        for group in optimizer.param_groups
    )
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.3, 0.0]
    assert decayed == {
        "patch_embed.proj.weight",
        "blocks.0.attn.qkv.weight",
        "blocks.0.attn.proj.weight",
        "blocks.0.mlp.fc1.weight",
        "blocks.0.mlp.fc2.weight",
        "classifier.weight",
    }
    assert plain == set(name_of.values()) - decayed
    assert {"cls_token", "register_token", "pos_embed"} <= plain


@pytest.mark.parametrize(
    ("config", "kind"),
    [(ADAMW, torch.optim.AdamW), (ADAM, torch.optim.Adam), (SGD, torch.optim.SGD)],
)
def test_each_kind_takes_its_settings(
    config: OptimizerConfig, kind: type[torch.optim.Optimizer]
) -> None:
    optimizer = build_optimizer(config, build().named_parameters())
    assert type(optimizer) is kind
    for group in optimizer.param_groups:
        assert group["lr"] == 0.1
        if isinstance(config, SgdConfig):
            assert group["momentum"] == 0.7
        else:
            assert group["betas"] == (0.8, 0.9)


@pytest.mark.parametrize(("config", "expected"), [(ADAMW, 0.97), (ADAM, 0.9), (SGD, 0.97)])
def test_decay_without_gradients(config: OptimizerConfig, expected: float) -> None:
    """AdamW and SGD shrink by lr * decay; to Adam the decay is a gradient, of which it takes lr."""
    weight = nn.Parameter(torch.ones(1, 1))
    optimizer = build_optimizer(config, [("weight", weight)])
    weight.grad = torch.zeros(1, 1)
    optimizer.step()
    assert weight.item() == pytest.approx(expected, abs=1e-4)


def test_gates_learn_at_their_own_rate_and_never_decay() -> None:
    model = build()
    model.gates = HeadGates(1, 2)
    module = classifier_training(
        model,
        optimizer=AdamWConfig("adamw", lr=0.02, weight_decay=0.1, betas=[0.9, 0.999]),
        gate_training=pruning_after(gate_lr=0.5),
    )
    trainer: Any = SimpleNamespace(estimated_stepping_batches=10)
    module.trainer = trainer
    configured: Any = module.configure_optimizers()
    groups = configured["optimizer"].param_groups
    (gates,) = [g for g in groups if any(p is model.gates.log_a for p in g["params"])]
    assert (len(gates["params"]), gates["lr"], gates["weight_decay"]) == (1, 0.5, 0.0)
    assert {g["lr"] for g in groups if g is not gates} == {0.02}
    assert sum(len(g["params"]) for g in groups) == len(list(model.parameters()))


def test_cosine_factors() -> None:
    cosine = CosineConfig("cosine", warmup=0.2, final=0.1)
    assert cosine.factor(0) == 0
    assert cosine.factor(0.1) == pytest.approx(0.5)
    assert cosine.factor(0.2) == pytest.approx(1)
    assert cosine.factor(0.6) == pytest.approx(0.55)
    assert cosine.factor(1) == pytest.approx(0.1)
    after = [cosine.factor(0.2 + 0.8 * step / 50) for step in range(51)]
    assert after == sorted(after, reverse=True)
    assert CosineConfig("cosine", warmup=0.0, final=0.0).factor(0) == 1


def test_constant_factors() -> None:
    assert {ConstantConfig("constant").factor(step / 10) for step in range(11)} == {1.0}


@pytest.mark.parametrize("warmup", [-0.1, 1.0, math.nan])
def test_bad_warm_up_is_named(warmup: float) -> None:
    with pytest.raises(ValueError, match=r"scheduler\.warmup is"):
        CosineConfig("cosine", warmup, 0.0)


@pytest.mark.parametrize("config", [ConstantConfig("constant"), CosineConfig("cosine", 0.25, 0.0)])
@pytest.mark.parametrize("steps", [1, 7])
def test_rates_over_the_steps(config: SchedulerConfig, steps: int) -> None:
    optimizer = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=2.0)
    scheduler = build_scheduler(config, optimizer, steps)
    rates = []
    for _ in range(steps):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    expected = [2.0 * config.factor((step + 1) / (steps + 1)) for step in range(steps)]
    assert rates == pytest.approx(expected)
    assert min(rates) > 0
