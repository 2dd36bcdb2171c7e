"""Effect of bf16 and ``torch.compile`` on pseudo-masks of synthetic scenes: three seeds.

Command:  python -m pipelines.precision_table
Cost:     about 10 minutes on 2 CPU cores
Expect:   0.893 for all three

Writes ``outputs/tables/precision.md``. No segmenter is trained. ``python -m benchmarks precision``
measures the time of a step. An interrupted recipe continues where it stopped.
"""

from __future__ import annotations

from pipelines.experiments import Overrides, run_all, write_table
from wsss.report.seeds import mean_and_spread
from wsss.runs.results import read_metrics

NO_SEGMENTER = ("segmenter.max_epochs=0", "evaluation.figure_images=0")
ROWS: dict[str, Overrides] = {
    "fp32": (),
    "bf16": ("trainer.precision=bf16",),
    "compiled": ("trainer.compile=true",),
}


def main() -> None:
    """Run missing experiments, then write the table."""
    rows = {title: (*NO_SEGMENTER, *overrides) for title, overrides in ROWS.items()}
    runs = run_all(*rows.values())
    cells = []
    for title, overrides in rows.items():
        judged = [read_metrics(run, "evaluate") for run in runs[overrides]]
        masks = mean_and_spread([m["pseudo_mask"]["test"]["miou"] for m in judged])
        classes = mean_and_spread([m["classifier"]["test"]["mAP"] for m in judged])
        cells.append([title, masks, classes])
    write_table("precision", ["training", "pseudo-mask mIoU", "mAP"], cells)


if __name__ == "__main__":
    main()
