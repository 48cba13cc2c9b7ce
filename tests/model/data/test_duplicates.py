"""Tests of finding duplicates of pictures and of removing those that leak between splits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from model.data.dataset import gather
from model.data.duplicates import (
    HASH_SIDE,
    THRESHOLD,
    Fingerprint,
    Group,
    describe,
    find_duplicates,
    fingerprint,
    group_alike,
    leaks,
    without_leaks,
)
from model.data.layout import Example, pictures

Pixels = NDArray[np.uint8]
Data = Callable[[dict[str, Pixels]], Path]


def portrait(seed: int, side: int = 96) -> Pixels:
    """Blobs of every size down to a few pixels, as in a photo, ``(side, side, 3) uint8``."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.resize(rng.normal(0, 130 / cells**0.5, (cells, cells, 3)), (side, side), interpolation=cv2.INTER_CUBIC)
        for cells in (3, 6, 12, 24)
    ]
    return np.clip(127 + sum(layers), 0, 255).astype(np.uint8)


def jpeg(pixels: Pixels, quality: int) -> Pixels:
    file = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(file, cv2.IMREAD_COLOR), np.uint8)


def resized(pixels: Pixels, side: int) -> Pixels:
    return np.asarray(cv2.resize(pixels, (side, side), interpolation=cv2.INTER_AREA), np.uint8)


@pytest.fixture
def data(tmp_path: Path) -> Data:
    """Writes a data folder of PNGs, without faces."""

    def write(files: dict[str, Pixels]) -> Path:
        for name, pixels in files.items():
            (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
            assert cv2.imwrite(str(tmp_path / name), pixels)
        return tmp_path

    return write


def make(path: str, split: str = "train", label: str = "Real", twin: str | None = None) -> Example:
    return Example(path, "set", split, label, None, (), twin)


def prints(*bits: int) -> list[Fingerprint]:
    """Fingerprints with these numbers as perceptual hashes; no two have the same pixels."""
    return [Fingerprint(str(row), f"{value:0{HASH_SIDE**2 // 4}x}") for row, value in enumerate(bits)]


def found_paths(root: Path) -> list[tuple[str, ...]]:
    return [group.paths for group in find_duplicates(root, pictures(root))]


# find_duplicates


@pytest.mark.parametrize(
    "copy",
    [
        lambda pixels: jpeg(pixels, 50),
        lambda pixels: jpeg(resized(pixels, 48), 75),
        lambda pixels: resized(pixels, 40),
        lambda pixels: np.clip(pixels.astype(int) + 15, 0, 255).astype(np.uint8),
    ],
    ids=["recompressed", "halved and recompressed", "shrunk", "brightened"],
)
@pytest.mark.parametrize("seed", range(5))
def test_changed_copy_is_found_across_splits_and_classes(data: Data, copy: Callable[..., Pixels], seed: int) -> None:
    files = {f"train/real/{n}.png": portrait(100 + 10 * seed + n) for n in range(6)}
    root = data({**files, "test/fake/copy.png": copy(files["train/real/3.png"])})
    (group,) = find_duplicates(root, pictures(root))
    assert group == Group(("test/fake/copy.png", "train/real/3.png"), exact=False)


def test_exact_and_near_duplicates_are_distinguished(data: Data) -> None:
    """Exact means the same pixels: the files may be encoded differently."""
    root = data({"real/a.png": portrait(0), "real/b.png": portrait(0), "real/c.png": portrait(1)})
    assert cv2.imwrite(str(root / "real" / "b.png"), portrait(0), [cv2.IMWRITE_PNG_COMPRESSION, 0])
    assert (root / "real" / "a.png").read_bytes() != (root / "real" / "b.png").read_bytes()
    assert find_duplicates(root, pictures(root)) == [Group(("real/a.png", "real/b.png"), exact=True)]


def test_different_pictures_are_no_duplicates(data: Data, picture: Callable[..., Pixels]) -> None:
    smooth = {f"real/smooth{seed}.png": picture(seed) for seed in range(40)}
    rich = {f"real/rich{seed}.png": portrait(seed) for seed in range(40)}
    assert found_paths(data({**smooth, **rich})) == []


def test_known_fingerprints_are_not_computed_again(data: Data) -> None:
    root = data({"real/a.png": portrait(0), "real/b.png": portrait(1)})
    copied = Fingerprint("same", fingerprint(portrait(5)).perceptual)
    known = {"real/a.png": copied, "real/b.png": copied}
    assert find_duplicates(root, pictures(root), known) == [Group(("real/a.png", "real/b.png"), exact=True)]


def test_no_pictures_have_no_duplicates(tmp_path: Path) -> None:
    assert find_duplicates(tmp_path, []) == []


# group_alike


def test_bands_find_exactly_the_pairs_within_the_threshold() -> None:
    """Compared with all pairs, on hashes that are close to each other."""
    rng = np.random.default_rng(0)
    seeds = [rng.integers(0, 2, HASH_SIDE**2) for _ in range(12)]
    rows = [np.where(rng.random(HASH_SIDE**2) < share, 1 - seed, seed) for seed in seeds for share in [0.03, 0.05] * 8]
    values = [int("".join(map(str, bits)), 2) for bits in rows]
    examples = [make(f"{row:03}.jpg") for row in range(len(values))]
    near = {
        frozenset(pair)
        for pair in combinations(range(len(values)), 2)
        if (values[pair[0]] ^ values[pair[1]]).bit_count() <= THRESHOLD
    }
    assert 100 < len(near) < 12 * 120, "some pairs must be within the threshold and some not"
    groups = [{int(path[:3]) for path in group.paths} for group in group_alike(examples, prints(*values))]
    expected: list[set[int]] = []
    for pair in near:
        touching = [group for group in expected if group & pair]
        expected = [group for group in expected if group not in touching] + [set(pair).union(*touching)]
    assert sorted(map(sorted, groups)) == sorted(map(sorted, expected))
    assert sum(map(len, groups)) == len(set.union(*expected))


@pytest.mark.parametrize(("distance", "found"), [(THRESHOLD, 1), (THRESHOLD + 1, 0)])
def test_threshold_is_inclusive(distance: int, found: int) -> None:
    spread = sum(1 << (12 * bit) for bit in range(distance))  # one flipped bit in every band
    assert len(group_alike([make("a"), make("b")], prints(0, spread))) == found


def test_largest_group_comes_first() -> None:
    examples = [make(name) for name in "abcde"]
    far = (1 << 200) - 1
    assert [group.paths for group in group_alike(examples, prints(0, far, 0, far, far))] == [
        ("b", "d", "e"),
        ("a", "c"),
    ]


def test_twins_in_one_split_are_not_duplicates() -> None:
    examples = [make("real"), make("fake", label="Fake", twin="real"), make("other", label="Fake", twin="real")]
    assert group_alike(examples, prints(0, 1, 0)) == []


def test_twins_in_two_splits_are_a_leak() -> None:
    examples = [make("real"), make("fake", "test", "Fake", "real")]
    (group,) = group_alike(examples, prints(0, 1))
    assert group.paths == ("fake", "real")


def test_only_the_picture_similar_to_an_unrelated_one_is_reported() -> None:
    """Its twins have different hashes and are not reported."""
    far = (1 << 200) - 1
    examples = [make("real"), make("fake", label="Fake", twin="real"), make("stranger", "test")]
    (group,) = group_alike(examples, prints(0, far, 1))
    assert group.paths == ("real", "stranger")


# leaks and without_leaks


def test_leaks_are_removed_from_the_training_side() -> None:
    examples = [make("a"), make("b", "val"), make("c", "test"), make("d", "val"), make("e"), make("f"), make("g")]
    groups = [Group(("a", "b", "c"), False), Group(("d", "e"), False), Group(("f", "g"), True)]
    assert [example.path for example in leaks(examples, groups)] == ["a", "b", "e"]
    assert [example.path for example in without_leaks(examples, groups)] == ["c", "d", "f", "g"]


def test_twins_are_removed_together() -> None:
    """Training on the fake would also read its real twin from the disk."""
    examples = [make("real"), make("fake", label="Fake", twin="real"), make("copy", "test"), make("free")]
    assert [e.path for e in without_leaks(examples, [Group(("copy", "real"), True)])] == ["copy", "free"]


def test_nothing_is_logged_without_leaks(caplog: pytest.LogCaptureFixture) -> None:
    examples = [make("a"), make("b")]
    assert without_leaks(examples, [Group(("a", "b"), True)]) == examples
    assert caplog.records == []


def test_new_split_keeps_duplicates_in_the_same_split(data: Data) -> None:
    """So no picture has to be left out if the data had no split before."""
    originals = {f"Real/{n}.png": portrait(n) for n in range(15)} | {
        f"Fake/{n}.png": portrait(n + 50) for n in range(15)
    }
    copies = {f"Fake/copy{n}.png": jpeg(portrait(n + 50), 60) for n in range(0, 15, 2)}
    root = data(originals | copies)
    examples = gather(root, None, seed=0, remove_leaks=True)
    split_of = {example.path: example.split for example in examples}
    assert len(split_of) == 38
    assert all(split_of[f"Fake/copy{n}.png"] == split_of[f"Fake/{n}.png"] for n in range(0, 15, 2))
    without_removal = {example.path: example.split for example in gather(root, None, seed=0)}
    assert any(without_removal[f"Fake/copy{n}.png"] != without_removal[f"Fake/{n}.png"] for n in range(0, 15, 2))


# describe


def test_description_counts_duplicates_leaks_and_label_conflicts() -> None:
    examples = [make("a"), make("b", "test"), make("c", label="Fake"), make("d"), make("e", "val")]
    groups = [Group(("a", "b"), True), Group(("c", "d"), False)]
    assert describe(examples, groups) == [
        "1 group of exact duplicates (2 pictures) and 1 group of near duplicates (2 pictures) among 5 pictures.",
        "LEAK: 1 group with pictures in train and test: test figures would be too good.",
        "--remove-leaks would leave out 1 picture.",
        "LABELS: 1 group with both real and fake pictures that look alike: check them.",
    ]
    assert describe(examples, []) == ["No picture shows the same as another, exactly or nearly, among 5 pictures."]
