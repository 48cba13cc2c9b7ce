"""How many regions came out, as a sentence."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain.maps.subject import Subject
from explain.wording.regions import fewer_regions
from tests.support.worlds import World, brightness, noise, squares

SUBJECT = Subject(noise(8), squares(8, 2), "Fake", World(brightness))  # type: ignore[arg-type]


@pytest.mark.parametrize("asked", [None, 3, 4])
def test_as_many_regions_as_asked_for_need_no_word(asked: int | None) -> None:
    assert fewer_regions(replace(SUBJECT, asked=asked)) == ""


def test_fewer_regions_than_asked_for_are_told() -> None:
    assert fewer_regions(replace(SUBJECT, asked=30)) == "4 regions were found in place of the 30 requested."
