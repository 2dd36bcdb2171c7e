"""Artifact directories: one per stage and fingerprint, complete once the manifest exists."""

from __future__ import annotations

import json
import math
import platform
import shutil
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout

from wsss.atomic import PARTIAL, replacing, sync_files
from wsss.digests import file_digests
from wsss.runs.identity import fingerprint
from wsss.runs.manifest import MANIFEST, Damaged, read_manifest, sealed
from wsss.runs.results import METRICS

WORK = ".work"
DAMAGED, REPLACED = ".damaged", ".replaced"
"""Suffixes of the directories of artifacts that were set aside."""
_PACKAGES = ("wsss", "torch", "pytorch-lightning", "monai", "torchmetrics", "numpy", "rasterio")


@dataclass(frozen=True)
class Artifact:
    """The directory of one stage's result, named by a hash of everything that determines it."""

    root: Path
    stage: str
    version: int
    inputs: Any
    """What determines the result, apart from upstream artifacts; JSON-ready."""
    upstream: Mapping[str, str]
    """Fingerprints of the artifacts that are read, by stage."""
    memory: Path | None = None
    """Folder that keeps the digests of files, see `wsss.digests`."""

    @cached_property
    def fingerprint(self) -> str:
        """Hash of stage, code version, inputs and upstream fingerprints."""
        names = ("stage", "version", "inputs", "upstream")
        return fingerprint({name: getattr(self, name) for name in names})

    @property
    def path(self) -> Path:
        """The directory; it need not exist."""
        return self.root / self.stage / self.fingerprint

    @property
    def work(self) -> Path:
        """Scratch space of a running stage, from which an interrupted run resumes."""
        return self.path / WORK

    def manifest(self) -> dict[str, Any] | None:
        """The manifest of a complete artifact; ``None`` if there is none or it is damaged.

        Every file is compared with its digest. An error of the disk is not damage, and is raised.
        """
        try:
            return read_manifest(self.path, self.memory)
        except Damaged:
            return None

    def damage(self) -> str | None:
        """What is wrong with an artifact that has a manifest; ``None`` if nothing is."""
        try:
            read_manifest(self.path, self.memory)
        except Damaged as evidence:
            return str(evidence)
        return None

    @contextmanager
    def building(self, wait: Callable[[], None]) -> Iterator[None]:
        """Hold the build lock; ``wait()`` is called once if another process holds it."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lock = FileLock(self.path.with_suffix(".lock"))
        try:
            lock.acquire(timeout=0)
        except Timeout:
            wait()
            lock.acquire()
        try:
            yield
        finally:
            lock.release()

    def complete(
        self,
        metrics: Mapping[str, Any],
        *,
        seed: int,
        seconds: float,
        quarantined: Mapping[str, str],
        made_from: Mapping[str, str],
        code: Mapping[str, str],
    ) -> None:
        """Write the metrics, sync every file, write the manifest, remove the scratch space.

        Args:
            metrics: JSON-ready.
            seed: of the experiment.
            seconds: that the stage took.
            quarantined: the reason why each excluded image was left out, by id.
            made_from: `wsss.runs.manifest.contents` of each upstream artifact.
            code: digest of each source file that the stage reaches.
        """
        import torch  # not needed to find an artifact

        write_json(self.path / METRICS, metrics)
        names = _files(self.path)
        sync_files([self.path / name for name in names])
        files = [self.path / name for name in names]
        digests = file_digests(files, self.memory)
        manifest = {
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "upstream": self.upstream,
            "inputs": self.inputs,
            "metrics": metrics,
            "files": {
                name: {"sha256": digest, "bytes": file.stat().st_size}
                for name, file, digest in zip(names, files, digests, strict=True)
            },
            "made_from": dict(made_from),
            "code": dict(code),
            "quarantined": dict(quarantined),
            "seed": seed,
            "seconds": round(seconds, 3),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version()} | _versions(),
            "threads": torch.get_num_threads(),
            "git_commit": _git_commit(),
        }
        write_json(self.path / MANIFEST, sealed(_defined(manifest)))
        shutil.rmtree(self.work, ignore_errors=True)
        shutil.rmtree(self.path.with_suffix(REPLACED), ignore_errors=True)

    def set_aside(self, suffix: str = DAMAGED) -> Path | None:
        """Rename the directory of an artifact with a manifest; the new place, if there was one.

        What is set aside as `REPLACED` is removed when the artifact is complete again.
        """
        if not (self.path / MANIFEST).exists():
            return None
        aside, count = self.path.with_suffix(suffix), 1
        while aside.exists() and suffix != REPLACED:
            count += 1
            aside = self.path.with_suffix(f"{suffix}-{count}")
        shutil.rmtree(aside, ignore_errors=True)
        self.path.rename(aside)
        return aside

    def prepare(self) -> None:
        """Prepare the directory for a build or a resume; the caller holds the lock.

        Partially written files of a killed process are removed.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.rglob(f"*{PARTIAL}"):
            leftover.unlink()

    def prepare_for_parts(self) -> None:
        """Prepare the directory for parts; other processes may already be writing theirs."""
        self.work.mkdir(parents=True, exist_ok=True)

    def discard_if_empty(self) -> None:
        """Remove the directory of a stage that failed before it wrote anything."""
        if self.path.is_dir() and not _files(self.path) and not self.work.exists():
            shutil.rmtree(self.path)


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: a reader sees the old file or the new one. NaN becomes null."""
    text = json.dumps(_defined(content), indent=1, allow_nan=False)
    with replacing(path) as partial:
        partial.write_text(text + "\n")


def _defined(content: Any) -> Any:
    """The content with ``None`` for NaN and infinities, which JSON lacks."""
    if isinstance(content, Mapping):
        return {key: _defined(value) for key, value in content.items()}
    if isinstance(content, list | tuple):
        return [_defined(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def _files(directory: Path) -> list[str]:
    found = (path for path in directory.rglob("*") if path.is_file())
    names = (path.relative_to(directory) for path in found)
    return sorted(str(n) for n in names if n.parts[0] != WORK and str(n) != MANIFEST)


def _versions() -> dict[str, str]:
    found = {}
    for package in _PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue
    return found


def _git_commit() -> str | None:
    """Commit of the source tree, ``None`` for an installed package."""
    here = Path(__file__).resolve().parents[2]
    if not (here / ".git").exists():
        return None
    try:
        result = subprocess.run(
            ["git", "rev-parse", "HEAD"], cwd=here, capture_output=True, text=True, timeout=10
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return result.stdout.strip() or None
