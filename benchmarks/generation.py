"""Masks per second by rule and refinement, and the published rule against a plain formulation.

Maps are smooth and random, of three classes on a grid of 16-pixel patches. "rule" measures one core
in memory: upsampling, refinement by a 13-band image, the rule. The plain formulation paints classes
in the same way and fills holes by a breadth-first search in Python, as the reference does. "stage"
is ``generate`` on such maps of all classes; it also reads maps and, for refinement, images, and
writes GeoTIFFs. Its process and its workers have one thread each.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from rich.console import Console

from benchmarks.results import Figure, Outcome
from wsss.config.composing import compose_config
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.data.types import SPLITS
from wsss.engine.artifacts import Artifact
from wsss.engine.stage import Context
from wsss.maps.storage import shard_path, write_shard
from wsss.pseudo_masks.config import PseudoMaskConfig
from wsss.pseudo_masks.painting import apply_rule
from wsss.pseudo_masks.refinement import pamr
from wsss.pseudo_masks.rules.registry import RULES
from wsss.pseudo_masks.rules.rule import UNPAINTED, Maps, Painted
from wsss.pseudo_masks.upsampling import upsample
from wsss.stages import generate
from wsss.stages.shards import SHARD
from wsss.timing import ratios, threads, time_in_turn
from wsss.tracking import RunLog

PRESENT, BANDS, PATCH = 3, 13, 16
MASKS = {224: 20, 512: 4}
"""Number of masks in a pass, by size in pixels."""
SCENES = {"none": 480, "pamr": 96}
"""Number of masks that the stage makes, by refinement."""
SIDE = 224
"""Size of the stage's masks in pixels."""


def measure(rounds: int, device: str) -> Outcome:
    """Measure rules in memory, then the stage; always on the CPU."""
    figures = []
    with threads(1):
        for size in MASKS:
            figures += of_rules(size, rounds)
    for refine in SCENES:
        figures += of_the_stage(refine, rounds)
    return Outcome(figures)


def of_rules(size: int, rounds: int) -> list[Figure]:
    """Measure every rule and refinement at one size, and the plain formulation."""
    scenes = [draw(size, seed) for seed in range(MASKS[size])]
    rules = {
        (name, refine): compose_config(
            f"pseudo_mask={name}", f"pseudo_mask.refine={refine}"
        ).pseudo_mask
        for name in RULES
        for refine in ("none", "pamr")
    }
    passes: dict[tuple[str, str], Callable[[], object]] = {
        key: partial(make_all, partial(make, rule=rule), scenes) for key, rule in rules.items()
    }
    passes["plain", "none"] = partial(make_all, plain, scenes)
    seconds = time_in_turn(passes, rounds)
    figures = [
        Figure(
            "published rule, plain / ours",
            f"{size} x {size}",
            ratios(seconds["plain", "none"], seconds["paper", "none"]),
            least=20 if size == 224 else None,
        )
    ]
    for (name, refine), taken in seconds.items():
        least = 300 if (name, refine, size) == ("argmax", "none", 224) else None
        speed = [len(scenes) / s for s in taken]
        title = f"rule {name}, {refine}"
        figures.append(Figure(title, f"{size} x {size}, one core", speed, "masks/s", least=least))
    return figures


Scene = tuple[Maps, NDArray[np.float32], NDArray[np.float32]]
"""Maps ``[P, h, w]``, probabilities ``[P]`` and image ``[bands, H, W]``."""


def draw(size: int, seed: int) -> Scene:
    """Smooth maps and a noise image; the cost of refinement does not depend on the image."""
    rng = np.random.default_rng(seed)
    grid = size // PATCH
    coarse = rng.random((PRESENT, 4, 4), np.float32)
    image = rng.random((BANDS, size, size), np.float32)
    return upsample(coarse, (grid, grid)), rng.random(PRESENT, np.float32), image


def make_all(one: Callable[[Scene], object], scenes: list[Scene]) -> None:
    """Make the masks of all scenes."""
    for scene in scenes:
        one(scene)


def make(scene: Scene, rule: PseudoMaskConfig) -> Painted:
    """Make a mask as stage ``generate`` does."""
    maps, probabilities, image = scene
    raised = upsample(maps, image.shape[1:])
    if rule.refine == "pamr":
        tensors = torch.from_numpy(raised), torch.from_numpy(image)
        raised = pamr(*tensors, rule.pamr_iterations, rule.pamr_dilations).numpy()
    return apply_rule(raised, probabilities, rule, has_background=False)


def plain(scene: Scene) -> Painted:
    """The published rule with holes filled by a breadth-first search from painted pixels."""
    maps, probabilities, image = scene
    height, width = image.shape[1:]
    raised = upsample(maps, (height, width))
    painted = np.full((height, width), UNPAINTED, np.int16)
    for index in np.argsort(probabilities):
        painted[raised[index] >= raised[index].mean()] = index
    queue = deque(zip(*np.nonzero(painted != UNPAINTED), strict=True))
    while queue:
        row, column = queue.popleft()
        for below, right in (
            (row + 1, column),
            (row - 1, column),
            (row, column + 1),
            (row, column - 1),
        ):
            if 0 <= below < height and 0 <= right < width and painted[below, right] == UNPAINTED:
                painted[below, right] = painted[row, column]
                queue.append((below, right))
    return painted


def of_the_stage(refine: str, rounds: int) -> list[Figure]:
    """Measure stage ``generate`` without workers, and with one and two."""
    with tempfile.TemporaryDirectory() as folder, threads(1):
        passes = {workers: stage(Path(folder), refine, workers) for workers in (0, 1, 2)}
        seconds = time_in_turn(passes, rounds)
    case = f"{SCENES[refine]} of {SIDE} x {SIDE}, adaptive, {refine}"
    speeds = {
        workers: Figure(
            f"stage, {workers} beside it" if workers else "stage, one process",
            case,
            [SCENES[refine] / s for s in taken],
            "masks/s",
        )
        for workers, taken in seconds.items()
    }
    return [
        *speeds.values(),
        Figure("stage, one / two beside it", case, ratios(seconds[0], seconds[2])),
    ]


def stage(folder: Path, refine: str, workers: int) -> Callable[[], None]:
    """A pass that makes all masks of synthetic scenes from maps that are drawn once."""
    config = compose_config(
        f"paths.outputs={folder}",
        f"dataset.scenes_train={SCENES[refine] - 2}",
        f"dataset.scene_size={SIDE}",
        "dataset.scenes_val=1",
        "dataset.scenes_test=1",
        f"pseudo_mask.refine={refine}",
        f"launch.workers={workers}",
    )
    dataset = open_dataset(config.dataset)
    maps = folder / "maps"
    if not maps.exists():
        draw_maps(maps, dataset)

    def make_masks() -> None:
        with tempfile.TemporaryDirectory(dir=folder) as name:
            artifact = Artifact(Path(name), "generate", 1, {}, {})
            artifact.path.mkdir(parents=True)
            log, quiet = RunLog(Path(name) / "log", "benchmark", ""), Console(quiet=True)
            generate.run(Context(config, dataset, artifact, {"extract": maps}, log, quiet))

    return make_masks


def draw_maps(folder: Path, dataset: Dataset) -> None:
    """Write smooth maps of every class, in the format of stage ``extract``."""
    rng = np.random.default_rng(0)
    classes, grid = len(dataset.info.image_classes), SIDE // PATCH
    for split in SPLITS:
        ids = dataset.ids(split)
        for index, first in enumerate(range(0, len(ids), SHARD)):
            some = ids[first : first + SHARD]
            coarse = rng.random((len(some) * classes, 4, 4), np.float32)
            drawn = torch.from_numpy(upsample(coarse, (grid, grid)))
            maps = list(drawn.view(len(some), classes, grid, grid))
            write_shard(
                shard_path(folder, split, index), some, maps, [m.mean(dim=(1, 2)) for m in maps]
            )
