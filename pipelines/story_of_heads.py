"""How many attention heads the classifier needs, on synthetic scenes: three seeds.

Command:  python -m pipelines.story_of_heads
Cost:     about 35 minutes on 2 CPU cores
Expect:   half of the heads removed, gates from the start: mAP 0.950, mIoU 0.882; with all heads
          0.960, 0.832

Writes ``outputs/tables/story_of_heads.md`` and ``.png``; the confidence and gate of every head are
in ``heads.csv`` of each run's stage ``prune``. An interrupted recipe continues where it stopped.
"""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from pathlib import Path

import torch
from matplotlib.figure import Figure

from pipelines.experiments import TABLES, Overrides, run_all, write_table
from wsss.models.checkpoint import load_classifier
from wsss.models.speed import speed_ratio
from wsss.report.seeds import mean_and_spread
from wsss.runs.results import read_metrics

NO_SEGMENTER = ("segmenter.max_epochs=0", "evaluation.figure_images=0")
TRAINED: Overrides = ("pruning=none",)
AFTER = {
    f"gates after training, keep {share:g}": ("experiment=story_of_heads", f"pruning.keep={share}")
    for share in (0.5, 0.25)
}
START = {
    "gates from the start, penalty 0.01": ("pruning.penalty=0.01",),
    "gates from the start, penalty 0.03": ("pruning.penalty=0.03",),
    "gates from the start, keep 0.5": ("pruning.keep=0.5",),
}
ROWS: dict[str, Overrides] = {"as trained": TRAINED, **AFTER, **START}
COLUMNS = ("heads", "mAP", "change of mAP", "weights", "time", "pseudo-mask mIoU")


def main() -> None:
    """Run missing experiments, then write table and figure."""
    runs = run_all(*((*overrides, *NO_SEGMENTER) for overrides in ROWS.values()))
    by_title = {title: runs[*overrides, *NO_SEGMENTER] for title, overrides in ROWS.items()}
    trained = _maps(by_title["as trained"])
    rows = [[title, *_cells(found, trained)] for title, found in by_title.items()]
    write_table("story_of_heads", ["pruning", *COLUMNS], rows)
    swept = [by_title[title] for title in ("as trained", *AFTER)]
    figure = quality_against_heads(
        [_heads(found)[0] for found in swept],
        {"mAP": [_maps(found) for found in swept], "mIoU": [_masks(found) for found in swept]},
    )
    figure.savefig(TABLES / "story_of_heads.png", dpi=150)


def quality_against_heads(
    heads: Sequence[int], scores: dict[str, Sequence[Sequence[float]]]
) -> Figure:
    """Mean and range over seeds of each score against the number of heads kept."""
    figure = Figure(figsize=(5.6, 3.2), layout="constrained")
    axes = figure.add_subplot()
    for name, values in scores.items():
        (line,) = axes.plot(heads, [statistics.mean(v) for v in values], marker="o", label=name)
        low, high = [min(v) for v in values], [max(v) for v in values]
        axes.fill_between(heads, low, high, color=line.get_color(), alpha=0.2, linewidth=0)
    axes.set_xlabel("heads kept")
    axes.set_ylim(0, 1)
    axes.grid(color="0.9")
    axes.legend(frameon=False, loc="lower right")
    return figure


def _cells(runs: Sequence[Path], trained: Sequence[float]) -> list[str]:
    kept = _heads(runs)
    changes = [after - before for after, before in zip(_maps(runs), trained, strict=True)]
    return [
        "-".join(str(number) for number in sorted(set(kept))),
        mean_and_spread(_maps(runs)),
        f"{statistics.mean(changes):+.3f} ± {statistics.stdev(changes):.3f}",
        f"{statistics.mean(_share_of_weights(run) for run in runs):.2f}",
        f"{statistics.mean(_share_of_time(run) for run in runs):.2f}",
        mean_and_spread(_masks(runs)),
    ]


def _heads(runs: Sequence[Path]) -> list[int]:
    return [read_metrics(run, "prune")["heads_kept"] for run in runs]


def _maps(runs: Sequence[Path]) -> list[float]:
    return [read_metrics(run, "evaluate")["classifier"]["test"]["mAP"] for run in runs]


def _masks(runs: Sequence[Path]) -> list[float]:
    return [read_metrics(run, "evaluate")["pseudo_mask"]["test"]["miou"] for run in runs]


def _share_of_weights(run: Path) -> float:
    metrics = read_metrics(run, "prune")
    return float(metrics.get("parameters_kept", 1) / metrics.get("parameters", 1))


def _share_of_time(run: Path) -> float:
    """Time of a forward pass after pruning over that before, on one thread."""
    before, spec = load_classifier(run / "train")
    after, _ = load_classifier(run / "prune")
    size = (32, len(spec.bands), spec.image_size, spec.image_size)
    images = torch.randn(size, generator=torch.Generator().manual_seed(0))
    return speed_ratio(before, after, images, rounds=30)


if __name__ == "__main__":
    main()
