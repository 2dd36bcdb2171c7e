"""The default experiment on synthetic scenes, and variants without its parts: three seeds.

Command:  python -m pipelines.default
Cost:     35 minutes on 2 busy CPU cores
Expect:   pseudo-mask mIoU on test 0.89, segmenter 0.88

Writes ``outputs/tables/default.md``. An interrupted recipe continues where it stopped.
"""

from pipelines.experiments import Overrides, system_table

ROWS: dict[str, Overrides] = {
    "wsss": (),
    "wsss, no masking": ("masking=none",),
    "wsss, no patch head": ("model.patch_head=none", "attention.source=attention"),
    "wsss, gates after training": ("pruning=after",),
    "wsss, S1 + S2": ("dataset.modality=s1s2",),
}

if __name__ == "__main__":
    system_table("default", ROWS)
