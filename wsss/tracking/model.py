"""Loader named by MLflow models that were saved before `wsss.export.mlflow_model` existed."""

from __future__ import annotations

from importlib import import_module
from typing import Any


def _load_pyfunc(path: str) -> Any:
    """Load the data of a model; imported by name, since tracking may not import networks."""
    return import_module("wsss.export.mlflow_model")._load_pyfunc(path)
