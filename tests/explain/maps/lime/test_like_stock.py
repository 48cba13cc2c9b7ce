"""Tests of LIME against the package ``lime``: the same numbers on the same masks, and its signature."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from lime.lime_image import ImageExplanation, LimeImageExplainer
from numpy.typing import NDArray

from explain.maps.lime import LimeExplainer, Predict
from explain.maps.lime_fit import paired_masks
from explain.regions.hiding import HIDES, hidden_crop, perturb
from tests.explain.maps.lime.known_crop import (
    CROP,
    SEGMENTS,
    TRUTH,
    K,
    Recorder,
    brightness_model,
    last_map,
    linear_model,
)


class GivenMasks:
    """A stand-in for the random state of stock LIME that returns given masks."""

    def __init__(self, masks: NDArray[np.uint8]) -> None:
        self.masks = masks

    def randint(self, low: int, high: int, size: int) -> np.ndarray:
        assert (low, high, size) == (0, 2, self.masks.size)
        return self.masks.astype(np.int64).ravel()


def stock_explanation(
    masks: NDArray[np.uint8], predict: Predict, label: int = 0, hide_color: int | None = None
) -> ImageExplanation:
    stock = LimeImageExplainer()
    stock.random_state = GivenMasks(masks)
    return stock.explain_instance(
        CROP,
        predict,
        labels=(label,),
        top_labels=None,
        hide_color=hide_color,
        num_samples=len(masks),
        segmentation_fn=lambda image: SEGMENTS,
        random_seed=0,
    )


@pytest.mark.parametrize("samples", [40, 150])  # 40 fit into a single batch; both are too few to converge
@pytest.mark.parametrize(("target", "column"), [("Fake", 0), ("Real", 1)])
def test_equals_stock_lime_on_the_same_masks(samples: int, target: str, column: int) -> None:
    stock = stock_explanation(paired_masks(samples, K, seed=5), brightness_model, column)
    ours = last_map(LimeExplainer(seed=5), target, samples=samples)
    expected = [weight for _, weight in sorted(stock.local_exp[column])]
    assert len(expected) == K
    assert ours.weights is not None
    np.testing.assert_allclose(ours.weights, expected, atol=1e-6)
    assert ours.evidence["intercept"] == pytest.approx(stock.intercept[column], abs=1e-6)
    assert ours.evidence["r2"] == pytest.approx(stock.score, abs=1e-6)
    assert ours.evidence["local_prediction"] == pytest.approx(stock.local_pred[0], abs=1e-6)


@pytest.mark.parametrize(("hide", "hide_color"), [("mean", None), ("black", 0)])
def test_perturbed_crops_equal_stock_pixel_for_pixel(hide: str, hide_color: int | None) -> None:
    masks = paired_masks(30, K, seed=1)
    recorder = Recorder()
    stock_explanation(masks, recorder, hide_color=hide_color)
    ours = perturb(CROP, hidden_crop(CROP, SEGMENTS, hide), SEGMENTS, masks)
    assert ours.dtype == np.uint8
    assert np.array_equal(ours, np.concatenate(recorder.batches))


def test_fit_gives_limes_own_explanation() -> None:
    masks = paired_masks(200, K, seed=0)
    predictions = linear_model(perturb(CROP, hidden_crop(CROP, SEGMENTS, "mean"), SEGMENTS, masks))
    explanation = LimeExplainer().fit(masks, predictions, CROP, SEGMENTS, 0)
    assert isinstance(explanation, ImageExplanation)
    _, shown = explanation.get_image_and_mask(0, positive_only=True, num_features=3)
    assert set(np.unique(SEGMENTS[shown == 1])) == set(np.argsort(TRUTH)[-3:])


def test_hidden_crops_match_their_hide_value() -> None:
    hidden = {hide: hidden_crop(CROP, SEGMENTS, hide) for hide in HIDES}
    assert set(hidden) == {"mean", "blur", "black", "inpaint"}
    for picture in hidden.values():
        assert picture.shape == CROP.shape and picture.dtype == np.uint8
    assert np.array_equal(hidden["mean"][SEGMENTS == 5], np.tile(hidden["mean"][SEGMENTS == 5][0], (36, 1)))
    assert not hidden["black"].any()
    assert hidden["blur"].std() < CROP.std() / 2


def stock_style(explainer: LimeExplainer, image: np.ndarray = CROP, **options: Any) -> ImageExplanation:
    return explainer.explain_instance(image, brightness_model, labels=(0,), top_labels=None, num_samples=90, **options)


def test_stock_signature_works() -> None:
    explanation = stock_style(LimeExplainer(), segmentation_fn=lambda image: SEGMENTS)
    assert isinstance(explanation, ImageExplanation)
    ours = last_map(LimeExplainer(), samples=90)
    weights = [weight for _, weight in sorted(explanation.local_exp[0])]
    assert ours.weights is not None
    np.testing.assert_allclose(ours.weights, weights, atol=1e-6)


def test_stock_signature_is_repeatable() -> None:
    explainer = LimeExplainer(seed=3)
    first, second = (stock_style(explainer, batch_size=32) for _ in range(2))  # with stock's own quickshift
    assert first.local_exp == second.local_exp


def test_stock_signature_does_not_change_the_explainer() -> None:
    explainer = LimeExplainer(seed=3)
    stock_style(explainer, progress_bar=True)
    assert explainer.random_state.randint(1000) == LimeExplainer(seed=3).random_state.randint(1000)
    assert explainer.progress_bar is False


def test_stock_signature_takes_float_images() -> None:
    explanation = stock_style(LimeExplainer(), CROP.astype(np.float64), segmentation_fn=lambda image: SEGMENTS)
    assert len(explanation.local_exp[0]) == K


@pytest.mark.parametrize("shown", [True, False])
def test_progress_bar_is_shown_only_if_requested(shown: bool, capsys: pytest.CaptureFixture[str]) -> None:
    stock_style(LimeExplainer(), segmentation_fn=lambda image: SEGMENTS, progress_bar=shown)
    assert ("90/90" in capsys.readouterr().err) is shown
