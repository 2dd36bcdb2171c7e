"""What is kept of a benchmark."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import results
from benchmarks.results import Figure, Outcome


@pytest.mark.parametrize(
    ("figure", "met"),
    [
        (Figure("a", "b", [0.5, 9.0, 1.0], most=1.0), True),
        (Figure("a", "b", [0.5, 1.2, 1.3], most=1.0), False),
        (Figure("a", "b", [2.0, 2.0, 9.0], least=3.0), False),
        (Figure("a", "b", [1.0]), True),
    ],
)
def test_the_median_is_held_to_the_target(figure: Figure, met: bool) -> None:
    assert figure.met is met
    assert ("**no**" in figure.cells()) is not met


def test_figures_are_kept_with_machine_and_notes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(results, "FOLDER", tmp_path)
    missed = Figure("step, ours / floor", "base", [1.5, 1.25, 1.75], most=1.05)

    results.save("training", Outcome([missed], ["limited by memory"]))
    results.save("heads", Outcome([Figure("speed", "tiny", [321.4], "images/s")]))

    content = json.loads((tmp_path / "training.json").read_text())
    assert Figure(**content["figures"][0]) == missed
    assert content["machine"]["torch"] and content["machine"]["cores"] >= 1
    page = (tmp_path / "README.md").read_text()
    assert "| step, ours / floor | base | 1.5 | 1.25 to 1.75 | <= 1.05 | **no** |" in page
    assert "- limited by memory" in page and "| 321 images/s |" in page
    assert page.index("## heads") < page.index("## training")
