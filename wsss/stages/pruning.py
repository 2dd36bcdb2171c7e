"""The work of stage ``prune``."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch
from safetensors.torch import save_file

from wsss.engine.artifacts import write_json
from wsss.engine.stage import Context, Metrics
from wsss.maps.head_confidence import head_confidence
from wsss.models.checkpoint import load_classifier, save_classifier
from wsss.models.freezing import freeze_encoder
from wsss.models.gates import HeadGates
from wsss.models.input_spec import InputSpec
from wsss.models.pruning import parameter_count, remove_closed_heads
from wsss.models.vit import ClassTokenViT
from wsss.stages.classifier import classifier_loaders
from wsss.stages.gates import GATES
from wsss.stages.token_training import score_classifier
from wsss.training.masking import absent_shares
from wsss.training.optimizers import AdamWConfig
from wsss.training.pruning import PruningAfter
from wsss.training.samples import batches_of
from wsss.training.schedulers import ConstantConfig

HEADS = "heads.csv"
NO_HEAD = (
    "no head is left, so class attention is 0 everywhere: lower pruning.penalty, or lower dp_rate "
    "(near 1 the hidden tokens reveal the labels), or set attention.source=patch_cam"
)


def prune(context: Context) -> Metrics:
    """Write the pruned classifier, its gates and a table of heads; measure mAP before and after.

    The table has the confidence of each head in the classifier of stage ``train``.
    """
    model, spec = load_classifier(context.upstream["train"])
    pruning, directory = context.config.pruning, context.artifact.path
    heads = sum(model.num_heads)
    before = _val_map(context, model, spec)
    confidence = _val_confidence(context, model, spec)
    if model.gates is None:  # otherwise they were trained with the classifier
        model.gates = pruning.gates(model)
    if (training := pruning.after_classifier()) is not None:
        _train_gates(context, model, spec, training)
    if not context.world.leads:
        return {}
    _write_heads(directory, confidence, model.gates)
    if model.gates is None:
        save_classifier(directory, model, spec)
        return {"heads": heads, "heads_kept": heads, "mAP_before": before, "mAP_after": before}

    hard, soft = model.gates.hard().detach(), model.gates.soft().detach()
    if not hard.any():
        context.console.print(f"  {NO_HEAD}", style="yellow")
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


def _train_gates(
    context: Context, model: ClassTokenViT, spec: InputSpec, training: PruningAfter
) -> None:
    """Train the gates together with all other weights that are trained."""
    # Imported here: Lightning takes seconds, and most commands train nothing.
    from wsss.training.classifier import ClassifierTraining
    from wsss.training.fit import fit

    config = context.config
    loaders = classifier_loaders(context, spec)
    model.train_block = config.trainer.block_runner()
    if config.model.frozen:
        freeze_encoder(model)
    module = ClassifierTraining(
        model,
        masking=config.masking,
        loss=config.loss,
        optimizer=AdamWConfig("adamw", lr=training.lr, weight_decay=0.0, betas=[0.9, 0.999]),
        scheduler=ConstantConfig("constant"),
        max_epochs=training.max_epochs,
        classes=spec.classes,
        multi_label=spec.multi_label,
        seed=config.seed,
        absent=absent_shares(torch.from_numpy(context.dataset.labels("train"))),
        gate_training=training,
        purpose="prune",
        batches=batches_of(loaders[0]),
    )
    fit(
        module,
        *loaders,
        config=config.trainer.to_the_end(),
        max_epochs=training.max_epochs,
        directory=context.artifact.path,
        work=context.artifact.work,
        report=context.report_epoch,
        rate="pruning.lr",
    )


def _write_heads(
    directory: Path, confidence: Sequence[Sequence[float]], gates: HeadGates | None
) -> None:
    """Write `HEADS`, one row per head, and a figure if there are gates."""
    from wsss.report.figures import save  # Matplotlib takes a second
    from wsss.report.heads import heads_figure, write_head_table

    columns: dict[str, Sequence[Sequence[float]] | None] = {"confidence": confidence}
    if gates is None:
        kept = [[1] * len(heads) for heads in confidence]
        columns |= {"gate": None, "open_probability": None, "kept": kept}
    else:
        soft, hard = gates.soft().tolist(), gates.hard().tolist()
        chances = gates.open_probability().tolist()
        columns |= {"gate": soft, "open_probability": chances, "kept": hard}
        save(heads_figure(confidence, soft, hard), directory / "figures" / "heads.png")
    write_head_table(directory / HEADS, columns)


def _val_confidence(context: Context, model: ClassTokenViT, spec: InputSpec) -> list[list[float]]:
    """Confidence of every head over the validation split, in batches as in training."""
    model.to(context.device)
    _, val = classifier_loaders(context, spec)
    confidence = head_confidence(model, (batch["image"].to(context.device) for batch in val))
    model.cpu()
    return confidence


def _val_map(context: Context, model: ClassTokenViT, spec: InputSpec) -> float:
    metrics = score_classifier(context, model, spec, "val")
    model.cpu()
    return float(metrics["mAP"])
