"""MCTformer+ (Xu et al., 2023) on synthetic scenes: three seeds.

Command:  python -m pipelines.mctformer_plus
Cost:     9 minutes on 2 busy CPU cores
Expect:   pseudo-mask mIoU on test 0.18, segmenter 0.24; without patch affinity 0.84, 0.86

Writes ``outputs/tables/mctformer_plus.md``. An interrupted recipe continues where it stopped.
"""

from pipelines.experiments import Overrides, system_table

ROWS: dict[str, Overrides] = {
    "MCTformer+": ("experiment=mctformer_plus",),
    "MCTformer+, no patch affinity": ("experiment=mctformer_plus", "attention.affinity=false"),
}

if __name__ == "__main__":
    system_table("mctformer_plus", ROWS)
