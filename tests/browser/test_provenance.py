"""The page in a real browser says what an uploaded file says about its origin."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from PIL import Image

from model.i18n.catalogue import translate

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

CAT = Path(__file__).resolve().parents[2] / "examples" / "cat.jpg"
MARKUP = "<img src=x onerror=\"document.title='attacked'\">"


def test_upload_is_read_as_it_was_sent(visitor: Visitor, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[270] = MARKUP, 'prompt:{"1": {"class_type": "KSampler"}}'  # maker and description
    with Image.open(CAT) as image:
        image.save(tmp_path / "cat.jpg", exif=exif, quality=90)
    visitor.upload(tmp_path / "cat.jpg")
    visitor.wait_for_text("#provenance", "ComfyUI")
    visitor.wait_for_text("#notice", translate("provenance.stated"))
    visitor.wait_for_text("#provenance", MARKUP)
    assert visitor.page.title() != "attacked"
    visitor.shoot("provenance")
