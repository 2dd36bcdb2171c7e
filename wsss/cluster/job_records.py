"""Which job makes which artifact, stored so that no command submits it twice."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from filelock import FileLock

from wsss.atomic import replacing
from wsss.errors import UserError
from wsss.records import entry, read_object

_KEY, _JOB = re.compile(r"[a-z]+_[0-9a-f]+"), re.compile(r"[0-9]+")
JOB_NAME = "wsss-"
"""Start of the names of all jobs."""


@dataclass(frozen=True)
class JobRecord:
    """The newest job for one key."""

    job: str
    """SLURM's job id; for an array, the id of the whole array."""
    name: str
    tasks: int
    """Number of tasks of the job, or of each member of the array."""
    members: int
    """Jobs in the array; 1 for a single job."""
    submitted: str
    """ISO 8601, UTC."""


class JobRecords:
    """The records below ``folder``, one file per key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Hold the submission lock, so that two commands do not submit the same work."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(self.folder / ".lock"):
            yield

    def get(self, key: str) -> JobRecord | None:
        """The record of a key, if there is one; `UserError` if it is damaged, or not of a job."""
        path = self._path(key)
        try:
            content = read_object(path)
        except (FileNotFoundError, NotADirectoryError):
            return None
        record = JobRecord(
            job=entry(content, "job", str, path),
            name=entry(content, "name", str, path),
            tasks=entry(content, "tasks", int, path),
            members=entry(content, "members", int, path),
            submitted=entry(content, "submitted", str, path),
        )
        if not (_JOB.fullmatch(record.job) and record.name.startswith(JOB_NAME)):
            raise UserError(
                f"{path}: job '{record.job}' named '{record.name}' is none of this software"
            )
        return record

    def put(self, key: str, record: JobRecord) -> None:
        """Replace the record of a key."""
        with replacing(self._path(key)) as partial:
            partial.write_text(json.dumps(asdict(record)))

    def _path(self, key: str) -> Path:
        if not _KEY.fullmatch(key):
            raise UserError(f"'{key}' is no key of a job record in {self.folder}")
        return self.folder / "index" / f"{key}.json"


def log_path(folder: Path, record: JobRecord) -> Path:
    """The output file of a job's first task; the file of errors is beside it."""
    member = f"{record.job}_0" if record.members > 1 else record.job
    return folder / f"{member}_0_log.out"
