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
            raise UserError(f"{path}: object '{name}', valid: {', '.join(OBJECTS)}")
        is_hard = thing.findtext("difficult", "0").strip() == "1"
        (hard if is_hard else easy).add(CLASSES.index(name))
    if not easy and not hard:
        raise UserError(f"{path}: no object, so the image has no label")
    return tuple(sorted(easy if easy and difficult == "exclude" else easy | hard))


def _parse(path: Path) -> ElementTree.Element:
    if not path.is_file():
        raise UserError(f"{path}: no such annotation file")
    try:
        text = path.read_text("utf-8-sig")
        # Entities can expand without bounds or refer to other files; they need a document type.
        if "<!DOCTYPE" in text:
            raise UserError(f"{path}: declares a document type, which is not allowed")
        return ElementTree.fromstring(text)
    except (UnicodeDecodeError, ElementTree.ParseError) as error:
        raise UserError(f"{path}: broken annotation file ({error})") from error
