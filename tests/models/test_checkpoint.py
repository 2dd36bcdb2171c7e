from __future__ import annotations

import json
import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from wsss.errors import UserError
from wsss.models import ClassTokenViT, HeadGates
from wsss.models.checkpoint import DESCRIPTION, load_classifier, load_weights, save_classifier
from wsss.models.input_spec import InputSpec
from wsss.models.weights import WEIGHTS, digest

SPEC = InputSpec(["a", "b", "c"], ["x", "y"], [0.0, 0.5], [1.0, 2.0], 16, "resize", True)
State = dict[str, Tensor]


def build(seed: int = 0, **changes: Any) -> ClassTokenViT:
    sizes: dict[str, Any] = dict(
        image_size=16, patch_size=4, in_channels=2, num_classes=3, embed_dim=8, depth=2, num_heads=2
    )
    generator = torch.Generator().manual_seed(seed)
    return ClassTokenViT(**(sizes | changes), generator=generator).eval()


def release_names(model: ClassTokenViT) -> State:
    """The model's weights as the TokenMasking release would store them."""
    state: State = {}
    for name, value in model.state_dict().items():
        if name.startswith("classifier."):
            name = name.replace("classifier.", "classifier_head_test.")
            state[name] = value
        state[f"mct.{name}"] = value
    width, classes = model.cls_token.shape[-1], model.num_classes
    unused = {"norm.weight": (width,), "norm.bias": (width,), "head.weight": (classes, width, 3, 3)}
    return state | {f"mct.{name}": torch.rand(shape) for name, shape in unused.items()}


def assert_same(model: ClassTokenViT, other: ClassTokenViT) -> None:
    ours, theirs = model.state_dict(), other.state_dict()
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in ours)


def assert_refused(action: Callable[[], object], *words: str) -> None:
    with pytest.raises(UserError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    assert all(word in message for word in words), message


@pytest.mark.parametrize("changes", [{}, {"qkv_bias": True}, {"image_size": (8, 16)}])
def test_round_trip(tmp_path: Path, changes: dict[str, Any]) -> None:
    model = build(norm_eps=1e-6, mlp_ratio=2.5, **changes)
    save_classifier(tmp_path, model, SPEC)
    loaded, spec = load_classifier(tmp_path)
    assert spec == SPEC
    assert_same(loaded, model)
    assert not loaded.training
    x = torch.rand(2, 2, *([8, 16] if "image_size" in changes else [16, 16]))
    assert torch.equal(loaded(x), model(x))


def _safetensors(folder: Path, model: ClassTokenViT) -> Path:
    save_file(model.state_dict(), folder / "weights.safetensors")
    return folder / "weights.safetensors"


def _pytorch(folder: Path, model: ClassTokenViT) -> Path:
    torch.save(model.state_dict(), folder / "weights.pt")
    return folder / "weights.pt"


def _artifact(folder: Path, model: ClassTokenViT) -> Path:
    save_classifier(folder, model, SPEC)
    return folder


def _release(folder: Path, model: ClassTokenViT) -> Path:
    torch.save(release_names(model), folder / "release.pth")
    return folder / "release.pth"


def _lightning_release(folder: Path, model: ClassTokenViT) -> Path:
    state = {f"model.{name}": value for name, value in release_names(model).items()}
    log_a = torch.tensor([2.0, -2.0]).view(1, 2, 1, 1)
    state |= {f"model.mct.blocks.{i}.attn.gate.log_a": log_a for i in range(2)}
    torch.save({"state_dict": state, "epoch": 3, "loops": {}}, folder / "release.ckpt")
    return folder / "release.ckpt"


def _lightning(folder: Path, model: ClassTokenViT) -> Path:
    state = {f"model.{name}": value for name, value in model.state_dict().items()}
    torch.save({"state_dict": state, "epoch": 3}, folder / "last.ckpt")
    return folder / "last.ckpt"


KINDS = [_safetensors, _pytorch, _lightning, _artifact, _release, _lightning_release]


@pytest.mark.parametrize("write", KINDS)
def test_weights_to_start_from(
    tmp_path: Path, write: Callable[[Path, ClassTokenViT], Path]
) -> None:
    source, target = build(seed=1), build(seed=2)
    path = write(tmp_path, source)
    load_weights(target, path)
    assert_same(target, source)
    assert len(digest(path)) == 64


@pytest.mark.parametrize("write", [_safetensors, _lightning, _artifact])
def test_gates_of_weights_to_start_from_are_left_out(
    tmp_path: Path, write: Callable[[Path, ClassTokenViT], Path]
) -> None:
    source, target = build(seed=1), build(seed=2)
    source.gates = HeadGates(2, 2, keep=1)
    load_weights(target, write(tmp_path, source))
    assert target.gates is None
    assert_same(target, build(seed=1))


@pytest.mark.parametrize("write", KINDS)
@pytest.mark.parametrize(
    "changes",
    [{"depth": 3}, {"embed_dim": 16}, {"num_classes": 4}, {"in_channels": 3}, {"qkv_bias": True}],
)
def test_another_architecture_is_refused_and_nothing_loaded(
    tmp_path: Path, write: Callable[[Path, ClassTokenViT], Path], changes: dict[str, Any]
) -> None:
    target = build(seed=2)
    path = write(tmp_path, build(seed=1, **changes))
    assert_refused(lambda: load_weights(target, path), str(path), "another architecture")
    assert_same(target, build(seed=2))


@pytest.mark.parametrize("name", ["mct.cls_token", "mct.pos_embed", "mct.patch_embed.proj.weight"])
def test_a_misshapen_release_tensor_is_refused(tmp_path: Path, name: str) -> None:
    state = release_names(build())
    state[name] = state[name].flatten()
    torch.save(state, tmp_path / "odd.pt")
    assert_refused(lambda: load_weights(build(), tmp_path / "odd.pt"))


@pytest.mark.parametrize("write", [_safetensors, _pytorch, _lightning_release])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 0.99])
def test_a_truncated_file_is_refused(
    tmp_path: Path, write: Callable[[Path, ClassTokenViT], Path], share: float
) -> None:
    path = write(tmp_path, build())
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * share)])
    assert_refused(lambda: load_weights(build(), path), str(path), "cannot be read")


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "gone.pt"
    assert_refused(lambda: load_weights(build(), path), f"checkpoint {path} does not exist")
    assert_refused(lambda: load_weights(build(), tmp_path), "does not exist")
    assert_refused(lambda: digest(path), f"checkpoint {path} does not exist")


class Bomb:
    """Unpickling it would make a folder."""

    def __init__(self, marker: Path) -> None:
        self.marker = marker

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.mkdir, (self.marker,)


@pytest.mark.parametrize("raw", [False, True])
def test_code_in_a_pickle_is_refused_and_never_run(tmp_path: Path, raw: bool) -> None:
    marker, path = tmp_path / "executed", tmp_path / "bomb.pt"
    content = {"state_dict": build().state_dict(), "extra": Bomb(marker)}
    if raw:
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path)
    assert_refused(lambda: load_weights(build(), path), str(path), "cannot be read")
    assert not marker.exists()
    pickle.loads(pickle.dumps(Bomb(marker)))
    assert marker.exists()  # the bomb works


@pytest.mark.parametrize("content", [[1, 2], {"a": 1}, {"state_dict": [1]}, torch.ones(2)])
def test_something_else_than_a_state_dict_is_refused(tmp_path: Path, content: object) -> None:
    torch.save(content, tmp_path / "odd.pt")
    assert_refused(lambda: load_weights(build(), tmp_path / "odd.pt"), "no state dict")


@pytest.mark.parametrize(
    "description",
    [
        "",
        "[]",
        "null",
        "{}",
        '{"model": 3, "input": {}}',
        '{"model": [], "input": {}}',
        '{"model": {"image_size": [16, 16]}, "input": {}}',
        '{"model": {"_target_": "os.system"}, "input": {}}',
    ],
)
def test_a_spoilt_description_is_refused(tmp_path: Path, description: str) -> None:
    save_classifier(tmp_path, build(), SPEC)
    (tmp_path / DESCRIPTION).write_text(description)
    assert_refused(lambda: load_classifier(tmp_path), f"{tmp_path} holds no readable classifier")


@pytest.mark.parametrize(
    "changes", [{"patch_size": [0, 0]}, {"num_heads": ["2", "2"]}, {"depth": 3}, {"embed_dim": 16}]
)
def test_a_description_with_impossible_sizes_is_refused(
    tmp_path: Path, changes: dict[str, Any]
) -> None:
    save_classifier(tmp_path, build(), SPEC)
    description = json.loads((tmp_path / DESCRIPTION).read_text())
    description["model"] |= changes
    (tmp_path / DESCRIPTION).write_text(json.dumps(description))
    assert_refused(lambda: load_classifier(tmp_path), f"{tmp_path} holds no readable classifier")


@pytest.mark.parametrize("name", [WEIGHTS, DESCRIPTION])
def test_a_missing_or_truncated_part_is_refused(tmp_path: Path, name: str) -> None:
    save_classifier(tmp_path, build(), SPEC)
    content = (tmp_path / name).read_bytes()
    (tmp_path / name).write_bytes(content[: len(content) // 2])
    assert_refused(lambda: load_classifier(tmp_path), str(tmp_path))
    (tmp_path / name).unlink()
    assert_refused(lambda: load_classifier(tmp_path), str(tmp_path))
