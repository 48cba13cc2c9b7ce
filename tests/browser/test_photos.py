"""Tests of the page in a real browser with unusable files, many faces, no face, and the metadata of a file."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from explain.drawing.boxes import CHOSEN, display_scale
from model.i18n.catalogue import translate
from model.photos.faces import find_faces
from model.photos.photo import open_photo

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor
    from tests.support.bad_photos import BadPhoto

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
CAT = EXAMPLES / "cat.jpg"
MARKUP = "<img src=x onerror=\"document.title='attacked'\">"


@pytest.fixture
def visitor(kept_visitor: Visitor) -> Visitor:
    """A visitor with an earlier photo on the page: each photo replaces the earlier one."""
    return kept_visitor


# Unusable files


@pytest.mark.parametrize(
    ("name", "sentence"), [("text", "not a readable JPEG"), ("truncated", "damaged or cut off"), ("empty", "empty")]
)
def test_bad_file_gets_one_clear_sentence(
    kept_visitor: Visitor, bad_photos: dict[str, BadPhoto], name: str, sentence: str
) -> None:
    kept_visitor.upload(bad_photos[name].path)
    kept_visitor.wait_for_text("#notice .notice.error", sentence)
    assert kept_visitor.attribute("#notice .notice.error", "role") == "alert"
    assert kept_visitor.find("[role=alert]").count() == 1
    for part in ("#verdict .verdict", "#lime", "#found", "#cancel"):
        assert not kept_visitor.find(part).is_visible()
    assert "Looking" not in kept_visitor.text("#status")
    assert "Drop a photo" in kept_visitor.text(".placeholder"), "it says what to do next"
    kept_visitor.screenshot(f"bad_{name}")


def test_bad_and_good_photos_can_follow_each_other(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    visitor.upload(bad_photos["text"].path)
    visitor.find("#notice .notice.error").wait_for()
    visitor.page.get_by_role("button", name="Astronaut: untouched").click()
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    assert not visitor.find("#notice .notice.error").is_visible() and not visitor.text(".placeholder")
    visitor.upload(bad_photos["text"].path)
    visitor.wait_for_text("#notice .notice.error", "not a readable JPEG")


def test_notice_says_that_only_the_first_frame_of_an_animation_is_used(
    visitor: Visitor, bad_photos: dict[str, BadPhoto]
) -> None:
    visitor.upload(bad_photos["gif"].path)
    visitor.wait_for_text("#notice", "only its first frame")
    visitor.page.wait_for_selector("#verdict .verdict")


# Faces


def test_click_chooses_another_of_forty_faces(visitor: Visitor, bad_photos: dict[str, BadPhoto]) -> None:
    path = bad_photos["forty faces"].path
    visitor.upload(path)
    match = re.search(r"(\d+) faces", visitor.wait_for_text("#notice", "faces were found"))
    assert match and int(match[1]) >= 30
    visitor.wait_done()
    visitor.wait_until(lambda: visitor.is_seen("#found img"), "the picture with the boxes")
    before, overlay = visitor.source("#found img"), visitor.picture("#lime img")
    visitor.screenshot("forty")

    photo = open_photo(path).pixels
    x, y, w, h = (value * display_scale(photo) for value in find_faces(photo)[int(match[1]) - 1].box)
    boxes = visitor.picture("#found img")
    assert not _is_chosen(boxes, x, y, w, h)
    image = visitor.find("#found img").first
    width, height = image.evaluate("image => [image.clientWidth, image.clientHeight]")
    scale = min(width / boxes.shape[1], height / boxes.shape[0])  # the picture may be letter-boxed in its frame
    left, top = (width - boxes.shape[1] * scale) / 2, (height - boxes.shape[0] * scale) / 2
    image.click(position={"x": left + (x + w / 2) * scale, "y": top + (y + h / 2) * scale})
    visitor.wait_until(lambda: visitor.source("#found img") not in ("", before), "boxes with another face chosen")
    visitor.wait_done()
    assert _is_chosen(visitor.picture("#found img"), x, y, w, h)
    assert not np.array_equal(visitor.picture("#lime img"), overlay)
    assert visitor.find("#verdict .verdict").is_visible()

    with visitor.begins():
        visitor.find("#faces-table button").last.scroll_into_view_if_needed()
        visitor.page.mouse.wheel(0, 1000)
        visitor.find("#faces-table button").first.press("Enter")
    top = "document.querySelector('#first-row').getBoundingClientRect().top"
    visitor.wait_until(lambda: visitor.page.evaluate(top) > -1, "the result in the window")
    visitor.wait_done()
    assert visitor.text("#faces-table [aria-current] th").startswith("1 ")


def _is_chosen(boxes: NDArray[np.uint8], x: float, y: float, w: float, h: float) -> bool:
    """Whether the box of a face has the colour of the chosen face, which JPEG blurs a little."""
    right_edge = boxes[round(y + h * 0.3) : round(y + h * 0.7), round(x + w) - 3 : round(x + w) + 4].astype(int)
    return float((np.abs(right_edge - np.array(CHOSEN)).max(axis=2) < 40).any(axis=1).mean()) > 0.8


def test_photo_without_a_face_gets_a_score_only_on_request(visitor: Visitor) -> None:
    visitor.upload(CAT)
    visitor.wait_for_text("#notice", "No face was found")
    whole_picture = visitor.page.get_by_role("button", name="Analyse the whole picture")
    whole_picture.wait_for()
    visitor.settle(500)
    for part in ("#verdict .verdict", "#lime", "#attention"):
        assert not visitor.find(part).is_visible()
    assert _result_tabs(visitor) == ["Origin"], "the other tabs would be empty"
    assert "Drop a photo" in visitor.text(".placeholder")
    visitor.screenshot("cat")
    whole_picture.click()
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    visitor.wait_for_text("#notice", "as you requested")
    assert not whole_picture.is_visible(), "the button must disappear after its use"
    assert len(_result_tabs(visitor)) == 7 and not visitor.text(".placeholder")
    visitor.wait_until(lambda: visitor.is_seen("#lime img"), "the overlay")
    visitor.screenshot("cat_whole")


def _result_tabs(visitor: Visitor) -> list[str]:
    """The titles of the tabs below a result."""
    return [title.strip() for title in visitor.find("#more-tabs > .tab-wrapper [role=tab]").all_inner_texts()]


def test_choice_of_the_whole_picture_applies_to_one_photo_only(visitor: Visitor) -> None:
    visitor.upload(CAT)
    visitor.page.get_by_role("button", name="Analyse the whole picture").click()
    visitor.wait_done()
    cat = visitor.source("#found img")
    visitor.page.get_by_role("button", name="Astronaut: untouched").click()
    visitor.wait_until(lambda: visitor.source("#found img") not in ("", cat), "the astronaut's box")
    visitor.wait_done()
    visitor.page.get_by_role("button", name="A cat: no face").click()
    visitor.wait_for_text("#notice", "so there is no score")
    visitor.settle(500)
    assert not visitor.find("#verdict .verdict").is_visible()


def test_example_is_analysed_by_one_click(visitor: Visitor) -> None:
    visitor.choose("Admiral: eyes changed")
    visitor.page.wait_for_selector("#verdict .verdict")
    visitor.wait_done()
    assert "We made this fake" in visitor.text("#notice")
    visitor.wait_until(lambda: visitor.is_seen("#lime img"), "the overlay")


# Metadata of a file


def test_metadata_of_an_upload_are_shown_and_escaped(visitor: Visitor, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[271], exif[270] = MARKUP, 'prompt:{"1": {"class_type": "KSampler"}}'  # maker and description
    with Image.open(CAT) as image:
        image.save(tmp_path / "cat.jpg", exif=exif, quality=90)
    visitor.upload(tmp_path / "cat.jpg")
    visitor.wait_for_text("#provenance", "ComfyUI")
    visitor.wait_for_text("#notice", translate("provenance.stated"))
    visitor.wait_for_text("#provenance", MARKUP)
    assert visitor.page.title() != "attacked"
    visitor.screenshot("provenance")
