"""Reading and checking of COCO's annotation files."""

from __future__ import annotations

import json
from array import array
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from wsss.data.datasets.coco_categories import CATEGORIES, CLASS_OF
from wsss.errors import UserError

_IMAGE_KEYS = frozenset({"images", "annotations", "categories", "file_name", "height", "width"})
_LABEL_KEYS = _IMAGE_KEYS | {"id", "name", "image_id", "category_id", "iscrowd"}
_PIXEL_KEYS = frozenset({"segmentation", "counts", "size"})


class Annotation(NamedTuple):
    """An object, or a crowd of objects, in an image."""

    annotation_id: int
    class_index: int
    crowd: bool
    segmentation: Any
    """Polygons as arrays, or run lengths as in the file; ``None`` if it was not read."""


class AnnotatedImage(NamedTuple):
    """An image and its annotations."""

    file_name: str
    size: tuple[int, int]
    """Height and width in pixels."""
    annotations: list[Annotation]


def read_annotations(path: Path, *, segmentations: bool) -> dict[str, AnnotatedImage]:
    """Images of an annotation file by the stem of their file names, in the order of the file.

    Without `segmentations`, polygons and run lengths are discarded while the file is parsed: no
    later code can read them, and the 450 MB of train2017 need about 2 GB of memory.

    Raises:
        UserError: names the file if it is missing, truncated, not an annotation file or has
            categories other than COCO's; names an image or annotation that is broken or duplicate.
    """
    content = _load(path, _LABEL_KEYS | _PIXEL_KEYS if segmentations else _LABEL_KEYS)
    _check_categories(path, _entries(path, content, "categories"))
    images: dict[str, AnnotatedImage] = {}
    by_id: dict[int, AnnotatedImage] = {}
    for entry in _entries(path, content, "images"):
        image_id, name = _whole(entry, "id", f"{path}: an image"), entry.get("file_name")
        where = f"{path}: image {image_id}"
        if not isinstance(name, str) or not name:
            raise UserError(f"{where} has file_name {name!r}, expected the name of a file")
        name = Path(name).name  # exporters write folders of their own
        size = (_whole(entry, "height", where), _whole(entry, "width", where))
        if min(size) < 1:
            raise UserError(f"{where} has height and width {size}, expected 1 or more")
        if image_id in by_id or Path(name).stem in images:
            raise UserError(f"{where} ({name}) is a duplicate")
        by_id[image_id] = images[Path(name).stem] = AnnotatedImage(name, size, [])
    seen: set[int] = set()
    for entry in _entries(path, content, "annotations"):
        annotation_id = _whole(entry, "id", f"{path}: an annotation")
        where = f"{path}: annotation {annotation_id}"
        if annotation_id in seen:
            raise UserError(f"{where} is a duplicate")
        seen.add(annotation_id)
        image_id = _whole(entry, "image_id", where)
        if image_id not in by_id:
            raise UserError(f"{where} has image_id {image_id}, which is not an image of the file")
        category_id = _whole(entry, "category_id", where)
        if category_id not in CLASS_OF:
            raise UserError(f"{where} has category_id {category_id}, which is not one of COCO's 80")
        crowd, segmentation = entry.get("iscrowd", 0), entry.get("segmentation")
        if crowd not in (0, 1):
            raise UserError(f"{where} has iscrowd {crowd!r}, valid: 0, 1")
        by_id[image_id].annotations.append(
            Annotation(annotation_id, CLASS_OF[category_id], bool(crowd), segmentation)
        )
    return images


def _load(path: Path, keys: frozenset[str]) -> dict[str, Any]:
    def trim(node: dict[str, Any]) -> dict[str, Any]:
        kept = {key: value for key, value in node.items() if key in keys}
        if "segmentation" in kept:
            kept["segmentation"] = _packed(kept["segmentation"])
        return kept

    if not path.is_file():
        raise UserError(f"{path}: no such annotation file")
    try:
        with path.open(encoding="utf-8-sig") as file:
            content = json.load(file, object_hook=trim)
    except (ValueError, RecursionError) as error:
        raise UserError(f"{path}: truncated or not JSON ({error})") from error
    if not isinstance(content, dict):
        raise UserError(f"{path}: not an annotation file of COCO: its top level is not an object")
    return content


def _packed(segmentation: Any) -> Any:
    """Polygons as arrays, a quarter of the memory; invalid ones are kept and rejected later."""
    if not isinstance(segmentation, list):
        return segmentation
    try:
        return [array("d", polygon) for polygon in segmentation]
    except (TypeError, OverflowError):
        return segmentation


def _check_categories(path: Path, entries: list[dict[str, Any]]) -> None:
    names = {_whole(entry, "id", f"{path}: a category"): entry.get("name") for entry in entries}
    for category_id in sorted(names.keys() | CATEGORIES.keys()):
        found, expected = names.get(category_id), CATEGORIES.get(category_id)
        if found != expected:
            raise UserError(
                f"{path}: category {category_id} is {found!r}, but in COCO it is {expected!r}; "
                "classes of your own need dataset=folder"
            )


def _entries(path: Path, content: Mapping[str, Any], key: str) -> list[dict[str, Any]]:
    entries = content.get(key)
    if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise UserError(f"{path}: no list '{key}' of objects")
    return entries


def _whole(entry: Mapping[str, Any], key: str, where: str) -> int:
    value = entry.get(key)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    if type(value) is not int:
        raise UserError(f"{where} has {key} {value!r}, expected a whole number")
    return value
