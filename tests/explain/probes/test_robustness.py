"""Tests of robustness on models with known levels at which the verdict turns."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.probes.robustness import CHANGES, PARTS, Curve, Robustness, measure_robustness
from model.photos.corruptions import CORRUPTIONS, Move, corrupt
from tests.explain.probes.known_turns import BAND, GREY, LANDMARKS, SIDE, Brightness, World, measured

STRIPES = np.where(np.arange(SIDE)[None, :, None] % 2, 200, 56).repeat(SIDE, axis=0).repeat(3, axis=2).astype(np.uint8)


class Sharpness(World):
    """P(Fake) grows with the difference of neighbours in a row: 0.56 of the range for the untouched stripes."""

    def read(self, crop: NDArray[np.float64]) -> float:
        return float(np.clip(np.abs(np.diff(crop, axis=1)).mean() / 0.6, 0, 1))


class Spot(World):
    """P(Fake) is high while one dark pixel is visible, for example the tip of a nose."""

    def __init__(self, place: tuple[int, int]) -> None:
        self.place = place

    def read(self, crop: NDArray[np.float64]) -> float:
        return 0.9 if crop[self.place].mean() < 0.1 else 0.1


def curve(found: Robustness, name: str) -> Curve:
    known_curve = found.curves[name]
    assert known_curve is not None
    return known_curve


# The changes


def test_changes_are_those_of_the_model_card_from_weak_to_strong() -> None:
    assert {"jpeg", "blur", "noise", "downscale", "darker", "brighter", *PARTS} <= set(CHANGES)
    assert PARTS == ("eyes", "nose", "mouth")
    assert CHANGES["jpeg"] == ("jpeg", (95, 80, 65, 50, 35, 20))
    assert CHANGES["darker"] == ("brightness", (0.7, 0.4)) and CHANGES["brighter"] == ("brightness", (1.4, 2.0))
    for corruption, levels in CHANGES.values():
        assert set(levels) <= set(CORRUPTIONS[corruption].levels)


def test_each_probability_is_that_of_the_corrupted_crop() -> None:
    crop = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    world = Sharpness()
    found = measured(world, crop, seed=5)
    assert found.probability == world.probabilities(crop[None])[0, 1]
    for name, (corruption, levels) in CHANGES.items():
        assert curve(found, name).levels == levels
        for level, probability in zip(levels, curve(found, name).probabilities, strict=True):
            changed = corrupt(crop, f"{corruption} {level:g}", LANDMARKS, seed=5)
            assert probability == world.probabilities(changed[None])[0, 1]


def test_a_moved_crop_is_cut_from_the_photo() -> None:
    squares = []

    def cut(move: Move, level: float) -> NDArray[np.uint8]:
        squares.append(move((10, 20, 100), level))
        return np.full((SIDE, SIDE, 3), round(255 * level) % 256, np.uint8)

    *_, found = measure_robustness(Brightness(), GREY, LANDMARKS, cut=cut)
    assert (13, 20, 100) in squares and any(np.allclose(square, (5, 15, 110)) for square in squares)
    np.testing.assert_allclose(curve(found, "shift").probabilities, [0.03, 0.06, 0.1], atol=0.01)
    assert curve(found, "jpeg") == curve(measured(Brightness()), "jpeg")


def test_untouched_crop_is_judged_once() -> None:
    judged: list[NDArray[np.float64]] = []

    class Counted(Brightness):
        def read(self, crop: NDArray[np.float64]) -> float:
            judged.append(crop)
            return super().read(crop)

    expected = measured(Counted())
    count, known = len(judged), expected.probability
    *_, found = measure_robustness(Counted(), GREY, LANDMARKS, probability=known)  # type: ignore[arg-type]
    assert found == expected and len(judged) == 2 * count - 1


def test_the_noise_is_drawn_by_the_seed() -> None:
    crop = np.full((SIDE, SIDE, 3), 5, np.uint8)  # so dark that noise can only brighten it
    first, same, another = (curve(measured(Brightness(), crop, seed=seed), "noise") for seed in (1, 1, 2))
    assert first == same != another


# Where the verdict turns


def test_brightness_turns_the_verdict_at_a_known_level() -> None:
    """P(Fake) of grey is 0.5 (inconclusive); 1.4 times that is 0.703 (fake), 0.7 times 0.35, 0.4 times 0.2 (real)."""
    found = measured(Brightness())
    assert (found.verdict, found.band) == ("Inconclusive", BAND)
    brighter, darker = curve(found, "brighter"), curve(found, "darker")
    assert (brighter.flip, brighter.survived, brighter.verdicts) == (0, 0, ("Fake", "Fake"))
    assert (darker.flip, darker.survived, darker.verdicts) == (1, 1, ("Inconclusive", "Real"))
    for name in ("jpeg", "blur", "downscale", *PARTS):
        steady = curve(found, name)
        assert steady.flip is None and steady.survived == len(steady.levels)


def test_sharpness_turns_the_verdict_where_the_stripes_vanish() -> None:
    """Stripes of one pixel vanish at half the size, and JPEG 95 keeps them."""
    found = measured(Sharpness(), STRIPES)
    assert found.verdict == "Fake" and found.probability == pytest.approx(144 / 255 / 0.6)
    shrunk = curve(found, "downscale")
    assert shrunk.verdicts[1:] == ("Real",) * 3 and shrunk.levels[1] == 0.5
    assert shrunk.flip is not None and shrunk.flip <= 1
    blurred = curve(found, "blur")
    assert blurred.verdicts[-1] == "Real"
    assert blurred.probabilities == tuple(sorted(blurred.probabilities, reverse=True))
    assert curve(found, "jpeg").verdicts[0] == "Fake"


def test_first_turn_counts_even_if_the_verdict_returns() -> None:
    class Alternating(World):
        answers = iter([0.9, *[0.9, 0.2, 0.9, 0.5, 0.9, 0.9]])

        def read(self, crop: NDArray[np.float64]) -> float:
            return next(self.answers, 0.9)

    found = curve(measured(Alternating()), "jpeg")
    assert (found.flip, found.survived) == (1, 1)
    assert found.verdicts == ("Fake", "Real", "Fake", "Inconclusive", "Fake", "Fake")


@pytest.mark.parametrize(("part", "place"), [("nose", (32, 32)), ("mouth", (44, 32)), ("eyes", (24, 22))])
def test_only_the_part_that_the_verdict_depends_on_turns_it(part: str, place: tuple[int, int]) -> None:
    crop = np.full((SIDE, SIDE, 3), 200, np.uint8)
    crop[place] = 0
    found = measured(Spot(place), crop)
    assert found.verdict == "Fake"
    assert {name for name in PARTS if curve(found, name).flip == 0} == {part}


def test_parts_are_unknown_without_landmarks() -> None:
    found = measured(Brightness(), landmarks=None)
    assert [name for name, measured_curve in found.curves.items() if measured_curve is None] == list(PARTS)
    assert found.complete and set(found.measured) == set(CHANGES) - set(PARTS)


# Progress and cancelling


def test_result_grows_change_by_change() -> None:
    steps = list(measure_robustness(Brightness(), GREY, LANDMARKS))  # type: ignore[arg-type]
    assert [list(step.curves) for step in steps] == [list(CHANGES)[: count + 1] for count in range(len(CHANGES))]
    assert [step.complete for step in steps] == [False] * (len(CHANGES) - 1) + [True]
    assert [step.progress for step in steps] == pytest.approx(np.arange(1, len(CHANGES) + 1) / len(CHANGES))


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_nothing_is_yielded_after_cancelling(seen: int) -> None:
    yielded: list[Robustness] = []
    world: Any = Brightness()
    for step in measure_robustness(world, GREY, LANDMARKS, cancelled=lambda: len(yielded) >= seen):
        yielded.append(step)
    assert len(yielded) == seen
