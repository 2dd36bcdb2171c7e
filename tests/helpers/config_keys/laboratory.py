"""Stages on sizes as small as can be, each run once for each choice of overrides."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from hydra import compose
from omegaconf import DictConfig
from rich.console import Console
from safetensors.torch import save_file

from helpers.config_keys.photographs import write_folder
from helpers.library_encoders import published
from wsss.config.parsing import parse_config, plain_values
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context, Stage
from wsss.models.checkpoint import save_classifier
from wsss.stages import classifier
from wsss.tracking import RunLog

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
SEGFORMER = "segmenter=segformer"
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
        published("vit", root / "library")

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
