"""Tests of the page on desktop and phone, in both colour schemes and languages, and of links and reports."""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl, urlsplit

import numpy as np
import pytest

if TYPE_CHECKING:
    from tests.browser.visitor import Visitor

pytestmark = [pytest.mark.browser, pytest.mark.slow]

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"
FAKE = EXAMPLES / "hopper_face.jpg"
DESKTOP, PHONE = {"width": 1440, "height": 900}, {"width": 390, "height": 844}


# Screens and colour schemes


@pytest.mark.parametrize(
    ("size", "schemes"), [(DESKTOP, ("light", "dark")), (PHONE, ("dark", "light"))], ids=["desktop", "phone"]
)
def test_page_fits_its_window_in_each_scheme_and_axe_finds_no_serious_barrier(
    arrive: Callable[..., Visitor], size: dict[str, int], schemes: tuple[str, str]
) -> None:
    """The page opens in the first scheme; then the system changes to the other scheme and back."""
    visitor = arrive(viewport=size, scheme=schemes[0])
    name = "phone" if size is PHONE else "desktop"
    _check_look(visitor, schemes, f"{name}_first")
    _check_first_screen(visitor, size)
    for picture in ("#lime img", "#attention img", "#found img"):
        visitor.wait_until(lambda picture=picture: visitor.is_seen(picture), f"{picture} on the page")
    assert visitor.overflow() <= 0
    limits = visitor.find("#scope p").bounding_box()
    assert limits and (size is PHONE or limits["height"] < 30), "must be one line on a desktop"
    visitor.page.get_by_role("button", name="How to read this").click()
    visitor.open_settings()
    _check_look(visitor, schemes, name)
    visitor.close_settings()
    for tab in ("Origin", "Many photos", "Clip", "The model"):
        visitor.page.get_by_role("tab", name=tab).click()
        _check_look(visitor, schemes, f"{name}_{tab}")


def _check_look(visitor: Visitor, schemes: tuple[str, str], name: str) -> None:
    """Check the width, the brightness and the violations found by axe, in both schemes."""
    for scheme in schemes:
        visitor.page.emulate_media(color_scheme=scheme)
        visitor.wait_until(
            lambda scheme=scheme: _brightness(visitor) < 60 if scheme == "dark" else _brightness(visitor) > 230, scheme
        )
        visitor.screenshot(f"{name}_{scheme}")
        assert visitor.overflow() <= 0, name
        assert visitor.axe_violations(scheme) == [], name


def _check_first_screen(visitor: Visitor, size: dict[str, int]) -> None:
    """Check that verdict, reason and map appear without layout shifts and are visible without scrolling."""
    visitor.watch_shifts()
    visitor.choose("Admiral: inner face changed")
    visitor.wait_done()
    visitor.settle(600)
    lowest = size["height"] * (1 if size is DESKTOP else 1.2)
    parts = ["#verdict .verdict", "#reason .reason", "#lime img"] + ["#attention img"] * (size is DESKTOP)
    for part in parts:
        box = visitor.find(part).first.bounding_box()
        assert box and box["y"] >= 0 and box["y"] + box["height"] <= lowest, f"{part} at {box}"
    assert visitor.shifts() <= 0.1


def _brightness(visitor: Visitor) -> float:
    """Brightness of the page's background, 0..255."""
    colour = visitor.page.evaluate("getComputedStyle(document.body).backgroundColor")
    return float(np.mean([int(value) for value in re.findall(r"\d+", colour)[:3]]))


def test_controls_have_names_for_screen_readers(done: Visitor) -> None:
    done.open_settings()
    nameless = done.page.evaluate(
        """() => [...document.querySelectorAll('button, input:not([type=file]), select, textarea')]
            .filter(control => control.offsetParent)
            .filter(control => !control.querySelector('img'))  // Gradio wraps each picture in a button
            .filter(control => getComputedStyle(control).visibility !== 'hidden')
            .filter(control => !control.innerText?.trim() && !control.ariaLabel)
            .filter(control => !control.title && !control.labels?.length)
            .map(control => control.outerHTML.slice(0, 200))"""
    )
    assert nameless == []
    done.close_settings()


# Languages


def test_language_can_be_changed_and_changed_back_without_a_new_run(done: Visitor) -> None:
    english = done.text("#right")
    done.page.get_by_label("Türkçe").check()
    done.wait_for_text("#verdict", "Sahte %")
    done.wait_until(lambda: "süperpiksel" in done.numbers(), "the numbers in Turkish")
    assert re.search(r"0,\d\d", done.numbers())
    for part in ("#top-row", "#first-row", "#more", "#examples"):
        assert not re.search(r"\b(the|Settings|Cancel|untouched|What)\b", done.text(part)), part
    runs = [url for url in done.requests if "queue/join" in url]
    done.page.get_by_label("English").check()
    done.wait_until(lambda: done.text_share("Fake"), "the verdict in English")
    done.wait_until(lambda: done.text("#right") == english, "the same text as before")
    assert [url for url in done.requests if "queue/join" in url] == runs, "no run must be queued"


def test_texts_of_gradio_follow_the_language(done: Visitor) -> None:
    done.page.get_by_label("Türkçe").check()
    done.open_tab("Çok sayıda fotoğraf")
    done.wait_until(lambda: _upload_area_texts(done) == ["Dosya bırakın ya da seçin"] * 2, "the upload area in Turkish")
    done.wait_until(lambda: "API" in done.text("footer") and "Use via" not in done.text("footer"), "the footer")
    turkish = _accessible_names(done)
    assert {"Tam ekran", "Ayarları kapat", "Dosya seç", "Fotoğraf bırakın, yapıştırın ya da seçin"} <= turkish
    english = {"Fullscreen", "Toggle Sidebar", "Upload file", "File upload", "More tabs", "Download", "Undo", "Logo"}
    assert not turkish & english
    assert not any("for " in name for name in turkish), turkish
    done.page.get_by_label("English").check()
    done.wait_until(lambda: _upload_area_texts(done) == ["Drop or choose a file"] * 2, "the upload area in English")
    done.wait_for_text("footer", "Use via API")
    assert {"Full screen", "Close the settings", "Superpixels", "Drop, paste or choose a photo"} <= _accessible_names(
        done
    )
    done.open_tab("One photo")


def _accessible_names(visitor: Visitor) -> set[str]:
    """The accessible names, for screen readers, of elements without text."""
    names = "[...document.querySelectorAll('[aria-label], footer img')].map(part => part.ariaLabel ?? part.alt)"
    return set(visitor.page.evaluate(names))


def _upload_area_texts(visitor: Visitor) -> list[str]:
    """The visible text of the upload area for many photos, and its accessible name."""
    return visitor.page.evaluate(
        """() => {
            const button = document.querySelector("#many-files .upload-container")
            const words = button.querySelector("[data-testid=upload-text]")
            const isOurs = getComputedStyle(words).fontSize === "0px"
            const seen = isOurs ? getComputedStyle(words, "::after").content : words.innerText
            return [seen.replaceAll('"', ""), button.ariaLabel.split(": ").pop()]
        }"""
    )


# Links


def test_link_opens_the_page_with_the_same_settings(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("lang=tr&trust=0&samples=200&superpixels=20&further=occlusion&example=hopper_eyes")
    visitor.wait_until(lambda: visitor.is_seen("#occlusion img"), "the further map")
    visitor.open_tab("Rapor")
    visitor.wait_until(lambda: visitor.find("#report-html").is_visible(), "the end of the run")
    link = visitor.find("#link textarea, #link input").first.input_value()
    assert link.startswith(f"{visitor.url}/?"), "the link must contain the address"
    query = dict(parse_qsl(urlsplit(link).query))
    assert query["lang"] == "tr" and query["samples"] == "200" and query["superpixels"] == "20"
    assert query["further"] == "occlusion" and query["trust"] == "0" and query["example"] == "hopper_eyes"
    visitor.follow(urlsplit(link).query)
    visitor.wait_until(lambda: visitor.is_seen("#occlusion img"), "the further map again")


def test_link_with_an_invalid_value_shows_a_notice(arrive: Callable[..., Visitor]) -> None:
    visitor = arrive("samples=many")
    visitor.wait_for_text("#notice", "uses the default settings")


# Reports


@pytest.mark.parametrize("kind", ["html", "zip"])
def test_report_is_downloaded(done: Visitor, tmp_path: Path, kind: str) -> None:
    done.open_tab("Report")
    with done.page.expect_download() as download:
        done.find(f"#report-{kind}").click()
    path = tmp_path / download.value.suggested_filename
    download.value.save_as(path)
    assert path.suffix == f".{kind}"
    if kind == "html":
        text = path.read_text(encoding="utf-8")
        assert "P(Fake)" in text and "data:image/png" in text and FAKE.name in text
        return
    with zipfile.ZipFile(path) as archive:
        names = set(archive.namelist())
        data = json.loads(archive.read(next(name for name in names if name.endswith("report.json"))))
    assert data["complete"] and data["photo"]["sha256"]
    assert data["robustness"]["changes"], "it must be measured even if its tab is not opened"
    assert any(name.endswith("lime.png") for name in names)
