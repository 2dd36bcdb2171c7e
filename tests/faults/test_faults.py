"""A fault of each kind, at a random time: the short tier of ``python -m faults``."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest

from faults.bad_inputs import Case, cases, outcome
from faults.inject import COLUMNS, KINDS, Laboratory

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    yield Laboratory(tmp_path_factory.mktemp("faults"))


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_is_lost_or_different(laboratory: Laboratory, kind: str) -> None:
    found, told = laboratory.fault(kind, random.Random(kind))
    assert found in COLUMNS[:2], f"{found}\n{told}"


@pytest.mark.parametrize("case", list(cases())[::20], ids=lambda case: case.name)
def test_bad_inputs_cost_at_most_a_line(case: Case, tmp_path: Path) -> None:
    assert outcome(case, tmp_path) in ("one line", "accepted")
