"""Test of the page's tab for a clip, in a real browser: a clip is judged, and the keyboard opens a moment."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.clip_files import clip_file, written

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

TOUCH_TARGET = 44  # pixels; a lower button is hard to touch

pytestmark = [pytest.mark.browser, pytest.mark.slow]


def test_clip_is_judged_and_a_moment_is_opened_by_the_keyboard(
    arrive: Callable[..., Visitor], astronaut: NDArray[np.uint8], tmp_path: Path
) -> None:
    visitor = arrive(viewport={"width": 390, "height": 844})
    frames = [np.roll(astronaut[:320, 60:380], 3 * number, axis=1) for number in range(9)]
    visitor.open_tab("Clip")
    visitor.page.set_input_files("#clip-file input[type=file]", written(tmp_path, clip_file(frames)))
    visitor.wait_until(lambda: visitor.find("#clip-moments details").count() > 0, "the end of the clip")
    assert visitor.find("#clip-result svg .near").count() == 9
    assert "9 frames were judged" in visitor.text("#clip-status")
    assert visitor.overflow() <= 0
    status, report = (visitor.find(f"#clip-{name}").bounding_box() for name in ("status", "report"))
    assert status and report and report["y"] >= status["y"] + status["height"], "the status must have the whole width"
    assert report["height"] >= TOUCH_TARGET
    for summary in visitor.find("#clip-moments summary").all():
        summary.click()
    assert visitor.axe_violations() == []
    visitor.screenshot("clip")
    visitor.find("#clip-result button.moment").first.focus()
    visitor.page.keyboard.press("Enter")
    visitor.wait_until(lambda: visitor.find("#verdict h2").count() > 0 and visitor.is_seen("#found img"), "the moment")
    assert visitor.errors == []
