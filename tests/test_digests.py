"""Files are known by content; what is remembered never hides a change."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

import wsss.digests
from wsss.digests import file_digest, file_digests


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two files that were written just now."""
    made = [tmp_path / "a", tmp_path / "b"]
    for path in made:
        path.write_bytes(path.name.encode() * 100)
    return made


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> None:
    """An hour later, so that no file counts as fresh."""
    now = time.time_ns
    monkeypatch.setattr("time.time_ns", lambda: now() + 3600 * 10**9)


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The files that were read."""
    seen: list[str] = []

    def reading(path: str) -> str:
        seen.append(path)
        return file_digest(path)

    monkeypatch.setattr(wsss.digests, "file_digest", reading)
    return seen


@pytest.mark.usefixtures("later")
def test_unchanged_files_are_read_once(files: list[Path], reads: list[str], tmp_path: Path) -> None:
    first = file_digests(files, tmp_path / "memory")
    assert file_digests(files, tmp_path / "memory") == first == [file_digest(f) for f in files]
    assert sorted(reads) == list(map(str, files))


@pytest.mark.usefixtures("later")
def test_a_change_at_equal_size_and_time_is_seen(files: list[Path], tmp_path: Path) -> None:
    first = file_digests(files, tmp_path / "memory")
    state = files[0].stat()
    files[0].write_bytes(b"x" * state.st_size)
    os.utime(files[0], ns=(state.st_atime_ns, state.st_mtime_ns))

    now = file_digests(files, tmp_path / "memory")
    assert now[0] == file_digest(files[0]) != first[0] and now[1] == first[1]


@pytest.mark.usefixtures("later")
def test_an_exchanged_file_is_seen(files: list[Path], tmp_path: Path) -> None:
    first = file_digests(files, tmp_path / "memory")
    files[0].rename(tmp_path / "c")
    files[1].rename(files[0])
    (tmp_path / "c").rename(files[1])
    assert file_digests(files, tmp_path / "memory") == first[::-1]


def test_fresh_files_are_not_remembered(
    files: list[Path], reads: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = max(path.stat().st_ctime_ns for path in files)
    monkeypatch.setattr("time.time_ns", lambda: written + 10**9)  # however busy the machine is
    file_digests(files, tmp_path / "memory")
    file_digests(files, tmp_path / "memory")
    assert sorted(reads) == sorted(list(map(str, files)) * 2)


@pytest.mark.usefixtures("later")
@pytest.mark.parametrize(
    "content", ["", "null", "[1]", '{"a": 3}', "[" * 100_000, '{"a": {"b": 1}}']
)
def test_a_memory_of_any_shape_does_no_harm(
    content: str, files: list[Path], tmp_path: Path
) -> None:
    first = file_digests(files, tmp_path / "memory")
    (kept,) = (tmp_path / "memory").iterdir()
    kept.write_text(content)
    assert file_digests(files, tmp_path / "memory") == first


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        file_digests([tmp_path / "none"], tmp_path)
