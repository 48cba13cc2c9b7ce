"""Tests of the maps in the settings; ``analysis/test_beyond_maps.py`` tests the other settings."""

from __future__ import annotations

import pytest

from explain.maps.registry import METHODS
from explain.settings import Settings
from model.errors import SettingsError


@pytest.mark.parametrize("methods", [("grad-cam",), ("lime", "LIME"), ("",)])
def test_an_unknown_map_is_refused_with_the_names_of_all(methods: tuple[str, ...]) -> None:
    with pytest.raises(SettingsError) as caught:
        Settings(methods=methods)
    message = str(caught.value)
    assert message == f"methods must be one of {', '.join(METHODS)}, not {methods[-1]!r}."
    assert {"attention", "lime", "occlusion", "rise"} < set(METHODS)


@pytest.mark.parametrize("methods", [(), ("rise",), tuple(METHODS)])
def test_any_choice_of_maps_is_allowed_including_none(methods: tuple[str, ...]) -> None:
    assert Settings(methods=methods).methods == methods


def test_slow_results_are_off_by_default() -> None:
    plain = Settings()
    assert plain.methods == ("attention", "lime")
    assert not (plain.trust or plain.flip or plain.hidden)
    assert not any(METHODS[name].needs_gradients for name in plain.methods)
