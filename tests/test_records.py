"""Records are regular files of limited size, depth and numbers; all else is named in one line."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from wsss.errors import UserError
from wsss.records import MOST_BYTES, entry, is_inside, read_each, read_json, read_object
from wsss.terminal import visible


def _sparse(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(MOST_BYTES + 1)


@pytest.mark.parametrize(
    ("make", "complaint"),
    [
        (lambda path: os.mkfifo(path), "is not a regular file"),
        (lambda path: path.mkdir(), "is not a regular file"),
        (lambda path: path.symlink_to("/dev/zero"), "is a link"),
        (lambda path: path.symlink_to(path), "is a link"),
        (_sparse, "bytes; a record has at most"),
        (lambda path: path.write_bytes(b"\xff\xfe{"), "cannot be read"),
        (lambda path: path.write_text(""), "cannot be read"),
        (lambda path: path.write_text("[" * 100_000), "nested too deep"),
        (lambda path: path.write_text("[" * 60 + "]" * 60), "nested too deep"),
        (lambda path: path.write_text('{"a": 18446744073709551616}'), "more than 64 bits"),
        (lambda path: path.write_text("9" * 5000), "cannot be read"),
        (lambda path: path.write_text(r'{"a": "\ud800"}'), "surrogates not allowed"),
        (lambda path: path.write_text("null"), "holds null, not a JSON object"),
        (lambda path: path.write_text("[1]"), "holds a list, not a JSON object"),
    ],
    ids=[
        *("fifo", "folder", "link to a device", "link in a circle", "too large", "no UTF-8"),
        *("empty", "deep", "somewhat deep", "large number", "larger number", "half a character"),
        *("null", "list"),
    ],
)
def test_what_is_no_record_is_named(
    make: Callable[[Path], object], complaint: str, tmp_path: Path
) -> None:
    path = tmp_path / "record.json"
    make(path)
    with pytest.raises(UserError, match=complaint) as raised:
        read_object(path)
    assert str(path) in str(raised.value)


def test_a_missing_record_is_no_damage(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FileNotFoundError):
        read_json(tmp_path / "gone.json")
    with pytest.raises(NotADirectoryError):
        read_json(tmp_path / "file" / "record.json")
    with pytest.raises(UserError, match="no name of a file"):
        read_json(tmp_path / "a\0b")


@pytest.mark.parametrize(
    ("kind", "value", "complaint"),
    [
        (int, True, "'key' is true or false, it must be a whole number"),
        (int, 1.0, "'key' is a number, it must be a whole number"),
        (str, None, "'key' is null, it must be text"),
        (dict, [], "'key' is a list, it must be a JSON object"),
    ],
)
def test_an_entry_of_another_type_is_named(kind: type, value: object, complaint: str) -> None:
    with pytest.raises(UserError, match=f"record.json: {complaint}"):
        entry({"key": value}, "key", kind, Path("record.json"))
    with pytest.raises(UserError, match="'key' is missing"):
        entry({}, "key", kind, Path("record.json"))


def test_links_lead_out_of_a_folder(tmp_path: Path) -> None:
    inner = tmp_path / "inner"
    inner.mkdir()
    (inner / "out").symlink_to(tmp_path)
    (inner / "self").symlink_to(inner / "self")
    assert is_inside(inner / "a" / "b", inner) and is_inside(inner / "out" / "inner", inner)
    assert not is_inside(inner / "out" / "a", inner) and not is_inside(inner / ".." / "a", inner)
    assert not is_inside(inner / "a\0b", inner)


def test_one_that_cannot_be_read_leaves_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    def read(place: str) -> int:
        if not place.isdigit():
            raise UserError(f"{place} is no number")
        return int(place)

    assert read_each(["1", "\x1b[2J", "3"], read) == {"1": 1, "3": 3}
    assert capsys.readouterr().err == "left out: \\x1b[2J is no number\n"
    with pytest.raises(UserError, match="x is no number"):
        read_each(["x"], read)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("Zürich [1] 日本", "Zürich [1] 日本"),
        ("\x1b]0;title\x07\x9b2J\r\n\t", r"\x1b]0;title\x07\x9b2J\r\n\t"),
        ("a\u202egnp.exe", r"a\u202egnp.exe"),
        ("\udcff", r"\udcff"),
    ],
    ids=["plain", "escapes", "reversed", "no UTF-8"],
)
def test_terminals_obey_no_name(text: str, shown: str) -> None:
    assert visible(text) == shown
