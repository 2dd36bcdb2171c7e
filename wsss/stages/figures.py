"""The figures of a finished run."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from wsss.data.types import Mask, Split
from wsss.engine.stage import Context, Metrics
from wsss.maps.storage import StoredMaps
from wsss.pseudo_masks.files import read_pseudo_mask
from wsss.report.bars import iou_bars
from wsss.report.confusion import confusion_figure
from wsss.report.curves import training_curves
from wsss.report.figures import save
from wsss.report.grid import GridRow, prediction_grid
from wsss.report.thresholds import threshold_figure
from wsss.training.epoch_metrics import read_history


def draw_figures(
    context: Context,
    metrics: Metrics,
    *,
    split: Split,
    predict: Callable[[str], Mask],
    truth: Callable[[str], Mask],
    ids: Sequence[str],
) -> None:
    """Write all figures into ``figures/`` of the artifact.

    Args:
        context: that of stage ``evaluate``.
        metrics: results of the stage.
        split: the split that examples are taken from.
        predict: the segmenter's mask of an image id.
        truth: the pixel labels of an image id.
        ids: the images of the split that have pixel labels.
    """
    folder, upstream = context.artifact.path / "figures", context.upstream
    info = context.dataset.info
    if rows := grid_rows(context, split=split, predict=predict, truth=truth, ids=ids):
        save(prediction_grid(rows, info), folder / "predictions.png")
    judged = {
        "pseudo-masks": metrics["pseudo_mask"][split],
        "segmenter": metrics["segmenter"][split],
    }
    for name, result in judged.items():
        figure = confusion_figure(result["confusion"], info.classes)
        save(figure, folder / f"confusion_{name.replace('-', '_')}.png")
    per_class = {name: result["iou"] for name, result in judged.items()}
    save(iou_bars(per_class), folder / "iou_per_class.png")
    if curve := metrics.get("threshold_curve"):
        configured = context.config.pseudo_mask.background_threshold
        figure = threshold_figure(**curve, configured=configured)
        save(figure, folder / "threshold_curve.png")
    for stage in ("train", "prune", "segment"):
        if history := read_history(upstream[stage] / "history.jsonl"):
            save(training_curves(history), folder / f"curves_{stage}.png")


def grid_rows(
    context: Context,
    *,
    split: Split,
    predict: Callable[[str], Mask],
    truth: Callable[[str], Mask],
    ids: Sequence[str],
) -> list[GridRow]:
    """Examples spread evenly over the images ``ids`` of a split."""
    dataset = context.dataset
    rows: list[GridRow] = []
    chosen = _spread(ids, context.config.evaluation.figure_images)
    for maps in StoredMaps(context.upstream["extract"], split):
        if maps.image_id not in chosen:
            continue
        labels = dataset.record(maps.image_id).labels
        column = {index: c for c, index in enumerate(dataset.info.image_classes)}
        rows.append(
            GridRow(
                image_id=maps.image_id,
                image=dataset.read_image(maps.image_id),
                labels=labels,
                maps={label: maps.attention[column[label]] for label in labels},
                probabilities={i: float(maps.probabilities[column[i]]) for i in labels},
                pseudo_mask=read_pseudo_mask(context.upstream["generate"], split, maps.image_id),
                prediction=predict(maps.image_id),
                target=truth(maps.image_id),
            )
        )
        if len(rows) == len(chosen):
            break
    return rows


def _spread(ids: Sequence[str], count: int) -> set[str]:
    count = min(count, len(ids))
    return {ids[index * len(ids) // count] for index in range(count)}
