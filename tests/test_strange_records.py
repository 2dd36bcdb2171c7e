"""Whatever stands in a record, the commands that read it end with one line, never a traceback.

HYPOTHESIS_PROFILE=full tries 1,000 records of each kind.
"""

from __future__ import annotations

import io
import json
import shutil
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from unittest import mock

import pytest
from helpers.once import made_once
from helpers.records import RECORDS, changed, make_outputs
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from wsss.cluster import status
from wsss.compare import __main__ as compare
from wsss.tracking import __main__ as tracking

Command = Callable[[list[str]], int]
READERS: dict[str, tuple[Command, tuple[str, ...]]] = {
    "config": (compare.main, ()),
    "sweeps": (compare.main, ("--sweep", "rates")),
    "train metrics": (compare.main, ()),
    "metrics": (compare.main, ()),
    "manifest": (status.main, ()),
    "job keys": (status.main, ("--cancel",)),
    "job": (status.main, ("--cancel",)),
    "composed": (status.main, ("--rerun",)),
    "events": (tracking.main, ("sync",)),
    "cursor": (tracking.main, ("sync",)),
}


@pytest.fixture(scope="session")
def template(tmp_path_factory: pytest.TempPathFactory, empty_database: Path) -> Path:
    def make(outputs: Path) -> None:
        make_outputs(outputs)
        shutil.copy(empty_database, outputs / "mlflow.db")

    return made_once(tmp_path_factory, "records", make)


@pytest.fixture
def outputs(template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    return Path(shutil.copytree(template, tmp_path / "outputs"))


def _slurm(program: str, *_: str) -> str:
    return "7|FAILED|1:0\n" if program == "sacct" else ""


def _run(command: Command, arguments: list[str]) -> tuple[int, str, str]:
    out, err = io.StringIO(), io.StringIO()
    with (
        redirect_stdout(out),
        redirect_stderr(err),
        mock.patch("wsss.cluster.queue._ask", _slurm),
        mock.patch("wsss.compare.write.save", _drawn),
    ):
        status = command(arguments)
    return status, out.getvalue(), err.getvalue()


def _drawn(figure: object, path: Path) -> Path:
    """In place of drawing, which takes most of the time; `test_strange_names_are_drawn` draws."""
    return path


@pytest.mark.parametrize("kind", RECORDS)
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_record_costs_at_most_a_line(kind: str, data: st.DataObject, outputs: Path) -> None:
    command, options = READERS[kind]
    record = outputs / RECORDS[kind]
    kept = {path: path.read_bytes() for path in outputs.glob("runs/*/*.json*")}
    text = record.read_bytes()
    record.write_bytes(data.draw(changed(kind, text)))
    try:
        status, out, err = _run(command, [*options, str(outputs)])
    finally:
        for path, content in (kept | {record: text}).items():
            path.write_bytes(content)

    assert status in (0, 1, 2)
    assert "\x1b" not in out + err and "Traceback" not in out + err
    assert all(
        line.startswith(("left out: ", "error: ", "tracking: ")) for line in err.splitlines()
    )
    assert err.count("error: ") == (status == 2)
    assert {path.name for path in outputs.parent.iterdir()} == {"outputs"}


def test_strange_names_are_drawn(outputs: Path) -> None:
    config = outputs / RECORDS["config"]
    text = config.read_text()
    for odd in ("$\\frac$ $", "\x1b[2J", "x" * 100_000, "=cmd()"):
        config.write_text(text.replace('"mini"', json.dumps(odd)))

        status = compare.main([str(outputs), "--no-mlflow"])

        assert status == 0
        picture = outputs / "compare" / "compare.png"
        assert picture.read_bytes().startswith(b"\x89PNG") and picture.stat().st_size < 200_000
