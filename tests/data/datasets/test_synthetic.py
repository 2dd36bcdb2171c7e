from __future__ import annotations

import hashlib
import itertools
import json
import resource
import signal
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import rasterio
from helpers.small_datasets import synthetic_config

from wsss.data.datasets import synthetic
from wsss.data.datasets.dfc import DfcDataset
from wsss.data.datasets.dfc_tree import BANDS, list_patches, patch_path
from wsss.data.datasets.scenes import draw_scene
from wsss.data.datasets.synthetic import SyntheticConfig, SyntheticDataset, prepare_synthetic
from wsss.errors import UserError

Make = Callable[..., SyntheticConfig]


def digest(root: Path) -> dict[str, str]:
    files = sorted(path for path in root.rglob("*") if path.is_file())
    return {str(f.relative_to(root)): hashlib.sha256(f.read_bytes()).hexdigest() for f in files}


def test_tree_holds_the_scenes_as_drawn(written_tree: Path) -> None:
    assert list_patches(written_tree, "test", "s2") == list(range(8))
    assert list_patches(written_tree, "validation", "s1") == [0, 1]
    scene = draw_scene(7, 9, 32)
    for sensor, values in (("s2", scene.s2), ("s1", scene.s1), ("dfc", scene.codes[None])):
        with rasterio.open(patch_path(written_tree, "validation", sensor, 1)) as source:
            assert np.array_equal(source.read(), values)
            assert source.dtypes[0] == values.dtype
            assert source.compression.value == "DEFLATE"
            assert source.crs.to_epsg() == 32632
            assert source.res == (10, 10)
            if sensor in BANDS:
                assert source.descriptions == BANDS[sensor]


def test_every_scene_has_its_own_place(written_tree: Path, make_synthetic: Make) -> None:
    data = DfcDataset(make_synthetic(written_tree))
    ids = [i for split in ("train", "val", "test") for i in data.ids(split)]
    places = [data.georeference(image_id) for image_id in ids]
    corners = {(p.transform[2], p.transform[5]) for p in places if p is not None}
    assert len(corners) == 10
    west = sorted(corner[0] for corner in corners)
    assert all(b - a >= 320 for a, b in itertools.pairwise(west))


def test_same_settings_same_bytes(written_tree: Path, tmp_path: Path, make_synthetic: Make) -> None:
    prepare_synthetic(make_synthetic(tmp_path / "again"))
    assert digest(tmp_path / "again") == digest(written_tree)
    leftovers = [path.name for path in tmp_path.iterdir() if path.name != "again"]
    assert leftovers in ([], [".again.lock"])


def test_complete_scenes_are_reused(
    written_tree: Path, make_synthetic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(synthetic, "draw_scene", None)
    prepare_synthetic(make_synthetic(written_tree, modality="s1", val_patches=3, cache_mb=9))


def test_interrupted_writing_leaves_no_tree(
    tmp_path: Path, make_synthetic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(seed: int, index: int, size: int) -> object:
        if index == 3:
            raise KeyboardInterrupt
        return draw_scene(seed, index, size)

    config = make_synthetic(tmp_path / "tree", scenes_train=2, scenes_val=1, scenes_test=1)
    monkeypatch.setattr(synthetic, "draw_scene", interrupt)
    with pytest.raises(KeyboardInterrupt):
        prepare_synthetic(config)
    assert not (tmp_path / "tree").exists()
    (tmp_path / ".tree.partial").mkdir()  # what a killed process would leave
    (tmp_path / ".tree.partial" / "rubbish").touch()
    monkeypatch.undo()
    prepare_synthetic(config)
    assert not (tmp_path / "tree" / "rubbish").exists()
    assert json.loads((tmp_path / "tree" / "scenes.json").read_text())["scenes_train"] == 2


def test_two_at_once_write_once(
    tmp_path: Path, make_synthetic: Make, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn: list[int] = []

    def count(seed: int, index: int, size: int) -> object:
        drawn.append(index)
        return draw_scene(seed, index, size)

    monkeypatch.setattr(synthetic, "draw_scene", count)
    config = make_synthetic(tmp_path / "tree")
    threads = [threading.Thread(target=prepare_synthetic, args=(config,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(drawn) == list(range(10))


def test_other_settings_are_refused(written_tree: Path, make_synthetic: Make) -> None:
    before = digest(written_tree)
    with pytest.raises(UserError) as caught:
        prepare_synthetic(make_synthetic(written_tree, scene_size=64, scenes_seed=8))
    message = str(caught.value)
    assert "scene_size=32 there, 64 asked for; scenes_seed=7 there, 8 asked for" in message
    assert str(written_tree) in message
    assert digest(written_tree) == before


@pytest.mark.parametrize("content", [None, "not JSON", "[1]"])
def test_foreign_folders_are_not_overwritten(
    tmp_path: Path, make_synthetic: Make, content: str | None
) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    if content is not None:
        (tmp_path / "scenes.json").write_text(content)
    with pytest.raises(UserError, match="delete that folder or choose another root"):
        prepare_synthetic(make_synthetic(tmp_path))
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_an_empty_folder_is_filled(tmp_path: Path, make_synthetic: Make) -> None:
    root = tmp_path / "empty"
    root.mkdir()
    prepare_synthetic(make_synthetic(root, scenes_train=1, scenes_val=1, scenes_test=1))
    assert (root / "scenes.json").is_file()


@pytest.mark.parametrize("key", ["scenes_train", "scenes_val", "scenes_test", "scene_size"])
def test_numbers_are_checked(tmp_path: Path, make_synthetic: Make, key: str) -> None:
    with pytest.raises(ValueError, match=rf"dataset.{key} is 0, it must lie in \d\.\."):
        make_synthetic(tmp_path / "tree", **{key: 0})


def test_a_full_disk_leaves_nothing_that_looks_complete(tmp_path: Path) -> None:
    root = tmp_path / "tree"
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large"):
            prepare_synthetic(synthetic_config(root))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, before)
    assert not root.exists()
    prepare_synthetic(synthetic_config(root))
    assert SyntheticDataset(synthetic_config(root)).read_image("test_p0").shape[0] == 15
