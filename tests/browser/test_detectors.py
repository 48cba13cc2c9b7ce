"""A second model beside the first one, and a visitor's own model, in a real browser."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from model.paths import SECOND
from tests.browser.conftest import FAKE, Visitor
from tests.explain.page.detectors.test_own import zipped
from tests.support.folders import files_named

pytestmark = [pytest.mark.browser, pytest.mark.slow]

PHONE = {"viewport": {"width": 390, "height": 844}}


def test_second_model_is_shown_beside_the_first_one(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive(**PHONE)
    visitor.upload(FAKE)
    visitor.wait_done()
    assert visitor.text("#second") == ""
    visitor.open_settings()
    visitor.find("#second-model").get_by_role("radio", name=re.compile(SECOND.name)).check()
    visitor.close_settings()
    visitor.wait_for_text("#second-sentence", "correlation of")
    for side, name in (("first", "lite_attention"), ("second", SECOND.name)):
        assert name in visitor.text(f"#{side}-verdict") and visitor.is_seen(f"#{side}-picture img")
    assert "Done" in visitor.text("#status") and visitor.overflow() == 0
    visitor.screenshot("second-on-a-phone")
    visitor.page.set_viewport_size({"width": 1440, "height": 900})
    tops = [visitor.find(f"#{side}-picture").bounding_box() for side in ("first", "second")]
    assert tops[0] and tops[1] and tops[0]["x"] < tops[1]["x"] and abs(tops[0]["y"] - tops[1]["y"]) < 2
    visitor.open_settings()
    visitor.find("#second-model").get_by_role("radio").first.check()
    visitor.wait_until(lambda: not visitor.text("#second"), "no second model")


def test_own_model_is_chosen_and_deleted_when_the_visitor_leaves(
    arrive: Callable[..., Visitor], server_log: Path, tmp_path: Path
) -> None:
    visitor, folder = arrive(), server_log.parent
    visitor.open_tab("The model")
    (unusable := tmp_path / "notes.pt").write_text("no model")
    visitor.page.set_input_files("#own-file input[type=file]", unusable)
    visitor.wait_for_text("#own-file", "notes.pt")
    visitor.find("#own-button").click()
    visitor.wait_for_text("#own-status", "notes.pt is no model")
    visitor.settle()
    assert visitor.find(".toast-body").count() == 0 and "notes.pt" not in server_log.read_text(), (
        "the refusal must be only in the status"
    )
    visitor.page.set_input_files("#own-file input[type=file]", zipped(tmp_path))
    visitor.wait_for_text("#own-file", "net.zip")
    visitor.find("#own-button").click()
    visitor.wait_for_text("#own-status", "is ready and chosen")
    assert visitor.find("#model").get_by_label("yours/net").is_checked()
    assert files_named(folder, "model.onnx"), "the file must be kept during the visit"
    visitor.open_tab("One photo")
    visitor.upload(FAKE)
    visitor.wait_done()
    assert "uncalibrated" in visitor.text("#verdict"), "it must be visible without a click"
    other_visitor = arrive()
    assert other_visitor.page.get_by_label("yours/net").count() == 0
    visitor.page.close()
    other_visitor.wait_until(lambda: not files_named(folder, "*.onnx"), "the deletion of the model's files")
