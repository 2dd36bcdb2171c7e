"""Which runs are found, and what is read of them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from helpers.fake_runs import make_run, make_sweep, masking

from wsss.compare.runs import read_run
from wsss.errors import UserError
from wsss.runs.finding import find_runs
from wsss.runs.layout import outputs_of


def test_runs_are_found_from_any_level_and_once(tmp_path: Path) -> None:
    runs = sorted(make_sweep(tmp_path))
    (tmp_path / "runs" / "notes").mkdir()
    assert find_runs([tmp_path]) == find_runs([tmp_path / "runs"]) == runs
    assert find_runs([runs[3], tmp_path, runs[3]]) == [runs[3], *runs[:3], *runs[4:]]
    assert outputs_of(tmp_path) == outputs_of(tmp_path / "runs") == outputs_of(runs[0]) == tmp_path


def test_a_sweep_has_the_runs_that_name_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runs = make_sweep(tmp_path)
    (runs[0] / "sweeps.json").write_text('["rates", "old"]')
    (runs[4] / "sweeps.json").write_text('["rates"]')
    assert find_runs([tmp_path], "rates") == [runs[0], runs[4]]
    assert find_runs([tmp_path], "old") == [runs[0]]
    with pytest.raises(UserError, match=r"sweep 'rate', did you mean 'rates'\?; valid: old, rates"):
        find_runs([tmp_path], "rate")
    (runs[0] / "sweeps.json").write_text('{"rates": 1}')
    assert find_runs([tmp_path], "rates") == [runs[4]]
    assert "sweeps.json is not a list of names" in capsys.readouterr().err


def test_a_run_is_read_without_circumstances(tmp_path: Path) -> None:
    run = read_run(make_run(tmp_path, "one", 0.5, seed=3, split="val", masking=masking(0)))
    assert run.seed == 3
    assert run.settings == {
        "dataset.name": "toy",
        "dataset.bands": None,
        "model.name": "mini",
        "model.depth": 2,
        "masking.name": "none",
        "masking.dp_rate": 0.0,  # what no masking amounts to
        "pseudo_mask.name": "adaptive",
        "pseudo_mask.image_labels": "given",
        "evaluation.split": "val",
        "evaluation.figure_images": 8,
    }
    assert run.scores == {
        "pseudo_mask_miou": 0.6,
        "segmenter_miou": 0.5,
        "mAP": 0.65,
        "val_mAP": 0.9,
        "heads_kept": 5.0,
    }
    assert run.rule == {
        "split": "toy/val",
        "images": "12",
        "protocol": "as shipped",
        "classes": "a, b",
        "image_labels": "given",
    }


def test_links_lead_to_artifacts_and_ceilings_count(tmp_path: Path) -> None:
    path = make_run(tmp_path, "one", None, heads=None)
    artifact = tmp_path / "artifacts" / "ceiling" / "1f"
    artifact.mkdir(parents=True)
    result = {"miou": 0.75, "images": 3, "rule": {"split": "toy/test", "image_labels": "none"}}
    (artifact / "metrics.json").write_text(json.dumps({"segmenter": {"test": result}}))
    (path / "ceiling").symlink_to(artifact, target_is_directory=True)
    (path / "prune").symlink_to(tmp_path / "gone")
    run = read_run(path)
    assert run.scores == {"val_mAP": 0.9, "ceiling_miou": 0.75}
    assert run.rule == {"split": "toy/test", "images": "3"}


def test_a_score_that_is_no_number_is_none(tmp_path: Path) -> None:
    path = make_run(tmp_path, "one", 0.5)
    (path / "evaluate" / "metrics.json").write_text('{"classifier": {"test": {"mAP": NaN}}}')
    assert read_run(path).scores.keys() == {"val_mAP", "heads_kept"}


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("config.json", "{", "config.json cannot be read"),
        ("config.json", "[]", "config.json holds a list, not a JSON object"),
        ("config.json", '{"dataset": {}, "seed": "x"}', "'seed' is text, it must be a whole"),
        ("config.json", '{"seed": 0, "evaluation": {"split": null}}', "'split' is null"),
        ("evaluate/metrics.json", "{", "metrics.json cannot be read"),
        ("train/metrics.json", '{"val": {"mAP": 1e300}}', "its val mAP is 1e"),
    ],
)
def test_a_broken_file_is_named(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    path = make_run(tmp_path, "one", 0.5)
    (path / file).write_text(text)
    with pytest.raises(UserError, match=complaint):
        read_run(path)


def test_a_renamed_option_is_the_same_configuration(tmp_path: Path) -> None:
    names = ("hard_concrete", "after")
    runs = [make_run(tmp_path, n, 0.5, pruning={"name": n, "lr": 0.1}) for n in names]

    former, now = (read_run(run).settings for run in runs)

    assert former == now and now["pruning.name"] == "after"
