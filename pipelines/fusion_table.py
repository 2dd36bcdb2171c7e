"""Sentinel-1 and Sentinel-2 together against each alone on synthetic scenes: three seeds.

Command:  python pipelines/fusion_table.py
Cost:     about 25 minutes on 2 CPU cores, 1.5 GB of memory; less after masking_table.py
Expect:   COST

Writes ``outputs/tables/fusion.md``, which the README shows. Interrupted, it goes on where it was.
"""

from __future__ import annotations

from pathlib import Path

from seeds_table import SEEDS, chain_cells, run_pipeline, write_table

from wsss.report.seeds import find_run

MODALITIES = {"s1s2": "S1 + S2, early fusion", "s2": "S2", "s1": "S1"}
OUTPUTS = Path("outputs")


def main() -> None:
    """Run what is not there yet, then write the table."""
    run_pipeline("-m", f"dataset.modality={','.join(MODALITIES)}")
    rows = []
    for modality, title in MODALITIES.items():
        wanted = {
            "dataset.name": "synthetic",
            "dataset.modality": modality,
            "masking.dp_rate": 0.5,
        }
        runs = [find_run(OUTPUTS, wanted | {"seed": seed}) for seed in SEEDS]
        rows.append([title, *chain_cells(runs)])
    write_table(OUTPUTS / "tables" / "fusion.md", "bands", rows)


if __name__ == "__main__":
    main()
