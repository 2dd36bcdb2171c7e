"""Small datasets that the data tests share."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image as Pillow

from wsss.data.augment import AugmentConfig
from wsss.data.datasets.folder import FolderConfig
from wsss.data.datasets.synthetic import SyntheticConfig, prepare_synthetic

NO_AUGMENT = AugmentConfig(
    flip_horizontal=False, flip_vertical=False, rotate90=False, min_scale=1.0
)


def synthetic_config(root: Path, /, **changes: Any) -> SyntheticConfig:
    settings: dict[str, Any] = dict(
        name="tiny",
        root=str(root),
        image_size=32,
        fit="resize",
        modality="s1s2",
        bands=None,
        direction="test_to_validation",
        val_patches=2,
        labels_file="labels.csv",
        cache_mb=0,
        max_pixels=10**6,
        on_error="raise",
        augment=NO_AUGMENT,
        scenes_train=6,
        scenes_val=2,
        scenes_test=2,
        scene_size=32,
        scenes_seed=7,
    )
    return SyntheticConfig(**(settings | changes))


def folder_config(root: Path, /, **changes: Any) -> FolderConfig:
    settings: dict[str, Any] = dict(
        name="pets",
        root=str(root),
        image_size=8,
        fit="resize",
        images="images",
        labels_file="labels.csv",
        classes_file="classes.txt",
        masks="masks",
        lists="lists",
        bands=["R", "G", "B"],
        display_bands=[0, 1, 2],
        display_range=[0.0, 255.0],
        multi_label=True,
        background=None,
        cache_mb=0,
        max_pixels=10**6,
        on_error="raise",
        augment=NO_AUGMENT,
    )
    return FolderConfig(**(settings | changes))


@pytest.fixture(scope="session")
def make_synthetic() -> Callable[..., SyntheticConfig]:
    """``make_synthetic(root, **changes)``: a configuration of ten small scenes."""
    return synthetic_config


@pytest.fixture
def make_folder() -> Callable[..., FolderConfig]:
    """``make_folder(root, **changes)``: a configuration for a tree like `pets`."""
    return folder_config


@pytest.fixture(scope="session")
def written_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six, two and two scenes of 32 pixels; not to be changed."""
    root = tmp_path_factory.mktemp("synthetic") / "tiny"
    prepare_synthetic(synthetic_config(root))
    return root


@pytest.fixture
def tree(written_tree: Path, tmp_path: Path) -> Path:
    """The scenes again, for tests that break them."""
    return Path(shutil.copytree(written_tree, tmp_path / "tree"))


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    """Three 6 x 4 pictures (a.png, b.jpg, c.png) with labels, lists and masks."""
    root = tmp_path / "pets"
    for folder in ("images", "masks", "lists"):
        (root / folder).mkdir(parents=True)
    rng = np.random.default_rng(0)
    for image_id, suffix in (("a", "png"), ("b", "jpg"), ("c", "png")):
        pixels = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
        Pillow.fromarray(pixels).save(root / "images" / f"{image_id}.{suffix}")
        mask = np.array([[0, 0, 0, 1, 1, 255]] * 4, np.uint8)
        Pillow.fromarray(mask).save(root / "masks" / f"{image_id}.png")
    (root / "classes.txt").write_text("cat\ndog\n")
    (root / "labels.csv").write_text("image_id,dog,cat\na,1,1\nb,0,1\nc,1,0\n")
    for split, image_id in (("train", "a"), ("val", "b"), ("test", "c")):
        (root / "lists" / f"{split}.txt").write_text(f"{image_id}\n")
    return root


@pytest.fixture(scope="session")
def samples() -> Path:
    """Folder of genuine data, from ``WSSS_SAMPLES`` or beside the repository."""
    beside = Path(__file__).resolve().parents[3] / "shared" / "data"
    folder = Path(os.environ.get("WSSS_SAMPLES", beside))
    if not folder.is_dir():
        pytest.skip(f"no genuine samples in {folder} (set WSSS_SAMPLES)")
    return folder
