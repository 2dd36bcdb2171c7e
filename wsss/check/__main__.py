"""Check a dataset before a long run: counts, labels, sizes, files, masks, and a contact sheet.

Usage:    python -m wsss.check dataset=voc dataset.root=/data/VOC2012
          python -m wsss.data.check is the same command. It accepts the overrides of
          python -m wsss.pipelines and uses dataset, evaluation.split and paths.outputs.
Writes:   outputs/checks/<dataset>/report.json and contact_sheet.jpg
Status:   0 if a run would succeed, 2 if it would fail
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console

from wsss.atomic import replacing
from wsss.commands import run_command
from wsss.config.composing import compose_config
from wsss.data.types import SPLITS
from wsss.errors import UserError
from wsss.terminal import plain_console

if TYPE_CHECKING:
    from wsss.config.schema import Config
    from wsss.data.base import Dataset

_NUM_SHEET_IMAGES = 24
_MAX_WIDTH = 120


def main(arguments: Sequence[str]) -> int:
    """Command line; returns the exit status."""
    if {"-h", "--help"} & set(arguments):
        print(__doc__.strip())
        return 0
    console = plain_console()
    console.width = min(console.width, _MAX_WIDTH)
    return run_command(lambda: check(compose_config(*arguments), console))


def check(config: Config, console: Console) -> int:
    """Inspect the dataset of a config, write and print the report; 0 if a run would succeed."""
    # Imported here because they load slowly, and --help and a misspelt override need none of them.
    from wsss.check.inspect import inspect
    from wsss.check.tables import print_report, verdict
    from wsss.data.open import list_dataset
    from wsss.data.quarantine import find_unreadable
    from wsss.engine.feasible import check_feasible
    from wsss.engine.registry import CHAIN
    from wsss.report.contact_sheet import choose_examples, contact_sheet
    from wsss.report.figures import save
    from wsss.runs.layout import dataset_memory

    # Each image is read once, so a cache would only waste memory. Errors of single images are
    # collected first; on_error decides below whether they are faults.
    check_feasible(config, CHAIN)
    dataset = list_dataset(replace(config.dataset, cache_mb=0, on_error="skip"))
    dataset.memory = dataset_memory(config)
    unreadable = find_unreadable(dataset, dataset.memory)
    if config.dataset.on_error == "skip":
        dataset.leave_out(unreadable)
        unreadable = {}
    else:
        unreadable |= dataset.quarantined
        dataset.quarantined.clear()
    if not unreadable:
        check_feasible(config, CHAIN, dataset)
    reported = next(split for split in SPLITS if split == config.evaluation.split)
    refusals = [] if unreadable else _refusals(config, dataset)
    report = inspect(dataset, reported, unreadable, refusals)

    directory = config.outputs / "checks" / config.dataset.name
    file, sheet = directory / "report.json", directory / "contact_sheet.jpg"
    with replacing(file) as partial:
        partial.write_text(json.dumps(report.as_json(), indent=1) + "\n", "utf-8")
    sheet.unlink(missing_ok=True)
    if ids := choose_examples(dataset, "train", _NUM_SHEET_IMAGES, without=unreadable):
        save(contact_sheet(dataset, "train", ids), sheet)
    print_report(report, console, file)
    for path in filter(Path.exists, (file, sheet)):
        console.print(f"written: {path}", soft_wrap=True)
    console.print(verdict(report), style="bold", soft_wrap=True)
    return 0 if report.run_would_succeed else 2


def _refusals(config: Config, dataset: Dataset) -> list[str]:
    """What the stages of the config would refuse before the first of them runs."""
    from wsss.engine.registry import choose_stages

    reasons: dict[str, None] = {}
    for stage in choose_stages(config.stage):
        try:
            if stage.check is not None:
                stage.check(config, dataset)
            if stage.plan is None:  # others read masks, which have a check of their own
                stage.inputs(config, dataset)
        except UserError as error:
            reasons[str(error)] = None
    return list(reasons)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
