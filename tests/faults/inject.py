"""Kinds of faults, and what became of a run that met one."""

from __future__ import annotations

import random
import resource
import shutil
import signal
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
import rasterio
from helpers import tiny

import wsss.stages.evaluation
import wsss.stages.extraction
import wsss.stages.generation
import wsss.stages.pruning
import wsss.stages.segmentation
import wsss.stages.training
import wsss.training.classifier
import wsss.training.fit
import wsss.training.segmentation  # noqa: F401  (loaded once, before forking)
from faults import hooks
from faults.runs import Ended, Run, run_with, start_anew
from wsss.digests import file_digest

COLUMNS = (
    "equal",
    "refused in one line, then equal",
    "lost",
    "different",
    "wrong number",
    "traceback",
)


class Laboratory:
    """Reference results, and copies of them to break."""

    def __init__(self, root: Path) -> None:
        self._root, self._number = root, 0
        self.finished = root / "finished"
        started = time.monotonic()
        done = self.run(self.finished)
        self.seconds = time.monotonic() - started
        assert done.status == 0, done.text
        self.expected = tiny.hashes(self.finished)
        self.data = self.scratch()
        shutil.copytree(self.finished / "data", self.data / "data")

    def scratch(self) -> Path:
        """A new, empty folder."""
        self._number += 1
        path = self._root / str(self._number)
        path.mkdir()
        return path

    def begin(self, draw: random.Random) -> Path:
        """Outputs in which some stages are still to be made."""
        outputs = self.scratch() / "outputs"
        shutil.copytree(self.finished, outputs, symlinks=True)
        for stage in tiny.STAGES[draw.randrange(len(tiny.STAGES)) :]:
            shutil.rmtree(outputs / "artifacts" / stage)
        return outputs

    def run(self, outputs: Path, fault: Callable[[], None] = lambda: None) -> Ended:
        """A run to its end."""
        return self.start(outputs, fault).end()

    def start(self, outputs: Path, fault: Callable[[], None] = lambda: None) -> Run:
        """A run that has begun."""
        self._number += 1
        return Run(partial(run_with, fault, outputs), self._root / f"{self._number}.log")

    def fault(self, kind: str, draw: random.Random) -> tuple[str, str]:
        """Which of `COLUMNS` a fault of this kind led to, and what was printed."""
        outputs, ended, expected = KINDS[kind](self, draw)
        told = "".join(part.text for part in ended)
        if "Traceback (most recent" in told:
            return "traceback", told
        if any(e.status == 0 for e in ended) and not self._holds(outputs, expected):
            return "wrong number", told
        again = self.run(outputs)
        try:
            if again.status != 0:
                return "lost", told + again.text
            if not self._holds(outputs, expected):
                return "different", told + again.text
            return COLUMNS[int(any(e.refused for e in ended))], told
        finally:
            shutil.rmtree(outputs.parent, ignore_errors=True)

    @staticmethod
    def _holds(outputs: Path, expected: dict[str, dict[str, str]]) -> bool:
        """Whether every expected artifact is there, with files that have the expected bits."""
        if not tiny.hashes(outputs).items() >= expected.items():
            return False
        return all(
            file_digest(outputs / "artifacts" / key / name) == digest
            for key, files in expected.items()
            for name, digest in files.items()
        )


Outcome = tuple[Path, list[Ended], dict[str, dict[str, str]]]


def kill(lab: Laboratory, draw: random.Random, number: signal.Signals = signal.SIGKILL) -> Outcome:
    """A signal at a random time."""
    outputs = lab.begin(draw)
    run = lab.start(outputs)
    time.sleep(draw.uniform(0, lab.seconds))
    run.stop(number)
    ended = run.end()
    # What a signal ended is no result; only a run that had ended before counts.
    return outputs, [ended] if ended.status == 0 else [], lab.expected


def terminate(lab: Laboratory, draw: random.Random) -> Outcome:
    """SIGTERM, as SLURM sends it."""
    return kill(lab, draw, signal.SIGTERM)


def kill_in_imports(lab: Laboratory, draw: random.Random) -> Outcome:
    """SIGKILL in the first seconds of a process of its own."""
    outputs = lab.begin(draw)
    process = start_anew(outputs)
    time.sleep(draw.uniform(0, 6))
    process.kill()
    process.communicate()
    return outputs, [], lab.expected


def power(lab: Laboratory, draw: random.Random) -> Outcome:
    """Everything that was not synced is cut, zeroed or gone."""
    outputs, journal = lab.begin(draw), lab.scratch() / "journal"
    before = {str(path) for path in outputs.rglob("*") if path.is_file()}
    at = draw.randrange(400)
    ended = lab.run(outputs, lambda: hooks.power_loss(outputs, at, journal))
    if journal.exists():
        hooks.lose(outputs, before, journal, draw.random)
    return outputs, [ended] if ended.status == 0 else [], lab.expected


def disk(number: int, *, reads: bool = False, lasting: bool = False) -> Callable[..., Outcome]:
    """An error of the operating system at a random call."""

    def inject(lab: Laboratory, draw: random.Random) -> Outcome:
        outputs, at = lab.begin(draw), draw.randrange(300)
        fault = hooks.Disk(
            outputs, at, hooks.failing(number), reads=reads, writes=not reads, lasting=lasting
        )
        return outputs, [lab.run(outputs, fault.install)], lab.expected

    return inject


def small_files(lab: Laboratory, draw: random.Random) -> Outcome:
    """Writes fail in compiled code too, beyond a size that no large file may have."""
    outputs, most = lab.begin(draw), draw.randrange(200, 60_000)

    def limit() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (most, most))

    return outputs, [lab.run(outputs, limit)], lab.expected


def clock(lab: Laboratory, draw: random.Random) -> Outcome:
    """The clock is years off."""
    outputs, years = lab.begin(draw), draw.choice((-20, -1, 1, 20))
    ended = lab.run(outputs, lambda: hooks.other_time(years * 365 * 86400))
    return outputs, [ended], lab.expected


def twins(lab: Laboratory, draw: random.Random) -> Outcome:
    """The same command twice at once."""
    outputs = lab.begin(draw)
    runs = [lab.start(outputs), lab.start(outputs)]
    return outputs, [run.end() for run in runs], lab.expected


def moved(lab: Laboratory, draw: random.Random) -> Outcome:
    """Killed, then moved or copied."""
    outputs, _, _ = kill(lab, draw)
    target = outputs.with_name("elsewhere")
    if draw.random() < 0.5:
        outputs.rename(target)
    else:
        shutil.copytree(outputs, target, symlinks=True)
        shutil.rmtree(outputs)
    return target, [], lab.expected


def tampered(lab: Laboratory, draw: random.Random) -> Outcome:
    """A byte of a finished artifact is another; its size is not."""
    outputs = lab.scratch() / "outputs"
    shutil.copytree(lab.finished, outputs, symlinks=True)
    path = draw.choice(
        sorted(p for p in (outputs / "artifacts").rglob("*") if p.stat().st_size and p.is_file())
    )
    content = bytearray(path.read_bytes())
    content[draw.randrange(len(content))] ^= 1 << draw.randrange(8)
    path.write_bytes(content)
    return outputs, [], lab.expected


def swapped(lab: Laboratory, draw: random.Random) -> Outcome:
    """Two pseudo-masks are exchanged."""
    outputs = lab.scratch() / "outputs"
    shutil.copytree(lab.finished, outputs, symlinks=True)
    masks = sorted((outputs / "artifacts" / "generate").glob("*/*/*.tif"))
    one, two = draw.sample(masks, 2)
    content = one.read_bytes()
    one.write_bytes(two.read_bytes())
    two.write_bytes(content)
    return outputs, [], lab.expected


def changed_input(lab: Laboratory, draw: random.Random) -> Outcome:
    """An image is written over with other pixels of equal size: results are those of the new."""
    outputs = lab.scratch() / "outputs"
    shutil.copytree(lab.finished, outputs, symlinks=True)
    images = sorted((outputs / "data").glob("synthetic*[0-9]/*/s2_0/*.tif"))
    path = draw.choice(images)
    with rasterio.open(path, "r+") as file:
        values = file.read()
        file.write(np.roll(values, 1 + draw.randrange(9), axis=2))
    fresh = lab.scratch() / "outputs"
    shutil.copytree(outputs / "data", fresh / "data")
    shutil.rmtree(fresh / "data" / "memory", ignore_errors=True)
    done = lab.run(fresh)
    assert done.status == 0, done.text
    return outputs, [], tiny.hashes(fresh)


KINDS: dict[str, Callable[[Laboratory, random.Random], Outcome]] = {
    "killed at a random time": kill,
    "power loss": power,
    "terminated": terminate,
    "no space left, from a random write on": disk(hooks.FULL, lasting=True),
    "killed during imports": kill_in_imports,
    "files cut at a size": small_files,
    "read-only outputs": disk(hooks.READ_ONLY, lasting=True),
    "EIO at one read": disk(hooks.TRANSIENT[0], reads=True),
    "EACCES at one read": disk(hooks.TRANSIENT[1], reads=True),
    "ESTALE at one read": disk(hooks.TRANSIENT[2], reads=True),
    "EMFILE at one read": disk(hooks.TRANSIENT[3], reads=True),
    "EIO at one write": disk(hooks.TRANSIENT[0]),
    "clock off by years": clock,
    "twins": twins,
    "killed, then moved or copied": moved,
    "a byte of an artifact changed": tampered,
    "pseudo-masks exchanged": swapped,
    "an image changed in place": changed_input,
}
