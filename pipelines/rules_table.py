"""Mask rules and refinements on the same maps: three seeds.

Command:  python -m pipelines.rules_table
          python -m pipelines.rules_table experiment=msrc21 dataset.root=<folder>
Cost:     about 20 minutes on 2 CPU cores; 70 for msrc21
Expect:   default 0.893 on test, paper's rule 0.778; on msrc21 0.388 and 0.376

Writes ``outputs/tables/rules_<dataset>.md``. Overrides on the command
line apply to every run. No segmenter is trained. An interrupted recipe continues where it stopped.
"""

from __future__ import annotations

import sys

from pipelines.experiments import Overrides, run_all, write_table
from wsss.pseudo_masks.rules.registry import RULES
from wsss.report.seeds import mean_and_spread
from wsss.runs.results import read_metrics

NO_SEGMENTER = ("segmenter.max_epochs=0", "evaluation.figure_images=0")
ROWS = {
    (rule, refine): (f"pseudo_mask={rule}", f"pseudo_mask.refine={refine}")
    for rule in RULES
    for refine in ("none", "pamr")
}


def main(given: Overrides) -> None:
    """Run missing experiments, then write the table."""
    rows = {title: (*given, *NO_SEGMENTER, *overrides) for title, overrides in ROWS.items()}
    runs = run_all(*rows.values())
    cells = []
    for title, overrides in rows.items():
        judged = [read_metrics(run, "evaluate")["pseudo_mask"] for run in runs[overrides]]
        scores = [
            mean_and_spread([m[split]["miou"] for m in judged]) for split in ("train", "test")
        ]
        cells.append([*title, *scores])
    dataset = runs[rows["paper", "none"]][0].name.rpartition("_")[0]
    head = ["rule", "refinement", "pseudo-mask mIoU (train)", "pseudo-mask mIoU (test)"]
    write_table(f"rules_{dataset}", head, cells)


if __name__ == "__main__":
    main(tuple(sys.argv[1:]))
