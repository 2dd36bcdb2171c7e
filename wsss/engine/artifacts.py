"""Artifact directories: one per stage and fingerprint, complete once the manifest exists."""

from __future__ import annotations

import hashlib
import json
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

from wsss.atomic import PARTIAL, replacing
from wsss.runs.identity import fingerprint

MANIFEST, METRICS, WORK = "manifest.json", "metrics.json", ".work"
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
        """The manifest of a complete artifact, all of whose files exist; else ``None``."""
        return read_manifest(self.path)

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
    ) -> None:
        """Write the metrics, then the manifest, then remove the scratch space.

        ``quarantined`` maps the id of each excluded image to the reason.
        """
        write_json(self.path / METRICS, metrics)
        manifest = {
            "stage": self.stage,
            "fingerprint": self.fingerprint,
            "upstream": self.upstream,
            "inputs": self.inputs,
            "metrics": metrics,
            "files": {name: describe_file(self.path / name) for name in _files(self.path)},
            "quarantined": dict(quarantined),
            "seed": seed,
            "seconds": round(seconds, 3),
            "created": datetime.now(UTC).isoformat(timespec="seconds"),
            "versions": {"python": platform.python_version()} | _versions(),
            "git_commit": _git_commit(),
        }
        write_json(self.path / MANIFEST, manifest)
        shutil.rmtree(self.work, ignore_errors=True)

    def prepare(self) -> None:
        """Prepare the directory for a build or a resume; the caller holds the lock.

        A manifest found here belongs to damaged files, so the whole directory is discarded.
        Partially written files of a killed process are removed.
        """
        self._discard_if_damaged()
        self.path.mkdir(parents=True, exist_ok=True)
        for leftover in self.path.rglob(f"*{PARTIAL}"):
            leftover.unlink()

    def prepare_for_parts(self) -> None:
        """Prepare the directory for parts; other processes may already be writing theirs."""
        self._discard_if_damaged()
        self.work.mkdir(parents=True, exist_ok=True)

    def _discard_if_damaged(self) -> None:
        if (self.path / MANIFEST).exists() and self.manifest() is None:
            shutil.rmtree(self.path)

    def discard_if_empty(self) -> None:
        """Remove the directory of a stage that failed before it wrote anything."""
        if self.path.is_dir() and not _files(self.path) and not self.work.exists():
            shutil.rmtree(self.path)


def read_manifest(directory: Path) -> dict[str, Any] | None:
    """The manifest of a complete artifact, all of whose files exist; else ``None``."""
    try:
        manifest: dict[str, Any] = json.loads((directory / MANIFEST).read_text())
        sizes = {name: (directory / name).stat().st_size for name in manifest["files"]}
    except (OSError, ValueError, KeyError):
        return None
    whole = all(sizes[name] == file["bytes"] for name, file in manifest["files"].items())
    return manifest if whole else None


def write_json(path: Path, content: Any) -> None:
    """Write JSON atomically: a reader sees the old file or the new one."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n")


def _files(directory: Path) -> list[str]:
    found = (path for path in directory.rglob("*") if path.is_file())
    names = (path.relative_to(directory) for path in found)
    return sorted(str(n) for n in names if n.parts[0] != WORK and n.name != MANIFEST)


def describe_file(path: Path) -> dict[str, Any]:
    """SHA-256 digest and size in bytes, as stored in a manifest."""
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {"sha256": digest, "bytes": path.stat().st_size}


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
