"""Tests of fakes made from a face's own pixels: pixels outside the mask must stay exactly the same."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.photos import self_blend as module
from model.photos.face_parts import REGIONS, region_mask
from model.photos.self_blend import CHANGES, self_blend

SIDE = 64
LANDMARKS = np.array([[22, 24], [42, 24], [32, 36], [25, 46], [39, 46]], np.float32)
CENTRES = {"left_eye": (22, 24), "right_eye": (42, 24), "nose": (32, 36), "mouth": (32, 46), "face": (32, 36)}
PARTS = [name for name in REGIONS if name != "face"]
Pixels = NDArray[np.uint8]


@pytest.fixture
def crop(picture: Callable[..., Pixels]) -> Pixels:
    """Blobs with fine noise, so that every change, also blur, has an effect."""
    noise = np.random.default_rng(1).integers(-20, 21, (SIDE, SIDE, 3))
    return np.clip(picture(0) + noise, 0, 255).astype(np.uint8)


def centroid(mask: NDArray[np.float32]) -> tuple[float, float]:
    """``(x, y)`` of the mask's centre of gravity."""
    ys, xs = np.nonzero(mask)
    return float(xs.mean()), float(ys.mean())


# region_mask


@pytest.mark.parametrize("name", CENTRES)
def test_each_region_covers_its_landmark(name: str) -> None:
    mask = region_mask(LANDMARKS, [name], SIDE)
    x, y = CENTRES[name]
    assert mask[y, x] == 1
    assert mask.shape == (SIDE, SIDE) and mask.dtype == np.float32
    assert set(np.unique(mask)) == {0, 1}


@pytest.mark.parametrize("name", ["left_eye", "right_eye", "mouth"])
def test_eyes_and_mouth_are_centred_on_their_landmarks(name: str) -> None:
    assert centroid(region_mask(LANDMARKS, [name], SIDE)) == pytest.approx(CENTRES[name], abs=0.5)


def test_nose_region_extends_upwards_from_the_tip() -> None:
    x, y = centroid(region_mask(LANDMARKS, ["nose"], SIDE))
    assert x == pytest.approx(32, abs=0.5) and 28 < y < 36


def test_parts_do_not_overlap_and_the_face_contains_them() -> None:
    masks = {name: region_mask(LANDMARKS, [name], SIDE) for name in CENTRES}
    assert not (masks["left_eye"] * masks["right_eye"]).any()
    assert not ((masks["left_eye"] + masks["right_eye"]) * masks["mouth"]).any()
    for name in ("left_eye", "right_eye", "nose", "mouth"):
        assert (masks["face"] * masks[name]).sum() == masks[name].sum()


def test_eyes_are_both_eyes_and_several_regions_form_a_union() -> None:
    left, right, mouth = (region_mask(LANDMARKS, [name], SIDE) for name in ("left_eye", "right_eye", "mouth"))
    np.testing.assert_array_equal(region_mask(LANDMARKS, ["eyes"], SIDE), np.maximum(left, right))
    union = region_mask(LANDMARKS, ["mouth", "left_eye"], SIDE)
    np.testing.assert_array_equal(union, np.maximum(mouth, left))


def test_no_region_gives_an_empty_mask() -> None:
    assert not region_mask(LANDMARKS, [], SIDE).any()


def test_regions_scale_with_the_face() -> None:
    small = region_mask(LANDMARKS / 2, ["mouth"], SIDE).sum()
    assert region_mask(LANDMARKS, ["mouth"], SIDE).sum() == pytest.approx(4 * small, rel=0.25)


def test_stretch_is_horizontal_and_vertical() -> None:
    plain, across, down = (region_mask(LANDMARKS, ["mouth"], SIDE, stretch) for stretch in ((1, 1), (1.5, 1), (1, 1.5)))
    extents = [tuple(np.ptp(np.nonzero(mask), axis=1)) for mask in (plain, across, down)]  # (down, across)
    assert extents[1][1] > extents[0][1] and extents[1][0] == extents[0][0]
    assert extents[2][0] > extents[0][0] and extents[2][1] == extents[0][1]


def test_regions_rotate_with_the_face() -> None:
    """In a face rotated by 90 degrees the nose is beside the line of the eyes, not below it."""
    middle = SIDE / 2
    turned = np.stack([middle - (LANDMARKS[:, 1] - middle), middle + (LANDMARKS[:, 0] - middle)], axis=1)
    for name in ("left_eye", "nose", "mouth"):
        upright, sideways = region_mask(LANDMARKS, [name], SIDE), region_mask(turned, [name], SIDE)
        rotated = np.rot90(upright, -1)
        overlap = np.minimum(rotated, sideways).sum() / np.maximum(rotated, sideways).sum()
        assert overlap > 0.8, name


def test_unknown_region_is_named_with_those_that_exist() -> None:
    with pytest.raises(ValueError, match="No face region is called 'ear'") as caught:
        region_mask(LANDMARKS, ["mouth", "ear"], SIDE)
    assert all(name in str(caught.value) for name in REGIONS)


# self_blend


@pytest.mark.parametrize("region", PARTS)
def test_pixels_outside_the_mask_do_not_change(crop: Pixels, region: str) -> None:
    for seed in range(10):
        fake, mask = self_blend(crop, LANDMARKS, seed, [region])
        assert (mask == 0).mean() > 0.3, "the mask must leave a part of the crop free"
        np.testing.assert_array_equal(fake[mask == 0], crop[mask == 0])


@pytest.mark.parametrize("change", CHANGES)
def test_pixels_inside_the_mask_change(crop: Pixels, change: str) -> None:
    for seed in range(10):
        fake, mask = self_blend(crop, LANDMARKS, seed, ["mouth"], [change])
        changed = (fake != crop).any(axis=2)
        assert changed[mask > 0.9 * mask.max()].mean() > 0.5
        assert not changed[mask == 0].any()


def test_change_may_be_outside_the_face_and_the_mask_covers_it(crop: Pixels) -> None:
    inside = []
    for seed in range(40):
        fake, mask = self_blend(crop, LANDMARKS, seed, ["face"], ["recolour"])
        changed = (fake != crop).any(axis=2)
        assert changed[mask > 0.9 * mask.max()].mean() > 0.5
        assert not changed[mask == 0].any()
        inside.append(mask[0, 0] < mask[36, 32])  # a corner, and the tip of the nose
    assert 0.5 < np.mean(inside) < 1


def test_recoloured_values_are_rounded() -> None:
    """All draws at their upper limit: a factor of 1.07 * 1.08, and 8 grey levels more."""
    rng: Any = SimpleNamespace(uniform=lambda low, high, size=1: np.full(size, high))
    recoloured = module._change(np.full((8, 8, 3), 100, np.uint8), "recolour", rng)
    assert (recoloured == 124).all()  # 123.56


def test_same_seed_gives_exactly_the_same_fake(crop: Pixels) -> None:
    for seed in range(5):
        for first, second in zip(self_blend(crop, LANDMARKS, seed), self_blend(crop, LANDMARKS, seed), strict=True):
            np.testing.assert_array_equal(first, second)


def test_different_seeds_give_different_fakes(crop: Pixels) -> None:
    fakes = {self_blend(crop, LANDMARKS, seed)[0].tobytes() for seed in range(20)}
    assert len(fakes) == 20


def test_fake_and_mask_have_the_documented_shapes_and_types(crop: Pixels) -> None:
    before = crop.copy()
    for seed in range(20):
        fake, mask = self_blend(crop, LANDMARKS, seed)
        assert fake.shape == crop.shape and fake.dtype == np.uint8
        assert mask.shape == (SIDE, SIDE) and mask.dtype == np.float32
        assert mask.min() >= 0 and 0.1 < mask.max() <= 1 + 1e-6
        assert (fake != before).any()
    np.testing.assert_array_equal(crop, before)


def test_mask_has_a_soft_edge_around_the_given_region(crop: Pixels) -> None:
    for seed in range(10):
        _, mask = self_blend(crop, LANDMARKS, seed, ["mouth"])
        weights = mask / mask.sum()
        ys, xs = np.mgrid[0:SIDE, 0:SIDE]
        assert float((xs * weights).sum()) == pytest.approx(32, abs=4)
        assert float((ys * weights).sum()) == pytest.approx(46, abs=4)
        assert len(np.unique(mask)) > 10


def test_no_region_leaves_the_face_unchanged(crop: Pixels) -> None:
    fake, mask = self_blend(crop, LANDMARKS, 0, [])
    np.testing.assert_array_equal(fake, crop)
    assert not mask.any()


def test_faces_and_parts_are_drawn_at_random(crop: Pixels) -> None:
    """The whole face is drawn in about half of the cases; only the size of the mask shows it."""
    areas = np.array([(self_blend(crop, LANDMARKS, seed)[1] > 0).mean() for seed in range(60)])
    assert 0.2 < np.mean(areas > 0.5) < 0.8


def test_unknown_names_are_refused_with_those_that_exist(crop: Pixels) -> None:
    with pytest.raises(ValueError, match=r"Unknown change \['swap'\]") as caught:
        self_blend(crop, LANDMARKS, 0, ["mouth"], ["warp", "swap"])
    assert all(name in str(caught.value) for name in CHANGES)
    with pytest.raises(ValueError, match="No face region is called 'ear'"):
        self_blend(crop, LANDMARKS, 0, ["ear"])


# Blended pixels


def test_fake_shows_the_source_inside_the_mask_and_the_crop_outside(crop: Pixels) -> None:
    source = 255 - crop
    fake, mask = self_blend(crop, LANDMARKS, 3, regions=["mouth"], changes=[], source=source)
    np.testing.assert_array_equal(fake[mask == 0], crop[mask == 0])
    strongest = mask > 0.999 * mask.max()
    expected = mask.max() * source[strongest] + (1 - mask.max()) * crop[strongest].astype(float)
    np.testing.assert_allclose(fake[strongest], expected, atol=1.5)


def test_random_fakes_are_never_only_blurred_or_recoloured(crop: Pixels, monkeypatch: pytest.MonkeyPatch) -> None:
    """Real portraits may be softened or brightened, so each random fake also has a warp or a shift."""
    drawn: list[list[str]] = []
    real = module._change

    def note(picture: Pixels, change: str, rng: np.random.Generator) -> Pixels:
        drawn[-1].append(change)
        return real(picture, change, rng)

    monkeypatch.setattr(module, "_change", note)
    for seed in range(60):
        drawn.append([])
        self_blend(crop, LANDMARKS, seed)
    assert all(set(changes) & {"warp", "shift"} for changes in drawn)
