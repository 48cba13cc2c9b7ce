"""Tests of the findings from the tables and coefficients of a JPEG."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from explain.provenance.finding import NEUTRAL
from explain.provenance.jpeg import quality_of
from tests.explain.provenance.files import found_in, saved, shrunk_astronaut


def test_quality_of_a_jpeg_is_read_from_its_tables() -> None:
    for quality in range(1, 101):
        found = found_in(saved(Image.new("RGB", (32, 32)), quality=quality))["jpeg_quality"]
        assert found.message.key == "provenance.jpeg.exact"
        assert found.message.values == {"quality": quality}


def test_tables_of_another_program_get_the_nearest_quality() -> None:
    with Image.open(io.BytesIO(saved(quality=80))) as image:
        table = [value + (place % 7 == 0) for place, value in enumerate(image.quantization[0])]
    found = found_in(saved(qtables=[table, table]))["jpeg_quality"]
    assert found.message.key == "provenance.jpeg.about"
    assert abs(found.message.values["quality"] - 80) <= 2
    assert quality_of(np.full(64, 1)) == (100, True)


@pytest.mark.parametrize(("earlier", "last"), [(60, 75), (75, 90), (85, 95)])
def test_marks_of_an_earlier_jpeg_are_found_with_its_quality(earlier: int, last: int) -> None:
    with Image.open(io.BytesIO(saved(shrunk_astronaut(), quality=earlier))) as image:
        again = saved(image.convert("RGB"), quality=last)
    found = found_in(again)["recompression"]
    assert found.strength == NEUTRAL
    assert abs(found.message.values["quality"] - earlier) <= 2


def texture() -> Image.Image:
    """Noise of a few pixels, so that every block has coefficients of all sizes."""
    noise = np.random.default_rng(0).normal(128, 20, (400, 400, 3)).clip(1, 254).astype(np.uint8)
    return Image.fromarray(noise).resize((320, 320), Image.Resampling.BICUBIC)


@pytest.mark.parametrize("quality", [50, 60, 75, 90, 95])
@pytest.mark.parametrize("image", [shrunk_astronaut(), texture()], ids=["portrait", "texture"])
def test_a_picture_that_was_saved_once_has_no_marks_of_an_earlier_jpeg(image: Image.Image, quality: int) -> None:
    once = saved(image, quality=quality)
    with Image.open(io.BytesIO(once)) as opened:
        assert "recompression" not in found_in(once)
        again = saved(opened.convert("RGB"), quality=100)
    assert ("recompression" in found_in(again)) is (quality < 95), "there are enough blocks, unless all steps are 1"


def test_a_picture_without_texture_gives_no_finding_on_an_earlier_jpeg() -> None:
    even = saved(Image.new("RGB", (400, 400), "grey"), quality=60)
    with Image.open(io.BytesIO(even)) as opened:
        assert "recompression" not in found_in(saved(opened.convert("RGB"), quality=90))
