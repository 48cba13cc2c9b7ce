"""Tests of RISE on models with a known answer, and of the agreement of two seeds on a real face."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.stats import spearmanr

from explain.maps.attribution import Attribution
from explain.maps.rise import BLOCKS, CELLS, GRID, blend_pairs, mask_block, rise
from explain.maps.subject import BATCH, Subject
from explain.regions.superpixels import segment
from model.detector.detector import Detector
from model.photos.faces import find_faces
from tests.support.worlds import World, squares

SIDE = 56
CELL = SIDE // GRID  # 8 pixels
CROP = np.full((SIDE, SIDE, 3), 200, np.uint8)  # over a black hidden picture: brightness / 200 is the mask
SEGMENTS = squares(SIDE, 4)
SUPPORTS, OPPOSES = 5, 7  # both within rows 14 to 27
BLOCK = 2 * CELLS  # pictures


def two_squares(visible: NDArray[np.float64]) -> NDArray[np.float64]:
    supports, opposes = (visible[:, square == SEGMENTS].mean(axis=1) for square in (SUPPORTS, OPPOSES))
    return 0.4 + 0.5 * supports - 0.3 * opposes


def products(visible: NDArray[np.float64]) -> NDArray[np.float64]:
    """Not linear: the upper half matters only as far as the lower one is visible."""
    return 0.9 * visible[:, : SIDE // 2].mean(axis=(1, 2)) * visible[:, SIDE // 2 :].mean(axis=(1, 2)) ** 2


def subject_of(p_fake: Callable[[NDArray[np.float64]], NDArray[np.float64]], **settings: object) -> Subject:
    """A subject with P(Fake) as a function of the visibility of each pixel, ``(N, S, S)`` in 0..1."""
    world = World(lambda crops: p_fake(crops[..., 0] / 200))
    return Subject(CROP, SEGMENTS, **{"target": "Fake", "detector": world, "hide": "black"} | settings)


def last_map(subject: Subject) -> Attribution:
    *_, found = rise(subject)
    return found


def test_ranks_the_true_region_first_and_the_opposing_one_last() -> None:
    values = last_map(subject_of(two_squares)).region_values(SEGMENTS)
    assert (values.argmax(), values.argmin()) == (SUPPORTS, OPPOSES)
    assert values[SUPPORTS] > 0.15
    assert values[OPPOSES] < -0.1


def test_map_is_zero_where_the_model_does_not_look() -> None:
    found = last_map(subject_of(two_squares)).map
    far = found[28 + 2 * CELL :]  # two cells away from both squares: the masks are smooth
    assert np.abs(far).max() < 0.002  # what is left is the rounding of pixels to 0..255
    assert np.abs(found).max() > 0.2


@pytest.mark.parametrize("share", [0.5, -0.5])
def test_a_single_pixel_gets_exactly_what_it_adds(share: float) -> None:
    found = last_map(subject_of(lambda visible: 0.5 + share * visible[:, 20, 31])).map
    assert found[20, 31] == pytest.approx(share, abs=0.005)
    assert np.abs(found).max() == pytest.approx(abs(found[20, 31]), abs=1e-6)


def test_a_constant_model_gets_zero_everywhere() -> None:
    assert not last_map(subject_of(lambda visible: np.full(len(visible), 0.8))).map.any()


def test_real_is_the_negative_of_fake() -> None:
    fake, real = (last_map(subject_of(products, target=target)) for target in ("Fake", "Real"))
    assert np.abs(fake.map).max() > 0.03
    np.testing.assert_allclose(real.map, -fake.map, atol=1e-6)
    assert (fake.target, real.target) == ("Fake", "Real")


def test_orders_pixels_like_the_sum_of_the_paper_over_the_same_masks() -> None:
    """If the masks of all pixels vary equally, the paper's value is ours times the variance, plus a constant."""
    subject = subject_of(products)
    found = last_map(subject)
    pictures = np.concatenate(subject.detector.batches)[..., 0] / 200
    answers = products(pictures)
    paper = np.tensordot(answers, pictures, axes=1) / pictures.sum(axis=0)
    ours = found.map * 2 * pictures.var(axis=0) + answers.mean()
    np.testing.assert_allclose(ours, paper, atol=0.002)


def test_same_seed_gives_the_same_map_bit_for_bit() -> None:
    first = last_map(subject_of(products, seed=4)).map.tobytes()
    assert last_map(subject_of(products, seed=4)).map.tobytes() == first
    assert last_map(subject_of(products, seed=5)).map.tobytes() != first


def test_map_grows_until_complete() -> None:
    subject = subject_of(products, seed=6)
    maps = list(rise(subject))
    assert [found.evidence["samples"] for found in maps] == [BLOCK * (block + 1) for block in range(BLOCKS)]
    assert [found.evidence["complete"] for found in maps] == [False] * (BLOCKS - 1) + [True]
    assert sum(map(len, subject.detector.batches)) == maps[-1].evidence["budget"] == BLOCKS * BLOCK
    assert {len(batch) for batch in subject.detector.batches} == {BATCH}
    seconds = [found.evidence["seconds"] for found in maps]
    assert seconds == sorted(seconds) and seconds[0] > 0
    assert (maps[0].evidence["seed"], maps[0].evidence["hide"]) == (6, "black")
    assert (maps[0].method, maps[0].native_shape, maps[0].segments) == ("rise", (GRID, GRID), None)


def test_cancelling_predicts_no_further_batch() -> None:
    subject = subject_of(products)
    maps = list(rise(subject, lambda: len(subject.detector.batches) >= 5))
    assert len(subject.detector.batches) == 5
    assert [found.evidence["samples"] for found in maps] == [BLOCK, 2 * BLOCK]
    assert not maps[-1].evidence["complete"]


def test_cancelling_before_the_start_predicts_nothing() -> None:
    subject = subject_of(products)
    assert not list(rise(subject, lambda: True))
    assert subject.detector.batches == []


@pytest.mark.parametrize("side", [5, 24, 50, 56])
def test_masks_are_smooth_and_between_hidden_and_shown(side: int) -> None:
    masks = mask_block(side, np.array([0.3, 0.99]), np.random.default_rng(0))
    assert (masks.shape, masks.dtype) == ((CELLS, side, side), np.float32)
    assert masks.min() >= 0 and masks.max() <= 1
    steps = np.abs(np.diff(masks, axis=1)).max()
    assert 0 < steps <= 1 / -(-side // GRID) + 1e-6  # at least a cell's width from hidden to shown


def test_masks_of_a_block_treat_distant_places_independently() -> None:
    masks = mask_block(SIDE, np.array([0.4, 0.7]), np.random.default_rng(1)) - 0.5
    rows, columns = np.mgrid[:SIDE, :SIDE]
    far = (abs(rows - 20) > 2 * CELL) | (abs(columns - 31) > 2 * CELL)
    together = np.tensordot(masks[:, 20, 31], masks, axes=1) / CELLS
    assert np.abs(together[far]).max() < 1e-6
    assert together[20, 31] > 0.05


def test_blends_each_mask_and_its_complement() -> None:
    random = np.random.default_rng(2)
    crop, hidden = random.integers(0, 256, (2, 24, 24, 3)).astype(np.uint8)
    masks = random.random((3, 24, 24)).astype(np.float32)
    masks[0] = 1
    pictures = blend_pairs(crop, hidden, masks)
    assert (pictures.shape, pictures.dtype) == ((6, 24, 24, 3), np.uint8)
    assert np.array_equal(pictures[0], crop) and np.array_equal(pictures[1], hidden)
    both = np.stack([masks, 1 - masks], axis=1).reshape(6, 24, 24, 1)
    exact = both * crop.astype(np.float64) + (1 - both) * hidden
    assert np.abs(pictures - exact).max() < 0.51


@pytest.mark.slow
def test_two_seeds_agree_on_a_real_face(quick_detector: Detector, astronaut: NDArray[np.uint8]) -> None:
    crop = find_faces(astronaut, quick_detector.card.preprocessing.crop_margin)[0].crop
    segments = segment(crop, "slic", 30)
    first, second = (last_map(Subject(crop, segments, "Fake", quick_detector, seed=seed)).map for seed in (0, 1))
    assert spearmanr(first[::4, ::4].ravel(), second[::4, ::4].ravel()).statistic > 0.9
