"""Finding everything in a dataset that could make a run fail, without training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from wsss.check.duplicates import duplicate_findings
from wsss.check.masks import check_masks
from wsss.check.report import Finding, Report, Sizes, SplitSummary
from wsss.check.values import band_ranges, image_values, value_findings
from wsss.data.base import Dataset
from wsss.data.types import SPLITS, Split
from wsss.progress import track


def inspect(
    dataset: Dataset,
    reported: Split,
    unreadable: Mapping[str, str],
    refusals: Sequence[str] = (),
) -> Report:
    """Check labels, sizes, masks and files of all images.

    Args:
        dataset: opened as in a run.
        reported: the split that a run is scored on.
        unreadable: why images are unreadable, by id, from
            `wsss.data.quarantine.find_unreadable`; empty for a dataset opened with
            ``on_error=skip``, which has left them out.
        refusals: what the stages refuse before they run, see `wsss.engine.stage.Stage.check`.
    """
    splits = {split: _labels_of(dataset, split) for split in SPLITS}
    masks = check_masks(dataset, reported, unreadable)
    values = image_values(dataset, unreadable)
    findings = [
        *(Finding("fault", "run", reason) for reason in refusals),
        *_count_findings(dataset),
        *(Finding("fault", "image", reason) for reason in unreadable.values()),
        *(Finding("warning", "left out", reason) for reason in dataset.quarantined.values()),
        *masks.findings,
        *duplicate_findings(dataset, unreadable),
        *value_findings(values),
        *_class_findings(splits),
    ]
    info = dataset.info
    return Report(
        dataset=info.name,
        bands=info.bands,
        multi_label=info.multi_label,
        background=None if info.background is None else info.classes[info.background],
        counts=dataset.counts(),
        splits=splits,
        sizes=_sizes(dataset, unreadable),
        values=band_ranges(dataset, values),
        sound_masks=masks.sound,
        without_masks=masks.absent,
        findings=tuple(sorted(findings, key=lambda finding: finding.severity)),  # faults first
        unwritten=masks.unseen,
    )


def _labels_of(dataset: Dataset, split: Split) -> SplitSummary:
    labels = dataset.labels(split).astype(int)
    labels_per_image = Counter(labels.sum(axis=1).tolist())
    class_images = labels.sum(axis=0).tolist()
    return SplitSummary(
        images=len(labels),
        labels_per_image=dict(sorted(labels_per_image.items())),
        class_images=dict(zip(dataset.info.image_class_names, class_images, strict=True)),
    )


def _sizes(dataset: Dataset, unreadable: Mapping[str, str]) -> Sizes | None:
    ids = [i for split in SPLITS for i in dataset.ids(split) if i not in unreadable]
    with ThreadPoolExecutor() as threads:
        found = list(track(threads.map(dataset.size, ids), "sizes", len(ids)))
    if not found:
        return None
    by_area = sorted(found, key=lambda size: (size[0] * size[1], size))
    return Sizes(by_area[0], by_area[len(by_area) // 2], by_area[-1], len(set(found)))


def _count_findings(dataset: Dataset) -> Iterator[Finding]:
    for part, count in dataset.counts().items():
        if count.expected not in (None, count.found):
            yield Finding("warning", "count", f"{part}: {count.found} images, not {count.expected}")


def _class_findings(splits: Mapping[Split, SplitSummary]) -> Iterator[Finding]:
    for name, images in splits["train"].class_images.items():
        if not images:
            tested = splits["test"].class_images[name]
            but = f", but {tested} of test do" if tested else ""
            yield Finding("warning", "class", f"class '{name}': no training image has it{but}")
