"""Pascal VOC's annotation files: the objects of an image, and the image labels they give."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

from wsss.errors import UserError

OBJECTS = (
    "aeroplane",
    "bicycle",
    "bird",
    "boat",
    "bottle",
    "bus",
    "car",
    "cat",
    "chair",
    "cow",
    "diningtable",
    "dog",
    "horse",
    "motorbike",
    "person",
    "pottedplant",
    "sheep",
    "sofa",
    "train",
    "tvmonitor",
)
CLASSES = ("background", *OBJECTS)
DIFFICULT = ("include", "exclude")
_MARKS = {"0": False, "1": True, "false": False, "true": True, "unspecified": False}


def read_labels(path: Path, difficult: str) -> tuple[int, ...]:
    """Class indices of the objects in an annotation file, ascending.

    Args:
        path: the annotation file.
        difficult: one of `DIFFICULT`. With ``exclude``, objects marked as difficult give no label
            unless the image has no others.

    Raises:
        UserError: names a file that is missing or broken, or has no object or an unknown one.
    """
    easy: set[int] = set()
    hard: set[int] = set()
    for thing in _parse(path).findall("object"):  # only of the root: parts of objects are named too
        name = " ".join(thing.findtext("name", "").split())
        if name not in OBJECTS:
            raise UserError(
                f"{path}: object '{name}', valid: {', '.join(OBJECTS)}; "
                "classes of your own need dataset=folder"
            )
        mark = (thing.findtext("difficult") or "0").strip().lower()
        if mark not in _MARKS:
            raise UserError(f"{path}: difficult is '{mark}', valid: {', '.join(_MARKS)}")
        is_hard = _MARKS[mark]
        (hard if is_hard else easy).add(CLASSES.index(name))
    if not easy and not hard:
        raise UserError(f"{path}: no object, so the image has no label")
    return tuple(sorted(easy if easy and difficult == "exclude" else easy | hard))


def _parse(path: Path) -> ElementTree.Element:
    if not path.is_file():
        raise UserError(f"{path}: no such annotation file")
    try:
        content = path.read_bytes()
        # Entities can expand without bounds or refer to other files; they need a document type.
        if b"<!DOCTYPE" in content or b"\0" in content:  # two bytes a letter would hide it
            raise UserError(f"{path}: declares a document type, or is UTF-16; neither is allowed")
        return ElementTree.fromstring(content)  # in the encoding that it declares
    except (LookupError, ValueError, ElementTree.ParseError) as error:
        raise UserError(f"{path}: broken annotation file ({error})") from error
