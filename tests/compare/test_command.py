"""The command: what it prints, refuses and logs."""

from __future__ import annotations

import shutil
import socket
from pathlib import Path

import pytest
from helpers.fake_runs import make_run, make_sweep

from wsss.compare.__main__ import main
from wsss.compare.record import tracking_of
from wsss.compare.runs import read_run
from wsss.errors import UserError
from wsss.tracking.__main__ import main as tracking_main
from wsss.tracking.mlflow_client import connect


@pytest.fixture(autouse=True)
def no_server(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


def test_prints_and_writes(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    runs = make_sweep(Path("outputs"))
    make_run(Path("outputs"), "half", None, seed=5)
    assert main([]) == 0
    out, err = capsys.readouterr()
    for words in ("0.720 ± 0.020", "+0.050 to +0.150", "paired t interval", "0.5, seed 5) has no"):
        assert words in out
    assert err == "" and "written: outputs/compare/compare.png" in out
    assert not Path("outputs/compare/tracking").exists()  # tracking=none
    arguments = ["--to", "there", "--baseline", "dp_rate=0.5", "--metric", "mAP", "--by", "dp_rate"]
    assert main([*map(str, runs), *arguments]) == 0
    out, _ = capsys.readouterr()
    assert "mAP minus that of the baseline (masking.dp_rate=0.5)" in out
    assert len(list(Path("there").iterdir())) == 3


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["nowhere"], "nowhere: no such folder; give an outputs folder"),
        (["empty"], "empty: has no runs; give an outputs folder"),
        (["outputs", "--metric", "miou"], "unknown metric 'miou'; valid: pseudo_mask_miou"),
        (["outputs", "--by", "colour"], "unknown key 'colour'; valid: masking.name, masking.dp"),
        (["outputs", "--by", "masking"], "would merge configurations that differ in masking.dp_ra"),
        (["outputs", "--baseline", "colour=1"], "unknown key 'colour'; valid: masking.name"),
        (["outputs", "--baseline", "masking=random"], "matches 2 configurations"),
        (["outputs", "--baseline", "dp_rate=1"], "valid: 0 or 0.5 or 0.75"),
        (["outputs", "--sweep", "rates"], "no run belongs to sweep 'rates', or to any sweep"),
        (["outputs", "--to", "file/folder"], "--to file/folder: "),
        (["outputs", "--frobnicate"], "--frobnicate; see python -m wsss.compare --help"),
    ],
)
def test_bad_input_is_one_line(
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
    complaint: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    make_sweep(Path("outputs"))
    Path("empty").mkdir()
    Path("file").touch()
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and err.startswith("error: ") and err.count("\n") == 1
    assert complaint in err


def test_logged_to_the_experiment_of_the_runs(
    tmp_path: Path, empty_database: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs = tmp_path / "outputs"
    make_sweep(outputs, f"sqlite:///{outputs}/mlflow.db")
    shutil.copy(empty_database, outputs / "mlflow.db")
    moved = outputs.rename(tmp_path / "moved")  # the database moves along
    assert main([str(moved), "--no-mlflow"]) == 0
    assert not (moved / "compare" / "tracking").exists()
    for _ in range(2):
        assert main([str(moved), "--baseline", "dp_rate=0.5"]) == 0
    assert capsys.readouterr().err == ""
    client = connect(f"sqlite:///{moved}/mlflow.db")
    experiment = client.get_experiment_by_name("toys")
    assert experiment is not None
    found = client.search_runs([experiment.experiment_id])
    assert [run.info.run_name for run in found] == ["compare", "compare"]
    run = found[0]
    assert run.info.status == "FINISHED"
    mean = run.data.metrics["segmenter_miou/masking.name:random_ masking.dp_rate:0.75"]
    assert mean == pytest.approx(0.78)
    assert run.data.params["baseline"] == "masking.name=random, masking.dp_rate=0.5"
    files = [file.path for file in client.list_artifacts(run.info.run_id)]
    assert files == ["compare.csv", "compare.md", "compare.png"]
    assert not outputs.exists()


def test_a_server_that_is_down_costs_a_line(
    tmp_path: Path,
    empty_database: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def forbidden(*_: object) -> None:
        raise AssertionError("a tracker would wait for the server to the end of flush_seconds")

    monkeypatch.setattr("wsss.compare.record.Tracker.open", forbidden)
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))  # nobody else can listen there
        uri = f"http://me:secret@127.0.0.1:{silent.getsockname()[1]}"
        make_sweep(tmp_path, uri)
        assert main([str(tmp_path), "--uri", uri]) == 0
    out, err = capsys.readouterr()
    assert "written: " in out and err.count("\n") == 1 and "secret" not in err
    assert f"python -m wsss.tracking sync {tmp_path}/compare/tracking" in err
    shutil.copy(empty_database, tmp_path / "mlflow.db")
    uri = f"sqlite:///{tmp_path}/mlflow.db"
    assert tracking_main(["sync", str(tmp_path), "--uri", uri]) == 0
    (run,) = connect(uri).search_runs(["1"])
    assert run.info.run_name == "compare" and len(run.data.metrics) == 12


def test_a_tracking_config_that_is_none_is_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_run(tmp_path, "one", 0.5, tracking={"name": "mlflow"})
    assert main([str(tmp_path)]) == 0
    assert capsys.readouterr().err.startswith("tracking: comparison not logged: ")


def test_most_runs_say_where(tmp_path: Path) -> None:
    paths = [make_run(tmp_path, "none", 0.5), make_run(tmp_path, "a", 0.5, uri="http://a")]
    assert tracking_of([read_run(paths[0])]) is None
    paths += [make_run(tmp_path, f"b{s}", 0.5, seed=s, uri="http://b") for s in (1, 2)]
    runs = [read_run(path) for path in paths]
    with pytest.raises(
        UserError, match=r"http://b, which is not configured here; .*--uri http://b"
    ):
        tracking_of(runs)
    config = tracking_of(runs, "http://c")
    assert config is not None and (config.uri, config.experiment) == ("http://c", "toys")


def test_the_option_names_where_to_log(
    tmp_path: Path, empty_database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_sweep(tmp_path / "outputs", "http://stranger")
    shutil.copy(empty_database, tmp_path / "mine.db")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://127.0.0.1:9")
    copy = tmp_path / "outputs" / "compare" / "tracking" / "compare.md"
    copy.parent.mkdir(parents=True)
    copy.symlink_to(tmp_path / "not_written")
    uri = f"sqlite:///{tmp_path}/mine.db"

    assert main([str(tmp_path / "outputs"), "--uri", uri]) == 0

    (run,) = connect(uri).search_runs(["1"])
    assert run.info.run_name == "compare" and not (tmp_path / "not_written").exists()


@pytest.mark.parametrize("uri", ["http://stranger", "sqlite:////{tmp}/elsewhere/mlflow.db"])
def test_runs_of_others_are_not_logged_where_they_say(
    uri: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make_sweep(tmp_path / "outputs", uri.format(tmp=tmp_path))

    assert main([str(tmp_path / "outputs")]) == 0

    out, err = capsys.readouterr()
    assert "written: " in out and err.count("\n") == 1
    assert "which is not configured here" in err and "--uri" in err
    assert [path.name for path in tmp_path.iterdir()] == ["outputs"]


def test_a_link_does_not_lead_the_files_elsewhere(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outputs, other = tmp_path / "outputs", tmp_path / "other"
    make_sweep(outputs)
    other.mkdir()
    (outputs / "compare").symlink_to(other)

    assert main([str(outputs)]) == 2

    assert "is a link out of" in capsys.readouterr().err and not [*other.iterdir()]


def test_a_damaged_run_is_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run, *_ = make_sweep(tmp_path)
    (run / "config.json").write_text("[" * 100_000)
    (run.parent / "x\x1b[2J").mkdir()
    (run.parent / "x\x1b[2J" / "config.json").write_text("null")

    assert main([str(tmp_path)]) == 0

    out, err = capsys.readouterr()
    assert err.count("left out: ") == 2 and "it is nested too deep" in err
    assert "\x1b" not in err and "x\\x1b[2J" in err
    assert "0.5" in out
