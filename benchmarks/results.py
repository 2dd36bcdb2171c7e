"""Results of benchmarks, and the files that store them with machine and versions."""

from __future__ import annotations

import json
import os
import platform
import statistics
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch
from rich.table import Table

from wsss.atomic import replacing
from wsss.report.seeds import markdown_table
from wsss.terminal import plain_console

FOLDER = Path(__file__).parent / "results"
LIBRARIES = ("torch", "numpy", "scipy", "pytorch-lightning", "hydra-core", "mlflow", "rasterio")


@dataclass(frozen=True)
class Figure:
    """One line of a table."""

    what: str
    """What was measured."""
    case: str
    """Model, size or files that it was measured on."""
    values: list[float]
    """One value per round."""
    unit: str = "x"
    """``x`` for ratios."""
    most: float | None = None
    """Target: the median is at most this."""
    least: float | None = None
    """Target: the median is at least this."""

    @property
    def median(self) -> float:
        """The median of all rounds."""
        return statistics.median(self.values)

    @property
    def target(self) -> str:
        """The target as text, empty if there is none."""
        if self.most is not None:
            return f"<= {self.most:g}"
        return "" if self.least is None else f">= {self.least:g}"

    @property
    def met(self) -> bool:
        """Whether the median meets the target."""
        below = self.most is None or self.median <= self.most
        return below and (self.least is None or self.median >= self.least)

    def cells(self) -> list[str]:
        """Cells of a table with `HEAD`."""
        spread = ""
        if len(self.values) > 1:
            spread = f"{digits(min(self.values))} to {digits(max(self.values))}"
        unit = "" if self.unit == "x" else f" {self.unit}"
        answer = "" if not self.target else "yes" if self.met else "**no**"
        return [self.what, self.case, digits(self.median) + unit, spread, self.target, answer]


HEAD = ("what", "of", "median", "range", "target", "met")


@dataclass(frozen=True)
class Outcome:
    """The result of a benchmark."""

    figures: Sequence[Figure]
    notes: Sequence[str] = field(default_factory=tuple)
    """Limits of the measurement, and cases that were left out."""


def digits(value: float) -> str:
    """A number with three significant digits, or all digits before the decimal point."""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def machine() -> dict[str, Any]:
    """Description of this machine and of library versions."""
    gpu = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return {
        "date": date.today().isoformat(),
        "processor": processor(),
        "cores": cores(),
        "gpu": gpu,
        "system": platform.platform(terse=True),
        "python": platform.python_version(),
        **{library: version(library) for library in LIBRARIES},
    }


def cores() -> int | None:
    """Number of cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()


def processor() -> str:
    """Name of the processor and its relevant vector instructions."""
    facts: dict[str, str] = {}
    listed = Path("/proc/cpuinfo")  # Linux
    for line in listed.read_text("utf-8").splitlines() if listed.exists() else ():
        key, _, value = line.partition(":")
        facts.setdefault(key.strip(), value.strip())
    flags = facts.get("flags", "").split()
    kinds = [kind for kind in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if kind in flags]
    name = facts.get("model name") or platform.processor() or platform.machine()
    return f"{name} ({', '.join(kinds)})" if kinds else name


def save(name: str, outcome: Outcome) -> None:
    """Print and write the result of a benchmark, then update the page of all results."""
    content = {
        "machine": machine(),
        "notes": list(outcome.notes),
        "figures": [asdict(figure) for figure in outcome.figures],
    }
    FOLDER.mkdir(exist_ok=True)
    with replacing(FOLDER / f"{name}.json") as partial:
        partial.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    show(name, outcome)
    write_page()


def show(name: str, outcome: Outcome) -> None:
    """Print a benchmark's table."""
    table = Table(*HEAD, title=name, box=None, header_style="bold", pad_edge=False)
    for figure in outcome.figures:
        table.add_row(*figure.cells())
    plain_console().print(table)
    for note in outcome.notes:
        print(f"- {note}")


def write_page() -> None:
    """Write ``results/README.md`` from all result files."""
    parts = [
        "# Results\n\nWritten by `python -m benchmarks`; see [what they mean](../README.md).\n"
    ]
    for path in sorted(FOLDER.glob("*.json")):
        content = json.loads(path.read_text("utf-8"))
        rows = [Figure(**figure).cells() for figure in content["figures"]]
        known = [f"{key} {value}" for key, value in content["machine"].items() if value is not None]
        notes = "".join(f"- {note}\n" for note in content["notes"])
        table = markdown_table(HEAD, rows)
        parts.append(f"\n## {path.stem}\n\n{table}\n{notes}\n{', '.join(known)}\n")
    with replacing(FOLDER / "README.md") as partial:
        partial.write_text("".join(parts), "utf-8")
