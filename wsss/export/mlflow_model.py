"""The segmenter as an MLflow model: ``mlflow models predict -m <run directory>/model``.

The model contains neither code nor pickles: weights are safetensors, and MLflow loads them through
this module. `wsss` must therefore be installed in the environment that uses the model
(``--env-manager local``).
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
from wsss.records import entry, read_object
from wsss.training.device import pick_device
from wsss.training.predict import segment_image

WINDOWS = "windows.json"
#: Requirements of the model, in the installed versions; wsss itself is not on a package index.
_PACKAGES = ("mlflow", "monai", "numpy", "safetensors", "torch", "transformers")


class SegmenterModel:
    """The object that MLflow calls."""

    def __init__(self, directory: Path) -> None:
        """Load the data of a model; `UserError` names a directory without a segmenter."""
        self._network, self._spec = load_segmenter(directory)
        windows = read_object(directory / WINDOWS)
        self._window = entry(windows, "window", int, directory / WINDOWS)
        self._overlap = entry(windows, "overlap", float, directory / WINDOWS)
        self._device = pick_device("auto")
        self._network.to(self._device)

    def predict(self, images: NDArray[np.float32]) -> NDArray[np.uint8]:
        """Class indices ``[batch, H, W]`` of images ``[batch, bands, H, W]`` of any size.

        Images have the bands and units of the dataset that the segmenter was trained on, such as
        reflectances; they are standardised here.
        """
        masks = [
            segment_image(
                self._network,
                image,
                spec=self._spec,
                window=self._window,
                overlap=self._overlap,
                device=self._device,
            )
            for image in np.asarray(images, np.float32)
        ]
        return np.stack(masks)


def save_model(
    path: Path, segmenter: Path, *, window: int, overlap: float, metadata: Mapping[str, Any]
) -> None:
    """Write an MLflow model directory, replacing an older one.

    Args:
        path: the directory.
        segmenter: directory written by `wsss.models.segmenter.save_segmenter`.
        window: side of the sliding windows, in pixels of the resized image.
        overlap: overlap of windows as a share of their side, in [0, 1).
        metadata: added to the model's metadata, beside the names of bands and classes.

    Raises:
        UserError: the directory holds no readable segmenter.
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
    (data / WINDOWS).write_text(json.dumps({"window": window, "overlap": float(overlap)}))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", ".*input example was not provided")
        mlflow.pyfunc.save_model(
            scratch / "model",
            loader_module=__name__,
            data_path=str(data),
            signature=ModelSignature(Schema([image]), Schema([mask])),
            # Given explicitly, so that MLflow does not infer them.
            pip_requirements=[f"{name}=={version(name).partition('+')[0]}" for name in _PACKAGES],
            metadata={**metadata, "classes": list(spec.classes), "bands": list(spec.bands)},
        )
    shutil.rmtree(path, ignore_errors=True)
    os.replace(scratch / "model", path)
    shutil.rmtree(scratch)


def _load_pyfunc(path: str) -> SegmenterModel:
    """MLflow's entry point; ``path`` is the directory of the model's data."""
    return SegmenterModel(Path(path))
