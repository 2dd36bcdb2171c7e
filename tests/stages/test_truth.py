"""Pixel masks are decoded once, and again when a file on which they depend has changed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from helpers.copies import folder
from PIL import Image as Pillow

from wsss.config.composing import compose_config
from wsss.config.schema import Config
from wsss.data.datasets.folder import FolderDataset
from wsss.data.files.raster import read_index_mask
from wsss.data.open import open_dataset
from wsss.errors import UserError
from wsss.stages.truth import Truth, evaluated_truth


@pytest.fixture
def root(tmp_path: Path) -> Path:
    root = tmp_path / "root"
    folder.make(root)
    return root


@pytest.fixture
def decoded(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Images whose masks are decoded, as they are."""
    ids: list[str] = []
    original = FolderDataset._read_mask

    def read(self: FolderDataset, image_id: str) -> np.ndarray:
        ids.append(image_id)
        return original(self, image_id)

    monkeypatch.setattr(FolderDataset, "_read_mask", read)
    return ids


def config_of(root: Path, *overrides: str) -> Config:
    return compose_config("dataset=folder", f"dataset.root={root}", *folder.OVERRIDES, *overrides)


def truth_of(config: Config, memory: Path) -> Truth:
    return evaluated_truth(config, open_dataset(config.dataset, memory))


def a_mask(root: Path, config: Config) -> Path:
    first = open_dataset(config.dataset).ids("test")[0]
    (path,) = (root / "masks").glob(f"{first}.*")
    return path


def test_masks_are_decoded_until_a_file_changes(
    root: Path, tmp_path: Path, decoded: list[str]
) -> None:
    config = config_of(root)
    first = truth_of(config, tmp_path / "memory")
    assert {i for ids in first.ids.values() for i in ids} == set(decoded)

    decoded.clear()
    assert truth_of(config, tmp_path / "memory").digest == first.digest
    assert not decoded

    path = a_mask(root, config)
    mask = read_index_mask(path)
    Pillow.fromarray(np.flipud((mask + 1) % 4)).save(path)
    changed = truth_of(config, tmp_path / "memory")
    assert decoded
    assert changed.digest != first.digest


@pytest.mark.parametrize("spoilt", ["missing", "broken"])
def test_a_remembered_mask_that_is_spoilt_later_is_named(
    spoilt: str, root: Path, tmp_path: Path
) -> None:
    config, skipping = config_of(root), config_of(root, "dataset.on_error=skip")
    for each in (config, skipping):
        truth_of(each, tmp_path / "memory")
    path = a_mask(root, config)
    path.unlink() if spoilt == "missing" else path.write_bytes(b"no mask")
    named = path.stem if spoilt == "missing" else path.name

    with pytest.raises(UserError, match=named):
        truth_of(config, tmp_path / "memory")
    for _ in range(2):  # the second answer is remembered, or cannot be
        assert list(truth_of(skipping, tmp_path / "memory").unreadable) == [path.stem]
