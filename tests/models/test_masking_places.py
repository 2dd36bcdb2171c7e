"""Where class-token masking acts: on the output, on the input, or in attention."""

from __future__ import annotations

import pytest
import torch
from helpers.small_vit import SquaresSeen, build, images
from torch import Tensor

from wsss.models import ClassTokenViT
from wsss.models.hidden import PLACES, HiddenTokens
from wsss.models.outputs import AttentionOutput

KEEP = torch.tensor([[1.0, 0, 1, 1, 1], [1, 1, 1, 0, 0]])


def without_class(model: ClassTokenViT, hidden: int) -> ClassTokenViT:
    """A copy that never had the token: neither its embedding nor its position."""
    others = [index for index in range(model.num_classes) if index != hidden]
    smaller = build(num_classes=len(others))
    state = model.state_dict()
    state["cls_token"] = state["cls_token"][:, others]
    state["pos_embed"] = torch.cat(
        [state["pos_embed"][:, others], state["pos_embed"][:, model.num_classes :]], 1
    )
    # The classifier reads the tokens that class_tokens gives, so it has no part in this.
    state |= {n: v for n, v in smaller.state_dict().items() if n.startswith("classifier.")}
    smaller.load_state_dict(state)
    return smaller


def with_other_embedding(model: ClassTokenViT, token: int) -> ClassTokenViT:
    changed = build()
    changed.load_state_dict(model.state_dict())
    with torch.no_grad():
        changed.cls_token[:, token] += torch.arange(24)
        changed.pos_embed[:, token] -= 1
    return changed


def attention(model: ClassTokenViT, x: Tensor, keep: Tensor | None, place: str) -> AttentionOutput:
    hidden = None if keep is None else HiddenTokens(keep, place)
    out: AttentionOutput = model(x, return_attention=True, hidden=hidden)
    return out


@pytest.mark.parametrize("place", PLACES)
def test_nothing_hidden_gives_the_bits_of_no_masking(place: str) -> None:
    """In the forward and in the backward pass, with gates and without."""
    x = images(2, 3, 16, 16)
    for gates in (None, torch.full((3, 4), 0.5)):
        results = []
        for keep in (None, torch.ones(2, 5)):
            model = build()
            hidden = None if keep is None else HiddenTokens(keep, place)
            out = model(x, return_attention=True, hidden=hidden, gates=gates)
            torch.autograd.backward(out.logits.square().sum())
            gradients = [p.grad for p in model.parameters()]
            results.append([*out, *gradients])
        assert all(torch.equal(a, b) for a, b in zip(*results, strict=True))


@torch.no_grad()
@pytest.mark.parametrize("hidden", [0, 3, 4])
def test_in_attention_a_hidden_token_might_as_well_not_be_there(hidden: int) -> None:
    model, x = build(), images(2, 3, 16, 16)
    keep = torch.ones(2, 5)
    keep[:, hidden] = 0
    encoded = model.encode(x, return_attention=True, hidden=HiddenTokens(keep, "attention"))
    tokens, maps = encoded.layer_tokens[-1], encoded.class_attention
    alone = without_class(model, hidden).encode(x, return_attention=True)
    expected, expected_maps = alone.layer_tokens[-1], alone.class_attention
    others = [index for index in range(5) if index != hidden]
    assert maps is not None and expected_maps is not None
    torch.testing.assert_close(tokens[:, others], expected, rtol=1e-4, atol=1e-5)
    torch.testing.assert_close(maps[:, :, others], expected_maps, rtol=1e-4, atol=1e-6)
    assert not tokens[:, hidden].any() and not maps[:, :, hidden].any()
    plain = model.encode(x).layer_tokens[-1]
    assert not torch.allclose(plain[:, others], expected, atol=1e-2)  # it does matter


@torch.no_grad()
@pytest.mark.parametrize("place", ["input", "attention"])
def test_what_a_hidden_token_is_changes_nothing(place: str) -> None:
    model, x = build(), images(2, 3, 16, 16)
    changed = with_other_embedding(model, 3)
    before, after = (attention(m, x, KEEP, place) for m in (model, changed))
    # Token 3 is hidden in the second image alone.
    assert torch.equal(after.logits[1], before.logits[1])
    assert torch.equal(after.class_attention[1], before.class_attention[1])
    assert not torch.allclose(after.logits[0], before.logits[0], atol=1e-2)


@torch.no_grad()
def test_at_the_output_a_hidden_token_still_speaks_to_the_others() -> None:
    """That is what sets the published place apart from attention."""
    model, x = build(), images(2, 3, 16, 16)
    changed = with_other_embedding(model, 3)
    before, after = (attention(m, x, KEEP, "output") for m in (model, changed))
    assert not torch.allclose(after.logits[1], before.logits[1], atol=1e-2)


@torch.no_grad()
def test_at_the_input_a_hidden_token_is_zero_and_its_output_is_not() -> None:
    model, x = build(), images(2, 3, 16, 16)
    seen: list[Tensor] = []
    hook = model.blocks[0].register_forward_pre_hook(lambda _, given: seen.append(given[0]))
    tokens = model.encode(x, hidden=HiddenTokens(KEEP, "input")).layer_tokens[-1]
    model.encode(x)
    hook.remove()
    assert not seen[0][:, :5][KEEP == 0].any()
    assert torch.equal(seen[0][:, :5][KEEP == 1], seen[1][:, :5][KEEP == 1])
    assert torch.equal(seen[0][:, 5:], seen[1][:, 5:])
    assert tokens[KEEP == 0].abs().min() > 0


@torch.no_grad()
def test_images_of_a_batch_do_not_share_what_is_hidden() -> None:
    model, x = build(), images(2, 3, 16, 16)
    for place in PLACES:
        together = attention(model, x, KEEP, place)
        for row in (0, 1):
            alone = attention(model, x[row : row + 1], KEEP[row : row + 1], place)
            torch.testing.assert_close(alone.logits[0], together.logits[row])
            torch.testing.assert_close(alone.class_attention[0], together.class_attention[row])


@torch.no_grad()
def test_a_pruned_model_hides_as_well() -> None:
    model, x = build(num_heads=[4, 0, 1], head_dim=6), images(2, 3, 16, 16)
    out = attention(model, x, torch.zeros(2, 5), "attention")
    assert model.classifier is not None
    assert torch.equal(out.logits, model.classifier.bias.expand(2, -1))
    assert not out.class_attention.any()


@pytest.mark.parametrize("place", ["attention", "input"])
def test_a_hidden_token_gets_no_gradient(place: str) -> None:
    model = build()
    keep = torch.tensor([[1.0, 0, 1, 1, 1]])
    torch.autograd.backward(model(images(1, 3, 16, 16), hidden=HiddenTokens(keep, place)).sum())
    gradient = model.cls_token.grad
    assert gradient is not None
    assert gradient[0].any(dim=1).tolist() == [True, False, True, True, True]


@pytest.mark.parametrize("training", [False, True])
def test_hiding_makes_no_tensor_of_tokens_by_tokens(training: bool) -> None:
    model, x = build(image_size=64), images(2, 3, 64, 64)
    with SquaresSeen(tokens=256) as watch, torch.set_grad_enabled(training):
        out = attention(model, x, KEEP, "attention")
        if training:
            torch.autograd.backward(out.logits.sum())
    assert watch.found == []


def test_an_unknown_place_is_named() -> None:
    with pytest.raises(
        ValueError, match="place is 'outside'; valid: output, input, attention, patches"
    ):
        HiddenTokens(torch.ones(1, 5), "outside")
