"""Where stages run. What is run knows nothing of it."""

from __future__ import annotations

from dataclasses import dataclass

from wsss.checks import check_choice, check_least

LAUNCHERS = ("local",)


@dataclass(frozen=True)
class LaunchConfig:
    """``local`` runs the stages one after another in this process.

    ``threads`` limits PyTorch's CPU threads; ``null`` leaves its default, one per core.
    """

    name: str
    threads: int | None

    def __post_init__(self) -> None:
        check_choice("launch.name", self.name, LAUNCHERS)
        check_least("launch.threads", self.threads, 1)
