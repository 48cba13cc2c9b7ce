"""Tests of hiding regions by leaving out their patches, on a model with a known contribution of each patch."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.analysis import analyze
from explain.maps.lime import lime
from explain.maps.occlusion import occlusion
from explain.maps.rise import rise
from explain.maps.subject import Subject
from explain.probes.what_if import without
from explain.regions.hiding import TOKENS, hidden_crop, seen_patches
from explain.settings import Settings
from model.artifact.views import PLAIN, View
from model.errors import SettingsError
from tests.support.worlds import QuickDetector

Pixels, InTurn = NDArray[np.uint8], bool | NDArray[np.integer]
SIDE, GRID = 40, 4
CELL = np.arange(SIDE) * GRID // SIDE
SEGMENTS = (CELL[:, None] // 2 * GRID + CELL).astype(np.int32)  # 8 regions of two patches, one above the other
CROP = np.random.default_rng(7).integers(1, 256, (SIDE, SIDE, 3)).astype(np.uint8)
OF_PATCH = np.random.default_rng(8).permutation(np.linspace(-0.03, 0.05, GRID * GRID)).reshape(GRID, GRID)
OF_REGION = OF_PATCH.reshape(2, 2, GRID).sum(1).ravel()


class PatchModel:
    """P(Fake) = 0.4 + OF_PATCH over the patches that it gets. It refuses pictures."""

    card = SimpleNamespace(labels=("Fake", "Real"), views=PLAIN)
    patch_grid = (GRID, GRID)

    def verdict(self, p_fake: float) -> str:
        return "Fake" if p_fake > 0.5 else "Real"

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        raise AssertionError("got a picture")

    def probabilities_of_patches(
        self, crop: Pixels, shown: Pixels, seen: NDArray[np.bool_], in_turn: InTurn = False
    ) -> NDArray[np.float64]:
        assert np.array_equal(crop, CROP)
        fake = 0.4 + (seen[0] * OF_PATCH).sum((1, 2))
        return np.stack([fake, 1 - fake], axis=1)


@pytest.fixture
def subject() -> Subject:
    return Subject(CROP, SEGMENTS, "Fake", PatchModel(), TOKENS)


def test_a_patch_is_seen_if_at_least_half_of_it_is_visible() -> None:
    segments = np.zeros((4, 4), np.int32)
    segments[0, :2] = 1  # half of the first of four patches
    segments[2:, :2] = 2  # all of the third
    masks = np.array([[1, 1, 1], [1, 0, 1], [0, 1, 1], [0, 0, 0], [1, 1, 0]], np.uint8)
    expected = [[1, 1, 1, 1], [1, 1, 1, 1], [1, 0, 1, 0], [0, 0, 0, 0], [1, 1, 0, 1]]
    assert np.array_equal(seen_patches(segments, masks, (2, 2)).reshape(5, 4), expected)


def test_each_view_has_its_own_patches_for_a_region() -> None:
    """The detector gets, for every view, the patches in which the view shows the visible regions."""
    mirrored_and_up = View(down=-1 / GRID, mirrored=True)  # a shift by one patch
    model = PatchModel()
    model.card = SimpleNamespace(labels=("Fake", "Real"), views=(View(), mirrored_and_up))
    model.probabilities_of_patches = lambda crop, shown, seen, in_turn=False: seen  # type: ignore[method-assign, assignment]
    masks = np.ones((1, len(OF_REGION)), np.uint8)
    masks[0, GRID] = 0  # the two patches at the lower left
    plain, moved = Subject(CROP, SEGMENTS, "Fake", model, TOKENS).probabilities(masks)[:, 0]
    expected = np.ones((GRID, GRID), bool)
    expected[2:, 0] = False
    assert np.array_equal(plain, expected)
    expected[1] = expected[2] & expected[3]  # the border is repeated below
    assert np.array_equal(moved, expected[:, ::-1])


def test_occlusion_without_patches_is_exact(subject: Subject) -> None:
    (found,) = occlusion(subject)
    np.testing.assert_allclose(found.weights, OF_REGION, atol=1e-6)
    assert found.evidence["hide"] == TOKENS


def test_lime_without_patches_finds_the_contributions_of_regions(subject: Subject) -> None:
    *_, found = lime(subject, samples=400)
    # lime's ridge term shrinks weights a little
    np.testing.assert_allclose(found.weights, OF_REGION, rtol=0.1, atol=0.001)


def test_what_if_without_patches_is_exact(subject: Subject) -> None:
    found = without(subject, [2, 5])
    assert found.probability == pytest.approx(found.before - OF_REGION[[2, 5]].sum())
    assert np.array_equal(found.crop, replace(subject, hide="mean").shown(np.array([[1, 1, 0, 1, 1, 0, 1, 1]]))[0])


def test_pictures_show_hidden_patches_in_the_mean_colour() -> None:
    assert np.array_equal(hidden_crop(CROP, SEGMENTS, TOKENS), hidden_crop(CROP, SEGMENTS, "mean"))


def test_maps_that_need_a_picture_state_its_hide_value() -> None:
    """RISE hides soft parts of patches, which can't be left out."""
    *_, found = rise(Subject(CROP, SEGMENTS, "Fake", _Brightness(), TOKENS))
    assert found.evidence["hide"] == "mean"


class _Brightness(PatchModel):
    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
        fake = crops.mean((1, 2, 3)) / 255
        return np.stack([fake, 1 - fake], axis=1)


class PatchDetector(QuickDetector):
    """A detector that can leave out patches."""

    @property
    def patch_grid(self) -> tuple[int, int]:
        return (16, 16)

    def probabilities_of_patches(
        self, crop: Pixels, shown: Pixels, seen: NDArray[np.bool_], in_turn: InTurn = False
    ) -> NDArray[np.float64]:
        return self._run(
            np.stack([np.where(choice.repeat(16, 0).repeat(16, 1)[..., None], crop, 0) for choice in seen[0]])
        )[0]


@pytest.mark.parametrize(("detector", "hide"), [(PatchDetector, TOKENS), (QuickDetector, "mean")])
def test_auto_chooses_the_hide_value_that_suits_the_model(detector: type[QuickDetector], hide: str) -> None:
    *_, found = analyze("examples/astronaut.jpg", Settings(samples=100, robustness=False), detector())
    assert found.settings.hide == hide
    assert found.attributions["lime"].evidence["hide"] == hide


def test_a_model_that_needs_the_whole_picture_refuses_tokens() -> None:
    with pytest.raises(SettingsError, match="lite_attention"):
        list(analyze("examples/astronaut.jpg", Settings(hide=TOKENS), QuickDetector()))
