"""Class activation maps (Zhou et al., CVPR 2016) on synthetic scenes: three seeds.

Command:  python -m pipelines.cam
Cost:     8 minutes on 2 busy CPU cores
Expect:   pseudo-mask mIoU on test 0.74, segmenter 0.86

Writes ``outputs/tables/cam.md``. An interrupted recipe continues where it stopped.
"""

from pipelines.experiments import Overrides, system_table

ROWS: dict[str, Overrides] = {
    "CAM": ("experiment=cam",),
}

if __name__ == "__main__":
    system_table("cam", ROWS)
