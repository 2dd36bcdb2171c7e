"""Which settings become params of a tracked run."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import refused, run_main

from wsss.engine.params import chosen_params
from wsss.errors import UserError

QUICK = ("stage=train", "trainer.max_epochs=0")


def test_params_are_the_chosen_settings(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    wanted = (
        "tracking.params=[seed,masking,dataset.augment,pruning.lr,scheduler.warmup,model.depth]"
    )
    arguments = tiny.command(tmp_path, *QUICK, wanted, "pruning=joint", "dp_rate=0.25")[3:]
    assert run_main(arguments, capsys)[0] == 0
    assert _params(tmp_path) == {
        "seed": "0",
        "masking.name": "random",
        "masking.dp_rate": "0.25",
        "masking.place": "output",
        "masking.balance": "none",
        "dataset.augment.flip_horizontal": "True",
        "dataset.augment.flip_vertical": "True",
        "dataset.augment.rotate90": "False",
        "dataset.augment.min_scale": "1.0",
        "scheduler.warmup": "0.15",
        "model.depth": "2",  # but no pruning.lr, which the option has not
    }


def test_params_of_the_default_config(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_main(tiny.command(tmp_path, *QUICK)[3:], capsys)[0] == 0
    names = set(_params(tmp_path))
    assert {"seed", "masking.dp_rate", "pruning.keep", "optimizer.lr", "segmenter.name"} <= names
    assert len(names) < 50, "a page of them"


@pytest.mark.parametrize(
    ("entry", "hint"), [("maskin", "masking"), ("launch", "masking"), ("model.depht", "depth")]
)
def test_an_entry_must_name_a_setting(entry: str, hint: str) -> None:
    settings = {"seed": 0, "model.depth": 2, "masking.name": "none"}
    with pytest.raises(UserError, match=f"tracking.params names '{entry}'.*{hint}"):
        chosen_params(settings, ["seed", entry])


def test_a_wrong_entry_is_refused(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = tiny.command(tmp_path, *QUICK, "tracking.params=[seeds]")[3:]
    refused(arguments, capsys, "tracking.params names 'seeds', did you mean 'seed'?")


def _params(outputs: Path) -> dict[str, str]:
    (path,) = outputs.glob("runs/*/events.jsonl")
    events = [json.loads(line) for line in path.read_text().splitlines()]
    (params,) = (e["values"] for e in events if e["kind"] == "params")
    assert isinstance(params, dict)
    return params
