"""Probes of what the stages leave."""

from __future__ import annotations

import hashlib
from pathlib import Path

from helpers.config_keys.laboratory import FOLDER, Laboratory, Overrides
from wsss.data.types import SPLITS
from wsss.evaluation.judging import evaluate_masks
from wsss.stages import extract, generate, prune, segment, segmenter, train
from wsss.stages.figures import grid_rows
from wsss.stages.truth import reported_split

BACKGROUND = (*FOLDER, "dataset.multi_label=false", "dataset.background=cat")
GATES_AFTER = ("pruning=after", "pruning.lr=0.1")


def digest(directory: Path, *patterns: str) -> dict[str, str]:
    """Hashes of the files that a stage left."""
    chosen = [path for pattern in patterns for path in directory.glob(pattern) if path.is_file()]
    return {
        str(path.relative_to(directory)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(chosen)
    }


def trained(laboratory: Laboratory, overrides: Overrides) -> object:
    """The classifier that stage train leaves."""
    directory = laboratory.run(train.STAGE, overrides)
    return digest(directory, "*.safetensors")


def epochs(laboratory: Laboratory, overrides: Overrides) -> object:
    """How many epochs the classifier was trained."""
    history = laboratory.run(train.STAGE, overrides) / "history.jsonl"
    return len(history.read_text().splitlines())


def pruned(laboratory: Laboratory, overrides: Overrides) -> object:
    """What stage prune leaves of the one default classifier."""
    directory = laboratory.run(prune.STAGE, overrides, train=laboratory.run(train.STAGE, ()))
    return digest(directory, "*.safetensors", "*.json", "history.jsonl")


def trained_and_pruned(laboratory: Laboratory, overrides: Overrides) -> object:
    """What stage prune leaves of a classifier trained with the same overrides."""
    classifier = laboratory.run(train.STAGE, overrides)
    return digest(laboratory.run(prune.STAGE, overrides, train=classifier), "*.safetensors")


def extracted_at(laboratory: Laboratory, overrides: Overrides) -> Path:
    return laboratory.run(extract.STAGE, overrides, prune=laboratory.run(train.STAGE, ()))


def extracted(laboratory: Laboratory, overrides: Overrides) -> object:
    """Maps and probabilities that stage extract takes from the one default classifier."""
    return digest(extracted_at(laboratory, overrides), "*.safetensors")


def extracted_after_pruning(laboratory: Laboratory, overrides: Overrides) -> object:
    """Maps where stage prune has changed the one default classifier."""
    classifier = laboratory.run(train.STAGE, ())
    smaller = laboratory.run(prune.STAGE, GATES_AFTER, train=classifier)
    maps = laboratory.run(extract.STAGE, overrides, train=classifier, prune=smaller)
    return digest(maps, "*.safetensors")


def generated(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pseudo-masks made from the one default set of maps, and the exported arrays."""
    directory = laboratory.run(generate.STAGE, overrides, extract=extracted_at(laboratory, ()))
    return digest(directory, "*/*.tif", "*.npy")


def generated_with_background(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pseudo-masks of photographs one of whose classes is the background."""
    classifier = laboratory.run(train.STAGE, BACKGROUND)
    maps = laboratory.run(extract.STAGE, BACKGROUND, prune=classifier)
    return digest(laboratory.run(generate.STAGE, overrides, extract=maps), "*/*.png")


def segmenter_at(laboratory: Laboratory, overrides: Overrides) -> Path:
    masks = laboratory.run(generate.STAGE, (), extract=extracted_at(laboratory, ()))
    classifier = laboratory.run(train.STAGE, ())
    return laboratory.run(segment.STAGE, overrides, train=classifier, generate=masks)


def segmented(laboratory: Laboratory, overrides: Overrides) -> object:
    """The segmenter trained on the one default set of pseudo-masks."""
    return digest(segmenter_at(laboratory, overrides), "*.safetensors", "history.jsonl")


def predicted(laboratory: Laboratory, overrides: Overrides) -> object:
    """Masks of the one default segmenter, read as stage evaluate reads them."""
    context = laboratory.context(overrides, laboratory.scratch())
    read = segmenter.segmenter_reader(context, segmenter_at(laboratory, ()))
    return [read(image_id).tolist() for split in SPLITS for image_id in context.dataset.ids(split)]


def evaluated(laboratory: Laboratory, overrides: Overrides) -> object:
    """How stage evaluate scores the one default segmenter."""
    context = laboratory.context(overrides, laboratory.scratch())
    truth = context.dataset.open_masks()
    read = segmenter.segmenter_reader(context, segmenter_at(laboratory, ()))
    split = reported_split(context.config)
    ids = context.dataset.ids(split)
    result = evaluate_masks(context.dataset, split, read, truth, ids=ids, image_labels="none")
    return result["confusion"]


def drawn(laboratory: Laboratory, overrides: Overrides) -> object:
    """The images in the figure of predictions."""
    maps = extracted_at(laboratory, ())
    masks = laboratory.run(generate.STAGE, (), extract=maps)
    context = laboratory.context(overrides, laboratory.scratch(), extract=maps, generate=masks)
    truth, test = context.dataset.open_masks(), context.dataset.ids("test")
    return [
        row.image_id
        for row in grid_rows(context, split="test", predict=truth, truth=truth, ids=test)
    ]
