"""What bf16 and ``torch.compile`` do to pseudo-masks on synthetic scenes: three seeds.

Command:  python -m pipelines.precision_table
Cost:     about 15 minutes on 2 CPU cores
Expect:   not measured yet

Writes ``outputs/tables/precision.md``. No segmenter is trained. Time is that of the classifier's
training; what a step gains at larger sizes, ``python -m benchmarks precision`` tells. Interrupted,
it goes on where it was.
"""

from __future__ import annotations

from pipelines.experiments import Overrides, run_all, seconds, write_table
from wsss.report.seeds import mean_and_spread, read_metrics

NO_SEGMENTER = ("segmenter.max_epochs=0", "evaluation.figure_images=0")
ROWS: dict[str, Overrides] = {
    "fp32": (),
    "bf16": ("trainer.precision=bf16",),
    "compiled": ("trainer.compile=true",),
    "bf16, compiled": ("trainer.precision=bf16", "trainer.compile=true"),
}


def main() -> None:
    """Run what is not there yet, then write the table."""
    rows = {title: (*NO_SEGMENTER, *overrides) for title, overrides in ROWS.items()}
    runs = run_all(*rows.values())
    cells = []
    for title, overrides in rows.items():
        judged = [read_metrics(run, "evaluate") for run in runs[overrides]]
        masks = mean_and_spread([m["pseudo_mask"]["test"]["miou"] for m in judged])
        classes = mean_and_spread([m["classifier"]["test"]["mAP"] for m in judged])
        trained = mean_and_spread([seconds(run, "train") for run in runs[overrides]], decimals=0)
        cells.append([title, masks, classes, trained])
    write_table("precision", ["training", "pseudo-mask mIoU", "mAP", "seconds of training"], cells)


if __name__ == "__main__":
    main()
