"""Time and memory of the six stages against the number of images.

Measures the command line on synthetic scenes of 64 pixels, with one epoch of a small classifier and
a small segmenter, one view and no refinement, so that every cost per image occurs once. The cache
of decoded images has 64 MB, which both sizes fill. Peak memory is that of the whole process, as
counted by the kernel. The same command again finds every artifact up to date.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.results import Figure, Outcome

FEW, MANY = 1_000, 10_000
HELD_OUT = 50
SMALL = (
    "dataset.cache_mb=64",
    "trainer.max_epochs=1",
    "segmenter.max_epochs=1",
    "segmenter.channels=[8,16]",
    "attention=plain",
    "pseudo_mask.refine=none",
    "tracking=none",
    "launch.threads=1",
)

# On Linux the peak of a process starts at that of its parent, and earlier benchmarks may have
# raised that of this one. So a new Python process starts the command.
MEASURE = """
import resource, subprocess, sys, time
started = time.perf_counter()
subprocess.run(sys.argv[1:], check=True, stdout=subprocess.DEVNULL)
seconds = time.perf_counter() - started
print(seconds, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss * 1024 / 1e6)
"""


def measure(rounds: int, device: str) -> Outcome:
    """Measure each size once, in a separate process; scenes are drawn before."""
    with tempfile.TemporaryDirectory() as name:
        seconds, peaks, again = zip(
            *(six_stages(Path(name), scenes) for scenes in (FEW, MANY)), strict=True
        )
    case = f"six stages, {FEW:,} and {MANY:,} scenes"
    return Outcome(
        [
            Figure("peak memory, many / few", case, [peaks[1] / peaks[0]], most=1.2),
            Figure("time, many / few", case, [seconds[1] / seconds[0]], most=MANY / FEW),
            Figure("peak memory, few", case, [peaks[0]], "MB"),
            Figure("peak memory, many", case, [peaks[1]], "MB"),
            Figure("time, few", case, [seconds[0]], "s"),
            Figure("time, many", case, [seconds[1]], "s"),
            Figure("nothing to do", f"{MANY:,} scenes", [again[1]], "s", most=6.0),
        ]
    )


def six_stages(folder: Path, scenes: int) -> tuple[float, float, float]:
    """Seconds and peak MB of a run on existing scenes, and seconds of the same command again."""
    command = [
        sys.executable,
        "-m",
        "wsss.pipelines",
        f"paths.outputs={folder}",
        f"dataset.scenes_train={scenes}",
        f"dataset.scenes_val={HELD_OUT}",
        f"dataset.scenes_test={HELD_OUT}",
        *SMALL,
    ]
    timed([*command, "stage=train", "trainer.max_epochs=0"])  # draws the scenes
    shutil.rmtree(folder / "data" / "memory")  # statistics of the scenes are part of the run
    return *timed(command), timed(command)[0]


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds and peak MB of a command."""
    seconds, peak = subprocess.run(
        [sys.executable, "-c", MEASURE, *command], check=True, stdout=subprocess.PIPE, text=True
    ).stdout.split()
    return float(seconds), float(peak)
