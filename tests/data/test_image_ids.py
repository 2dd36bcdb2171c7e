"""Ids that can name files, and names that systems store in different ways."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable
from pathlib import Path
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.data.files.labels import read_labels
from wsss.data.image_ids import check_id
from wsss.errors import UserError

Make = Callable[..., FolderConfig]


@pytest.mark.parametrize(
    "image_id", ["a", "scene 12 (2024)", "été", "日本", "a.b,c", "x[]", "n" * 240]
)
def test_ids_that_name_files(image_id: str) -> None:
    check_id("d", image_id)


@pytest.mark.parametrize(
    ("image_id", "words"),
    [
        ("n" * 241, "has 241 bytes, at most 240"),
        ("日" * 81, "has 243 bytes"),
        ("a/b", "holds a folder"),
        ("x[/]", "holds a folder"),
        ("..", "is not a name"),
        ("", "is not a name"),
        ("a\0b", "cannot be printed"),
        ("a\x1b[2J", "cannot be printed"),
        ("caf\udce9", "not UTF-8"),
    ],
)
def test_ids_that_name_none(image_id: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        check_id("d", image_id)


@pytest.mark.parametrize("form", ["NFC", "NFD"])
def test_accents_match_however_they_are_stored(
    pets: Path, make_folder: Make, form: Literal["NFC", "NFD"]
) -> None:
    for folder, suffix in (("images", "jpg"), ("masks", "png")):
        name = unicodedata.normalize("NFD" if form == "NFC" else "NFC", "bébé")
        (pets / folder / f"b.{suffix}").rename(pets / folder / f"{name}.{suffix}")
    written = unicodedata.normalize(form, "bébé")
    for path in (pets / "labels.csv", *(pets / "lists").iterdir()):
        lines = path.read_text().splitlines()
        lines = [written + line[1:] if line.split(",")[0] == "b" else line for line in lines]
        path.write_text("\n".join(lines) + "\n")
    data = FolderDataset(make_folder(pets))
    assert data.read_image(unicodedata.normalize("NFC", "bébé")).shape[0] == 3


ROWS = st.lists(
    st.lists(st.text(max_size=5) | st.sampled_from(["0", "1", "a"]), max_size=5), max_size=5
)


@given(st.binary(max_size=80) | ROWS.map(lambda rows: "\n".join(map(",".join, rows)).encode()))
def test_any_labels_file_costs_at_most_a_line(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = tmp_path_factory.mktemp("labels") / "labels.csv"
    for head in (b"", b"image_id,a,b\n"):
        path.write_bytes(head + content)
        try:
            read_labels(path, ("a", "b"), multi_label=True)
        except UserError as error:
            assert "\n" not in str(error)
