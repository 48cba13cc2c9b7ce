"""Tests of the page of a report with a known answer: the network uses only the mouth, the nose and the hair."""

from __future__ import annotations

import re
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from explain.drawing.robustness import robustness_charts
from explain.html.charts import charts_html
from explain.html.rendering import TEMPLATES
from explain.maps.attribution import Attribution
from explain.report.files import record
from explain.report.origin import Origin
from explain.result import Analysis
from explain.settings import Settings
from explain.steps import NO_ATTENTION
from explain.wording.reason import reason_sentence
from explain.wording.robustness import robustness_sentence
from explain.wording.summary import map_in_words, plain_text
from explain.wording.trust import trust_sentence
from model.i18n.catalogue import use_language
from tests.explain.report.known_analysis import CARD, FACE, ORIGIN, PHOTO, SEGMENTS, SIDE, WEIGHTS, Page, page_of, shown

SCRIPT = "<script>alert(1)</script>"


def test_page_is_well_formed_and_loads_nothing(analysis: Analysis) -> None:
    html = page_of(analysis)
    for tag, attributes in Page(html).tags:
        assert tag not in ("script", "link", "iframe", "object"), tag
        assert not [name for name in attributes if name.startswith("on")]
        for name in {"src", "srcset"} & set(attributes):
            assert str(attributes[name]).startswith("data:image/png;base64,")
    assert "url(" not in html and "@import" not in html
    assert "default-src 'none'" in html, "a browser must refuse to load anything else"


def test_headings_descend_one_step_at_a_time(analysis: Analysis) -> None:
    levels = [int(tag[1]) for tag, _ in Page(page_of(analysis)).tags if re.fullmatch("h[1-6]", tag)]
    assert levels[0] == 1 and levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_every_class_has_a_style(analysis: Analysis) -> None:
    used = {name for _, attributes in Page(page_of(analysis)).tags for name in str(attributes.get("class", "")).split()}
    css = "".join((TEMPLATES / name).read_text(encoding="utf-8") for name in ("report.css", "charts.css"))
    styled = set(re.findall(r"\.([a-z][a-z-]*)", css))
    assert {"verdict", "scale", "trust", "legend", "heat"} <= used
    assert used - styled <= {"lead", "note", "fact"}  # these need no style of their own


def test_pictures_have_alternative_texts(analysis: Analysis) -> None:
    images = [attributes["alt"] for tag, attributes in Page(page_of(analysis)).tags if tag == "img"]
    assert len(images) == 8
    assert all(images) and len(set(images)) == 7  # both pictures of hidden regions have the same text
    assert "The photo photo.jpg, 1 face found." in images
    assert "The face under a heat map of 2 by 2 cells, highest on mouth, nose, hair." in images
    assert "The face, blue where it speaks for Fake: mouth, nose; orange where it speaks against it: hair." in images


def test_alternative_text_names_only_the_regions_drawn(analysis: Analysis) -> None:
    """With one superpixel shown, the text names no other; a map of pixels shows all its places."""
    subject, lime = analysis.subject, analysis.attributions["lime"]
    assert subject is not None
    words = "The face, blue where it speaks for Fake: mouth{}; orange where it speaks against it: {}."
    assert map_in_words(lime, subject, 1) == words.format("", "nothing")
    pixels = Attribution("gradcam", "Fake", WEIGHTS.astype(np.float32)[SEGMENTS], (SIDE, SIDE), None, None, {})
    assert map_in_words(pixels, subject, 1) == words.format(", nose", "hair")


def test_regions_without_names_are_numbered(analysis: Analysis) -> None:
    subject, lime = analysis.subject, analysis.attributions["lime"]
    assert subject is not None
    assert map_in_words(lime, replace(subject, names=None), 1).startswith(
        "The face, blue where it speaks for Fake: region 2;"
    )


def test_page_holds_the_verdict_the_maps_and_their_trust(analysis: Analysis) -> None:
    html = page_of(analysis)
    assert "Looks fake" in html and "between 31% and 72%" in html
    for trust in analysis.trusts.values():
        assert trust_sentence(trust) in html
    weights = analysis.attributions["lime"].weights
    assert weights is not None
    assert f'<td>2</td><th scope="row">mouth</th><td>+{weights[2]:.3f}</td>' in html
    assert f'<th scope="row">hair</th><td>−{abs(weights[0]):.3f}</td>' in html
    assert "Do the maps agree?" in html
    assert "With the mouth hidden, Fake falls from 80% to 40%" in html


def test_page_shows_the_robustness_of_the_verdict(analysis: Analysis) -> None:
    """As a sentence, as charts and as numbers."""
    found, html = analysis.robustness, page_of(analysis)
    assert found is not None
    assert robustness_sentence(found) in html and charts_html(robustness_charts(found)) in html
    numbers = sum(len(curve.levels) for curve in found.measured.values())
    assert html.count('data-label="Fake"') == numbers + 1, "of each level and of the untouched face"
    assert "Eyes, nose and mouth were not covered" in html
    assert f"Robustness: {robustness_sentence(found)}" in plain_text(analysis, CARD, "photo.jpg")
    unknown = replace(analysis, robustness=None)
    assert "How robust" not in page_of(unknown) and "Robustness:" not in plain_text(unknown, CARD, "photo.jpg")


def test_page_lists_several_faces_with_their_verdicts(analysis: Analysis) -> None:
    two = replace(analysis, faces=(FACE, replace(FACE, box=(30, 4, 8, 9))))
    assert "<caption>The 2 faces that were found" in page_of(two) and "8 × 9" in page_of(two)
    assert "<caption>" not in page_of(analysis)


def test_page_shows_the_number_of_each_region(analysis: Analysis) -> None:
    """With or without a map: a what-if is requested by these numbers."""
    for found in (analysis, replace(analysis, attributions={}, trusts={})):
        assert "The face cut into 4 regions, each with its number." in page_of(found)


def test_report_is_written_in_the_chosen_language(analysis: Analysis) -> None:
    english = page_of(analysis)
    with use_language("tr"):
        turkish = page_of(analysis)
        data = record(analysis, ORIGIN)
        (first, *_), text = plain_text(analysis, CARD, "photo.jpg").splitlines(), plain_text(analysis, CARD, "a")
    assert '<html lang="tr">' in turkish and '<html lang="en">' in english
    assert (data["language"], record(analysis, ORIGIN)["language"]) == ("tr", "en")
    assert data["prediction"]["verdict"] == "Fake", "data is not translated"
    assert first.startswith("photo.jpg: Sahte görünüyor. P(Sahte) 0,80, P(Gerçek) 0,20, kalibre edilmiş;")
    assert re.search(r"\+0,\d{3}  \(\+0,\d{3} … \+0,\d{3}\)", text)
    # Not translated: names, digests, the command, values of settings, texts of the card.
    untranslated = {"photo.jpg", "Grad-CAM", "JPEG", "AUC", "Model", "SHA-256", "WhyFake", CARD.licence}
    same = {words for words in shown(english) & shown(turkish) if re.search("[A-Za-z]{3}", words)}
    assert {words for words in same if " " in words} <= {
        "attention, lime, occlusion",
        "a model",
        ORIGIN.command,
        ORIGIN.when,
    }
    assert same & untranslated


def test_page_holds_everything_needed_to_repeat_the_analysis(analysis: Analysis) -> None:
    html = page_of(analysis)
    for name, value in (
        ("SHA-256", "ab" * 32),
        ("SHA-256 of model.tflite", "cd" * 32),
        ("seed", "7"),
        ("hidden", "2"),
        ("methods", "attention, lime, occlusion"),
        ("whole picture", "no"),
        ("by", ORIGIN.command),
        ("on", ORIGIN.when),
        ("lime", "0.2.0.1"),
        ("pixels", "60 × 40"),
    ):
        assert f'<th scope="row">{name}</th><td>{value}</td>' in html


def test_text_from_outside_is_escaped(analysis: Analysis) -> None:
    hostile = replace(analysis, model={"name": SCRIPT}, problems={"gradcam": SCRIPT})
    html = page_of(hostile, Origin(f"a {SCRIPT}.jpg", f"run {SCRIPT} \"'", SCRIPT, {SCRIPT: SCRIPT}))
    Page(html)
    assert "<script" not in html and "&lt;script&gt;" in html


def test_page_shows_the_file_without_its_folders(analysis: Analysis) -> None:
    assert "<h1>photo.jpg</h1>" in page_of(analysis) and "folder/" not in page_of(analysis)


def test_map_that_cannot_be_made_says_why(analysis: Analysis) -> None:
    incomplete = replace(
        analysis,
        attributions={name: found for name, found in analysis.attributions.items() if name != "attention"},
        problems={
            "attention": NO_ATTENTION,
            "gradcam": "The network has no convolution.",
            "flip": "No order to follow.",
            "trust": "Nothing to measure.",
        },
    )
    for text in (page_of(incomplete), plain_text(incomplete, CARD, "photo.jpg")):
        assert "Grad-CAM: The network has no convolution." in text
        assert "Smallest set that flips the verdict: No order to follow." in text
        assert "Attention mask: This model has no attention block" in text
        assert "Trust: Nothing to measure." in text
    assert "no attention block" not in page_of(analysis)


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({"flip": None}, True),
        ({"flip": None, "complete": False}, False),
        ({"flip": None, "problems": {"flip": "No order to follow."}}, False),
        ({"flip": None, "settings": Settings(target="Fake")}, False),
        ({}, False),
    ],
)
def test_report_says_that_nothing_flips_the_verdict_only_if_it_was_tried(
    analysis: Analysis, change: dict[str, object], expected: bool
) -> None:
    changed = replace(analysis, **change)  # type: ignore[arg-type]
    assert ("not even all of them" in page_of(changed)) is expected
    assert ("even with all" in plain_text(changed, CARD, "photo.jpg")) is expected


def test_stopped_analysis_says_so(analysis: Analysis, no_face: Analysis) -> None:
    stopped = replace(analysis, complete=False)
    before_the_verdict = Analysis(PHOTO, (FACE,), FACE, Settings(), analysis.model)
    for unfinished in (stopped, before_the_verdict):
        assert "was stopped before it was complete" in page_of(unfinished)
        assert "was stopped before it was complete" in plain_text(unfinished, CARD, "photo.jpg")
    assert "No verdict yet" in plain_text(before_the_verdict, CARD, "photo.jpg")
    assert "was stopped" not in page_of(analysis) + page_of(no_face)


def test_whole_picture_is_not_called_calibrated(analysis: Analysis) -> None:
    whole = replace(analysis, faces=())
    assert "central square" in plain_text(whole, CARD, "photo.jpg")
    assert ", uncalibrated;" in plain_text(whole, CARD, "photo.jpg")
    assert ", calibrated;" in plain_text(analysis, CARD, "photo.jpg")
    assert "uncalibrated score" in page_of(whole)


def test_one_of_several_faces_is_named(analysis: Analysis) -> None:
    two = replace(analysis, faces=(FACE, FACE), settings=replace(analysis.settings, face=1))
    sentence = "2 faces were found; number 2 by size is the one judged."
    assert sentence in page_of(two) and sentence in plain_text(two, CARD, "photo.jpg")
    assert "click" not in page_of(two)


def test_plain_text_holds_verdict_regions_trust_and_flip(analysis: Analysis) -> None:
    first, *lines = plain_text(analysis, CARD, "folder/photo.jpg").splitlines()
    assert first.startswith("folder/photo.jpg: Looks fake. P(Fake) 0.80, P(Real) 0.20, calibrated;")
    text = "\n".join(lines)
    assert re.search(r"\+0\.\d{3}  \(\+0\.\d{3} to \+0\.\d{3}\)    2  mouth\n", text)
    assert re.search(r"−0\.\d{3}  \(−0\.\d{3} to −0\.\d{3}\)    0  hair\n", text)
    assert "Attention mask: highest on mouth, nose, hair." in text
    assert "Occlusion: strongest for Fake on mouth, nose." in text
    assert f"LIME superpixels, trust: {trust_sentence(analysis.trusts['lime'])}" in text
    assert lines[0].strip() == reason_sentence(analysis)
    assert "What if: With the mouth hidden, Fake falls from 80% to 40%" in text
    assert "Smallest set that flips the verdict: With the mouth hidden" in text
