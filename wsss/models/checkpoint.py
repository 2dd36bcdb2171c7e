"""Classifier files: weights as safetensors, architecture and input description as JSON."""

from __future__ import annotations

import argparse
import json
import pickle
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from wsss.errors import UserError, one_line
from wsss.models.gates import HeadGates
from wsss.models.input_spec import InputSpec
from wsss.models.released.mctformer import import_mctformer, is_mctformer
from wsss.models.released.tensors import checked_tensors
from wsss.models.released.token_masking import import_release
from wsss.models.vit import ClassTokenViT
from wsss.models.weights import WEIGHTS

#: Keys under which training scripts store weights; a teacher is preferred to its student.
_CONTAINERS = ("state_dict", "model", "teacher", "student")
DESCRIPTION = "classifier.json"


def save_classifier(directory: Path, model: ClassTokenViT, spec: InputSpec) -> None:
    """Write a classifier into ``directory``, with its gates if it has any."""
    save_file({k: v.contiguous() for k, v in model.state_dict().items()}, directory / WEIGHTS)
    description: dict[str, Any] = {"model": model.architecture.description(), "input": asdict(spec)}
    if model.gates is not None:
        description["gates"] = {"keep": model.gates.keep}
    (directory / DESCRIPTION).write_text(json.dumps(description, indent=1))


def load_classifier(directory: Path) -> tuple[ClassTokenViT, InputSpec]:
    """Read what `save_classifier` wrote, in evaluation mode; `UserError` names a bad file."""
    try:
        description = json.loads((directory / DESCRIPTION).read_text())
        model = ClassTokenViT(**description["model"])
        if "gates" in description:
            model.gates = HeadGates(len(model.blocks), model.num_heads[0], **description["gates"])
        model.load_state_dict(load_file(directory / WEIGHTS))
        return model.eval(), InputSpec(**description["input"])
    except Exception as error:  # a damaged description can fail in any way
        reason = one_line(error)
        raise UserError(f"{directory} holds no readable classifier: {reason}") from error


def load_weights(model: ClassTokenViT, path: Path) -> None:
    """Start a model from weights on disk.

    Args:
        model: receives the weights; none may be missing or of another shape.
        path: a ``.safetensors`` or PyTorch file, or a directory that `save_classifier` wrote.
            Names of tensors are this project's, with or without Lightning's prefix, or those of
            the releases of TokenMasking, whose gates are ignored, or MCTformer.

    Raises:
        UserError: the file is missing, unreadable, or of another architecture.
    """
    state = read_state_dict(path)
    try:
        if any("classifier_head_test" in name for name in state):
            state = import_release(state, model.num_heads[0]).state_dict()
        elif is_mctformer(state):
            state = import_mctformer(state, model.num_heads[0]).state_dict()
    except (UserError, LookupError, ValueError, TypeError, RuntimeError) as error:
        raise UserError(f"checkpoint {path}: {one_line(error)[:200]}") from error
    state = {n.removeprefix("model."): v for n, v in state.items()}
    state = {n: v for n, v in state.items() if not n.startswith("gates.")}
    expected = model.state_dict()
    problems = [f"no tensor '{n}'" for n in expected if n not in state]
    problems += [f"unknown tensor '{n}'" for n in state if n not in expected]
    problems += [
        f"'{n}' is {list(state[n].shape)}, the model's is {list(expected[n].shape)}"
        for n in expected
        if n in state and state[n].shape != expected[n].shape
    ]
    if problems:
        more = f" (and {len(problems) - 1} more)" if len(problems) > 1 else ""
        raise UserError(f"checkpoint {path} is of another architecture: {problems[0]}{more}")
    model.load_state_dict(dict(state))


def read_state_dict(path: Path) -> Mapping[str, Tensor]:
    """Tensors of a checkpoint file by name; code in the file is never run."""
    path = path / WEIGHTS if path.is_dir() else path
    if not path.is_file():
        raise UserError(f"checkpoint {path} does not exist")
    if not path.stat().st_size:
        raise UserError(f"checkpoint {path} cannot be read: it is empty")
    try:
        if path.suffix == ".safetensors":
            return checked_tensors(path, load_file(path))
        # Training scripts often store their arguments beside the weights: plain values.
        with torch.serialization.safe_globals([argparse.Namespace]):
            content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except UserError:
        raise
    except pickle.UnpicklingError as error:
        raise UserError(
            f"checkpoint {path} cannot be read: it holds Python objects, or is broken; "
            "save its state_dict alone, best as safetensors"
        ) from error
    except Exception as error:  # torch.load raises many kinds for a broken file
        reason = one_line(error)[:200]
        raise UserError(f"checkpoint {path} cannot be read: {reason}") from error
    for key in _CONTAINERS:
        if isinstance(content, dict) and isinstance(content.get(key), dict):
            content = content[key]
            break
    if not isinstance(content, dict):
        raise UserError(f"checkpoint {path} is no state dict of tensors")
    return checked_tensors(path, content)
