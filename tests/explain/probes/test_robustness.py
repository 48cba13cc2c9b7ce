"""Robustness measured on worlds in which it is known at which level the verdict turns."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing.robustness import robustness_picture
from explain.probes.robustness import CHANGES, PARTS, Curve, Robustness, measure_robustness
from explain.wording.robustness import level_name, robustness_in_words, robustness_sentence
from model.i18n.catalogue import number, speaking
from model.photos.corruptions import CORRUPTIONS, corrupt

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
STRIPES = np.where(np.arange(SIDE)[None, :, None] % 2, 200, 56).repeat(SIDE, axis=0).repeat(3, axis=2).astype(np.uint8)
# A face that looks at us from the middle of the crop.
LANDMARKS = np.array([[22, 24], [42, 24], [32, 34], [24, 44], [40, 44]], np.float32)
BAND = (0.3, 0.7)


class World:
    """A model whose P(Fake) is a number read off the crop; inconclusive from 0.3 to 0.7."""

    card = SimpleNamespace(labels=("Real", "Fake"), inconclusive_band=BAND)

    def read(self, crop: NDArray[np.float64]) -> float:
        raise NotImplementedError

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        fake = np.array([self.read(crop / 255) for crop in crops])
        return np.stack([1 - fake, fake], axis=1)

    def verdict(self, p_fake: float) -> str:
        return "Fake" if p_fake >= 0.7 else "Real" if p_fake <= 0.3 else "Inconclusive"


class Brightness(World):
    """How bright the crop is."""

    def read(self, crop: NDArray[np.float64]) -> float:
        return float(crop.mean())


class Sharpness(World):
    """How much neighbours in a row differ: 0.56 of the range for the stripes, as they are."""

    def read(self, crop: NDArray[np.float64]) -> float:
        return float(np.clip(np.abs(np.diff(crop, axis=1)).mean() / 0.6, 0, 1))


class Spot(World):
    """Whether the crop's darkest pixel is still there: the tip of a nose, say."""

    def __init__(self, place: tuple[int, int]) -> None:
        self.place = place

    def read(self, crop: NDArray[np.float64]) -> float:
        return 0.9 if crop[self.place].mean() < 0.1 else 0.1


class Steady(World):
    """Nothing moves it."""

    def __init__(self, p_fake: float) -> None:
        self.p_fake = p_fake

    def read(self, crop: NDArray[np.float64]) -> float:
        return self.p_fake


def measured(
    world: Any, crop: NDArray[np.uint8] = GREY, landmarks: NDArray[np.float32] | None = LANDMARKS, seed: int = 0
) -> Robustness:
    *_, found = measure_robustness(world, crop, landmarks, seed)
    return found


def curve(found: Robustness, name: str) -> Curve:
    one = found.curves[name]
    assert one is not None
    return one


# What is asked


def test_changes_are_those_of_the_model_card_the_weakest_first() -> None:
    assert set(CHANGES) == {"jpeg", "blur", "noise", "downscale", "darker", "brighter", *PARTS}
    assert CHANGES["jpeg"] == ("jpeg", (95, 80, 65, 50, 35, 20))
    assert CHANGES["darker"] == ("brightness", (0.7, 0.4)) and CHANGES["brighter"] == ("brightness", (1.4, 2.0))
    for corruption, levels in CHANGES.values():
        assert set(levels) <= set(CORRUPTIONS[corruption].levels)


def test_each_probability_is_what_the_model_says_of_the_corrupted_crop() -> None:
    crop = np.random.default_rng(1).integers(0, 256, (SIDE, SIDE, 3)).astype(np.uint8)
    world = Sharpness()
    found = measured(world, crop, seed=5)
    assert found.probability == world.probabilities(crop[None])[0, 1]
    for name, (corruption, levels) in CHANGES.items():
        assert curve(found, name).levels == levels
        for level, said in zip(levels, curve(found, name).probabilities, strict=True):
            changed = corrupt(crop, f"{corruption} {level:g}", LANDMARKS, seed=5)
            assert said == world.probabilities(changed[None])[0, 1]


def test_the_noise_is_drawn_by_the_seed() -> None:
    crop = np.full((SIDE, SIDE, 3), 5, np.uint8)  # so dark that noise can only brighten it
    one, same, other = (curve(measured(Brightness(), crop, seed=seed), "noise") for seed in (1, 1, 2))
    assert one == same != other


# Where the verdict turns


def test_brightness_turns_the_verdict_at_a_known_level() -> None:
    """Grey has P(Fake) 0.5, undecided; 1.4 times that is 0.703 and fake, 0.7 times 0.35, 0.4 times 0.2 and real."""
    found = measured(Brightness())
    assert (found.verdict, found.band) == ("Inconclusive", BAND)
    brighter, darker = curve(found, "brighter"), curve(found, "darker")
    assert (brighter.flip, brighter.survived, brighter.verdicts) == (0, 0, ("Fake", "Fake"))
    assert (darker.flip, darker.survived, darker.verdicts) == (1, 1, ("Inconclusive", "Real"))
    for name in ("jpeg", "blur", "downscale", *PARTS):
        steady = curve(found, name)
        assert steady.flip is None and steady.survived == len(steady.levels)


def test_sharpness_turns_the_verdict_where_the_stripes_go() -> None:
    """Stripes a pixel wide are gone where the picture is halved, and neither light nor JPEG 95 takes them away."""
    found = measured(Sharpness(), STRIPES)
    assert found.verdict == "Fake" and found.probability == pytest.approx(144 / 255 / 0.6)
    shrunk = curve(found, "downscale")
    assert shrunk.verdicts[1:] == ("Real",) * 3 and shrunk.levels[1] == 0.5
    assert shrunk.flip is not None and shrunk.flip <= 1
    blurred = curve(found, "blur")
    assert blurred.verdicts[-1] == "Real"
    assert blurred.probabilities == tuple(sorted(blurred.probabilities, reverse=True))
    assert curve(found, "jpeg").verdicts[0] == "Fake"


def test_first_turn_counts_even_if_the_verdict_comes_back() -> None:
    class Moody(World):
        answers = iter([0.9, *[0.9, 0.2, 0.9, 0.5, 0.9, 0.9]])

        def read(self, crop: NDArray[np.float64]) -> float:
            return next(self.answers, 0.9)

    found = curve(measured(Moody()), "jpeg")
    assert (found.flip, found.survived) == (1, 1)
    assert found.verdicts == ("Fake", "Real", "Fake", "Inconclusive", "Fake", "Fake")


@pytest.mark.parametrize(("part", "place"), [("nose", (32, 32)), ("mouth", (44, 32)), ("eyes", (24, 22))])
def test_only_the_part_that_the_verdict_hangs_on_turns_it(part: str, place: tuple[int, int]) -> None:
    crop = np.full((SIDE, SIDE, 3), 200, np.uint8)
    crop[place] = 0
    found = measured(Spot(place), crop)
    assert found.verdict == "Fake"
    assert {name for name in PARTS if curve(found, name).flip == 0} == {part}


def test_parts_are_unknown_without_landmarks() -> None:
    found = measured(Brightness(), landmarks=None)
    assert [name for name, one in found.curves.items() if one is None] == list(PARTS)
    assert found.complete and set(found.measured) == set(CHANGES) - set(PARTS)


# While it is measured


def test_it_grows_change_by_change() -> None:
    steps = list(measure_robustness(Brightness(), GREY, LANDMARKS))  # type: ignore[arg-type]
    assert [list(step.curves) for step in steps] == [list(CHANGES)[: count + 1] for count in range(len(CHANGES))]
    assert [step.complete for step in steps] == [False] * (len(CHANGES) - 1) + [True]
    assert [step.progress for step in steps] == pytest.approx(np.arange(1, len(CHANGES) + 1) / len(CHANGES))


@pytest.mark.parametrize("seen", [0, 1, 3])
def test_nothing_comes_after_cancelling(seen: int) -> None:
    came: list[Robustness] = []
    world: Any = Brightness()
    for step in measure_robustness(world, GREY, LANDMARKS, cancelled=lambda: len(came) >= seen):
        came.append(step)
    assert len(came) == seen


# As data


def test_data_tells_levels_in_their_unit() -> None:
    answer = json.loads(json.dumps(measured(Brightness(), landmarks=None).to_dict(), allow_nan=False))
    assert answer["untouched"] == {"probability": pytest.approx(128 / 255, abs=1e-6), "verdict": "Inconclusive"}
    assert answer["inconclusive_band"] == list(BAND)
    assert list(answer["changes"]) == list(CHANGES)
    assert answer["changes"]["eyes"] is None
    darker = answer["changes"]["darker"]
    assert darker["unit"] == "pixels multiplied by" and darker["levels"] == [0.7, 0.4]
    assert darker["probabilities"] == pytest.approx([0.7 * 128 / 255, 0.4 * 128 / 255], abs=2e-3)
    assert (darker["verdicts"], darker["flip"]) == (["Inconclusive", "Real"], 0.4)
    assert answer["changes"]["jpeg"]["flip"] is None


# In words


def made(verdict: str = "Fake", **flips: tuple[int, str]) -> Robustness:
    """A face whose verdict turns where, and into what, is said by change; nothing else turns it."""
    p_fake = {"Fake": 0.9, "Inconclusive": 0.5, "Real": 0.1}
    curves: dict[str, Curve | None] = {}
    for name, (_, levels) in CHANGES.items():
        place, other = flips.get(name, (len(levels), verdict))
        verdicts = (*(verdict,) * place, *(other,) * (len(levels) - place))
        probabilities = tuple(p_fake[one] for one in verdicts)
        curves[name] = Curve(levels, probabilities, verdicts, place if place < len(levels) else None)
    return Robustness(p_fake[verdict], verdict, BAND, curves)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (made(), "The verdict stays Fake down to JPEG quality 20; nothing else that was tried turns it."),
        (
            made(jpeg=(5, "Real"), blur=(2, "Inconclusive")),
            "The verdict stays Fake down to JPEG quality 35; JPEG quality 20 turns it to Real; blur of radius 2 turns "
            "it to Inconclusive.",
        ),
        (
            made("Real", noise=(3, "Fake"), downscale=(2, "Fake"), darker=(1, "Fake"), eyes=(0, "Inconclusive")),
            "The verdict stays Real down to JPEG quality 20; noise of 40 grey levels, shrinking the face to 64 pixels "
            "and darkening to 40% turn it to Fake; covering the eyes turns it to Inconclusive.",
        ),
        (
            made("Inconclusive", jpeg=(0, "Real"), brighter=(0, "Real")),
            "JPEG quality 95 already turns the verdict from Inconclusive to Real; brightening to 140% turns it to "
            "Real.",
        ),
    ],
)
def test_one_sentence_says_what_turns_the_verdict(found: Robustness, sentence: str) -> None:
    assert robustness_sentence(found) == sentence


def test_sentence_speaks_turkish() -> None:
    with speaking("tr"):
        assert robustness_sentence(made(jpeg=(3, "Inconclusive"), blur=(0, "Inconclusive"))) == (
            "JPEG kalitesi 65 değerine kadar düşürülse de karar “Sahte” olarak kalıyor; şunlar kararı “Kararsız” "
            "yapıyor: JPEG kalitesi 50 ve 0,5 piksel yarıçaplı bulanıklık."
        )


def test_plot_is_told_in_words_with_its_numbers() -> None:
    words = robustness_in_words(made(blur=(3, "Real")))
    assert words.startswith("Small charts of P(Fake) under each change; 0.90 untouched.")
    assert "JPEG quality 20 0.90, blur of radius 4 0.10, noise of 40 grey levels 0.90" in words
    assert words.endswith("covering the mouth 0.90.")


def test_levels_are_written_as_people_read_them() -> None:
    told = [level_name(name, CHANGES[name][1][-1]) for name in CHANGES]
    assert told == ["20", "4", "40", "32", "40%", "200%", "eyes", "nose", "mouth"]
    with speaking("tr"):
        assert level_name("darker", 0.4) == "%40" and level_name("blur", 0.5) == number(0.5, "g") == "0,5"


# As a picture


def orange(picture: NDArray[np.uint8]) -> int:
    """How many pixels belong to diamonds."""
    return int((np.abs(picture.astype(int) - np.array([230, 110, 0])).max(axis=2) <= 12).sum())


@pytest.fixture(scope="module")
def steady() -> NDArray[np.uint8]:
    """The picture of a verdict that nothing turns."""
    return robustness_picture(made())


def test_each_turn_has_its_diamond(steady: NDArray[np.uint8]) -> None:
    three = robustness_picture(made(blur=(2, "Real"), jpeg=(5, "Real"), eyes=(0, "Real")))
    assert steady.shape == three.shape and steady.dtype == np.uint8
    assert orange(three) == pytest.approx(4 * orange(steady), rel=0.15), "beside the legend's own"


def test_picture_shows_the_band_at_its_width(steady: NDArray[np.uint8]) -> None:
    def greys(picture: NDArray[np.uint8]) -> int:
        return int((np.abs(picture.astype(int) - round(0.87 * 255)).max(axis=2) <= 1).sum())

    assert greys(robustness_picture(replace(made(), band=(0.2, 0.8)))) > 1.3 * greys(steady) > 10_000


def test_picture_names_the_new_verdict() -> None:
    real = made(blur=(2, "Real"))
    unsure = replace(curve(real, "blur"), verdicts=curve(made(blur=(2, "Inconclusive")), "blur").verdicts)
    other_name = replace(real, curves=real.curves | {"blur": unsure})  # at the same height
    assert (robustness_picture(other_name) != robustness_picture(real)).any()


def test_narrow_picture_fits_a_phone_at_half_its_size_and_can_do_without_parts() -> None:
    faceless = replace(made(), curves=made().curves | dict.fromkeys(PARTS))
    assert robustness_picture(faceless, narrow=True).shape[1] == 781
