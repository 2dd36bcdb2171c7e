"""What a stage uses of the machine, sampled while it runs."""

from __future__ import annotations

import contextlib
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
import torch

from wsss.tracking.events import RunLog
from wsss.tracking.tracker import brief

_MIB = 2.0**20
_CPU = "system/cpu_percent"


@contextmanager
def system_metrics(log: RunLog, key: str, seconds: float | None) -> Iterator[None]:
    """Log `Usage` as metrics of run `key` every so many seconds, and once at the end.

    The step counts samples, on from the last one that the run has on record. `seconds` None: not
    at all. Whatever fails in it ends the samples alone.
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
    """Processor time and memory of this process and its children."""

    def __init__(self) -> None:
        """Shares of the processor count from here on."""
        self._known: dict[psutil.Process, psutil.Process] = {}
        self.sample()

    def sample(self) -> dict[str, float]:
        """Use since the last sample, and memory now.

        ``system/cpu_percent``: 100 for each core that was busy. ``system/memory_mib``: resident
        memory; pages that processes share count for each. ``system/gpu_memory_mib``: what PyTorch
        holds on all GPUs; only where this process uses CUDA.
        """
        me = psutil.Process()
        found = [me, *me.children(recursive=True)]
        self._known = {process: self._known.get(process, process) for process in found}
        values = {_CPU: 0.0, "system/memory_mib": 0.0}
        for process in self._known.values():
            with contextlib.suppress(psutil.Error):  # it has just ended
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
    except Exception as error:  # a stage must not fail for it
        print(f"tracking: no system metrics any more ({brief(error)})", file=sys.stderr)
