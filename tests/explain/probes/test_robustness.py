"""Robustness measured on worlds in which it is known at which level the verdict turns."""

from __future__ import annotations

import json
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from explain.drawing.chart import Chart, Point
from explain.drawing.robustness import robustness_charts
from explain.probes.robustness import CHANGES, PARTS, Curve, Robustness, measure_robustness
from explain.wording.robustness import level_name, robustness_sentence
from model.artifact.views import PLAIN
from model.i18n.catalogue import number, use_language
from model.photos.corruptions import CORRUPTIONS, Move, corrupt

SIDE = 64
GREY = np.full((SIDE, SIDE, 3), 128, np.uint8)
STRIPES = np.where(np.arange(SIDE)[None, :, None] % 2, 200, 56).repeat(SIDE, axis=0).repeat(3, axis=2).astype(np.uint8)
# A face that looks at us from the middle of the crop.
LANDMARKS = np.array([[22, 24], [42, 24], [32, 34], [24, 44], [40, 44]], np.float32)
BAND = (0.3, 0.7)


class World:
    """A model whose P(Fake) is a number read off the crop; inconclusive from 0.3 to 0.7."""

    card = SimpleNamespace(labels=("Real", "Fake"), views=PLAIN, inconclusive_band=BAND)

    def read(self, crop: NDArray[np.float64]) -> float:
        raise NotImplementedError

    def probabilities(self, crops: NDArray[np.uint8], in_turn: bool = False) -> NDArray[np.float64]:
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
    assert {"jpeg", "blur", "noise", "downscale", "darker", "brighter", *PARTS} <= set(CHANGES)
    assert PARTS == ("eyes", "nose", "mouth")
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


def test_a_moved_crop_is_cut_from_the_photo() -> None:
    asked = []

    def cut(move: Move, level: float) -> NDArray[np.uint8]:
        asked.append(move((10, 20, 100), level))
        return np.full((SIDE, SIDE, 3), round(255 * level) % 256, np.uint8)

    *_, found = measure_robustness(Brightness(), GREY, LANDMARKS, cut=cut)
    assert (13, 20, 100) in asked and any(np.allclose(square, (5, 15, 110)) for square in asked)
    np.testing.assert_allclose(curve(found, "shift").probabilities, [0.03, 0.06, 0.1], atol=0.01)
    assert curve(found, "jpeg") == curve(measured(Brightness()), "jpeg")


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
    with use_language("tr"):
        assert robustness_sentence(made(jpeg=(3, "Inconclusive"), blur=(0, "Inconclusive"))) == (
            "JPEG kalitesi 65 değerine kadar düşürülse de karar “Sahte” olarak kalıyor; şunlar kararı “Kararsız” "
            "yapıyor: JPEG kalitesi 50 ve 0,5 piksel yarıçaplı bulanıklık."
        )


def test_levels_are_written_as_people_read_them() -> None:
    told = {name: level_name(name, levels[-1]) for name, (_, levels) in CHANGES.items()}
    assert (
        told.items()
        >= {
            **{"jpeg": "20", "blur": "4", "noise": "40", "downscale": "32", "darker": "40%", "brighter": "200%"},
            **{part: part for part in PARTS},
        }.items()
    )
    with use_language("tr"):
        assert level_name("darker", 0.4) == "%40" and level_name("blur", 0.5) == number(0.5, "g") == "0,5"


# As charts


def charts(found: Robustness) -> dict[str, Chart]:
    return {chart.title: chart for chart in robustness_charts(found)}


def turns(chart: Chart) -> list[Point]:
    return [point for line in chart.lines for point in line.points if point.turn]


def test_each_turn_is_marked_and_named() -> None:
    three = charts(made(blur=(2, "Real"), jpeg=(5, "Inconclusive"), eyes=(0, "Real")))
    (jpeg,) = turns(three["JPEG quality"])
    assert jpeg.y == 0.5 and jpeg.label == "JPEG quality 20: 50%, Inconclusive"
    assert "20: Inconclusive" in three["JPEG quality"].note
    assert [len(turns(chart)) for chart in three.values()].count(1) == 3
    assert "eyes: Real" in three["Part covered"].note
    assert not any(map(turns, robustness_charts(made())))


def test_charts_show_the_band_and_the_untouched_face() -> None:
    for chart in robustness_charts(replace(made(), band=(0.2, 0.8))):
        (band,) = chart.areas
        assert (band.low, band.high) == ((0.2, 0.2), (0.8, 0.8))
        assert {point.y for point in chart.lines[0].points} == {0.9}


def test_the_untouched_face_stands_between_darker_and_brighter() -> None:
    assert [text for _, text in charts(made())["Brightness"].x_ticks] == ["40%", "70%", "as is", "140%", "200%"]


def test_covered_parts_are_not_joined_and_may_be_unknown() -> None:
    assert not charts(made())["Part covered"].lines[1].joined
    faceless = replace(made(), curves=made().curves | dict.fromkeys(PARTS))
    assert charts(faceless)["Part covered"].note == "not known where they are"


def test_a_level_is_written_as_its_corruption_says(monkeypatch: pytest.MonkeyPatch) -> None:
    """A corruption that no code knows by name is neither a percentage nor a number of pixels by chance."""
    for form, scale, written in (("g", 1, "3.5"), (".0%", 1, "350%"), (".1f", 10, "35.0")):
        rain = replace(CORRUPTIONS["noise"], name="rain", levels=(3.5,), form=form, scale=scale)
        monkeypatch.setitem(CORRUPTIONS, "rain", rain)
        monkeypatch.setitem(CHANGES, "rain", ("rain", (3.5, 4.0)))
        assert level_name("rain", 3.5) == written
