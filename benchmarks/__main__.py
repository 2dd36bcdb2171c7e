"""Measure: ``python -m benchmarks [NAME ...]``; see ``benchmarks/README.md``."""

from __future__ import annotations

import argparse
import importlib

from benchmarks.results import save

NAMES = (
    "training",
    "extraction",
    "memory",
    "precision",
    "generation",
    "reading",
    "heads",
    "overheads",
    "tracking",
    "growth",
    "safety",
)
OF_NETWORKS = ("training", "extraction", "memory", "precision", "heads")
"""Benchmarks that also run on a GPU."""


def main() -> None:
    """Run the named benchmarks, or all."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=f"of {', '.join(NAMES)} (all)")
    parser.add_argument("--rounds", type=int, default=5, help="rounds that count (%(default)s)")
    parser.add_argument("--device", default="cpu", help="cpu or cuda (%(default)s)")
    chosen = parser.parse_args()
    unknown = set(chosen.names) - set(NAMES)
    if unknown:
        parser.error(f"unknown: {', '.join(sorted(unknown))}; valid: {', '.join(NAMES)}")
    on_cpu = chosen.device == "cpu"
    for name in chosen.names or (NAMES if on_cpu else OF_NETWORKS):
        if not on_cpu and name not in OF_NETWORKS:
            parser.error(f"{name} runs on the CPU; with --device: {', '.join(OF_NETWORKS)}")
        benchmark = importlib.import_module(f"benchmarks.{name}")
        suffix = "" if on_cpu else f"_{chosen.device}"
        save(name + suffix, benchmark.measure(chosen.rounds, chosen.device))


if __name__ == "__main__":
    main()
