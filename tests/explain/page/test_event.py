"""Tests of the data of clicks: a client can send any value."""

from __future__ import annotations

from typing import Any

import gradio as gr
import pytest

from explain.page.components.event import MOST, chosen_in, place_in
from explain.page.photo import face_named
from model.errors import SettingsError


def event(**data: Any) -> gr.EventData:
    return gr.EventData(None, data)


def test_number_or_position_is_read_from_a_click() -> None:
    assert face_named(event(chosen=3)) == chosen_in(event(chosen=3)) == 3
    assert place_in(event(index=[10, 20.5])) == (10, 20.5)


@pytest.mark.parametrize(
    "wrong", [None, "3", "x", -1, 1.5, float("nan"), float("inf"), True, MOST + 1, 10**400, [], {"a": 1}]
)
def test_other_values_are_refused_in_a_sentence(wrong: Any) -> None:
    for wrong_event in (event(chosen=wrong), event()):
        with pytest.raises(SettingsError, match="click again"):
            face_named(wrong_event)
    for index in (wrong, [1], [1, "2"], [1, float("nan")], [10**400, 1]):
        with pytest.raises(SettingsError, match="click again"):
            place_in(event(index=index))
