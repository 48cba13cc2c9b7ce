"""Tests of the list of the strongest regions beside the picture."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from explain.html.regions import RANKED, ranked
from explain.maps.attribution import NUMBERED, Attribution
from explain.wording.regions import region_line
from model.i18n.catalogue import use_language
from tests.support.html import read
from tests.support.worlds import squares

SIDE = 12
SEGMENTS = squares(SIDE, 3)
WEIGHTS = np.array([0.1, -0.4, 0.0, 0.3, 0.02, -0.05, 0.2, 0.01, 0.0], np.float32)
NAMES = ("hair", "mouth", "nose", "left eye", "chin", "forehead", "hair", "background", "hair")
LIME = Attribution("lime", "Fake", WEIGHTS[SEGMENTS], (SIDE, SIDE), SEGMENTS, WEIGHTS, {}, names=NAMES)


def with_intervals(reach: float) -> Attribution:
    return replace(LIME, intervals=np.stack([WEIGHTS - reach, WEIGHTS + reach], axis=1).astype(np.float32))


def shares(html: str, pattern: str) -> list[float]:
    return [float(share) for share in re.findall(pattern, html)]


def test_numbered_regions_come_first_then_the_strongest_others_and_a_button_names_each() -> None:
    html = ranked(LIME)
    assert re.findall(r'<button type="button" data-region="(\d+)"', html) == ["3", "6", "0", "1", "5"]
    assert len(WEIGHTS.nonzero()[0]) > RANKED == 5
    assert re.findall(r"</i><span>(.*?)</span>", html) == ["left eye", "hair", "hair", "mouth", "forehead"]
    assert read(html).words.strip()


def test_badges_match_those_of_the_picture() -> None:
    badges = re.findall(r'class="badge">(.*?)</i>', ranked(LIME))
    assert badges == ["1", "2", "3", "", ""] and NUMBERED == 3


def test_regions_against_the_class_or_with_zero_in_their_interval_get_no_number() -> None:
    html = ranked(with_intervals(0.25))  # region 3 alone is clear
    assert re.findall(r'data-region="(\d+)"', html) == ["3", "1", "6", "0", "5"]
    assert re.findall(r'class="badge">(.*?)</i>', html) == ["1", "", "", "", ""]


def test_bars_show_side_and_strength() -> None:
    html = ranked(LIME)
    assert re.findall(r'class="bar (\w+)"', html) == ["for", "for", "for", "against", "against"]
    assert shares(html, r'<i style="width:([\d.]+)%"') == pytest.approx([75, 50, 25, 100, 12.5], abs=0.1)


def test_intervals_lie_on_the_scale_of_the_bars() -> None:
    html = ranked(with_intervals(0.1))
    assert shares(html, r'<i style="width:([\d.]+)%"') == pytest.approx([60, 40, 80, 20, 10], abs=0.1)
    assert shares(html, r'<b style="left:([\d.]+)%') == pytest.approx([40, 20, 60, 0, 0], abs=0.1)
    assert shares(html, r'<b style="left:[\d.]+%;width:([\d.]+)%') == pytest.approx([40, 40, 40, 40, 30], abs=0.1)


def test_each_button_has_its_numbers_in_the_language_of_the_page() -> None:
    for language in ("en", "tr"):
        with use_language(language):
            html, line = ranked(with_intervals(0.1)), region_line(with_intervals(0.1), 1)
        assert f'title="{line}"' in html


def test_regions_without_a_name_are_numbered() -> None:
    assert re.findall(r"</i><span>(.*?)</span>", ranked(replace(LIME, names=None)))[0] == "region 3"


@pytest.mark.parametrize(
    "found",
    [
        None,
        replace(LIME, weights=None, segments=None, names=None),
        replace(LIME, evidence={"lowest": 0.5, "highest": 0.5}),
    ],
    ids=["no map", "no regions", "a model that hardly looks"],
)
def test_a_map_without_important_regions_has_no_list(found: Attribution | None) -> None:
    assert ranked(found) == ""


def test_weights_of_zero_are_not_listed() -> None:
    none = np.zeros(9, np.float32)
    assert "<button" not in ranked(replace(LIME, weights=none, map=none[SEGMENTS]))
