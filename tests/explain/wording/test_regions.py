"""Tests of the sentence on the number of regions."""

from __future__ import annotations

from dataclasses import replace

import pytest

from explain.maps.subject import Subject
from explain.wording.regions import fewer_regions
from tests.support.worlds import World, brightness, noise, squares

SUBJECT = Subject(noise(8), squares(8, 2), "Fake", World(brightness))  # type: ignore[arg-type]


@pytest.mark.parametrize("requested", [None, 3, 4])
def test_as_many_regions_as_requested_need_no_sentence(requested: int | None) -> None:
    assert fewer_regions(replace(SUBJECT, requested=requested)) == ""


def test_fewer_regions_than_requested_are_reported() -> None:
    assert fewer_regions(replace(SUBJECT, requested=30)) == "4 regions were found in place of the 30 requested."
