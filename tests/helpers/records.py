"""Two runs with every kind of record, and values that no record should have."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path
from typing import Any

from hydra import compose, initialize_config_dir
from hypothesis import strategies as st

from helpers.fake_runs import make_run
from wsss.config.directory import config_directory
from wsss.config.parsing import parse_config, plain_values
from wsss.runs.layout import run_path
from wsss.tracking import EVENTS_FILE, RunLog
from wsss.tracking.cursor import CURSOR_FILE, Cursor
from wsss.tracking.destination import home_uri

ODD, KEY = "odd", "train_0123456789abcdef"
RECORDS = {
    "config": f"runs/{ODD}/config.json",
    "sweeps": f"runs/{ODD}/sweeps.json",
    "train metrics": f"runs/{ODD}/train/metrics.json",
    "metrics": f"runs/{ODD}/evaluate/metrics.json",
    "manifest": f"runs/{ODD}/train/manifest.json",
    "job keys": f"runs/{ODD}/jobs.json",
    "job": f"jobs/index/{KEY}.json",
    "composed": f"runs/{ODD}/composed.json",
    "events": f"runs/{ODD}/{EVENTS_FILE}",
    "cursor": f"runs/{ODD}/{CURSOR_FILE}",
}
"""Where each kind of record lies below the outputs folder."""

_TEXT = st.one_of(
    st.text(max_size=20),
    st.sampled_from(
        ["\x1b[2J", "../x", "/etc/passwd", "--help", "$\\frac$", "${oc.env:HOME}", "a\0"]
    ),
)
_NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.floats(),
    st.sampled_from([-5, -1, 0, 1, 2**63, 1e308, -1e308, 10**400]),
)
_LEAVES = st.one_of(st.none(), st.booleans(), _NUMBERS, _TEXT)
_JSON = st.recursive(
    _LEAVES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=8,
)
_BYTES = st.one_of(
    st.binary(max_size=50),
    st.sampled_from([b"", b"null", b"[" * 100_000, b'{"a":' * 2000 + b"1" + b"}" * 2000]),
)


def make_outputs(outputs: Path) -> None:
    """Two runs; `RECORDS` of the one named `ODD` are complete."""
    made = make_run(outputs, ODD, 0.5, uri=home_uri(outputs))
    make_run(outputs, "good", 0.6, seed=1)
    (made / "sweeps.json").write_text('["rates"]')
    (made / "train" / "model").write_text("weights")
    (made / "train" / "manifest.json").write_text('{"files": {"model": {"bytes": 7}}}')
    (made / "jobs.json").write_text(json.dumps({"prune": KEY}))
    job = {"job": "7", "name": "wsss-prune", "tasks": 1, "members": 1, "submitted": "2020"}
    (outputs / "jobs" / "index").mkdir(parents=True)
    (outputs / "jobs" / "index" / f"{KEY}.json").write_text(json.dumps(job))
    with initialize_config_dir(str(config_directory()), version_base="1.3"):
        composed = compose("config", overrides=[f"paths.outputs={outputs}", "launch=slurm"])
    plain = plain_values(composed)
    (made / "composed.json").write_text(json.dumps(plain))
    # The stored config is of a run of its own name.
    named = run_path(parse_config(plain))
    shutil.copytree(made, named)
    log = RunLog(made, "wsss", home_uri(outputs))
    log.start_run("train", "train", tags={"a": 1})
    log.params("train", {"lr": 0.1})
    log.metrics("train", {"loss": 1.0}, 3)
    log.artifact("train", made / "config.json", "files")
    log.end_run("train")
    log.close()
    Cursor(home_uri(outputs), runs={"train": "0123"}).save(made)


def changed(kind: str, text: bytes) -> st.SearchStrategy[bytes]:
    """A record with one value replaced or removed, other JSON, or any bytes."""
    if kind == "events":
        lines = text.splitlines()
        return st.integers(0, len(lines) - 1).flatmap(
            lambda at: changed("line", lines[at]).map(
                lambda line: b"\n".join([*lines[:at], line, *lines[at + 1 :], b""])
            )
        )
    content = json.loads(text)
    places = st.sampled_from(_places(content))
    return st.one_of(
        st.builds(lambda place, value: _dumped(_replaced(content, place, value)), places, _JSON),
        st.builds(lambda place: _dumped(_removed(content, place)), places),
        _JSON.map(_dumped),
        _BYTES,
    )


def _dumped(value: Any) -> bytes:
    return json.dumps(value).encode()


def _places(content: Any, here: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The paths to all values inside a value, and to itself."""
    found = [here]
    items = enumerate(content) if isinstance(content, list) else ()
    for key, value in content.items() if isinstance(content, dict) else items:
        found += _places(value, (*here, key))
    return found


def _replaced(content: Any, place: tuple[Any, ...], value: Any) -> Any:
    if not place:
        return value
    whole = copy.deepcopy(content)
    part = whole
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    return whole


def _removed(content: Any, place: tuple[Any, ...]) -> Any:
    if not place:
        return {}
    whole = copy.deepcopy(content)
    part = whole
    for key in place[:-1]:
        part = part[key]
    del part[place[-1]]
    return whole
