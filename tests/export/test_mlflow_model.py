"""The segmenter as an MLflow model says what stage evaluate reads from it."""

from __future__ import annotations

import json
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow
import numpy as np
import pytest
from helpers import tiny
from numpy.typing import NDArray

from wsss.config.composing import compose_config
from wsss.config.schema import Config
from wsss.data.base import Dataset
from wsss.data.open import open_dataset
from wsss.models.segmenter import load_segmenter
from wsss.tracking.mlflow_client import connect
from wsss.training.device import pick_device
from wsss.training.predict import predict_mask


@dataclass
class Exported:
    """A finished experiment whose segmenter was exported, without a new training."""

    uri: str
    run_dir: Path
    config: Config
    dataset: Dataset

    def images(self) -> NDArray[np.float32]:
        return np.stack([self.dataset.read_image(i) for i in self.dataset.ids("test")[:3]])

    def masks(self) -> NDArray[np.uint8]:
        """As stage evaluate reads them."""
        network, spec = load_segmenter(self.run_dir / "segment")
        device = pick_device("auto")
        network.to(device)
        return np.stack(
            [
                predict_mask(
                    network,
                    self.dataset,
                    image_id,
                    spec=spec,
                    settings=self.config.segmenter,
                    device=device,
                )
                for image_id in self.dataset.ids("test")[:3]
            ]
        )


@pytest.fixture(scope="module")
def exported(
    finished: Path, empty_database: Path, tmp_path_factory: pytest.TempPathFactory
) -> Exported:
    outputs = tmp_path_factory.mktemp("exported") / "outputs"
    shutil.copytree(finished, outputs, symlinks=True)
    shutil.copy(empty_database, outputs / "mlflow.db")
    (run_dir,) = outputs.glob("runs/*")
    (run_dir / "model").mkdir()
    (run_dir / "model" / "old.pkl").touch()
    arguments = tiny.command(outputs, "stage=segment", "tracking.model=true", tracking="mlflow")
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("MLFLOW_TRACKING_URI", raising=False)
        done = tiny.run_command(arguments)
    assert "up to date" in done.stdout and done.stderr == ""
    config = compose_config(f"paths.outputs={outputs}", *tiny.TINY)
    return Exported(f"sqlite:///{outputs}/mlflow.db", run_dir, config, open_dataset(config.dataset))


def test_mlflow_models_predict(exported: Exported, tmp_path: Path) -> None:
    request, answer = tmp_path / "request.json", tmp_path / "answer.json"
    request.write_text(json.dumps({"inputs": exported.images().tolist()}))
    with pytest.MonkeyPatch.context() as patch:
        # Nothing may be fetched, and the package need not be this one that is installed.
        patch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
        patch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
        patch.setenv("PYTHONPATH", str(tiny.REPOSITORY))
        tiny.run_command(
            [
                *(sys.executable, "-m", "mlflow", "models", "predict"),
                *("-m", str(exported.run_dir / "model"), "--env-manager", "local"),
                *("--input-path", str(request), "--content-type", "json"),
                *("--output-path", str(answer)),
            ]
        )
    predictions = json.loads(answer.read_text())["predictions"]
    assert np.array_equal(predictions, exported.masks())


def test_loads_from_the_tracking_store(exported: Exported, monkeypatch: pytest.MonkeyPatch) -> None:
    (run,) = connect(exported.uri).search_runs(["1"], "tags.stage = 'segment'")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", exported.uri)
    model = mlflow.pyfunc.load_model(f"runs:/{run.info.run_id}/model")

    masks = model.predict(exported.images())

    assert run.info.status == "FINISHED"
    assert masks.dtype == np.uint8 and np.array_equal(masks, exported.masks())
    wider = np.zeros((1, 13, 40, 52), np.float32)
    assert model.predict(wider).shape == (1, 40, 52)
    with pytest.raises(mlflow.MlflowException, match="shape"):
        model.predict(np.zeros((1, 3, 32, 32), np.float32))
    metadata = model.metadata.metadata
    assert metadata is not None
    assert metadata["classes"] == list(exported.dataset.info.classes)
    assert metadata["bands"] == list(exported.dataset.info.bands)


def test_model_directory_holds_no_pickle_and_no_code(exported: Exported) -> None:
    files = [path for path in (exported.run_dir / "model").rglob("*") if path.is_file()]
    suffixes = {path.suffix for path in files if path.name != "MLmodel"}
    assert suffixes <= {".safetensors", ".json", ".yaml", ".txt"}
    assert not [path for path in exported.run_dir.iterdir() if path.name.startswith(".")]


def test_a_model_that_names_the_former_loader_loads(exported: Exported, tmp_path: Path) -> None:
    model = tmp_path / "model"
    shutil.copytree(exported.run_dir / "model", model)
    description = (model / "MLmodel").read_text()
    assert "wsss.export.mlflow_model" in description
    former = description.replace("wsss.export.mlflow_model", "wsss.tracking.model")
    (model / "MLmodel").write_text(former)

    loaded = mlflow.pyfunc.load_model(str(model))

    assert np.array_equal(loaded.predict(exported.images()), exported.masks())
