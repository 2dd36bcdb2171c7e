"""No config key is decoration: changing any one of them changes what real code does.

The tables in `helpers.config_keys.cases` hold every leaf key of every option in ``conf/`` and of a
folder dataset. Each names another value and a probe: a function that runs real code, on sizes as
small as can be, and returns something that must then differ.

Elsewhere are the keys of clusters (``tests/cluster``) and those of public datasets
(``tests/data/datasets``).
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import groupby, zip_longest
from typing import Any

import pytest
from helpers.config_keys.cases import CASES, FOLDER_CASES, OPPOSITE, Case
from helpers.config_keys.laboratory import Laboratory, Overrides, Probe
from helpers.config_keys.stage_probes import extracted, generated, pruned, segmented, trained
from helpers.options import CONF, OPTIONS
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from wsss.engine.graph import Graph
from wsss.engine.registry import STAGES, find_stage
from wsss.errors import UserError

NOT_DETERMINING = {
    "stage": "which results are made, not what they are",
    "rebuild": "that they are made again",
    "objective": "which number a sweeper reads",
    "paths.outputs": "a place",
    "dataset.root": "a place; contents are known by digest",
    "dataset.on_error": "the index holds the images that are left",
    "dataset.cache_mb": "memory",
    "dataset.max_pixels": "larger images are refused",
    "trainer.accelerator": "equal up to rounding",
    "trainer.devices": "equal up to rounding",
    "trainer.num_nodes": "equal up to rounding",
    "trainer.num_workers": "randomness is keyed by epoch and index",
    "trainer.progress_bar": "printing",
    "trainer.gradient_checkpointing": "memory; equal bits",
    "launch.name": "where",
    "launch.workers": "each image is alone",
    "tracking.name": "a mirror",
    "tracking.uri": "a mirror",
    "tracking.experiment": "a mirror",
    "tracking.flush_seconds": "a mirror",
    "tracking.system_metrics_seconds": "a mirror",
    "tracking.params": "a mirror",
    "tracking.model": "an export",
}
"""Keys that determine no result, and why."""
DFC = ("dataset=dfc", "dataset.root=/nowhere")


@pytest.fixture(scope="module")
def laboratory(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Laboratory]:
    with (
        pytest.MonkeyPatch.context() as patch,
        initialize_config_dir(str(CONF), version_base="1.3"),
    ):
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        yield Laboratory(tmp_path_factory.mktemp("laboratory"))


def leaves(node: Any, prefix: str = "") -> set[str]:
    if not isinstance(node, dict):
        return {prefix.removesuffix(".")}
    return {leaf for key, value in node.items() for leaf in leaves(value, f"{prefix}{key}.")}


def all_keys(*overrides: str) -> set[str]:
    composed = OmegaConf.to_container(compose("config", overrides=list(overrides)))
    return leaves(composed)


@pytest.mark.usefixtures("laboratory")
def test_every_leaf_key_has_a_case() -> None:
    elsewhere = ("launch=", "dataset=")
    options = [option for option in OPTIONS if not option.startswith(elsewhere)]
    groups = [list(group) for _, group in groupby(options, lambda o: o.partition("=")[0])]
    variants = [DFC, *(filter(None, variant) for variant in zip_longest(*groups))]
    keys = set.union(*(all_keys(*variant) for variant in variants))
    assert {c.key for c in CASES} == keys
    folder = {key for key in all_keys("dataset=folder") if key.startswith("dataset.")}
    assert {c.key for c in FOLDER_CASES} == folder


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("probe", [trained, pruned, extracted, generated, segmented])
def test_without_a_change_stages_give_the_same_bits(laboratory: Laboratory, probe: Probe) -> None:
    before = probe(laboratory, ())
    laboratory.forget()
    assert probe(laboratory, ()) == before


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chosen", CASES, ids=lambda c: c.key)
def test_key_of_the_default_config(laboratory: Laboratory, chosen: Case) -> None:
    _assert_matters(laboratory, chosen)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("chosen", FOLDER_CASES, ids=lambda c: c.key)
def test_key_of_a_folder_dataset(laboratory: Laboratory, chosen: Case) -> None:
    _assert_matters(laboratory, chosen)


def _assert_matters(laboratory: Laboratory, chosen: Case) -> None:
    given = chosen.given
    value = OmegaConf.select(laboratory.composed(given), chosen.key)
    changed = (*given, chosen.other.replace(OPPOSITE, str(not value).lower()))
    assert OmegaConf.select(laboratory.composed(changed), chosen.key) != value, "no other value"
    probed = (chosen.probe, given)
    if probed not in laboratory.results:
        laboratory.results[probed] = chosen.probe(laboratory, given)
        assert chosen.probe(laboratory, given) == laboratory.results[probed], "the probe wavers"
    assert chosen.probe(laboratory, changed) != laboratory.results[probed], "changes nothing"


@pytest.mark.parametrize("chosen", [*CASES, *FOLDER_CASES], ids=lambda c: c.key)
def test_what_determines_a_result_is_in_a_fingerprint(laboratory: Laboratory, chosen: Case) -> None:
    given = chosen.given
    value = OmegaConf.select(laboratory.composed(given), chosen.key)
    changed = (*given, chosen.other.replace(OPPOSITE, str(not value).lower()))
    before, after = fingerprints(laboratory, given), fingerprints(laboratory, changed)
    if chosen.key in NOT_DETERMINING:
        assert before == after or isinstance(after, str), "changes a fingerprint"
    else:
        assert before != after, "determines a result, but no fingerprint"


def fingerprints(laboratory: Laboratory, overrides: Overrides) -> object:
    """Of every stage, or the reason of a refusal."""
    try:
        config, dataset = laboratory.opened(overrides)
        graph = Graph(config, dataset)
        return [graph.artifact(find_stage(name)).fingerprint for name in STAGES]
    except UserError as error:
        return str(error)
