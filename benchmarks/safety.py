"""What digests, syncs and checks of divergence cost, as ratios to the same code without them.

Without them, `wsss.atomic.sync` does nothing, every digest is the same constant, and no loss is
looked at. Every pass is the whole command in a new process. Reading files for the first time is
compared with reading them without a digest, and with asking for remembered digests.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

from benchmarks.results import Figure, Outcome
from wsss.digests import file_digests
from wsss.timing import ratios, time_in_turn

FILES, BYTES = 10_000, 20_000
SETTINGS = (
    "dataset.scenes_train=192",
    "dataset.scenes_val=16",
    "dataset.scenes_test=16",
    "trainer.max_epochs=4",
    "tracking=none",
)
IMPORTS = "import wsss.atomic, wsss.digests, wsss.training.history\n"  # cost the same in both
MAIN = "from wsss.pipelines.__main__ import main\nmain()\n"
OFF = """
wsss.atomic.sync = lambda path: None
wsss.digests.file_digest = lambda path: "0" * 64
wsss.training.history.refuse_divergence = lambda *rest: None
"""
KINDS = {"with": IMPORTS + MAIN, "without": IMPORTS + OFF + MAIN}
STAGES = {"training": "train", "generation": "generate"}


def measure(rounds: int, device: str) -> Outcome:
    """Ratios of commands, and seconds of digests."""
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as name:
        root = Path(name)
        for kind in KINDS:
            run(root, kind, "stage=[train,prune,extract]")
        seconds = time_in_turn(
            {
                (what, kind): partial(anew, root, kind, stage)
                for what, stage in STAGES.items()
                for kind in KINDS
            },
            rounds,
        )
        figures = [
            Figure(
                f"{what}, with / without",
                "224 scenes of 64 pixels",
                ratios(seconds[what, "with"], seconds[what, "without"]),
                most=1.03,
            )
            for what in STAGES
        ]
        files = write_files(root / "files")
        time.sleep(2.5)  # fresh files are not remembered
        file_digests(files, root / "memory")
        reading = time_in_turn(
            {
                "first": partial(file_digests, files, None),
                "read": partial(read_all, files),
                "again": partial(file_digests, files, root / "memory"),
            },
            rounds,
        )
    case = f"{FILES:,} files of {BYTES // 1000} kB"
    figures += [
        Figure("digests, first time", case, reading["first"], "s"),
        Figure("reading alone", case, reading["read"], "s"),
        Figure("digests, remembered", case, reading["again"], "s"),
    ]
    return Outcome(figures)


def run(root: Path, kind: str, *overrides: str) -> None:
    """The command with or without what is measured."""
    outputs = f"paths.outputs={root / kind}"
    command = [sys.executable, "-c", KINDS[kind], outputs, *SETTINGS, *overrides]
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


def anew(root: Path, kind: str, stage: str) -> None:
    """Make one stage's artifact again."""
    shutil.rmtree(root / kind / "artifacts" / stage, ignore_errors=True)
    run(root, kind, f"stage={stage}")


def write_files(folder: Path) -> list[Path]:
    """Files that were written long ago, so that their digests are remembered."""
    folder.mkdir()
    files = [folder / f"{number}.bin" for number in range(FILES)]
    for path in files:
        path.write_bytes(os.urandom(BYTES))
    return files


def read_all(files: list[Path]) -> None:
    """Read every file, one after another."""
    for path in files:
        path.read_bytes()
