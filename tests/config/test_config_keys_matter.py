"""No config key is decoration: changing any one of them changes what real code does.

`CASES` holds every leaf key of the default config, of the variants below and of a folder dataset.
Each names other values and a probe: a function that runs real code, on sizes as small as can be,
and returns something that must then differ. The few keys whose effect lies outside of the result
are probed where they are read:

- ``launch.name`` must name a launcher; the keys of clusters are in ``tests/cluster``.
- ``launch.threads``, ``launch.workers``, ``trainer.num_workers``, ``trainer.progress_bar``,
  ``trainer.accelerator``, ``trainer.compile``, ``trainer.gradient_checkpointing``,
  ``attention.batch_size`` and ``dataset.cache_mb`` must not change the result: the probe looks at
  PyTorch's threads, who reads, the loaders, Lightning's trainer, how blocks are called, the batches
  and the reads from disk.
- ``model.name`` is what a message about the model calls it.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import DictConfig, OmegaConf
from PIL import Image as Pillow
from rich.console import Console
from safetensors.torch import save_file

from wsss.config.parsing import parse_config, plain_values
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.data.types import SPLITS
from wsss.engine.artifacts import Artifact
from wsss.engine.objective import objective
from wsss.engine.registry import choose_stages
from wsss.engine.run_directory import RunDirectory
from wsss.engine.runner import run_experiment
from wsss.engine.stage import Context, Stage
from wsss.errors import UserError
from wsss.evaluation.judging import evaluate_masks
from wsss.models import block_runner
from wsss.models.checkpoint import save_classifier
from wsss.runs.layout import run_path
from wsss.stages import classifier, extract, generate, prune, segment, segmenter, train
from wsss.stages.figures import grid_rows
from wsss.stages.truth import reported_split
from wsss.tracking import RunLog, Tracker
from wsss.training.classifier import ClassifierTraining
from wsss.training.fit import fit
from wsss.training.samples import TrainingSamples
from wsss.training.world import training_world

CONF = Path(__file__).resolve().parents[2] / "conf"
SMALL = (
    "model.patch_size=8",
    "model.embed_dim=8",
    "model.depth=2",
    "model.num_heads=2",
    "model.mlp_ratio=2.0",
    "trainer.max_epochs=2",
    "trainer.batch_size=4",
    "trainer.progress_bar=false",
    "trainer.accelerator=cpu",
    "attention.scales=[1.0]",
    "attention.batch_size=4",
    "attention.flip=false",
    "segmenter.channels=[4,8]",
    "segmenter.max_epochs=1",
    "segmenter.batch_size=4",
    "segmenter.window=8",
    "evaluation.figure_images=1",
    "tracking=none",
)
SMALL_SEGFORMER = (
    "segmenter.window=16",  # so that every stage has several tokens to attend to
    "segmenter.widths=[4,8]",
    "segmenter.depths=[1,1]",
    "segmenter.heads=[1,2]",
    "segmenter.reductions=[2,1]",
    "segmenter.decoder_width=4",
)
SCENES = (
    "dataset.scenes_train=6",
    "dataset.scenes_val=2",
    "dataset.scenes_test=2",
    "dataset.scene_size=16",
)
FOLDER = ("dataset=folder", "dataset.image_size=16")
BACKGROUND = (*FOLDER, "dataset.multi_label=false", "dataset.background=cat")
Overrides = tuple[str, ...]
Probe = Callable[["Laboratory", Overrides], object]


class Laboratory:
    """Runs stages for overrides of the small config, each once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._composed: dict[Overrides, DictConfig] = {}
        self._done: dict[tuple[str, Overrides], Path] = {}
        self.results: dict[tuple[Probe, Overrides], object] = {}
        write_folder(root / "folder")
        (root / "weights").mkdir()
        config, dataset = self.opened(("seed=5",))
        spec = classifier.input_spec(config, dataset)
        model = classifier.build(config, spec)
        save_classifier(root / "weights", model, spec)
        plain = {n: v for n, v in model.state_dict().items() if n.startswith(("blocks", "patch"))}
        plain |= {"cls_token": model.cls_token[:, :1], "pos_embed": model.pos_embed[:, 7:-1]}
        save_file({n: v.contiguous() for n, v in plain.items()}, root / "vit.safetensors")

    def composed(self, overrides: Overrides) -> DictConfig:
        """The small config with overrides, in which ROOT stands for the laboratory's folder."""
        if overrides not in self._composed:
            datasets = [o for o in overrides if o.startswith("dataset=")]
            is_folder = datasets[-1:] == ["dataset=folder"]
            data = ("dataset.root=ROOT/folder",) if is_folder else SCENES
            small: Overrides = SMALL
            if SEGFORMER in overrides:
                small = (*(o for o in SMALL if "channels" not in o), *SMALL_SEGFORMER)
            every = [f"paths.outputs={self.root}/outputs", *small, *data, *overrides]
            filled = [o.replace("ROOT", str(self.root)) for o in every]
            self._composed[overrides] = compose("config", overrides=filled)
        return self._composed[overrides]

    def config(self, overrides: Overrides) -> Config:
        return parse_config(plain_values(self.composed(overrides)))

    def opened(self, overrides: Overrides) -> tuple[Config, Dataset]:
        config = self.config(overrides)
        return config, open_dataset(config.dataset)

    def context(self, overrides: Overrides, path: Path, **upstream: Path) -> Context:
        config, dataset = self.opened(overrides)
        artifact = Artifact(path, "probe", 1, {}, {})
        artifact.path.mkdir(parents=True)
        log = RunLog(path / ".work", "probe", "")
        return Context(config, dataset, artifact, upstream, log, Console(quiet=True))

    def run(self, stage: Stage, overrides: Overrides, **upstream: Path) -> Path:
        """The directory of a stage's result."""
        key = (stage.name, (*overrides, *map(str, upstream.values())))
        if key not in self._done:
            context = self.context(overrides, self.scratch(stage.name), **upstream)
            stage.run(context)
            self._done[key] = context.artifact.path
        return self._done[key]

    def forget(self) -> None:
        """Run every stage anew from here on."""
        self._done.clear()

    def scratch(self, name: str = "scratch") -> Path:
        """A new, empty folder."""
        path = self.root / f"{name}_{len(list(self.root.iterdir()))}"
        path.mkdir()
        return path


def write_folder(root: Path) -> None:
    """Pictures with labels, classes, masks and lists, and an alternative to each of them."""
    rng = np.random.default_rng(0)
    ids = [f"p{index}" for index in range(8)]
    for name in ("images", "images2"):
        (root / name).mkdir(parents=True)
        for image_id in ids:
            pixels = rng.integers(0, 256, (16, 12, 3), dtype=np.uint8)
            Pillow.fromarray(pixels).save(root / name / f"{image_id}.png")
    for number, name in enumerate(("masks", "masks2")):
        (root / name).mkdir()
        for image_id in ids:
            Pillow.new("L", (12, 16), number).save(root / name / f"{image_id}.png")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "classes2.txt").write_text("dog\ncat\n")
    splits = ["train"] * 4 + ["val"] * 2 + ["test"] * 2
    for number, name in enumerate(("labels.csv", "labels2.csv")):
        rows = [
            f"{image_id},{(index + number) % 2},{(index + number + 1) % 2},{split}"
            for index, (image_id, split) in enumerate(zip(ids, splits, strict=True))
        ]
        (root / name).write_text("\n".join(["image_id,cat,dog,split", *rows]) + "\n")
    (root / "lists").mkdir()
    for split, members in {"train": ids[4:], "val": ids[:2], "test": ids[2:4]}.items():
        (root / "lists" / f"{split}.txt").write_text("\n".join(members))


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with (
        pytest.MonkeyPatch.context() as patch,
        initialize_config_dir(str(CONF), version_base="1.3"),
    ):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield Laboratory(tmp_path_factory.mktemp("laboratory"))


# Probes. Each takes the overrides of a case and returns what must change with its key.


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


def extraction_batches(laboratory: Laboratory, overrides: Overrides) -> object:
    """How many images stage extract gives to the classifier at a time."""
    sizes: list[int] = []
    real = extract.class_maps  # type: ignore[attr-defined]

    def watched(model: Any, images: torch.Tensor, config: Any, **rest: Any) -> Any:
        sizes.append(len(images))
        return real(model, images, config, **rest)

    classifier = laboratory.run(train.STAGE, ())
    context = laboratory.context(overrides, laboratory.scratch(), prune=classifier)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(extract, "class_maps", watched)
        extract.run(context)
    return sizes


def generated(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pseudo-masks made from the one default set of maps, and the exported arrays."""
    directory = laboratory.run(generate.STAGE, overrides, extract=extracted_at(laboratory, ()))
    return digest(directory, "*/*.tif", "*.npy")


def generated_with_background(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pseudo-masks of photographs one of whose classes is the background."""
    classifier = laboratory.run(train.STAGE, BACKGROUND)
    maps = laboratory.run(extract.STAGE, BACKGROUND, prune=classifier)
    return digest(laboratory.run(generate.STAGE, overrides, extract=maps), "*/*.png")


def spoilt(laboratory: Laboratory, overrides: Overrides) -> object:
    """What comes of an image that cannot be read."""
    copy = laboratory.scratch() / "copy"
    config = laboratory.config(overrides)
    shutil.copytree(laboratory.root / "folder", copy)
    (copy / "images" / "p0.png").write_text("no picture")
    dataset = replace(config.dataset, root=str(copy))
    return outcome(lambda: str(list(open_dataset(dataset).quarantined)))


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


def opened(laboratory: Laboratory, overrides: Overrides) -> object:
    """All that a dataset hands out, but for its pixel masks."""
    _, dataset = laboratory.opened(overrides)
    splits = {split: (dataset.ids(split), dataset.labels(split).tolist()) for split in SPLITS}
    images = [dataset.read_image(dataset.ids(split)[0]).tolist() for split in SPLITS]
    return type(dataset), dataset.info, splits, images


def masked(laboratory: Laboratory, overrides: Overrides) -> object:
    """Pixel masks of a dataset."""
    _, dataset = laboratory.opened(overrides)
    read = dataset.open_masks()
    return [read(image_id).tolist() for image_id in dataset.ids("test")]


def sampled(laboratory: Laboratory, overrides: Overrides) -> object:
    """Augmented training images over some epochs."""
    config, dataset = laboratory.opened(overrides)
    spec = classifier.input_spec(config, dataset)
    samples = TrainingSamples(dataset, "train", spec, config.dataset.augment, config.seed)
    return [samples[epoch, 0]["image"].tolist() for epoch in range(8)]


def files_read(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether an image can be read a second time once its file is gone."""
    copy = laboratory.scratch() / "copy"
    config, dataset = laboratory.opened(overrides)
    shutil.copytree(config.dataset.root, copy)
    dataset = open_dataset(replace(config.dataset, root=str(copy)))
    first = dataset.ids("train")[0]
    dataset.read_image(first)
    for path in dataset.record(first).files:
        path.unlink()
    return outcome(lambda: str(dataset.read_image(first).shape))


def place(laboratory: Laboratory, overrides: Overrides) -> object:
    """The folder that the images are read from."""
    _, dataset = laboratory.opened(overrides)
    return dataset.record(dataset.ids("train")[0]).files[0].parents[2]


def other_tree(laboratory: Laboratory, overrides: Overrides) -> object:
    """Names of the files of the dataset's tree."""
    config, _ = laboratory.opened(overrides)
    root = Path(config.dataset.root)
    return sorted(str(path.relative_to(root)) for path in root.rglob("*.csv"))


def refused(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether the config is valid."""
    return outcome(lambda: str(bool(laboratory.config(overrides))))


def complaint(laboratory: Laboratory, overrides: Overrides) -> object:
    """What a user is told whose model does not fit its images."""
    config, dataset = laboratory.opened((*overrides, "model.num_heads=3"))
    return outcome(lambda: str(classifier.build(config, classifier.input_spec(config, dataset))))


def chosen_stages(laboratory: Laboratory, overrides: Overrides) -> object:
    return [stage.name for stage in choose_stages(laboratory.config(overrides).stage)]


def run_directory(laboratory: Laboratory, overrides: Overrides) -> object:
    return RunDirectory.open(laboratory.config(overrides)).path


def threads(laboratory: Laboratory, overrides: Overrides) -> object:
    """PyTorch's threads once an experiment is under way."""
    before = torch.get_num_threads()
    try:
        config = laboratory.config((*overrides, "stage=train", "trainer.max_epochs=0"))
        run_experiment(config, Console(quiet=True))
        return torch.get_num_threads()
    finally:
        torch.set_num_threads(before)


def workers(laboratory: Laboratory, overrides: Overrides) -> object:
    context = laboratory.context(overrides, laboratory.scratch())
    spec = classifier.input_spec(context.config, context.dataset)
    return [loader.num_workers for loader in classifier.classifier_loaders(context, spec)]


def blocks_run(laboratory: Laboratory, overrides: Overrides) -> object:
    """How often stage train has blocks compiled, and recomputed."""
    calls = {"compile": 0, "checkpoint": 0}

    def compiled(run: Any, **_: Any) -> Any:
        calls["compile"] += 1
        return run

    def recomputed(run: Any, *args: Any, use_reentrant: bool, **kwargs: Any) -> Any:
        calls["checkpoint"] += 1
        return run(*args, **kwargs)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch, "compile", compiled)
        patch.setattr(block_runner, "checkpoint", recomputed)
        train.run(laboratory.context(overrides, laboratory.scratch()))
    return calls


def readers(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether other processes than this one read the images of stage extract."""
    classifier = laboratory.run(train.STAGE, ())
    context = laboratory.context(overrides, laboratory.scratch(), prune=classifier)
    pids = laboratory.scratch()
    real = context.dataset.read_image

    def watched(image_id: str) -> Any:
        (pids / str(os.getpid())).touch()
        return real(image_id)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(context.dataset, "read_image", watched)
        extract.run(context)
    return [path.name == str(os.getpid()) for path in pids.iterdir()]


def worth(laboratory: Laboratory, overrides: Overrides) -> object:
    """What a sweeper gets to know of the same metrics."""
    metrics: dict[str, dict[str, Any]] = {
        "train": {"val": {"mAP": 0.25}},
        "evaluate": {"pseudo_mask": {"train": {"miou": 0.75}, "val": {"miou": 0.5}}},
    }
    return objective(laboratory.config(overrides), metrics)


def processes(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether as many processes are there as are to train together."""
    config = laboratory.config(overrides).trainer
    return outcome(lambda: str(training_world(config.devices, config.num_nodes)))


def trainer(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether Lightning finds the accelerator, and whether it shows a bar on a terminal."""

    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    path = laboratory.scratch()
    context = laboratory.context(overrides, path)
    config = context.config
    spec = classifier.input_spec(config, context.dataset)
    module = ClassifierTraining(
        classifier.build(config, spec),
        config.masking,
        config.loss,
        config.optimizer,
        config.scheduler,
        1,
        spec.classes,
        spec.multi_label,
        config.seed,
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "stderr", Terminal())
        patch.setattr(sys, "stdout", Terminal())
        try:
            fit(
                module,
                *classifier.classifier_loaders(context, spec),
                config=config.trainer,
                max_epochs=1,
                directory=path,
                work=path / "work",
                report=lambda epoch, metrics: None,
            )
        except Exception as error:  # whatever Lightning says of an accelerator it lacks
            return type(error)
    return type(module.trainer.progress_bar_callback)


def tracked(laboratory: Laboratory, overrides: Overrides) -> object:
    """Where the record of a run says that it is mirrored to, and under what name."""
    path = laboratory.scratch()
    with Tracker.open(path, laboratory.config(overrides).tracking):
        pass
    (line,) = (path / "events.jsonl").read_text().splitlines()
    event = json.loads(line)
    return event["experiment"], event["uri"]


def flushed(laboratory: Laboratory, overrides: Overrides) -> object:
    """How long the end of a run would wait for the thread that sends events."""
    waits: list[float | None] = []

    def join(thread: threading.Thread, timeout: float | None = None) -> None:
        if thread.name == "wsss-tracking":
            waits.append(timeout)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(threading.Thread, "join", join)
        Tracker.open(laboratory.scratch(), laboratory.config(overrides).tracking).close()
    return waits


def on_record(laboratory: Laboratory, overrides: Overrides) -> object:
    """Names of the params and system metrics that a run leaves on record."""
    more = ("stage=train", "trainer.max_epochs=0")
    (path,) = experimented(laboratory, laboratory.scratch(), (*overrides, *more)).glob("*.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    values = [(e["kind"], name) for e in events for name in e.get("values", {})]
    return {name for kind, name in values if kind == "params" or name.startswith("system/")}


def exported(laboratory: Laboratory, overrides: Overrides) -> object:
    """Whether the run's directory holds the segmenter as a model."""
    more = ("stage=[train,prune,extract,generate,segment]",)
    outputs = laboratory.root / "exported"  # the same for all: nothing is built again
    return (experimented(laboratory, outputs, (*overrides, *more)) / "model").exists()


def experimented(laboratory: Laboratory, outputs: Path, overrides: Overrides) -> Path:
    """The run directory of an experiment that was run as from the command line."""
    config = laboratory.config(overrides)
    config = replace(config, paths=replace(config.paths, outputs=str(outputs)))
    run_experiment(config, Console(quiet=True))
    return run_path(config)


def outcome(action: Callable[[], str]) -> str:
    """What came of it: a result, or the message for the user."""
    try:
        return action()
    except UserError as error:
        return f"refused: {error}"


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
SEGFORMER = "segmenter=segformer"
GATES_AFTER = ("pruning=hard_concrete", "pruning.lr=0.1")
CAM = ("masking=none", "model.patch_head=average", "attention.source=patch_cam")
THRESHOLD = (*BACKGROUND, "pseudo_mask=argmax")
OPPOSITE = "OPPOSITE"  # of a boolean
SERVER = "tracking.uri='http://127.0.0.1:9'"  # where nothing listens
MLFLOW = ("tracking=mlflow", SERVER, "tracking.flush_seconds=0")

CASES = [
    case("stage", "[extract,generate]", chosen_stages),
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
    case("model.class_tokens", "shared", trained, *CAM),
    case("model.register_token", OPPOSITE, trained),
    case("model.token_head", "mean", trained),
    case("model.patch_head", "ranked", trained),
    case("model.init_from", "ROOT/weights", trained),
    case("model.pretrained", "ROOT/vit.safetensors", trained),
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
    case("pruning.max_epochs", "2", pruned, "pruning=hard_concrete"),
    case("pruning.lr", "0.1", pruned, "pruning=hard_concrete"),
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
    case("trainer.accelerator", "tpu", trainer),
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
    case("dataset.augment.flip_horizontal", OPPOSITE, sampled),
    case("dataset.augment.flip_vertical", OPPOSITE, sampled),
    case("dataset.augment.rotate90", OPPOSITE, sampled),
    case("dataset.augment.min_scale", "0.5", sampled),
]
FOLDER_CASES = [replace(c, given=(*FOLDER, *c.given)) for c in FOLDER_CASES]
VARIANTS = (
    (),
    ("masking=scheduled",),
    ("pruning=none",),
    ("optimizer=sgd",),
    ("optimizer=adam",),
    ("scheduler=constant",),
    ("pruning=hard_concrete",),
    ("pseudo_mask=paper",),
    ("pseudo_mask=argmax",),
    ("attention=plain",),
    (SEGFORMER,),
    ("tracking=mlflow",),
    ("dataset=dfc", "dataset.root=/nowhere"),
)


def leaves(node: Any, prefix: str = "") -> set[str]:
    if not isinstance(node, dict):
        return {prefix.removesuffix(".")}
    return {leaf for key, value in node.items() for leaf in leaves(value, f"{prefix}{key}.")}


def all_keys(*overrides: str) -> set[str]:
    composed = OmegaConf.to_container(compose("config", overrides=list(overrides)))
    return leaves(composed)


@pytest.mark.usefixtures("laboratory")
def test_every_leaf_key_has_a_case() -> None:
    keys = set.union(*(all_keys(*variant) for variant in VARIANTS))
    assert {c.key for c in CASES} == keys
    folder = {key for key in all_keys("dataset=folder") if key.startswith("dataset.")}
    assert {c.key for c in FOLDER_CASES} == folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("probe", [trained, pruned, extracted, generated, segmented])
def test_without_a_change_stages_give_the_same_bits(laboratory: Laboratory, probe: Probe) -> None:
    before = probe(laboratory, ())
    laboratory.forget()
    assert probe(laboratory, ()) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chosen", CASES, ids=lambda c: c.key)
def test_key_of_the_default_config(laboratory: Laboratory, chosen: Case) -> None:
    _assert_matters(laboratory, chosen)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chosen", FOLDER_CASES, ids=lambda c: c.key)
def test_key_of_a_folder_dataset(laboratory: Laboratory, chosen: Case) -> None:
    _assert_matters(laboratory, chosen)


def _assert_matters(laboratory: Laboratory, chosen: Case) -> None:
    given = chosen.given
    value = OmegaConf.select(laboratory.composed(given), chosen.key)
    changed = (*given, chosen.other.replace(OPPOSITE, str(not value).lower()))
    assert OmegaConf.select(laboratory.composed(changed), chosen.key) != value, "no other value"
    probed = (chosen.probe, given)
    if probed not in laboratory.results:
        laboratory.results[probed] = chosen.probe(laboratory, given)
        assert chosen.probe(laboratory, given) == laboratory.results[probed], "the probe wavers"
    assert chosen.probe(laboratory, changed) != laboratory.results[probed], "changes nothing"
