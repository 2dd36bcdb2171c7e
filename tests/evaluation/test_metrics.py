"""The evaluator against hand-computed cases, brute force and its own symmetries."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import ArrayLike

from wsss.data.types import Mask
from wsss.errors import UserError
from wsss.evaluation.classification import classification_metrics
from wsss.evaluation.metrics import Rule, SegmentationEvaluator

RULE = Rule(("a", "b", "c", "d"), 255, "val", "lists=mine", "original", "given", "none")


def score(prediction: ArrayLike, target: ArrayLike, rule: Rule = RULE) -> dict[str, Any]:
    evaluator = SegmentationEvaluator(len(rule.classes), rule.ignore_index)
    evaluator.update(np.array(prediction, np.uint8), np.array(target, np.uint8))
    return evaluator.result(rule)


def test_golden_case() -> None:
    # c: predicted, never true, so 0. d: neither, so not counted. Third row: two ignored pixels,
    # one unlabelled.
    prediction = [[0, 0, 1], [0, 1, 2], [3, 255, 255]]
    target = [[0, 0, 0], [1, 1, 1], [255, 255, 0]]
    result = score(prediction, target)
    assert result["iou"] == {"a": 2 / 5, "b": 1 / 4, "c": 0.0, "d": None}
    assert result["miou"] == pytest.approx((2 / 5 + 1 / 4 + 0) / 3)
    assert result["classes_counted"] == ["a", "b", "c"]
    assert result["num_classes_counted"] == 3
    assert result["confusion"] == [[2, 1, 0, 0, 1], [1, 1, 1, 0, 0], [0] * 5, [0] * 5]
    assert result["confusion_columns"] == ["a", "b", "c", "d", "unlabelled"]
    assert result["pixels"] == 7
    assert result["pixel_accuracy"] == pytest.approx(3 / 7)
    assert result["mean_class_accuracy"] == pytest.approx((2 / 4 + 1 / 3) / 2)
    assert result["unlabelled_share"] == pytest.approx(1 / 7)


def test_result_names_its_rule_and_survives_json() -> None:
    result = score([[0]], [[0]])
    assert json.loads(json.dumps(result, allow_nan=False)) == result
    assert result["rule"] == {
        "classes": ["a", "b", "c", "d"],
        "ignore_index": 255,
        "split": "val",
        "protocol": "lists=mine",
        "image_size": "original",
        "image_labels": "given",
        "threshold_from": "none",
        "absent_class": "mean over classes with union > 0",
    }


def test_leaving_pixels_unlabelled_never_raises_a_score() -> None:
    target = [[0, 0, 1, 1]]
    assert score([[0, 255, 255, 255]], target)["iou"] == {"a": 0.5, "b": 0.0, "c": None, "d": None}
    assert score([[255] * 4], target)["miou"] == 0


def random_masks(seed: int, classes: int = 4) -> Mask:
    generator = np.random.default_rng(seed)
    values = np.array([*range(classes), 255], np.uint8)
    return generator.choice(values, (2, 23, 17), p=[0.9 / classes] * classes + [0.1])


def brute_force(prediction: Mask, target: Mask, classes: int) -> list[float | None]:
    ious: list[float | None] = []
    for k in range(classes):
        both = either = 0
        for p, t in zip(prediction.flat, target.flat, strict=True):
            if t != 255:
                both += int(p == k and t == k)
                either += int(p == k or t == k)
        ious.append(both / either if either else None)
    return ious


@pytest.mark.parametrize("seed", range(3))
def test_equals_brute_force(seed: int) -> None:
    prediction, target = random_masks(seed)
    assert list(score(prediction, target)["iou"].values()) == brute_force(prediction, target, 4)


def test_permuting_classes_permutes_ious() -> None:
    prediction, target = random_masks(7)
    lookup = np.arange(256, dtype=np.uint8)
    lookup[:4] = [2, 0, 3, 1]
    before, after = score(prediction, target), score(lookup[prediction], lookup[target])
    ious = list(before["iou"].values())
    assert [list(after["iou"].values())[new] for new in lookup[:4]] == ious
    assert after["miou"] == pytest.approx(before["miou"])


def test_images_add_up_whatever_their_sizes() -> None:
    prediction, target = random_masks(3)
    evaluator = SegmentationEvaluator(4)
    evaluator.update(prediction[:5], target[:5])
    evaluator.update(prediction[5:], target[5:])
    assert evaluator.result(RULE) == score(prediction, target)


@pytest.mark.parametrize("ignore_index", [4, 9])
def test_any_ignore_index_outside_the_classes(ignore_index: int) -> None:
    prediction, target = random_masks(5)
    rule = replace(RULE, ignore_index=ignore_index)
    moved = [np.where(m == 255, ignore_index, m) for m in (prediction, target)]
    assert score(moved[0], moved[1], rule)["confusion"] == score(prediction, target)["confusion"]


def test_single_class() -> None:
    rule = replace(RULE, classes=("a",))
    assert score([[0, 255]], [[0, 0]], rule)["miou"] == 0.5


@pytest.mark.parametrize(
    ("prediction", "target", "message"),
    [
        ([[0, 0]], [[0], [0]], r"\(1, 2\).*\(2, 1\)"),
        ([[4]], [[0]], "prediction holds the value 4: valid are 0 to 3 and 255"),
        ([[0]], [[7]], "mask holds the value 7"),
        ([[0]], [[255]], "split 'val': no pixel counts"),
    ],
)
def test_bad_masks(prediction: list[list[int]], target: list[list[int]], message: str) -> None:
    with pytest.raises(UserError, match=message):
        score(prediction, target)


def test_rule_must_describe_what_was_counted() -> None:
    with pytest.raises(ValueError, match="rule has 4 classes"):
        SegmentationEvaluator(3).result(RULE)
    with pytest.raises(ValueError, match="ignore index 2"):
        SegmentationEvaluator(3, ignore_index=2)


def test_classification_golden_case() -> None:
    probabilities = np.array([[0.9, 0.6, 0.7], [0.8, 0.4, 0.7], [0.7, 0.1, 0.2]], np.float32)
    labels = np.array([[1, 0, 0], [0, 1, 0], [1, 0, 0]], np.float32)
    result = classification_metrics(probabilities, labels, ("a", "b", "c"), multi_label=False)
    # a ranks its positives 1 and 3: (1/1 + 2/3) / 2. b ranks its one 2nd. c has none.
    assert result["ap"] == {"a": pytest.approx(5 / 6), "b": pytest.approx(1 / 2), "c": None}
    assert result["mAP"] == pytest.approx((5 / 6 + 1 / 2) / 2)
    assert result["classes_counted"] == ["a", "b"]
    assert result["F1"] == pytest.approx((2 * 2 / (2 * 2 + 1 + 0) + 0) / 2)
    assert result["top1"] == pytest.approx(2 / 3)
    json.dumps(result, allow_nan=False)
    assert "top1" not in classification_metrics(probabilities, labels, "abc", multi_label=True)


def test_classification_with_one_class() -> None:
    half = np.array([[0.9], [0.2]], np.float32)
    truth = np.array([[1], [0]], np.float32)
    assert classification_metrics(half, truth, ["a"], multi_label=True)["mAP"] == 1


def test_classification_refuses_what_it_cannot_score() -> None:
    labels = np.array([[1, 0]], np.float32)
    for bad in (np.nan, 1.2, -0.1):
        with pytest.raises(UserError, match="outside 0..1"):
            classification_metrics(np.array([[bad, 0]]), labels, "ab", multi_label=True)
    with pytest.raises(UserError, match="no class has a positive among 1 images"):
        classification_metrics(labels, 0 * labels, "ab", multi_label=True)
    with pytest.raises(ValueError, match="3 classes"):
        classification_metrics(labels, labels, "abc", multi_label=True)
