"""Effect of each part of the method on synthetic scenes: three seeds, scored on ``val``.

Command:  python -m pipelines.ablation_table
Cost:     about 90 minutes on 2 CPU cores
Expect:   default 0.918, without masking 0.852, class attention alone 0.796

Writes ``outputs/tables/ablation_<part>.md``. Scores are on ``val``, not on the reported split, so
that defaults may be chosen by them. No segmenter is trained. An interrupted recipe continues where
it stopped.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipelines.experiments import Overrides, run_all, write_table
from wsss.report.seeds import mean_and_spread
from wsss.runs.results import read_metrics

MASKS_ALONE = ("segmenter.max_epochs=0", "evaluation.split=val", "evaluation.figure_images=0")
RATES = (0.25, 0.5, 1.0)
MASKING = {
    f"{title}, dp_rate {rate}": (*overrides, f"dp_rate={rate}")
    for title, overrides in {
        "output": (),
        "input": ("masking.place=input",),
        "attention": ("masking.place=attention",),
    }.items()
    for rate in RATES
} | {
    "none": ("masking=none",),
    "output, dp_rate rising to 0.5": ("masking=scheduled",),
    "output, dp_rate 0.5, balanced": ("masking.balance=frequency",),
    "output, dp_rate 0.5, diversity 0.1": ("loss.diversity=0.1",),
}
MAPS = {
    "fused, open heads, all layers": (),
    "class attention": ("attention.source=attention",),
    "patch CAM": ("attention.source=patch_cam",),
    "all heads": ("attention.heads=all",),
    "weighted heads": ("attention.heads=weighted",),
    "gates after training": ("pruning=after",),
    "no pruning": ("pruning=none",),
    "first layer": ("attention.layers=[0]",),
    "last layer": ("attention.layers=last_1",),
    "learnt layer weights": ("attention.layers=learnt",),
    "rollout": ("attention.method=rollout",),
    "patch affinity": ("attention.affinity=true",),
    "one view": ("attention=plain",),
}
AFFINITY = {
    f"{system}, {'with' if affinity else 'without'} patch affinity": (
        f"experiment={system}",
        f"attention.affinity={str(affinity).lower()}",
    )
    for system in ("mctformer_v1", "mctformer_v2", "mctformer_plus")
    for affinity in (True, False)
}
TABLES: dict[str, Mapping[str, Overrides]] = {
    "masking": MASKING,
    "maps": MAPS,
    "affinity": AFFINITY,
}


def main() -> None:
    """Run missing experiments, then write a table for each part."""
    for part, rows in TABLES.items():
        write_table(f"ablation_{part}", [part, "pseudo-mask mIoU (val)", "mAP (val)"], cells(rows))


def cells(rows: Mapping[str, Overrides]) -> list[list[str]]:
    """One line per variant of the default experiment."""
    runs = run_all(*((*overrides, *MASKS_ALONE) for overrides in rows.values()))
    lines = []
    for title, overrides in rows.items():
        judged = [read_metrics(run, "evaluate") for run in runs[*overrides, *MASKS_ALONE]]
        masks = mean_and_spread([m["pseudo_mask"]["val"]["miou"] for m in judged])
        classes = mean_and_spread([m["classifier"]["val"]["mAP"] for m in judged])
        lines.append([title, masks, classes])
    return lines


if __name__ == "__main__":
    main()
