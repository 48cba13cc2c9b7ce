"""Tests of the parts of a combined model in its card."""

from __future__ import annotations

import math

import pytest

from model.artifact.parts import LONGEST_NAME, MOST_PARTS, Part, check_parts, parts_of
from model.errors import FieldError

READING = "5f" * 32


def test_parts_keep_the_order_of_the_card() -> None:
    values = [
        {"name": "one", "weight": 0.5, "reading": READING},
        {"name": "x" * LONGEST_NAME, "weight": 2, "reading": ""},
    ]
    assert parts_of(values) == (Part("one", 0.5, READING), Part("x" * LONGEST_NAME, 2, ""))


@pytest.mark.parametrize("reading", [None, 7])
def test_digest_that_is_no_text_is_refused(reading: object) -> None:
    with pytest.raises(FieldError):
        Part("one", 1.0, reading)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "name", ["", ".", "..", "../other", "a/b", "a\\b", "C:b", "a\0b", "x" * (LONGEST_NAME + 1), None, 7]
)
def test_name_that_is_not_a_folder_beside_the_model_is_refused(name: object) -> None:
    with pytest.raises(FieldError):
        Part(name, 1.0, READING)  # type: ignore[arg-type]


@pytest.mark.parametrize("weight", [0, -1.0, math.nan, math.inf, True, "1", None])
def test_weight_that_is_not_a_number_above_zero_is_refused(weight: object) -> None:
    with pytest.raises(FieldError):
        Part("one", weight, READING)  # type: ignore[arg-type]


@pytest.mark.parametrize("names", [["one"], ["one", "one"], [f"part{number}" for number in range(MOST_PARTS + 1)]])
def test_one_part_repeated_parts_and_too_many_parts_are_refused(names: list[str]) -> None:
    with pytest.raises(FieldError):
        check_parts([Part(name, 1.0, READING) for name in names])


def test_no_parts_and_the_maximum_number_of_parts_are_allowed() -> None:
    check_parts([])
    check_parts([Part(f"part{number}", 1.0, READING) for number in range(MOST_PARTS)])
