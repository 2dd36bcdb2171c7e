from __future__ import annotations

import dataclasses
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from wsss.data.datasets.dfc import DfcConfig, DfcDataset
from wsss.data.datasets.folder import FolderConfig, FolderDataset
from wsss.data.datasets.synthetic import SyntheticConfig, SyntheticDataset
from wsss.data.open import open_dataset


def test_each_configuration_opens_its_dataset(
    tmp_path: Path,
    pets: Path,
    make_synthetic: Callable[..., SyntheticConfig],
    make_folder: Callable[..., FolderConfig],
) -> None:
    config = make_synthetic(tmp_path / "deep" / "tree")
    assert isinstance(open_dataset(config), SyntheticDataset)  # writes the scenes first
    fields = {f.name: getattr(config, f.name) for f in dataclasses.fields(DfcConfig)}
    dfc = open_dataset(DfcConfig(**fields))
    assert isinstance(dfc, DfcDataset) and dfc.ids("val") == ("test_p6", "test_p7")
    assert isinstance(open_dataset(make_folder(pets)), FolderDataset)


@pytest.mark.parametrize("kind", ["synthetic", "folder"])
def test_configurations_bind_to_yaml(
    tmp_path: Path,
    kind: str,
    make_synthetic: Callable[..., SyntheticConfig],
    make_folder: Callable[..., FolderConfig],
) -> None:
    config = make_synthetic(tmp_path) if kind == "synthetic" else make_folder(tmp_path)
    text = OmegaConf.to_yaml(OmegaConf.create(dataclasses.asdict(config)))
    schema = OmegaConf.structured(type(config))
    OmegaConf.set_readonly(schema._get_node("augment"), False)  # frozen, so taken for read-only
    bound = OmegaConf.merge(schema, OmegaConf.create(text))
    assert OmegaConf.to_object(bound) == config
    for wrong in ({"image_sise": 3}, {"image_size": "big"}, {"augment": {"rotate": True}}):
        with pytest.raises(OmegaConfBaseException):
            OmegaConf.merge(schema, OmegaConf.create(wrong))


@pytest.mark.parametrize("kind", [DfcConfig, SyntheticConfig, FolderConfig])
def test_configurations_have_no_defaults(kind: type) -> None:
    missing = dataclasses.MISSING
    assert all(f.default is missing for f in dataclasses.fields(kind))
    assert all(f.default_factory is missing for f in dataclasses.fields(kind))


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"fit": "squash"}, "dataset.fit is 'squash'; valid: resize, pad"),
        ({"on_error": "ignore"}, "dataset.on_error is 'ignore'; valid: raise, skip"),
        ({"image_size": 0}, "dataset.image_size is 0"),
        ({"cache_mb": -1}, "dataset.cache_mb is -1"),
    ],
)
def test_settings_are_checked(
    tmp_path: Path,
    make_folder: Callable[..., FolderConfig],
    changes: dict[str, object],
    expected: str,
) -> None:
    with pytest.raises(ValueError, match=expected):
        make_folder(tmp_path, **changes)


def test_import_is_light() -> None:
    # Commands that only read settings or files answer at once.
    code = (
        "import sys, wsss.data.registry; "
        "print([name for name in ('monai', 'torch', 'pycocotools') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
