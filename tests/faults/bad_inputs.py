"""Bad inputs at the command line: ``PYTHONPATH=tests python -m faults.bad_inputs``.

Each runs in a process of its own, in which no socket can be opened. Counts tracebacks, processes
that do not end, files written outside of the outputs folder, and connections.
"""

from __future__ import annotations

import json
import os
import shutil
import socket
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from helpers.command_line import _call_main
from helpers.config_keys.photographs import write_folder
from PIL import Image as Pillow

import wsss.cluster.status
import wsss.compare.__main__
import wsss.stages.evaluation
import wsss.stages.training
from faults.runs import Run

SECONDS = 120
ODD = (
    "nan",
    "inf",
    "-1",
    "0",
    "1e308",
    "[]",
    "{}",
    "null",
    "text",
    "'é\\x1b'",
    "10000000000000000",
)
KEYS = (
    "seed",
    "dp_rate",
    "optimizer.lr",
    "model.depth",
    "model.embed_dim",
    "segmenter.channels",
    "attention.scales",
    "trainer.batch_size",
    "dataset.image_size",
    "dataset.max_pixels",
    "launch.threads",
    "tracking.flush_seconds",
)
WORDS = (
    "=5",
    "trainer=null",
    "trainer=5",
    "~seed",
    "~trainer.max_epochs",
    "+x=1",
    "dp_rate=range(0,1,0)",
    "stage=trian",
    "stage=[]",
    "rebuild=[x]",
    "model=nothing",
    "dataset.name=../../x",
    "dataset.name=/tmp/x",
    "dataset.root=/data/a (b)",
    "dataset.root='~{x}'",
    "dataset.root=${oc.env:NOTHING}",
    "hydra/launcher=x",
    "experiment=nothing",
    "objective=pixels",
    "paths.outputs=/dev/null",
)
LABELS = {
    "empty": b"",
    "no header": b"1,2,3\n",
    "binary": bytes(range(256)),
    "other class": b"image_id,cow,split\np0,1,train\n",
    "numbers": b"image_id,cat,dog,split\np0,2,0,train\n",
    "duplicate": b"image_id,cat,dog,split\np0,1,0,train\np0,1,0,train\n",
    "unknown image": b"image_id,cat,dog,split\nnothing,1,0,train\np1,1,0,val\np2,1,0,test\n",
    "outside": b"image_id,cat,dog,split\n../../x,1,0,train\np1,1,0,val\np2,1,0,test\n",
    "odd split": b"image_id,cat,dog,split\np0,1,0,tests\n",
    "quotes": b'image_id,cat,dog,split\n"p0,1,0,train\n',
}
RECORDS = ("null", "[]", "{", '{"a": 1}', "[" * 10_000, '{"seed": "x", "dataset": {}}', "1e999")


class Case(NamedTuple):
    """A bad input."""

    name: str
    call: Callable[[Path], int]
    """Runs a command in a folder of its own; returns the exit status."""


def pipelines(*overrides: str) -> Callable[[Path], int]:
    """The command line with overrides, in which ROOT is the folder."""

    def call(folder: Path) -> int:
        filled = [override.replace("ROOT", str(folder)) for override in overrides]
        places = (
            []
            if any(o.startswith("paths.outputs") for o in filled)
            else [f"paths.outputs={folder}/outputs"]
        )
        return _call_main([*places, "stage=train", "trainer.max_epochs=0", *filled])

    return call


def folder_dataset(spoil: Callable[[Path], object], *overrides: str) -> Callable[[Path], int]:
    """A run on a small folder of pictures that was spoilt."""

    def call(folder: Path) -> int:
        write_folder(folder / "data")
        spoil(folder / "data")
        data = ("dataset=folder", "dataset.root=ROOT/data", "dataset.image_size=16")
        return pipelines(*data, "model.patch_size=8", *overrides)(folder)

    return call


def record(name: str, text: str, command: Callable[[list[str]], int]) -> Callable[[Path], int]:
    """A command that reads a run with an odd record."""

    def call(folder: Path) -> int:
        run = folder / "outputs" / "runs" / "odd"
        (run / "train").mkdir(parents=True)
        (run / "config.json").write_text("{}")
        (run / name).write_text(text)
        return command([str(folder / "outputs")])

    return call


def cases() -> Iterator[Case]:
    """All bad inputs."""
    for key in KEYS:
        for value in ODD:
            if (key, value) not in LEGAL:
                yield Case(f"{key}={value}", pipelines(f"{key}={value}"))
    for word in WORDS:
        yield Case(word, pipelines(word))
    for name, content in LABELS.items():
        yield Case(
            f"labels: {name}",
            folder_dataset(partial(_relabel, content)),
        )
    for name, picture in IMAGES.items():
        yield Case(f"image: {name}", folder_dataset(partial(_spoil, picture)))
    yield Case("image: a folder", folder_dataset(lambda root: _folder(root / "images" / "p0.png")))
    yield Case(
        "image: a broken link", folder_dataset(lambda root: _link(root / "images" / "p0.png"))
    )
    yield Case("image: grey", folder_dataset(lambda root: _grey(root / "images" / "p0.png")))
    yield Case("image: too large", folder_dataset(lambda root: None, "dataset.max_pixels=10"))
    yield Case("no positive", folder_dataset(_negative))
    for name, weights in CHECKPOINTS.items():
        yield Case(
            f"checkpoint: {name}",
            folder_dataset(
                partial(_save, weights),
                "model.pretrained=ROOT/data/x.pt",
            ),
        )
    commands = {"compare": wsss.compare.__main__.main, "status": wsss.cluster.status.main}
    for command, main in commands.items():
        for file in ("config.json", "sweeps.json", "train/manifest.json", "train/metrics.json"):
            for text in RECORDS:
                yield Case(f"{command}: {file} {text[:12]}", record(file, text, main))


LEGAL = {
    ("seed", "0"),
    ("seed", "10000000000000000"),
    ("dp_rate", "0"),
    ("launch.threads", "null"),
    ("tracking.flush_seconds", "0"),
    ("trainer.batch_size", "10000000000000000"),
}
CHECKPOINTS: dict[str, object] = {
    "a list": [1],
    "integer keys": {1: torch.ones(1)},
    "numbers": {"a": 1},
    "NaN": {"cls_token": torch.full((1, 1, 8), torch.nan)},
    "complex": {"cls_token": torch.ones(1, 1, 8, dtype=torch.complex64)},
    "no transformer": {"conv": torch.ones(3)},
    "a class token": {"cls_token": torch.ones(1, 1, 8)},
}


IMAGES: dict[str, bytes | None] = {"empty": b"", "text": b"I am a picture", "cut": None}


def _spoil(content: bytes | None, root: Path) -> None:
    path = root / "images" / "p0.png"
    path.write_bytes(path.read_bytes()[:60] if content is None else content)


def _relabel(content: bytes, root: Path) -> None:
    (root / "labels.csv").write_bytes(content)


def _save(weights: object, root: Path) -> None:
    torch.save(weights, root / "x.pt")


def _folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


def _link(path: Path) -> None:
    path.unlink()
    path.symlink_to("/nowhere/at/all")


def _grey(path: Path) -> None:
    Pillow.new("L", (12, 16)).save(path)


def _negative(root: Path) -> None:
    text = (root / "labels.csv").read_text()
    lines = [line.replace(",1,", ",0,").replace(",1,", ",0,") for line in text.splitlines()]
    (root / "labels.csv").write_text("\n".join(lines))


def outcome(case: Case, folder: Path) -> str:
    """What became of a bad input: ``one line``, or what went wrong."""
    (folder / "own").mkdir()
    watched = [Path.cwd(), Path.home(), folder.parent]
    before = {place: set(place.iterdir()) for place in watched}
    ended = Run(partial(_alone, case, folder / "own"), folder / "log").end(SECONDS)
    if ended.status == 124:
        return "hang"
    if any(set(place.iterdir()) - seen for place, seen in before.items()):
        return "written outside"
    if (folder / "connections").exists():
        return "connection"
    if "Traceback (most recent call last)" in ended.text or ended.status not in (0, 1, 2):
        return f"traceback\n{ended.text[-1500:]}"
    return "one line" if ended.status == 2 else "accepted"


def _alone(case: Case, own: Path) -> int:
    """The case's status, in its own folder and without a network."""

    def refuse(*_: object) -> None:
        (own.parent / "connections").touch()
        raise OSError("no network here")

    socket.socket.connect = refuse  # type: ignore[method-assign]
    os.environ["COLUMNS"] = "200"
    os.chdir(own)  # relative folders that an input names
    return case.call(own)


def main() -> int:
    """Run all; 0 if every bad input costs at most a line."""
    counts: Counter[str] = Counter()
    with tempfile.TemporaryDirectory(prefix="bad") as name:
        for number, case in enumerate(cases()):
            folder = Path(name) / str(number)
            folder.mkdir()
            kind, _, told = outcome(case, folder).partition("\n")
            counts[kind] += 1
            if kind not in ("one line", "accepted"):
                print(f"{case.name}: {kind}\n{told}", file=sys.stderr)
            shutil.rmtree(folder)
    print(json.dumps({"inputs": counts.total(), **counts}))
    return int(bool(counts.keys() - {"one line", "accepted"}))


if __name__ == "__main__":
    sys.exit(main())
