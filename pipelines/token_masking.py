"""TokenMasking (Hanna and Borth, ICCV 2025) as published on synthetic scenes: three seeds.

Command:  python -m pipelines.token_masking
Cost:     8 minutes on 2 busy CPU cores
Expect:   pseudo-mask mIoU on test 0.70, segmenter 0.80

Writes ``outputs/tables/token_masking.md``. An interrupted recipe continues where it stopped.
"""

from pipelines.experiments import Overrides, system_table

ROWS: dict[str, Overrides] = {
    "TokenMasking": ("experiment=token_masking",),
}

if __name__ == "__main__":
    system_table("token_masking", ROWS)
