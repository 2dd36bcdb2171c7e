"""Stage ``prune``: train head gates, then take the closed heads out."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from wsss.data.base import Dataset
from wsss.masking import absent_shares
from wsss.models.checkpoint import InputSpec, load_classifier, save_classifier
from wsss.models.gates import HeadGates
from wsss.models.pruning import parameter_count, remove_closed_heads
from wsss.models.vit import ClassTokenViT
from wsss.pipelines.artifacts import write_json
from wsss.pipelines.config import Config
from wsss.pipelines.stage import Context, Metrics, Stage, dataset_inputs
from wsss.pipelines.train import classifier_loaders
from wsss.training.fit import TrainerConfig, fit
from wsss.training.gates import GateTraining, HardConcretePruning
from wsss.training.predict import validate_classifier

GATES = "gates.json"


def inputs(config: Config, dataset: Dataset) -> dict[str, Any]:
    """Gate training sees what classifier training saw; passing through depends on nothing."""
    if not isinstance(config.pruning, HardConcretePruning):
        return {"pruning": asdict(config.pruning)}
    return {
        "seed": config.seed,
        "pruning": asdict(config.pruning),
        "masking": asdict(config.masking),
        "dataset": dataset_inputs(config, dataset, ("train", "val")),
        "trainer": gate_trainer(config).result_settings()
        | {"batch_size": config.trainer.batch_size},
    }


def run(context: Context) -> Metrics:
    """Write the classifier without its closed heads, the gates, and mAP before and after."""
    model, spec = load_classifier(context.upstream["train"])
    pruning, directory = context.config.pruning, context.artifact.path
    heads = sum(model.num_heads)
    before = _val_map(context, model, spec)
    if not isinstance(pruning, HardConcretePruning):
        save_classifier(directory, model, spec)
        return {"heads": heads, "heads_kept": heads, "mAP_before": before, "mAP_after": before}

    model.gates = HeadGates(len(model.blocks), model.num_heads[0])
    module = GateTraining(
        model,
        context.config.masking,
        pruning,
        spec.classes,
        spec.multi_label,
        context.config.seed,
        absent_shares(torch.from_numpy(context.dataset.labels("train"))),
    )
    fit(
        module,
        *classifier_loaders(context, spec),
        config=gate_trainer(context.config),
        max_epochs=pruning.max_epochs,
        directory=directory,
        work=context.artifact.work,
        report=context.report_epoch,
    )
    hard, soft = model.gates.hard().detach(), model.gates.soft().detach()
    smaller = remove_closed_heads(model, hard)
    save_classifier(directory, smaller, spec)
    save_file({"log_a": model.gates.log_a.detach()}, directory / "gates.safetensors")
    write_json(directory / GATES, {"soft": soft.tolist(), "hard": hard.tolist()})
    return {
        "heads": heads,
        "heads_kept": int(torch.sum(hard)),
        "parameters": parameter_count(model) - heads,  # the gates themselves do not count
        "parameters_kept": parameter_count(smaller),
        "mAP_before": before,
        "mAP_after": _val_map(context, smaller, spec),
    }


def gate_trainer(config: Config) -> TrainerConfig:
    """How gates are trained: to the end, since the loss alone would choose the open gates."""
    return replace(config.trainer, select="last", early_stopping=None)


def head_weights(directory: Path) -> list[Tensor] | None:
    """Soft gates of the heads that are left, brought to sum 1 in every layer.

    Args:
        directory: the stage's artifact.

    Returns:
        per layer ``[heads left]``, or ``None`` where nothing was pruned.
    """
    if not (directory / GATES).exists():
        return None
    gates = json.loads((directory / GATES).read_text())
    weights = []
    for soft, hard in zip(gates["soft"], gates["hard"], strict=True):
        left = torch.tensor([gate for gate, is_open in zip(soft, hard, strict=True) if is_open])
        weights.append(left / left.sum())
    return weights


def _val_map(context: Context, model: ClassTokenViT, spec: InputSpec) -> float:
    metrics = validate_classifier(model, context.dataset, "val", spec, context.device)
    model.cpu()
    return float(metrics["mAP"])


STAGE = Stage(
    name="prune",
    upstream=("train",),
    inputs=inputs,
    run=run,
    key_figure=lambda m: f"{m['heads_kept']} of {m['heads']} heads, val mAP {m['mAP_after']:.3f}",
)
