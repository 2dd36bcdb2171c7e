"""The default experiment on synthetic scenes, and what adding to it is worth: three seeds.

Command:  python -m pipelines.default
Cost:     COST minutes on 2 CPU cores
Expect:   EXPECT

Writes ``outputs/tables/default.md``. Interrupted, it goes on where it was.
"""

from pipelines.experiments import Overrides, system_table

PATCH_HEAD = ("model.patch_head=average", "attention.source=fused")
ROWS: dict[str, Overrides] = {
    "wsss": (),
    "wsss, no masking": ("masking=none",),
    "wsss, S1 + S2": ("dataset.modality=s1s2",),
    "wsss, patch head": PATCH_HEAD,
    "wsss, joint gates": ("pruning=joint",),
    "wsss, joint gates and patch head": ("pruning=joint", *PATCH_HEAD),
}

if __name__ == "__main__":
    system_table("default", ROWS)
