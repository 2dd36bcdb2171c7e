"""Every dataset: registered once, described by YAML, built from abstract classes only."""

from __future__ import annotations

import inspect
from abc import ABC
from pathlib import Path

import pytest
import yaml

from wsss.data.registry import DATASETS

CONF = Path(__file__).resolve().parents[2] / "conf" / "dataset"


def test_each_dataset_has_a_configuration_and_yaml() -> None:
    described = [yaml.safe_load(path.read_text()) for path in CONF.glob("*.yaml")]
    assert {content["kind"] for content in described if "kind" in content} == set(DATASETS)
    assert len({dataset.config_class for dataset in DATASETS.values()}) == len(DATASETS)


@pytest.mark.parametrize("kind", DATASETS)
def test_classes_are_abstract_or_final(kind: str) -> None:
    for final in (DATASETS[kind], DATASETS[kind].config_class):
        assert inspect.isclass(final) and not inspect.isabstract(final)
        assert not final.__subclasses__()
        bases = [base for base in final.__mro__[1:] if base.__module__.startswith("wsss.")]
        assert all(inspect.isabstract(base) or ABC in base.__bases__ for base in bases)


@pytest.mark.parametrize("kind", DATASETS)
def test_every_setting_is_documented(kind: str) -> None:
    for described in DATASETS[kind].config_class.__mro__:
        if not described.__module__.startswith("wsss."):
            continue
        lines = inspect.getsource(described).splitlines()
        for name in described.__annotations__:
            (line,) = (i for i, text in enumerate(lines) if text.startswith(f"    {name}: "))
            assert lines[line + 1].startswith('    """'), f"{described.__name__}.{name}"
