"""What status does with records that somebody else may have written; another SLURM stands in."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from helpers.command_line import run_main

from wsss.cluster.status import main

SMALL = ("dataset.scenes_train=2", "dataset.scenes_val=1", "dataset.scenes_test=1")
PROGRAMS = {
    "sbatch": 'echo "$@" >> {log}\necho "Submitted batch job 7"',
    "scancel": 'echo "scancel $@" >> {log}',
    "squeue": "cat {queue}",
    "sacct": 'echo "7|FAILED|1:0"',
    "srun": "",
    "evil": "touch {log}.evil",
}


class Desk:
    """An outputs folder with one submitted run, whose job failed, and what SLURM was told."""

    def __init__(self, folder: Path) -> None:
        self.outputs = folder / "outputs"
        self.log, self.queue = folder / "log", folder / "queue"
        self.queue.touch()

    @property
    def run(self) -> Path:
        (run,) = (self.outputs / "runs").iterdir()
        return run

    def change(self, *keys: str, to: Any) -> None:
        """Change an entry of the stored config."""
        path = self.run / "composed.json"
        config = json.loads(path.read_text())
        part = config
        for key in keys[:-1]:
            part = part[key]
        part[keys[-1]] = to
        path.write_text(json.dumps(config))

    def told(self) -> list[str]:
        """What sbatch and scancel were called with."""
        return self.log.read_text().splitlines() if self.log.exists() else []


@pytest.fixture
def desk(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Desk:
    desk = Desk(tmp_path)
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, text in PROGRAMS.items():
        script = f"#!/bin/sh\n{text.format(log=desk.log, queue=desk.queue)}\n"
        (programs / name).write_text(script)
        (programs / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{programs}{os.pathsep}{os.environ['PATH']}")
    arguments = [f"paths.outputs={desk.outputs}", "tracking=none", "launch=slurm", "stage=train"]
    status, printed, complaint = run_main([*arguments, *SMALL], capsys)
    assert status == 0, printed + complaint
    desk.log.unlink()
    return desk


def test_nothing_runs_before_it_was_shown_and_trusted(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.change("launch", "python", to="evil")
    desk.change("launch", "resources", "train", "setup", to=["evil \x1b[2J"])

    assert main([str(desk.outputs), "--rerun"]) == 2

    out, err = capsys.readouterr()
    assert err == "error: nothing was submitted; if you trust these records, add --trust\n"
    assert f"from the records of {desk.run.name}:" in out
    for line in ("stages: train", "launch.python: evil", 'train.setup: ["evil \\u001b[2J"]'):
        assert line in out
    assert desk.told() == [] and "\x1b" not in out

    assert main([str(desk.outputs), "--rerun", "--trust"]) == 1  # it failed, says this SLURM

    (call,) = desk.told()
    assert str(desk.outputs / "jobs") in call
    assert not desk.log.with_suffix(".evil").exists(), "only SLURM runs the job"


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        (
            ("launch", "python"),
            "${oc.env:HOME}",
            "launch.python is not a plain value: '${oc.env:HO",
        ),
        (("dataset", "classes"), ["${oc.env:HOME}"], "is not a plain value"),
        (("launch", "name"), "local", "launch.name is not slurm"),
        (("launch", "name"), "debug", "launch.name is not slurm"),
        (("seed",), 5, "is the config of another run"),
        (("dataset", "root"), "/tmp/elsewhere", "dataset.root, where scenes are written"),
        (("paths",), None, "'paths' is null"),
        (("launch",), [], "'launch' is a list"),
        (("model",), {}, "model.embed_dim is not set"),
    ],
    ids=[
        *("resolver", "resolver in a list", "local", "debug", "other run", "writes elsewhere"),
        *("null", "list", "empty"),
    ],
)
def test_a_stored_config_that_does_other_things_is_refused(
    keys: tuple[str, ...],
    value: Any,
    complaint: str,
    desk: Desk,
    capsys: pytest.CaptureFixture[str],
) -> None:
    desk.change(*keys, to=value)

    assert main([str(desk.outputs), "--rerun", "--trust"]) == 2

    err = capsys.readouterr().err
    assert complaint in err and err.count("\n") == 1
    assert desk.told() == []


def test_a_moved_run_is_submitted_where_it_now_lies(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    moved = desk.outputs.rename(tmp_path / "moved")

    main([str(moved), "--rerun", "--trust"])

    (call,) = desk.told()
    assert str(moved / "jobs") in call
    assert not desk.outputs.exists()


def test_trust_alone_does_nothing(desk: Desk, capsys: pytest.CaptureFixture[str]) -> None:
    assert main([str(desk.outputs), "--trust"]) == 2
    assert "--trust goes with --rerun" in capsys.readouterr().err


def _record(desk: Desk, **changes: Any) -> None:
    (path,) = (desk.outputs / "jobs" / "index").iterdir()
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


@pytest.mark.parametrize(
    "damage",
    [
        lambda desk: _record(desk, job="--help"),
        lambda desk: _record(desk, job="7,8"),
        lambda desk: _record(desk, job=7),
        lambda desk: _record(desk, name="bash"),
        lambda desk: (desk.run / "jobs.json").write_text('{"train": "../../../secret"}'),
        lambda desk: (desk.run / "jobs.json").write_text('{"train": null}'),
        lambda desk: (desk.run / "jobs.json").write_text("[]"),
    ],
    ids=["option", "two ids", "number", "other job", "path", "null", "list"],
)
def test_job_ids_of_records_reach_slurm_only_as_ids(
    damage: Callable[[Desk], object], desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    damage(desk)
    for options in ([], ["--cancel"], ["--rerun", "--trust"]):
        assert main([str(desk.outputs), *options]) == 2
        assert capsys.readouterr().err.count("\n") == 1
    assert desk.told() == []


@pytest.mark.parametrize(("name", "cancelled"), [("wsss-train", 1), ("wsss-prune", 0), ("bash", 0)])
def test_only_jobs_of_the_run_are_cancelled(
    name: str, cancelled: int, desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    desk.queue.write_text(f"7|PENDING|(Priority)|{name}\n8|RUNNING|node|bash\n")

    main([str(desk.outputs), "--cancel"])

    assert desk.told() == ["scancel 7"] * cancelled
    named = " (7)" if cancelled else ""
    assert f"cancelled {cancelled} jobs{named}, kept 0" in capsys.readouterr().out


def test_a_damaged_run_does_not_hide_the_others(
    desk: Desk, capsys: pytest.CaptureFixture[str]
) -> None:
    odd = desk.outputs / "runs" / "odd"
    (odd / "train").mkdir(parents=True)
    (odd / "config.json").write_text("{}")
    for text in ("null", "[]", '{"files": null}', '{"files": {"a": 1}}', "[" * 100_000):
        (odd / "train" / "manifest.json").write_text(text)

        assert main([str(desk.outputs)]) == 1

        out, err = capsys.readouterr()
        assert err.startswith("left out: ") and "odd/train/manifest.json" in err
        assert "FAILED (exit 1:0)" in out and "odd" not in out


def test_logs_are_shown_without_what_a_terminal_obeys(
    desk: Desk, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    log = desk.outputs / "jobs" / "7_0_log.err"
    log.write_bytes(b"\0" * 10_000_000 + b"\n\x1b]0;owned\x07 last line\n")
    assert main([str(desk.outputs)]) == 1
    out = capsys.readouterr().out
    assert r"\x1b]0;owned\x07 last line" in out and "\x1b" not in out

    (tmp_path / "secret.txt").write_text("secret words\n")
    log.unlink()
    log.symlink_to(tmp_path / "secret.txt")
    assert main([str(desk.outputs)]) == 1
    out = capsys.readouterr().out
    assert "secret words" not in out and "is a link" in out
