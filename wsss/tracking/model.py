"""The loader that MLflow models name which were saved before `wsss.export.mlflow_model`."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _load_pyfunc(path: str) -> Any:
    """Load the data of a model; by name, since tracking knows no network."""
    return import_module("wsss.export.mlflow_model")._load_pyfunc(path)
