"""The table: for every config key another value, and a probe that must see the difference."""

from __future__ import annotations

from dataclasses import dataclass, replace

from helpers.config_keys.data_probes import (
    decoded,
    files_read,
    masked,
    opened,
    other_tree,
    outcome,
    place,
    sampled,
    spoilt,
)
from helpers.config_keys.laboratory import FOLDER, SEGFORMER, Overrides, Probe
from helpers.config_keys.machine_probes import (
    blocks_run,
    extraction_batches,
    processes,
    readers,
    threads,
    trainer,
    workers,
)
from helpers.config_keys.run_probes import (
    chosen_stages,
    complaint,
    exported,
    flushed,
    on_record,
    rebuilt,
    refused,
    run_directory,
    tracked,
    worth,
)
from helpers.config_keys.stage_probes import (
    BACKGROUND,
    drawn,
    epochs,
    evaluated,
    extracted,
    extracted_after_pruning,
    generated,
    generated_with_background,
    predicted,
    pruned,
    segmented,
    trained,
    trained_and_pruned,
)
from helpers.library_encoders import WIDTH


@dataclass(frozen=True)
class Case:
    """``given`` holds for both sides, ``other`` for the changed one; both are overrides."""

    key: str
    other: str
    probe: Probe
    given: Overrides = ()


def case(key: str, value: str, probe: Probe, *given: str) -> Case:
    """Only the value of the key changes."""
    return Case(key, f"{key}={value}", probe, given)


RISING = (
    "pruning=none",
    "optimizer=sgd",
    "optimizer.lr=3.0",
    "trainer.max_epochs=4",
    "scheduler=constant",
)
CAM = ("masking=none", "model.patch_head=average", "attention.source=patch_cam")
FROZEN = (
    *("masking=none", "pruning=none", "attention.source=competition"),
    *("model.class_tokens=shared", "model.token_head=none", "model.patch_head=compete"),
    *("model.frozen=true", "model.pretrained=ROOT/vit.safetensors"),
)
LIBRARY = (  # the same file, by this project's blocks and by the library's
    *(*FOLDER, "model.pretrained=ROOT/library", f"model.embed_dim={WIDTH}"),
    *("model.mlp_ratio=1.5", "model.qkv_bias=true"),
)
LABELLED = (*FROZEN, "self_labelling.rounds=1", "attention.source=self_labelled")
THRESHOLD = (*BACKGROUND, "pseudo_mask=argmax")
OPPOSITE = "OPPOSITE"  # of a boolean
SERVER = "tracking.uri='http://127.0.0.1:9'"  # where nothing listens
MLFLOW = ("tracking=mlflow", SERVER, "tracking.flush_seconds=0")

CASES = [
    case("stage", "[extract,generate]", chosen_stages),
    case("rebuild", "[extract]", rebuilt),
    case("seed", "1", trained),
    case("dp_rate", "1.0", trained),
    case("objective", "pseudo_mask", worth, "evaluation.split=val"),
    case("paths.outputs", "ROOT/elsewhere", run_directory),
    # dataset
    Case("dataset.kind", "dataset=folder", lambda lab, o: type(lab.opened(o)[1])),
    case("dataset.name", "mine", opened),
    case("dataset.root", "${paths.outputs}/data/elsewhere", place),
    case("dataset.image_size", "24", sampled),
    case("dataset.fit", "pad", sampled, *FOLDER),
    case("dataset.on_error", "skip", spoilt, *FOLDER),
    case("dataset.modality", "s1", opened),
    case("dataset.bands", "[B4,B3]", opened),
    case("dataset.direction", "validation_to_test", opened, "dataset.val_patches=1"),
    case("dataset.val_patches", "3", opened),
    case(
        "dataset.labels_file",
        "other.csv",
        other_tree,
        "dataset.root=${paths.outputs}/x${.labels_file}",
    ),
    case("dataset.cache_mb", "0", files_read),
    case("dataset.max_pixels", "9", decoded),
    case("dataset.scenes_train", "7", opened),
    case("dataset.scenes_val", "3", opened),
    case("dataset.scenes_test", "3", opened),
    case("dataset.scene_size", "24", opened),
    case("dataset.scenes_seed", "1", opened),
    case("dataset.augment.flip_horizontal", OPPOSITE, sampled),
    case("dataset.augment.flip_vertical", OPPOSITE, sampled),
    case("dataset.augment.rotate90", OPPOSITE, sampled),
    case("dataset.augment.min_scale", "0.5", sampled),
    # model
    case("model.name", "mine", complaint),
    case("model.patch_size", "4", trained),
    case("model.embed_dim", "12", trained),
    case("model.depth", "1", trained),
    case("model.num_heads", "1", trained),
    case("model.mlp_ratio", "3.0", trained),
    case("model.qkv_bias", OPPOSITE, trained),
    case("model.norm_eps", "0.1", trained),
    case("model.final_norm", OPPOSITE, trained),
    case("model.frozen", OPPOSITE, trained, "model.pretrained=ROOT/vit.safetensors"),
    case("model.class_tokens", "shared", trained, *CAM),
    case("model.register_token", OPPOSITE, trained),
    case("model.token_head", "mean", trained),
    case("model.patch_head", "ranked", trained),
    case("model.patch_members", "2", trained),
    case("model.normalisation", "imagenet", trained, *FOLDER),
    case("model.init_from", "ROOT/weights", trained),
    case("model.encoder", "transformers", trained, *LIBRARY),
    case("model.pretrained", "ROOT/vit.safetensors", trained),
    # self-labelling
    case("self_labelling.rounds", "2", trained, *LABELLED),
    case("self_labelling.epochs", "3", trained, *LABELLED),
    case("self_labelling.lr", "0.1", trained, *LABELLED),
    case("self_labelling.least_share", "1.0", trained, *LABELLED),
    # masking
    Case("masking.name", "masking=none", trained),
    case("masking.dp_rate", "0.0", trained),
    case("masking.place", "attention", trained),
    case("masking.balance", "frequency", trained),
    case("masking.start_rate", "1.0", trained, "masking=scheduled"),
    case("masking.ramp", "1.0", trained, "masking=scheduled", "trainer.max_epochs=3", "dp_rate=1"),
    # loss
    case("loss.diversity", "1.0", trained),
    case("loss.contrast", "1.0", trained),
    # pruning
    Case("pruning.name", "pruning=none", trained),
    case("pruning.penalty", "3.0", trained),
    case("pruning.gate_lr", "1.0", trained),
    case("pruning.keep", "0.5", trained_and_pruned),
    case("pruning.max_epochs", "2", pruned, "pruning=after"),
    case("pruning.lr", "0.1", pruned, "pruning=after"),
    # optimizer and scheduler
    case("optimizer.name", "adam", trained),
    case("optimizer.lr", "0.1", trained),
    case("optimizer.weight_decay", "0.5", trained),
    case("optimizer.betas", "[0.5,0.9]", trained),
    case("optimizer.momentum", "0.1", trained, "optimizer=sgd"),
    Case("scheduler.name", "scheduler=constant", trained),
    case("scheduler.warmup", "0.7", trained),
    case("scheduler.final", "0.5", trained),
    # trainer
    case("trainer.max_epochs", "3", epochs),
    case("trainer.batch_size", "3", trained),
    case("trainer.accumulate_grad_batches", "2", trained),
    case("trainer.gradient_clip", "0.001", trained),
    case("trainer.precision", "bf16", trained),
    case("trainer.compile", OPPOSITE, blocks_run),
    case("trainer.gradient_checkpointing", OPPOSITE, blocks_run),
    case("trainer.early_stopping", "1", epochs, *RISING),
    case("trainer.select", "best", trained, *RISING),
    case("trainer.accelerator", "mps", trainer),
    case("trainer.devices", "2", processes),
    case("trainer.num_nodes", "2", processes),
    case("trainer.num_workers", "1", workers),
    case("trainer.progress_bar", OPPOSITE, trainer),
    # attention
    case("attention.source", "attention", extracted),
    case("attention.affinity", OPPOSITE, extracted),
    case("attention.heads", "all", extracted_after_pruning),
    case("attention.method", "rollout", extracted),
    case("attention.layers", "last_1", extracted),
    case("attention.layers", "learnt", extracted),
    case("attention.max_side", "8", extracted),
    case("attention.scales", "[1.5]", extracted),
    case("attention.flip", OPPOSITE, extracted),
    case("attention.batch_size", "3", extraction_batches),
    # pseudo-masks
    case("pseudo_mask.name", "paper", generated),
    case("pseudo_mask.image_labels", "predicted", generated),
    case("pseudo_mask.presence_threshold", "0.0", generated, "pseudo_mask.image_labels=predicted"),
    case("pseudo_mask.background_threshold", "0.9", generated_with_background, *THRESHOLD),
    case("pseudo_mask.foreground_threshold", "0.9", generated_with_background, *THRESHOLD),
    case("pseudo_mask.margin", "0.5", generated),
    case("pseudo_mask.refine", "none", generated),
    case("pseudo_mask.pamr_iterations", "2", generated),
    case("pseudo_mask.pamr_dilations", "[3,5]", generated),
    case("pseudo_mask.export", OPPOSITE, generated),
    # segmenter
    Case("segmenter.name", "segmenter=segformer", segmented),
    case("segmenter.image_size", "24", segmented),
    case("segmenter.window", "12", segmented),
    case("segmenter.channels", "[4,6]", segmented),
    case("segmenter.residual_units", "2", segmented),
    case("segmenter.widths", "[4,4]", segmented, SEGFORMER),
    case("segmenter.depths", "[1,2]", segmented, SEGFORMER),
    case("segmenter.heads", "[1,1]", segmented, SEGFORMER),
    case("segmenter.reductions", "[1,1]", segmented, SEGFORMER),
    case("segmenter.decoder_width", "8", segmented, SEGFORMER),
    case("segmenter.loss", "dice_ce", segmented),
    case("segmenter.generalised_q", "1.0", segmented),
    case("segmenter.symmetric_share", "0.1", segmented, "segmenter.loss=symmetric_ce"),
    case("segmenter.bootstrap_share", "0.6", segmented, "segmenter.loss=bootstrap"),
    case("segmenter.rounds", "2", segmented),
    case("segmenter.max_epochs", "2", segmented),
    case("segmenter.batch_size", "3", segmented),
    case("segmenter.lr", "0.01", segmented),
    case("segmenter.weight_decay", "0.5", segmented),
    case("segmenter.overlap", "0.75", predicted),
    # evaluation, launch, tracking
    case("evaluation.split", "val", evaluated),
    case("evaluation.figure_images", "2", drawn),
    case("launch.name", "nowhere", refused),
    case("launch.threads", "2", threads, "launch.threads=1"),
    case("launch.workers", "1", readers),
    case("tracking.name", "mlflow", tracked, SERVER, "tracking.flush_seconds=0"),
    case("tracking.uri", "'http://127.0.0.1:99'", tracked, *MLFLOW),
    case("tracking.experiment", "mine", tracked, *MLFLOW),
    case("tracking.flush_seconds", "0.5", flushed, *MLFLOW),
    case("tracking.system_metrics_seconds", "1.0", on_record),
    case("tracking.params", "[seed,masking]", on_record),
    case("tracking.model", OPPOSITE, exported),
]
FOLDER_CASES = [
    Case("dataset.kind", "dataset=synthetic", lambda lab, o: type(lab.opened(o)[1])),
    case("dataset.name", "mine", opened),
    case(
        "dataset.root",
        "${paths.outputs}/nowhere",
        lambda lab, o: outcome(lambda: str(opened(lab, o))),
    ),
    case("dataset.image_size", "24", sampled),
    case("dataset.fit", "pad", sampled),
    case("dataset.on_error", "skip", spoilt),
    case("dataset.background", "cat", opened, "dataset.multi_label=false"),
    case("dataset.images", "images2", opened),
    case("dataset.labels_file", "labels2.csv", opened),
    case("dataset.classes_file", "classes2.txt", opened),
    case("dataset.masks", "masks2", masked),
    case("dataset.lists", "lists", opened),
    case("dataset.bands", "[blue,green,red]", opened),
    case("dataset.display_bands", "[2,1,0]", opened),
    case("dataset.display_range", "[0,100]", opened),
    case("dataset.multi_label", OPPOSITE, trained),
    case("dataset.cache_mb", "0", files_read),
    case("dataset.max_pixels", "9", decoded),
    case("dataset.augment.flip_horizontal", OPPOSITE, sampled),
    case("dataset.augment.flip_vertical", OPPOSITE, sampled),
    case("dataset.augment.rotate90", OPPOSITE, sampled),
    case("dataset.augment.min_scale", "0.5", sampled),
]
FOLDER_CASES = [replace(c, given=(*FOLDER, *c.given)) for c in FOLDER_CASES]
