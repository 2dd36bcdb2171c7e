"""Processor and memory use of a stage, sampled while it runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil

from wsss.tracking.events import RunLog
from wsss.tracking.tracker import brief

_MIB = 2.0**20
_CPU = "system/cpu_percent"


@contextmanager
def system_metrics(log: RunLog, key: str, seconds: float | None) -> Iterator[None]:
    """Log `Usage` as metrics of a run at an interval, and once at the end.

    The step counts samples and continues from the last recorded one. An error ends the sampling,
    not the stage.

    Args:
        log: where metrics are recorded.
        key: the run.
        seconds: interval; ``None`` for no samples.
    """
    if seconds is None:
        yield
        return
    stop = threading.Event()
    arguments = (stop, log, key, seconds)
    thread = threading.Thread(target=_follow, args=arguments, name="wsss-system", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join(timeout=5.0)


class Usage:
    """Processor time and memory of this process and its children, from creation on."""

    def __init__(self) -> None:
        self._known: dict[psutil.Process, psutil.Process] = {}
        self.sample()

    def sample(self) -> dict[str, float]:
        """Processor use since the last sample, and current memory.

        ``system/cpu_percent`` is 100 per busy core. ``system/memory_mib`` is resident memory; pages
        that processes share count once per process. ``system/gpu_memory_mib`` is the memory that
        PyTorch holds on all GPUs, present only if this process uses CUDA.
        """
        import torch  # loaded by the stage that runs

        me = psutil.Process()
        found = [me, *me.children(recursive=True)]
        self._known = {process: self._known.get(process, process) for process in found}
        values = {_CPU: 0.0, "system/memory_mib": 0.0}
        for process in self._known.values():
            with contextlib.suppress(psutil.Error):  # the process has ended
                values[_CPU] += process.cpu_percent()
                values["system/memory_mib"] += process.memory_info().rss / _MIB
        if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
            held = (torch.cuda.memory_reserved(gpu) for gpu in range(torch.cuda.device_count()))
            values["system/gpu_memory_mib"] = sum(held) / _MIB
        return values


def _follow(stop: threading.Event, log: RunLog, key: str, seconds: float) -> None:
    try:
        steps = [
            e["step"] for e in log.events("metrics") if e["run"] == key and _CPU in e["values"]
        ]
        step = max(steps, default=-1)
        usage, last = Usage(), False
        while not last:
            last = stop.wait(seconds)
            step += 1
            log.metrics(key, usage.sample(), step)
    except Exception as error:  # must not fail the stage
        print(f"tracking: no system metrics any more ({brief(error)})", file=sys.stderr)
