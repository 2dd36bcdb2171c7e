"""A file is replaced as a whole, or not touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from wsss.atomic import replacing


def test_the_new_content_appears_at_the_end_of_the_block(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "x"

    with replacing(path) as partial:
        partial.write_bytes(b"new")
        assert not path.exists()

    assert path.read_bytes() == b"new" and list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    with pytest.raises(OSError, match="disk full"), replacing(path) as partial:
        partial.write_bytes(b"half of the n")
        raise OSError("disk full")

    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]


def test_a_failed_replacement_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "x"
    path.write_bytes(b"old")

    def fail(*_: object) -> None:
        raise OSError("disk full")

    monkeypatch.setattr("os.replace", fail)
    with pytest.raises(OSError, match="disk full"), replacing(path) as partial:
        partial.write_bytes(b"new")

    assert path.read_bytes() == b"old" and list(tmp_path.iterdir()) == [path]
