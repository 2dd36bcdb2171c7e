from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from helpers.copies import endotect as hyper
from helpers.copies import kvasir_seg as seg
from omegaconf import OmegaConf
from PIL import Image as Pillow

from wsss.data.augment import AugmentConfig
from wsss.data.datasets.kvasir import KvasirConfig, KvasirDataset
from wsss.data.types import SPLITS
from wsss.errors import UserError

CONF = Path(__file__).resolve().parents[3] / "conf" / "dataset"


def opened(name: str, root: Path, /, **changes: object) -> KvasirDataset:
    """The dataset of a YAML file, both of which are `kvasir_seg` or build on it."""
    merged = OmegaConf.merge(*(OmegaConf.load(CONF / f"{n}.yaml") for n in ("kvasir_seg", name)))
    settings: dict[str, Any] = dict(OmegaConf.to_container(merged))  # type: ignore[arg-type]
    assert settings.pop("kind") == "kvasir" and settings["name"] == name
    settings.pop("defaults", None)
    settings["augment"] = AugmentConfig(**settings["augment"])
    held_out = {"val_images": 4, "test_images": 6}
    return KvasirDataset(KvasirConfig(**(settings | held_out | {"root": str(root)} | changes)))


@pytest.fixture
def polyps(tmp_path: Path) -> Path:
    seg.make(tmp_path / "Kvasir-SEG")
    return tmp_path / "Kvasir-SEG"


@pytest.fixture
def mixed(tmp_path: Path) -> Path:
    hyper.make(tmp_path / "hyper-kvasir")
    return tmp_path / "hyper-kvasir"


def everything(data: KvasirDataset) -> dict[str, tuple[int, ...]]:
    return {i: data.record(i).labels for split in SPLITS for i in data.ids(split)}


def test_polyps_alone(polyps: Path) -> None:
    data = opened("kvasir_seg", polyps)
    assert data.info.classes == data.info.image_class_names == ("normal", "polyp")
    assert data.info.background == 0 and not data.info.multi_label
    assert data.info.palette == ((0, 0, 0), (240, 90, 60))
    assert [len(data.ids(split)) for split in SPLITS] == [12, 4, 6]
    assert everything(data).keys() == set(seg.IDS)
    assert data.labels("train").tolist() == [[0, 1]] * 12
    assert data.counts() == {"images": (22, 1000)}
    read_mask = data.open_masks()
    for image_id in seg.IDS:
        mask, image = read_mask(image_id), data.read_image(image_id)
        assert image.shape == (3, *mask.shape) and data.has_mask(image_id)
        assert mask.dtype == np.uint8 and set(np.unique(mask)) == {0, 1}
        red = image[0]
        assert red[mask == 0].mean() > red[mask == 1].mean() + 50  # red ground, blue polyp


def test_noise_of_compression_leaves_no_trace(polyps: Path) -> None:
    image_id = seg.IDS[0]
    drawn = np.zeros((32, 48), np.uint8)
    drawn[5:21, 11:40] = 1
    white = Pillow.fromarray(np.repeat(255 * drawn[..., None], 3, axis=2))
    white.save(polyps / "masks" / f"{image_id}.jpg", quality=60)
    with Pillow.open(polyps / "masks" / f"{image_id}.jpg") as mask:
        assert len(np.unique(np.asarray(mask))) > 2
    assert np.array_equal(opened("kvasir_seg", polyps).open_masks()(image_id), drawn)


def test_polyps_and_negatives(mixed: Path) -> None:
    data = opened("endotect", mixed)
    labels = everything(data)
    assert {i for i, found in labels.items() if found == (1,)} == set(hyper.POLYPS)
    negatives = {*hyper.LANDMARKS, *hyper.CLEAN_VIEWS}
    assert {i for i, found in labels.items() if found == (0,)} == negatives
    assert hyper.REPEATED not in labels  # polyps come from the segmented images alone
    counts = [data.labels(split).sum(axis=0).tolist() for split in SPLITS]
    assert counts == [[5, 7], [2, 2], [3, 3]]  # normal and polyp, of 10 and 12
    assert data.counts() == {
        hyper.IMAGES: (12, 1000),
        hyper.CECUM: (5, 1009),
        hyper.CLEAN: (5, 1148),
    }
    read_mask = data.open_masks()
    for image_id, (label,) in labels.items():
        mask = read_mask(image_id)
        assert data.has_mask(image_id) and mask.shape == data.size(image_id)
        assert mask.max() == label


def test_negatives_from_elsewhere(polyps: Path, mixed: Path) -> None:
    data = opened("kvasir_seg", polyps, negatives=[str(mixed / hyper.CECUM)])
    assert len(everything(data)) == 27
    assert data.counts()[str(mixed / hyper.CECUM)] == (5, 1009)


def test_held_out_images_depend_on_ids_alone(mixed: Path) -> None:
    before = opened("endotect", mixed)
    turned = opened("endotect", mixed, negatives=[hyper.CLEAN, hyper.CECUM])
    for split in SPLITS:
        assert set(turned.ids(split)) == set(before.ids(split))
    fewer = opened("endotect", mixed, val_images=2)
    assert fewer.ids("test") == before.ids("test")
    assert set(fewer.ids("val")) < set(before.ids("val"))


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("kvasir_seg", {"val_images": 16}, "dataset.val_images (its share of polyps) is 16"),
        ("kvasir_seg", {"test_images": 22}, "dataset.test_images (its share of polyps) is 22"),
        ("kvasir_seg", {"test_images": 0}, "split 'test' has no image"),
        ("endotect", {"val_images": 16}, "dataset.val_images (its share of polyps) is 9"),
        ("endotect", {"val_images": -3}, "dataset.val_images (its share of polyps) is -2"),
        ("endotect", {"negatives": ["upper"]}, "upper: no such folder, but dataset.negatives"),
        ("endotect", {"negatives": [hyper.MASKS]}, "is also in another folder"),
        ("endotect", {"negatives": ["labeled-images"]}, "labeled-images: no file <id>.jpg in it"),
    ],
)
def test_settings_that_do_not_fit(
    polyps: Path, mixed: Path, name: str, changes: dict[str, object], words: str
) -> None:
    with pytest.raises(UserError) as caught:
        opened(name, {"kvasir_seg": polyps, "endotect": mixed}[name], **changes)
    assert words in str(caught.value) and "\n" not in str(caught.value)


def test_without_the_folder_of_masks_only_evaluation_fails(mixed: Path) -> None:
    before = everything(opened("endotect", mixed))
    shutil.rmtree(mixed / hyper.MASKS)
    data = opened("endotect", mixed)
    assert everything(data) == before
    assert [data.has_mask(i) for i in (hyper.POLYPS[0], hyper.LANDMARKS[0])] == [False, True]
    with pytest.raises(UserError, match="segmented-images/masks: no such folder of masks"):
        data.open_masks()


def test_no_mask_is_read_before_masks_are_opened(mixed: Path) -> None:
    before = everything(opened("endotect", mixed))
    for path in (mixed / hyper.MASKS).iterdir():
        path.write_bytes(b"")
    assert everything(opened("endotect", mixed)) == before


def test_pairs_that_are_not_whole_are_left_out_by_name(polyps: Path) -> None:
    without_mask, without_image = seg.IDS[2], seg.IDS[5]
    (polyps / "masks" / f"{without_mask}.jpg").unlink()
    (polyps / "images" / f"{without_image}.jpg").unlink()
    data = opened("kvasir_seg", polyps, on_error="skip")
    assert data.quarantined.keys() == {without_mask, without_image}
    assert "without a mask" in data.quarantined[without_mask]
    assert "without an image" in data.quarantined[without_image]
    assert everything(data).keys() == set(seg.IDS) - {without_mask, without_image}
    shutil.rmtree(polyps / "masks")
    (polyps / "masks").mkdir()
    with pytest.raises(UserError, match="masks: no file <id>.jpg in it"):
        opened("kvasir_seg", polyps, on_error="skip")


def test_genuine_frames(samples: Path) -> None:
    root = samples / "kvasir_seg_sample" / "Kvasir-SEG"
    data = opened("kvasir_seg", root, val_images=1, test_images=1)
    assert [len(data.ids(split)) for split in SPLITS] == [3, 1, 1]
    shares = {
        "cju0qkwl35piu0993l0dewei2": ((529, 622), 0.2828),
        "cju0qoxqj9q6s0835b43399p4": ((1070, 1348), 0.2706),
        "cju0qx73cjw570799j4n5cjze": ((529, 619), 0.3188),
        "cju0roawvklrq0799vmjorwfv": ((528, 622), 0.1085),
        "cju0rx1idathl0835detmsp84": ((528, 617), 0.0728),
    }
    assert everything(data) == dict.fromkeys(shares, (1,))
    read_mask = data.open_masks()
    for image_id, (size, share) in shares.items():
        mask = read_mask(image_id)
        assert mask.shape == size == data.size(image_id)
        assert set(np.unique(mask)) == {0, 1}
        assert mask.mean() == pytest.approx(share, abs=1e-3)  # decoders may differ a bit
    # Looked up in the picture: the polyp, the mucosa left of it, the black corner.
    image_id = "cju0rx1idathl0835detmsp84"
    mask, image = read_mask(image_id), data.read_image(image_id)
    assert [int(mask[point]) for point in ((300, 370), (250, 200), (450, 100))] == [1, 0, 0]
    assert image[:, 450, 100].max() < 12 and image[0, 250, 200] > image[2, 250, 200] + 40
