"""The segmenter as an MLflow model: ``mlflow models predict -m <run directory>/model``.

The model holds no code and no pickle: weights are safetensors, and MLflow loads it through this
module, so `wsss` must be installed where it is used (``--env-manager local``).
"""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from wsss.atomic import PARTIAL
from wsss.models.segmenter import DESCRIPTION, WEIGHTS, load_segmenter
from wsss.training.device import pick_device
from wsss.training.predict import segment_image

WINDOWS = "windows.json"
#: What the model needs, as it is here. Not wsss, which no package index has.
_PACKAGES = ("mlflow", "monai", "numpy", "safetensors", "torch", "transformers")


class SegmenterModel:
    """What MLflow calls."""

    def __init__(self, directory: Path) -> None:
        """Load from the data of a model; `UserError` names a directory that holds none."""
        self._network, self._spec = load_segmenter(directory)
        windows = json.loads((directory / WINDOWS).read_text())
        self._window, self._overlap = int(windows["window"]), float(windows["overlap"])
        self._device = pick_device("auto")
        self._network.to(self._device)

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Class indices ``[batch, H, W]`` of images ``[batch, bands, H, W]`` of any size.

        Images have the bands and the values of the dataset that the segmenter was trained on, such
        as reflectances; they are standardised here.
        """
        masks = [
            segment_image(
                self._network, self._spec, self._window, self._overlap, image, self._device
            )
            for image in np.asarray(images, np.float32)
        ]
        return np.stack(masks)


def save_model(
    path: Path, segmenter: Path, window: int, overlap: float, metadata: Mapping[str, Any]
) -> None:
    """Write an MLflow model directory, in place of an older one.

    Args:
        path: the directory.
        segmenter: where `wsss.models.segmenter.save_segmenter` has written.
        window: side of the sliding windows, in pixels of the resized image.
        overlap: share of a window, in [0, 1).
        metadata: goes into the model's, beside the names of bands and classes.

    Raises:
        UserError: there is no readable segmenter.
    """
    import mlflow.pyfunc
    from mlflow.models import ModelSignature
    from mlflow.types import Schema, TensorSpec

    _, spec = load_segmenter(segmenter)
    image = TensorSpec(np.dtype("float32"), (-1, len(spec.bands), -1, -1))
    mask = TensorSpec(np.dtype("uint8"), (-1, -1, -1))
    scratch = path.with_name(f".{path.name}{PARTIAL}")
    shutil.rmtree(scratch, ignore_errors=True)
    data = scratch / "segmenter"
    data.mkdir(parents=True)
    for name in (WEIGHTS, DESCRIPTION):
        shutil.copy(segmenter / name, data)
    (data / WINDOWS).write_text(json.dumps({"window": window, "overlap": overlap}))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided")
        mlflow.pyfunc.save_model(
            scratch / "model",
            loader_module=__name__,
            data_path=str(data),
            signature=ModelSignature(Schema([image]), Schema([mask])),
            # Given, so that MLflow does not try to find out.
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in _PACKAGES],
            metadata={**metadata, "classes": list(spec.classes), "bands": list(spec.bands)},
        )
    shutil.rmtree(path, ignore_errors=True)
    os.replace(scratch / "model", path)
    shutil.rmtree(scratch)


def _load_pyfunc(path: str) -> SegmenterModel:
    """MLflow's way in; ``path`` is the directory of the model's data."""
    return SegmenterModel(Path(path))
