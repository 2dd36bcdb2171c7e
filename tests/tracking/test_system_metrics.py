"""Use of the machine comes as metrics of the stage that runs."""

from __future__ import annotations

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import torch
from helpers.waiting import wait_for

from wsss.tracking import RunLog
from wsss.tracking.system_metrics import Usage, system_metrics


def _steps(log: RunLog) -> list[int]:
    return [e["step"] for e in log.events("metrics") if e["run"] == "train"]


def test_sampled_while_the_block_runs(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "wsss", "")
    log.start_run("train", "train")
    with system_metrics(log, "train", 0.01):
        wait_for(lambda: len(_steps(log)) >= 3)
    log.end_run("train")
    events = list(log.events("metrics", "end"))
    assert events[-1]["kind"] == "end", "nothing comes behind the block"
    assert "wsss-system" not in {thread.name for thread in threading.enumerate()}
    for event in events[:-1]:
        assert set(event["values"]) == {"system/cpu_percent", "system/memory_mib"}
        assert event["values"]["system/cpu_percent"] >= 0
        assert event["values"]["system/memory_mib"] > 10
    with system_metrics(log, "train", 1000.0):
        pass
    assert _steps(log) == list(range(len(events))), "one more at the end, and steps go on"


def test_none_samples_nothing(tmp_path: Path) -> None:
    log = RunLog(tmp_path, "wsss", "")
    with system_metrics(log, "train", None):
        assert "wsss-system" not in {thread.name for thread in threading.enumerate()}
    assert _steps(log) == []


def test_children_count() -> None:
    usage = Usage()
    before = usage.sample()["system/memory_mib"]
    code = "held = b'x' * 300 * 2**20; print(len(held), flush=True); input()"
    with subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None and child.stdout.readline()
        assert usage.sample()["system/memory_mib"] > before + 250
        child.communicate(b"\n")


def test_gpu_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_initialized", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "memory_reserved", lambda gpu: (gpu + 1) * 2**20)
    assert Usage().sample()["system/gpu_memory_mib"] == 3


def test_failure_ends_the_samples_alone(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    log = RunLog(tmp_path, "wsss", "")
    with system_metrics(log, "train", 1000.0):
        log.close()
    assert "no system metrics any more (OSError" in capsys.readouterr().err
