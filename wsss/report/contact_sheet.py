"""Contact sheet: images of a split with their labels, as networks will see them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Sequence
from hashlib import sha256
from textwrap import fill

from matplotlib.figure import Figure

from wsss.data.base import Dataset
from wsss.data.types import Split
from wsss.report.display import display_colours, short_id

_COLUMNS = 6
# Lengths in inches.
_CELL, _GAP, _MARGIN, _HEADING, _ID, _LABELS = 1.7, 0.14, 0.15, 0.34, 0.2, 0.34
_LETTERS = 32  # in a line of labels
_UNLABELLED = -1


def choose_examples(
    dataset: Dataset, split: Split, count: int, without: Container[str] = ()
) -> list[str]:
    """Ids of images that cover as many classes as possible, each about equally often.

    Deterministic; images are ordered by their labels.

    Args:
        dataset: where images are chosen from.
        split: which images to choose from.
        count: number of images; all if the split has fewer.
        without: ids to exclude.
    """
    left = [i for i in dataset.ids(split) if i not in without]
    # Neighbouring ids often look alike.
    left.sort(key=lambda image_id: sha256(image_id.encode()).digest())
    labels = {image_id: dataset.record(image_id).labels or (_UNLABELLED,) for image_id in left}
    shown: Counter[int] = Counter()

    def merit(image_id: str) -> tuple[int, int, int]:
        times = [shown[label] for label in labels[image_id]]
        return times.count(0), -min(times), -sum(times)

    chosen: list[str] = []
    while left and len(chosen) < count:
        best = max(left, key=merit)
        left.remove(best)
        chosen.append(best)
        shown.update(labels[best])
    return sorted(chosen, key=lambda image_id: (labels[image_id], image_id))


def contact_sheet(dataset: Dataset, split: Split, ids: Sequence[str]) -> Figure:
    """Images in rows, each with its id above and its labels below.

    Raises:
        ValueError: no ids.
        UserError: an image cannot be read.
    """
    if not ids:
        raise ValueError("contact sheet: no images")
    info = dataset.info
    pictures = [display_colours(dataset.read_image(image_id), info) for image_id in ids]
    rows = [range(start, len(ids))[:_COLUMNS] for start in range(0, len(ids), _COLUMNS)]
    ratios = [picture.shape[0] / picture.shape[1] for picture in pictures]
    heights = [_CELL * min(1.0, max(ratios[index] for index in row)) for row in rows]
    width = 2 * _MARGIN + _COLUMNS * (_CELL + _GAP) - _GAP
    height = _MARGIN + _HEADING + sum(heights) + len(rows) * (_ID + _LABELS)

    figure = Figure(figsize=(width, height))
    classes = {label for image_id in ids for label in dataset.record(image_id).labels}
    heading = (
        f"{info.name}, {split}: {len(ids)} of {len(dataset.ids(split))} images, "
        f"{len(classes)} of {len(info.image_classes)} classes"
    )
    left, top = _MARGIN / width, 1 - _MARGIN / height
    figure.text(left, top, heading, fontsize=10, va="top")
    bottom = height - _MARGIN - _HEADING
    for row, tallest in zip(rows, heights, strict=True):
        bottom -= _ID + tallest
        for column, index in enumerate(row):
            left = _MARGIN + column * (_CELL + _GAP)
            axes = figure.add_axes((left / width, bottom / height, _CELL / width, tallest / height))
            axes.imshow(pictures[index])
            axes.set_axis_off()
            axes.set_anchor("S")
            axes.set_title(short_id(ids[index]), fontsize=7, pad=3, color="0.4")
            names = ", ".join(info.classes[i] for i in dataset.record(ids[index]).labels)
            below = fill(names or "no label", _LETTERS, max_lines=2, placeholder=" …")
            axes.annotate(
                below,
                (0.5, 0),
                (0, -3),
                xycoords="axes fraction",
                textcoords="offset points",
                ha="center",
                va="top",
                fontsize=7,
            )
        bottom -= _LABELS
    return figure
