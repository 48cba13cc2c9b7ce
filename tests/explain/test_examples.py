"""Tests of the examples of the page, and of the changed regions in the fakes among them."""

from __future__ import annotations

import numpy as np
import pytest

from explain.examples import Example, example_of, examples, planted_region
from model.photos.photo import open_photo

FAKES = [example for example in examples() if example.mask]
ORIGINALS = [example for example in examples() if not example.mask]


def name(example: Example) -> str:
    return example.path.name


def test_there_are_fakes_and_untouched_photos_to_choose_from() -> None:
    assert len(FAKES) >= 2
    assert len(ORIGINALS) >= 2


def test_every_example_has_a_file_and_a_title_of_its_own() -> None:
    assert all(example.path.is_file() for example in examples())
    for values in ([example.path for example in examples()], [example.title for example in examples()]):
        assert len(set(values)) == len(values)
    assert all(example.title.strip() for example in examples())


@pytest.mark.parametrize("example", FAKES, ids=name)
def test_region_of_a_fake_is_known_in_photo_pixels(example: Example) -> None:
    photo = open_photo(example.path)
    region = planted_region(example_of(photo.sha256))
    assert region is not None
    assert region.shape == photo.pixels.shape[:2]
    assert region.dtype == np.uint8
    assert set(np.unique(region)) == {0, 255}


def test_each_fake_has_its_own_region() -> None:
    regions = [planted_region(example_of(open_photo(example.path).sha256)) for example in FAKES]
    assert len({region.tobytes() for region in regions if region is not None}) == len(FAKES)


@pytest.mark.parametrize("example", ORIGINALS, ids=name)
def test_untouched_photos_have_no_region(example: Example) -> None:
    assert planted_region(example_of(open_photo(example.path).sha256)) is None


def test_unknown_photos_have_no_region() -> None:
    assert example_of("0" * 64) is None
    assert planted_region(None) is None
