"""Tests of the table of many photos."""

from __future__ import annotations

import re
from io import BytesIO

import numpy as np
from PIL import Image

from explain.batch.judge import FaceVerdict, Row
from explain.batch.thumbnail import thumbnail
from explain.html.many import MOST_PICTURES, photos_table
from tests.support.html import read

ROWS = (
    Row(1, "<b>real</b>.jpg", 1, (FaceVerdict(0.1, "Real"),)),
    Row(2, "cat.jpg"),
    Row(3, "fake.jpg", 2, (FaceVerdict(0.2, "Real"), FaceVerdict(0.94, "Fake"))),
)


def test_most_suspicious_photo_comes_first_and_one_without_a_verdict_last() -> None:
    assert re.findall(r'data-choice="(\d)" class="(\w+)"', photos_table(ROWS)) == [
        ("3", "fake"),
        ("1", "real"),
        ("2", "none"),
    ]


def test_every_photo_is_a_button_with_its_escaped_name() -> None:
    table = photos_table(ROWS)
    assert read(table).tags >= {"button", "caption"} and "<b>" not in table
    assert re.findall(r'<button type="button"><span>(.*?)</span></button>', table) == [
        "fake.jpg",
        "&lt;b&gt;real&lt;/b&gt;.jpg",
        "cat.jpg",
    ]


def test_there_is_no_table_without_photos() -> None:
    assert photos_table(()) == ""


def test_only_the_most_suspicious_photos_have_a_picture_and_the_table_stays_small() -> None:
    picture = thumbnail(np.random.default_rng(0).integers(0, 256, (90, 60, 3)).astype(np.uint8))
    rows = [
        Row(number, f"{number}.jpg", 1, (FaceVerdict(number / 2000, "Real"),), thumbnail=picture)
        for number in range(1000)
    ]
    table = photos_table(rows)
    assert table.count("<img") == MOST_PICTURES
    assert re.search(r'data-choice="(\d+)".*?<img', table)[1] == "999"  # type: ignore[index]
    assert len(table) < 900_000
    with Image.open(BytesIO(picture)) as image:
        assert max(image.size) <= 64
