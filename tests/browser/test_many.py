"""The page's tabs for many photos and for the model, in a real browser."""

from __future__ import annotations

import csv
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from model.photos.photo import MAX_BYTES

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
PHOTOS = [EXAMPLES / name for name in ("astronaut.jpg", "hopper_eyes.jpg", "cat.jpg")]
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


@pytest.fixture(scope="module")
def filled_once(kept_visitor: Visitor, tmp_path_factory: pytest.TempPathFactory) -> Visitor:
    """A visitor with a table of two photos, one photo from a ZIP and one file that is not a photo."""
    folder = tmp_path_factory.mktemp("many")
    packed, text = folder / "more.zip", folder / "notes.jpg"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(PHOTOS[2], "holiday/cat.jpg")
    text.write_text("no photo")
    kept_visitor.open_tab("Many photos")
    kept_visitor.page.set_input_files("#many-files input[type=file]", [*PHOTOS[:2], packed, text])
    kept_visitor.wait_until(lambda: kept_visitor.find("#many-csv").is_visible(), "the end of the run")
    return kept_visitor


@pytest.fixture
def filled(filled_once: Visitor) -> Visitor:
    """The same visitor with the table open; a test must restore the language and the filter."""
    filled_once.open_tab("Many photos")
    return filled_once


def test_table_fills_with_a_row_for_each_photo(filled: Visitor) -> None:
    assert "4 of 4 photos" in filled.text("#many-status")
    table = filled.text("#many-table")
    for text in ("astronaut.jpg", "hopper_eyes.jpg", "cat.jpg", "No face found", "not a readable JPEG"):
        assert text in table
    filled.screenshot("many")


def test_rows_are_filtered_and_a_filter_without_matches_says_so(filled: Visitor) -> None:
    field = filled.find("#many-filter input")
    field.fill("HOPPER")
    assert filled.find("#many-table tbody tr").filter(visible=True).count() == 1
    assert not filled.find("#many-table .no-match").is_visible()
    field.fill("nobody")
    assert filled.find("#many-table tbody tr").filter(visible=True).count() == 0
    assert "No row" in filled.text("#many-table .no-match")
    field.fill("")
    assert filled.find("#many-table tbody tr").filter(visible=True).count() == 4


def test_row_is_opened_by_a_click(filled: Visitor) -> None:
    filled.find("#many-table").get_by_text("hopper_eyes.jpg").filter(visible=True).first.click()
    filled.page.wait_for_selector("#verdict .verdict")
    filled.wait_for_text("#notice", "We made this fake")
    filled.wait_done()


def test_row_from_a_zip_is_opened_by_a_click(filled: Visitor) -> None:
    filled.find("#many-table").get_by_text("cat.jpg").filter(visible=True).first.click()
    filled.wait_for_text("#notice", "No face was found")


def test_table_is_downloaded_as_csv(filled: Visitor, tmp_path: Path) -> None:
    with filled.page.expect_download() as download:
        filled.find("#many-csv").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    with path.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 4 and path.suffix == ".csv"
    assert rows[1]["verdict"] == "Fake" and 0.5 < float(rows[1]["p_fake"]) <= 1 and len(rows[1]["sha256"]) == 64


def test_table_follows_the_chosen_language(filled: Visitor) -> None:
    filled.page.get_by_label("Türkçe").check()
    filled.wait_for_text("#many-table", "Sahte görünüyor")
    filled.page.get_by_label("English").check()
    filled.wait_for_text("#many-table", "Looks fake")


def test_zip_larger_than_the_limit_of_a_photo_is_accepted(filled: Visitor, tmp_path: Path) -> None:
    """It replaces the filled table, so it must be the last test of that table."""
    packed = tmp_path / "holiday.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        archive.write(PHOTOS[0], "beach.jpg")
        archive.writestr("film.bin", bytes(MAX_BYTES + 1))
    filled.page.set_input_files("#many-files input[type=file]", packed)
    filled.wait_for_text("#many-table", "beach.jpg")


@pytest.mark.parametrize("size", [None, PHONE], ids=["desktop", "phone"])
def test_model_is_shown_in_charts_and_figures(
    arrive: Callable[..., Visitor], kept_visitor: Visitor, size: dict[str, int] | None
) -> None:
    visitor = arrive(viewport=size) if size else kept_visitor
    visitor.page.get_by_role("tab", name="The model").click()
    visitor.wait_until(lambda: visitor.find("#model-pictures figure").count() >= 4, "the charts")
    assert visitor.overflow() <= 0
    screens = visitor.page.evaluate("document.documentElement.scrollHeight") / (size or DESKTOP)["height"]
    assert screens <= 6
    point = visitor.find("#model-pictures .point").first
    point.hover()
    assert point.locator("text").is_visible() and "stated" in str(point.locator("text").text_content())
    visitor.find("#card summary").get_by_text("Training data").click()
    assert "dfdc" in visitor.text("#card").lower()
    assert visitor.overflow() <= 0
    visitor.screenshot(f"model_{'phone' if size else 'desktop'}")
