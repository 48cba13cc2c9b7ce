"""Tests of what-if on models with a known smallest flipping set."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.maps.attribution import Attribution, ExplanationError
from explain.maps.lime import lime
from explain.maps.subject import BATCH, Subject
from explain.probes.what_if import WhatIf, smallest_flip, without, without_top
from explain.regions.superpixels import segment
from model.detector.detector import Detector
from model.errors import SettingsError
from model.paths import EXAMPLES
from model.photos.faces import find_faces
from model.photos.photo import open_photo
from tests.support.worlds import World, noise, of_lit_regions, squares

SIDE, K = 24, 16
SEGMENTS = squares(SIDE, 4)
CROP = noise(SIDE, darkest=1)  # no pixel is black
WEIGHTS = np.array([0.02, -0.1, 0.25, 0.01, 0.05, 0, 0, 0.15, -0.03, 0.1, 0, 0, 0.03, 0, 0, 0.02])

Hidden = frozenset[int]


def world_of(p_fake: Callable[[Hidden], float]) -> World:
    """P(Fake) as a function of the hidden regions, which are black."""

    def of_hidden(visible: NDArray[np.bool_]) -> NDArray[np.float64]:
        return np.array([p_fake(frozenset(np.flatnonzero(~row).tolist())) for row in visible])

    return World(of_lit_regions(of_hidden, SEGMENTS))


def additive(hidden: Hidden) -> float:
    return 0.88 - WEIGHTS[list(hidden)].sum()


def needs_both(hidden: Hidden) -> float:
    """Fake only if regions 2 and 9 are both visible: hiding either flips."""
    return 0.2 if hidden & {2, 9} else 0.9


def needs_either(hidden: Hidden) -> float:
    """Fake as long as region 2 or region 9 is visible: only hiding both flips."""
    return 0.2 if hidden >= {2, 9} else 0.9


def subject_of(p_fake: Callable[[Hidden], float] = additive, **settings: Any) -> Subject:
    given = {"segments": SEGMENTS, "target": "Fake", "detector": world_of(p_fake), "hide": "black"}
    return Subject(CROP, **given | settings)


def map_of(weights: NDArray[np.float64] = WEIGHTS, target: str = "Fake") -> Attribution:
    exact = weights.astype(np.float32)
    return Attribution("truth", target, exact[SEGMENTS], (SIDE, SIDE), SEGMENTS, exact, {})


def map_in_order(*regions: int) -> Attribution:
    """A map that hides these regions first, in this order, and then the others by number."""
    weights = -np.arange(1, K + 1) / 100
    weights[list(regions)] = np.arange(len(regions), 0, -1) / 10
    return map_of(weights)


def assert_predicted(subject: Subject, what_if: WhatIf, hidden: Collection[int]) -> None:
    """The picture hides exactly these regions, and the probabilities are the model's for it."""
    black = np.isin(SEGMENTS, list(hidden))
    assert np.array_equal(what_if.crop, np.where(black[..., None], 0, CROP)) and what_if.crop.dtype == np.uint8
    assert what_if.probability == subject.probability(what_if.crop[None])[0]
    assert what_if.before == subject.probability(CROP[None])[0]


# One set of regions


def test_the_network_judges_the_face_without_the_regions() -> None:
    subject = subject_of()
    found = without(subject, np.array([7, 2, 7]))
    assert_predicted(subject, found, {2, 7})
    assert found.hidden == (7, 2)
    assert (found.before, found.probability) == pytest.approx((0.88, 0.48))
    assert (found.flipped, found.verdict, found.names) == (True, "Inconclusive", None)


def test_the_verdict_is_that_of_p_fake_whatever_the_target() -> None:
    found = without(subject_of(needs_both, target="Real"), [9])
    assert (found.before, found.probability) == pytest.approx((0.1, 0.8))
    assert (found.flipped, found.verdict, found.verdict_before) == (True, "Real", "Fake")


def test_hiding_nothing_changes_nothing() -> None:
    found = without(subject_of(), [])
    assert np.array_equal(found.crop, CROP) and found.probability == found.before
    assert (found.hidden, found.flipped, found.verdict, found.verdict_before) == ((), False, "Fake", "Fake")


def test_names_are_those_of_the_hidden_regions() -> None:
    names = ("mouth", *["hair"] * 3, *["background"] * 12)
    found = without(subject_of(names=names), [3, 0, 1])
    assert found.names == ("hair", "mouth", "hair")
    assert found.still_visible == {"hair"}


def test_a_name_of_two_parts_is_visible_if_one_of_them_is() -> None:
    names = ("nose + mouth", "nose", "left ear + hair", *["chin"] * 13)
    assert without(subject_of(names=names), [0, 2]).still_visible == {"nose + mouth"}
    assert without(subject_of(names=names), [0, 1, 2]).still_visible == frozenset()


@pytest.mark.parametrize("region", [-1, K])
def test_refuses_a_region_that_does_not_exist(region: int) -> None:
    subject = subject_of()
    with pytest.raises(SettingsError, match=f"regions must be numbers from 0 to 15, not {region}"):
        without(subject, [2, region])
    assert subject.detector.batches == []


@pytest.mark.parametrize(("k", "hidden"), [(1, (2,)), (3, (2, 7, 9)), (16, (2, 7, 9, 4, 12, 0, 15, 3))])
def test_the_strongest_regions_are_those_that_speak_for_the_target(k: int, hidden: tuple[int, ...]) -> None:
    assert without_top(subject_of(), map_of(), k).hidden == hidden
    without_regions = replace(map_of(), segments=None, weights=None)  # such as RISE's map
    assert without_top(subject_of(), without_regions, k).hidden == hidden


def test_refuses_to_hide_zero_regions() -> None:
    with pytest.raises(ValueError, match="k must be at least 1 region, got 0"):
        without_top(subject_of(), map_of(), 0)


@pytest.mark.parametrize("function", [lambda *given: without_top(*given, 3), smallest_flip])
def test_refuses_a_map_of_the_other_class(function: Callable[[Subject, Attribution], object]) -> None:
    with pytest.raises(ValueError, match="the map must explain Fake, as the subject does, got Real"):
        function(subject_of(), map_of(target="Real"))


# The smallest flip


def test_finds_the_smallest_flip_of_an_additive_model() -> None:
    subject = subject_of()
    found = smallest_flip(subject, map_of())
    assert found is not None and found.hidden == (2, 7)  # 0.88 - 0.25 - 0.15 = 0.48; no other pair comes below 0.5
    assert_predicted(subject, found, {2, 7})


@pytest.mark.parametrize(("model", "smallest"), [(needs_both, [{2}, {9}]), (needs_either, [{2, 9}])])
@pytest.mark.parametrize("order", [(2, 9), (5, 2, 6, 9), (9, 1, 2), (12, 13, 14)])
def test_prunes_to_the_necessary_regions_even_with_a_poor_map(
    model: Callable[[Hidden], float], smallest: list[set[int]], order: tuple[int, ...]
) -> None:
    subject = subject_of(model)
    found = smallest_flip(subject, map_in_order(*order))
    assert found is not None and set(found.hidden) in smallest
    assert_predicted(subject, found, found.hidden)


def test_regions_against_the_target_are_hidden_only_if_the_others_do_not_suffice() -> None:
    found = smallest_flip(subject_of(lambda hidden: 0.1 if 8 in hidden else 0.9), map_of())  # 8 seems to oppose
    assert found is not None and found.hidden == (8,)


def test_shows_the_weaker_of_two_interchangeable_regions() -> None:
    needed = [{2, 4, 7}, {2, 4, 9}]
    subject = subject_of(lambda hidden: 0.1 if any(hidden >= these for these in needed) else 0.9)
    found = smallest_flip(subject, map_in_order(2, 7, 9, 4))  # 7 and 9 are each needless, but not both
    assert found is not None and found.hidden == (2, 7, 4)


def test_prunes_again_a_region_that_has_become_needless() -> None:
    """Region 9 is needed as long as 7 is hidden, and no longer once 7 is shown: a single pass would keep it."""
    flipping = [{7, 9, 2}, {9, 2}, {2}]
    found = smallest_flip(subject_of(lambda hidden: 0.1 if hidden in flipping else 0.9), map_in_order(7, 9, 2))
    assert found is not None and found.hidden == (2,)


def test_shows_many_needless_regions_at_once() -> None:
    subject = subject_of(lambda hidden: 0.1 if 15 in hidden else 0.9)
    found = smallest_flip(subject, map_in_order())  # comes to region 15 last
    assert found is not None and found.hidden == (15,)
    assert [len(batch) for batch in subject.detector.batches] == [K + 1, K, K - 2, 1]


def chance(hidden: Hidden) -> float:
    """Pseudo-random once three regions are hidden; a flip is likelier the more are hidden. It is not monotone."""
    if len(hidden) < 3:
        return 0.9
    return float(np.random.RandomState(sum(2**region for region in hidden)).uniform(0, 1.3 - len(hidden) / 20))


@pytest.mark.parametrize("seed", range(8))
def test_no_region_of_a_flip_can_be_shown_again_without_undoing_it(seed: int) -> None:
    subject = subject_of(chance)
    found = smallest_flip(subject, map_of(np.random.RandomState(seed).normal(size=K)))
    assert found is not None and found.probability < 0.5
    assert_predicted(subject, found, found.hidden)
    for region in found.hidden:
        assert without(subject, set(found.hidden) - {region}).probability >= 0.5


def test_there_is_no_flip_if_hiding_everything_does_not_flip() -> None:
    cell = np.arange(SIDE) // 2
    segments = (cell[:, None] * 12 + cell).astype(np.int32)  # 144 squares
    subject = subject_of(lambda hidden: 0.9 - len(hidden) / 50, segments=segments)
    assert smallest_flip(subject, map_of()) is None
    assert [len(batch) for batch in subject.detector.batches] == [BATCH, BATCH, 145 - 2 * BATCH]


def test_the_less_likely_class_has_no_flip() -> None:
    with pytest.raises(ExplanationError, match=r"P\(Real\) is 0.120, below 0.5: .* Explain that class"):
        smallest_flip(subject_of(target="Real"), map_of(-WEIGHTS, "Real"))


@pytest.mark.parametrize("allowed", [0, 1, 2])
def test_cancelling_predicts_no_further_batch(allowed: int) -> None:
    subject = subject_of(needs_either)
    batches = subject.detector.batches
    assert smallest_flip(subject, map_in_order(5, 2, 6, 9), lambda: len(batches) >= allowed) is None
    assert len(batches) == allowed


@pytest.mark.slow
def test_the_flip_of_a_real_face_hides_no_needless_region(detector: Detector) -> None:
    # Which face flips depends on the model.
    subjects = map(partial(subject_in, detector), sorted(EXAMPLES.glob("*_*.jpg")))
    found = ((subject, smallest_flip(subject, list(lime(subject, samples=300))[-1])) for subject in subjects)
    subject, flip = next((subject, flip) for subject, flip in found if flip is not None)
    assert flip.flipped
    assert without(subject, flip.hidden).probability == pytest.approx(flip.probability, abs=1e-5)
    for region in flip.hidden:
        assert without(subject, set(flip.hidden) - {region}).probability > 0.5 - 1e-5


def subject_in(detector: Detector, photo: Path) -> Subject:
    """The face in a photo, explained for its likelier class."""
    crop = find_faces(open_photo(photo).pixels, detector.card.preprocessing.crop_margin)[0].crop
    probabilities = detector.predict(crop).probabilities
    target = max(probabilities, key=lambda name: probabilities[name])
    return Subject(crop, segment(crop, "slic", 30), target, detector)
