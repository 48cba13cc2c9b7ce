"""Tests of robustness as data, in words and as charts, with known results."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from explain.drawing.chart import Chart, Point
from explain.drawing.robustness import robustness_charts
from explain.probes.robustness import CHANGES, PARTS, Curve, Robustness
from explain.wording.robustness import level_name, robustness_sentence
from model.i18n.catalogue import number, use_language
from model.photos.corruptions import CORRUPTIONS
from tests.explain.probes.known_turns import BAND, Brightness, measured

# As data


def test_data_states_levels_in_their_unit() -> None:
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


def result(verdict: str = "Fake", **flips: tuple[int, str]) -> Robustness:
    """A result in which each change in ``flips`` turns the verdict at that level into that verdict; no other does."""
    p_fake = {"Fake": 0.9, "Inconclusive": 0.5, "Real": 0.1}
    curves: dict[str, Curve | None] = {}
    for name, (_, levels) in CHANGES.items():
        place, turned = flips.get(name, (len(levels), verdict))
        verdicts = (*(verdict,) * place, *(turned,) * (len(levels) - place))
        probabilities = tuple(p_fake[label] for label in verdicts)
        curves[name] = Curve(levels, probabilities, verdicts, place if place < len(levels) else None)
    return Robustness(p_fake[verdict], verdict, BAND, curves)


@pytest.mark.parametrize(
    ("found", "sentence"),
    [
        (result(), "The verdict stays Fake down to JPEG quality 20; nothing else that was tried turns it."),
        (
            result(jpeg=(5, "Real"), blur=(2, "Inconclusive")),
            "The verdict stays Fake down to JPEG quality 35; JPEG quality 20 turns it to Real; blur of radius 2 turns "
            "it to Inconclusive.",
        ),
        (
            result("Real", noise=(3, "Fake"), downscale=(2, "Fake"), darker=(1, "Fake"), eyes=(0, "Inconclusive")),
            "The verdict stays Real down to JPEG quality 20; noise of 40 grey levels, shrinking the face to 64 pixels "
            "and darkening to 40% turn it to Fake; covering the eyes turns it to Inconclusive.",
        ),
        (
            result("Inconclusive", jpeg=(0, "Real"), brighter=(0, "Real")),
            "JPEG quality 95 already turns the verdict from Inconclusive to Real; brightening to 140% turns it to "
            "Real.",
        ),
    ],
)
def test_one_sentence_says_what_turns_the_verdict(found: Robustness, sentence: str) -> None:
    assert robustness_sentence(found) == sentence


def test_robustness_sentence_is_translated() -> None:
    with use_language("tr"):
        assert robustness_sentence(result(jpeg=(3, "Inconclusive"), blur=(0, "Inconclusive"))) == (
            "JPEG kalitesi 65 değerine kadar düşürülse de karar “Sahte” olarak kalıyor; şunlar kararı "
            "“Karar verilemedi” yapıyor: JPEG kalitesi 50 ve 0,5 piksel yarıçaplı bulanıklık."
        )


def test_levels_are_written_in_readable_units() -> None:
    strongest = {name: level_name(name, levels[-1]) for name, (_, levels) in CHANGES.items()}
    assert (
        strongest.items()
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
    by_title = charts(result(blur=(2, "Real"), jpeg=(5, "Inconclusive"), eyes=(0, "Real")))
    (jpeg,) = turns(by_title["JPEG quality"])
    assert jpeg.y == 0.5 and jpeg.label == "JPEG quality 20: 50%, Inconclusive"
    assert "20: Inconclusive" in by_title["JPEG quality"].note
    assert [len(turns(chart)) for chart in by_title.values()].count(1) == 3
    assert "eyes: Real" in by_title["Part covered"].note
    assert not any(map(turns, robustness_charts(result())))


def test_charts_show_the_band_and_the_untouched_face() -> None:
    for chart in robustness_charts(replace(result(), band=(0.2, 0.8))):
        (band,) = chart.areas
        assert (band.low, band.high) == ((0.2, 0.2), (0.8, 0.8))
        assert {point.y for point in chart.lines[0].points} == {0.9}


def test_the_untouched_face_is_between_darker_and_brighter() -> None:
    assert [text for _, text in charts(result())["Brightness"].x_ticks] == ["40%", "70%", "as is", "140%", "200%"]


def test_covered_parts_are_not_joined_and_may_be_unknown() -> None:
    assert not charts(result())["Part covered"].lines[1].joined
    faceless = replace(result(), curves=result().curves | dict.fromkeys(PARTS))
    assert charts(faceless)["Part covered"].note == "not known where they are"


def test_a_level_is_written_in_the_form_of_its_corruption(monkeypatch: pytest.MonkeyPatch) -> None:
    """This includes a corruption that no code knows by name."""
    for form, scale, written in (("g", 1, "3.5"), (".0%", 1, "350%"), (".1f", 10, "35.0")):
        rain = replace(CORRUPTIONS["noise"], name="rain", levels=(3.5,), form=form, scale=scale)
        monkeypatch.setitem(CORRUPTIONS, "rain", rain)
        monkeypatch.setitem(CHANGES, "rain", ("rain", (3.5, 4.0)))
        assert level_name("rain", 3.5) == written
