"""Tests of the table of a photo's faces."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from explain.html.faces import faces_table
from explain.result import MOST_JUDGED, Analysis
from explain.settings import Settings
from model.detector.detector import Prediction
from model.i18n.catalogue import use_language
from model.photos.faces import Face
from model.photos.photo import Photo

PHOTO = Photo(np.zeros((60, 80, 3), np.uint8), (), "0" * 64)


def face(width: int) -> Face:
    return Face((0, 0, width, width + 2), 0.99, np.zeros((5, 2), np.float32), np.zeros((8, 8, 3), np.uint8), (0, 0, 9))


def prediction(p_fake: float, verdict: str) -> Prediction:
    return Prediction({"Fake": p_fake, "Real": 1 - p_fake}, verdict, True, None)


FACES = (face(40), face(30), face(20))
FOUND = Analysis(
    PHOTO,
    FACES,
    FACES[1],
    Settings(face=1),
    {},
    prediction(0.1, "Real"),
    predictions=(prediction(0.934, "Fake"), prediction(0.1, "Real"), prediction(0.5, "Inconclusive")),
)


def cells(html: str) -> list[list[str]]:
    """Texts of the cells, row by row, the head first."""
    rows = re.findall(r"<tr[^>]*>(.*?)</tr>", html)
    return [[re.sub("<[^>]+>", "", cell) for cell in re.findall(r"<t[hd][^>]*>(.*?)</t[hd]>", row)] for row in rows]


def test_every_face_has_its_result_and_size() -> None:
    assert cells(faces_table(FOUND)) == [
        ["Face", "Fake", "Verdict", "Size in pixels"],
        ["1", "93%", "Looks fake", "40 × 42"],
        ["2 (analysed here)", "10%", "Looks real", "30 × 32"],
        ["3", "50%", "Inconclusive", "20 × 22"],
    ]


def test_screen_readers_get_a_caption_and_headers() -> None:
    html = faces_table(FOUND)
    assert "<caption>The 3 faces that were found, largest first</caption>" in html
    assert html.count('scope="col"') == 4 and html.count('scope="row"') == 3
    assert [' aria-current="true"' in row for row in html.split("<tr")[2:]] == [False, True, False]
    assert html.count('data-label="Verdict"') == 3


def test_every_other_face_has_a_button() -> None:
    assert re.findall(r'<button type="button" data-choice="(\d+)">', faces_table(FOUND, choosable=True)) == ["0", "2"]
    assert "<button" not in faces_table(FOUND)


def test_table_has_no_results_before_the_verdict() -> None:
    rows = cells(faces_table(replace(FOUND, prediction=None, predictions=())))
    assert [row[1:3] for row in rows[1:]] == [["…", "…"]] * 3


@pytest.mark.parametrize("chosen", [0, MOST_JUDGED + 1])
def test_small_faces_of_a_crowd_are_not_judged_unless_chosen(chosen: int) -> None:
    crowd = tuple(face(60 - place) for place in range(MOST_JUDGED + 3))
    found = replace(FOUND, faces=crowd, chosen=crowd[chosen], predictions=(prediction(0.9, "Fake"),) * MOST_JUDGED)
    html = faces_table(found)
    judged = [place for place, row in enumerate(cells(html)[1:]) if row[2] != "not judged"]
    assert judged == sorted({*range(MOST_JUDGED), chosen})
    assert f"Only the {MOST_JUDGED} largest faces are judged;" in html
    assert "largest faces are judged" not in faces_table(FOUND)


def test_photo_without_a_face_has_no_table() -> None:
    assert faces_table(Analysis(PHOTO, (), None, Settings(), {})) == ""


def test_table_is_translated() -> None:
    with use_language("tr"):
        assert cells(faces_table(FOUND))[1] == ["1", "%93", "Sahte görünüyor", "40 × 42"]
