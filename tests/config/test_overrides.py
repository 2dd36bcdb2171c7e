"""Overrides that Hydra cannot use get one line that names them and says what to type."""

from __future__ import annotations

import shlex
import sys
from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import refused, run_main
from hydra.core.override_parser.overrides_parser import OverridesParser
from hypothesis import given
from hypothesis import strategies as st

from wsss.config.composing import compose_config
from wsss.config.quoting import corrected
from wsss.errors import UserError

REFUSED = {
    "no key": (["=5"], ["'=5'", "names no key"]),
    "number for a group": (["trainer=5"], ["trainer=5", "default"]),
    "null for a group": (["masking=null"], ["masking=null", "none, patches, random, scheduled"]),
    "empty list for a group": (["model=[]"], ["model=[]", "mini, small"]),
    "deleted key": (["~seed"], ["~seed", "seed=<value>"]),
    "deleted nested key": (["~trainer.max_epochs"], ["trainer.max_epochs=<value>"]),
    "deleted group": (["~masking"], ["~masking", "none, patches, random, scheduled"]),
    "added key": (["+x=1"], ["unknown key 'x'"]),
    "added key by force": (["++trainer.x=1"], ["unknown key 'trainer.x'", "max_epochs"]),
    "no value": (["seed"], ["'seed'", "overrides look like seed=1"]),
    "empty part of a key": (["trainer.=3"], ["trainer.=3", "overrides look like"]),
    "several values": (["seed=0,1"], ["seed=0,1", "-m"]),
    "several options": (["model=mini,small"], ["model=mini,small", "-m"]),
    "range without -m": (["seed=range(0,3)"], ["seed=range(0,3)", "multirun"]),
    "step 0": (["-m", "seed=range(0,1,0)"], ["seed=range(0,1,0)", "no value"]),
    "range that runs backwards": (["-m", "seed=range(5,0)"], ["seed=range(5,0)", "no value"]),
    "no option matches": (["-m", "masking=glob(x*)"], ["masking=glob(x*)", "no value"]),
    "interval": (["-m", "seed=interval(0,1)"], ["interval", "hydra/sweeper=optuna"]),
    "huge sweep": (["-m", "seed=range(0,1000000000)"], ["1,000,000,000 points"]),
    "endless sweep": (["-m", "seed=range(0,inf)"], ["points"]),
    "huge product": (
        ["-m", "seed=range(0,1000)", "dp_rate=range(0,1,0.001)"],
        ["1,000,000 points"],
    ),
    "unknown flag": (["--nonsense"], ["--nonsense", "--help"]),
    "flag without its value": (["--cfg"], ["--cfg", "see --help"]),
    "config directory": (["--config-dir=/nowhere"], ["/nowhere", "not found"]),
    "config name": (["--config-name=foo"], ["'foo'"]),
    "launcher": (["hydra/launcher=x"], ["hydra/launcher", "basic"]),
    "number for Hydra": (["hydra=5"], ["hydra=5"]),
    "experiment": (["experiment=x"], ["experiment/x", "token_masking"]),
    "interpolation without end": (["dataset.root=${paths.outputs"], ["dataset.root=${paths"]),
    "interpolation of nothing": (["dataset.root=${nothing}"], ["dataset.root", "'nothing'"]),
    "interpolation in a circle": (["dp_rate=${dp_rate}"], ["masking.dp_rate", "Recursive"]),
    "environment": (["dataset.root=${oc.env:NOT_SET}"], ["dataset.root", "NOT_SET"]),
    "unknown resolver": (["dataset.root=${foo:1}"], ["dataset.root", "foo"]),
    "text for a group of keys": (["paths=5"], ["paths"]),
    "no outputs": (["paths.outputs="], ["paths.outputs is empty"]),
    "home of nobody": (['paths.outputs="~nobody-here/x"'], ["~nobody-here"]),
    "quotes that arrive": (["'seed=1'"], ["write it as seed=1"]),
    "home": (["dataset.root=~/data"], [f"write it as dataset.root={Path.home()}/data"]),
    "brackets": (["dataset.root=/a (b)"], ["write it as 'dataset.root=\"/a (b)\"'"]),
    "name of a folder": (["dataset.name=../../x"], ["dataset.name is '../../x'", "folders"]),
    "absolute name": (["dataset.name=/x"], ["dataset.name is '/x'"]),
    "empty name": (["dataset.name="], ["dataset.name is ''"]),
    "hidden name": (["dataset.name=.x"], ["dataset.name is '.x'"]),
    "control characters in a name": (["dataset.name='a\tb'"], ["dataset.name is 'a"]),
    "long name": ([f"dataset.name={'x' * 101}"], ["dataset.name", "100"]),
}


@pytest.mark.parametrize("case", REFUSED)
def test_one_line_names_the_override(
    case: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments, words = REFUSED[case]
    monkeypatch.chdir(tmp_path)
    refused(arguments, capsys, *words)
    assert not list(tmp_path.rglob("*.json"))


@pytest.mark.parametrize("name", ["dfc", "my_data.v2-b", "forêt", "日本", "_x", "2024"])
def test_plain_names_are_kept(name: str) -> None:
    assert compose_config(f'dataset.name="{name}"').dataset.name == name


def test_flags_may_stand_anywhere(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []
    monkeypatch.setattr(
        "wsss.cluster.launch.launch_experiment", lambda plain, *_: seen.append(plain["seed"])
    )
    arguments = [f"paths.outputs={tmp_path}", "-m", "seed=range(0,2)", "dp_rate=0.1,0.2"]
    status, _, complaint = run_main(arguments, capsys)
    assert (status, seen) == (0, [0, 0, 1, 1]), complaint


def test_a_sweep_goes_on_after_a_full_disk_at_one_point(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    seen: list[int] = []

    def launch(plain: dict[str, int], *_: object) -> None:
        seen.append(plain["seed"])
        if plain["seed"] == 1:
            raise OSError(28, "No space left on device", "/data/x")

    monkeypatch.setattr("wsss.cluster.launch.launch_experiment", launch)
    status, _, complaint = run_main(["-m", f"paths.outputs={tmp_path}", "seed=0,1,2"], capsys)
    assert (status, seen) == (2, [0, 1, 2])
    assert complaint.startswith("error: No space left on device: /data/x")
    assert complaint.count("\n") == 1


paths = st.text(
    st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp"), exclude_characters="\x85"),
    min_size=1,
    max_size=20,
).map(lambda text: "/data/" + text.strip() + "x")


@given(paths)
def test_the_suggested_word_means_the_path(path: str) -> None:
    suggested = corrected(f"dataset.root={path}")
    if suggested is None:
        assert "${" in path
        return
    (word,) = shlex.split(suggested)
    (parsed,) = OverridesParser.create().parse_overrides([word])
    assert parsed.value() == path


@pytest.mark.parametrize("override", ["trianer.max_epochs=3", "dataset.root=/a (b)", "=5", "-x"])
def test_a_misspelt_override_is_refused_without_pytorch(override: str) -> None:
    shown = (
        "import atexit, runpy, sys; sys.argv = ['wsss', sys.argv[1]]; "
        "atexit.register(lambda: print('torch loaded:', 'torch' in sys.modules)); "
        "runpy.run_module('wsss.pipelines', run_name='__main__', alter_sys=True)"
    )
    done = tiny.run_command([sys.executable, "-c", shown, override], check=False)
    assert done.returncode == 2 and done.stdout.splitlines()[-1] == "torch loaded: False"


def test_the_check_refuses_flags() -> None:
    with pytest.raises(UserError, match="unknown option '-m'"):
        compose_config("-m", "seed=0,1")
