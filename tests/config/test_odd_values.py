"""Odd values for any key of the schema: a config, or one line; never another error."""

from __future__ import annotations

from pathlib import Path

import pytest
from helpers import tiny
from helpers.command_line import run_main
from helpers.options import CONF
from hydra import compose, initialize_config_dir
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from omegaconf import OmegaConf

from wsss.config.composing import compose_config
from wsss.engine.feasible import check_feasible
from wsss.engine.registry import CHAIN, choose_stages
from wsss.errors import UserError


def _keys() -> list[str]:
    with initialize_config_dir(str(CONF), version_base="1.3"):
        config = OmegaConf.to_container(compose("config"), resolve=False)
    assert isinstance(config, dict)
    groups = [str(key) for key in config if (CONF / str(key)).is_dir()]
    inside = [f"{group}.{key}" for group in groups for key in config[group]]
    augment = [f"dataset.augment.{key}" for key in config["dataset"]["augment"]]
    return [*map(str, config), *inside, *augment]


KEYS = _keys()
ODD = (
    *("nan", "inf", "-inf", "-1", "0", "-0.0", "1e30", "1e308", "1e999", "0.5", "3.0", "1_0"),
    *("9" * 19, "9" * 400, "9" * 5000, "0x10", "1e-320", "true", "null", "None", "", "''", '""'),
    *("[]", "[[]]", "[1", "[nan]", "[null]", "[1,a]", "[true]", "{}", "{a:1}", "{a:{b:[]}}"),
    *("all", "none", "mini", "x/y", "../..", "/", "~", "~/x", "a b", "a,b", "a=b", "a:b", "#", "?"),
    *(
        "${seed}",
        "${nothing}",
        "${oc.env:HOME}",
        "${",
        "$",
        "é日",
        "\U0001f600",
        "a\tb",
        "\\",
        "\\'",
    ),
    *("range(0,3)", "choice(1,2)", "int(a)", "str(1)", "glob(*)", "interval(0,1)", "shuffle(1,2)"),
)
SPACE = st.tuples(
    st.sampled_from(["", "", "", "", "+", "++", "~"]),
    st.sampled_from(KEYS) | st.text(max_size=8),
    st.sampled_from(["=", "=", "=", "=", "", "==", "@x="]),
    st.sampled_from(ODD) | st.integers().map(str) | st.floats().map(str) | st.text(max_size=12),
).map("".join)
FIXED = [f"{key}={value}" for key, value in zip(KEYS[::4], ODD * 2, strict=False)]


def checked(*overrides: str) -> None:
    """Compose and check as a run does before it reads data."""
    config = compose_config(*overrides)
    choose_stages(config.stage)
    check_feasible(config, CHAIN)


@settings(suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(SPACE, min_size=1, max_size=2))
def test_any_override_gives_a_config_or_one_line(overrides: list[str]) -> None:
    try:
        checked(*overrides)
    except UserError as error:
        assert str(error).strip()


@pytest.mark.parametrize("override", FIXED)
def test_the_command_line_says_the_same(
    override: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("wsss.cluster.launch.run_experiment", lambda *_: [])
    monkeypatch.setattr("wsss.cluster.launch.objective", lambda *_: None)
    try:
        compose_config(override)
        expected = 0
    except UserError:
        expected = 2

    status, _, complaint = run_main([override], capsys)

    assert (status, complaint.count("\n")) == (expected, expected // 2), complaint


@pytest.mark.slow
@pytest.mark.parametrize(
    "override",
    ["trainer=5", "=5", "dataset.root=/a (b)", "segmenter.channels=[8]", "optimizer.lr=1e308"],
)
def test_real_commands(override: str, tmp_path: Path) -> None:
    done = tiny.run_command([*tiny.command(tmp_path), override], check=False)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert done.stderr.startswith("error: ")
