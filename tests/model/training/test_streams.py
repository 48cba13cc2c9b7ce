"""Tests of streaming pictures: content and order of batches, and that pictures are read only when needed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer

from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.data.dataset import face_crop
from model.data.layout import Example
from model.data.reading import read_rgb
from model.training import streams as module
from model.training.streams import one_hot, read_input, stream

Pixels = NDArray[np.uint8]
SIDE = 16
PREPROCESSING = Preprocessing(SIDE, "RGB", 1 / 255)
BOX = (12.0, 8.0, 40.0, 48.0)


def example(path: str, box: tuple[float, float, float, float] | None = None) -> Example:
    return Example(path, "set", "train", "Real" if "real" in path else "Fake", box, ())


@pytest.fixture
def root(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]) -> Path:
    names = [f"{label}/{number}.png" for label in ("real", "fake") for number in range(5)]
    return make_data({name: picture(seed) for seed, name in enumerate(names)}, known=False)[0]


@pytest.fixture
def examples(root: Path) -> list[Example]:
    """Ten pictures of 64x64, every other one with a known face."""
    paths = sorted(root.glob("*/*.png"))
    return [example(str(path.relative_to(root)), BOX if number % 2 else None) for number, path in enumerate(paths)]


def collect(dataset: tf.data.Dataset) -> tuple[np.ndarray, np.ndarray]:
    batches = list(dataset.as_numpy_iterator())
    return np.concatenate([pixels for pixels, _ in batches]), np.concatenate([labels for _, labels in batches])


def test_labels_have_the_order_of_the_networks_outputs() -> None:
    assert tuple(LabelBinarizer().fit(["Real", "Fake", "Real"]).classes_) == LABELS
    labels = one_hot(["Fake", "Real", "Real"])
    assert labels.dtype == np.float32
    np.testing.assert_array_equal(labels, [[1, 0], [0, 1], [0, 1]])


def test_labels_of_a_single_class_keep_their_column() -> None:
    np.testing.assert_array_equal(one_hot(["Real", "Real"]), [[0, 1], [0, 1]])


def test_batches_hold_preprocessed_pictures_and_labels(root: Path, examples: list[Example]) -> None:
    batches = list(stream(root, examples, PREPROCESSING, 4).as_numpy_iterator())
    assert [pixels.shape for pixels, _ in batches] == [(4, SIDE, SIDE, 3), (4, SIDE, SIDE, 3), (2, SIDE, SIDE, 3)]
    pixels, labels = collect(stream(root, examples, PREPROCESSING, 4))
    assert pixels.dtype == np.float32 and 0 <= pixels.min() < pixels.max() <= 1
    np.testing.assert_array_equal(labels, one_hot([each.label for each in examples]))
    for number, each in enumerate(examples):
        whole = read_rgb(root / each.path) if each.box is None else face_crop(root, each, PREPROCESSING.crop_margin)
        np.testing.assert_allclose(pixels[number], to_input(whole[None], PREPROCESSING)[0], atol=1e-6)


def test_shapes_are_known_before_pictures_are_read(root: Path, examples: list[Example]) -> None:
    pixels, labels = stream(root, examples, PREPROCESSING, 4).element_spec
    assert tuple(pixels.shape) == (None, SIDE, SIDE, 3) and tuple(labels.shape) == (None, 2)


def test_order_depends_on_the_seed_and_every_picture_is_included(root: Path, examples: list[Example]) -> None:
    def order(seed: int | None) -> list[bytes]:
        pixels, _ = collect(stream(root, examples, PREPROCESSING, 3, seed))
        return [each.tobytes() for each in pixels]

    plain, first, again, second = order(None), order(1), order(1), order(2)
    assert first == again != second and first != plain
    assert sorted(first) == sorted(second) == sorted(plain) and len(set(plain)) == 10


def test_label_stays_with_its_picture_when_shuffled(root: Path, examples: list[Example]) -> None:
    pixels, labels = collect(stream(root, examples, PREPROCESSING, 3, 7))
    label_of = {read_input(root, each, PREPROCESSING).tobytes(): each.label for each in examples}
    assert [LABELS[row] for row in labels.argmax(axis=1)] == [label_of[each.tobytes()] for each in pixels]


def test_augmentation_depends_on_the_seed(root: Path, examples: list[Example]) -> None:
    plain, _ = collect(stream(root, examples, PREPROCESSING, 5))
    first, _ = collect(stream(root, examples, PREPROCESSING, 5, 3, augment=True))
    again, _ = collect(stream(root, examples, PREPROCESSING, 5, 3, augment=True))
    np.testing.assert_array_equal(first, again)
    assert first.shape == plain.shape
    assert len({each.tobytes() for each in first} & {each.tobytes() for each in plain}) < 5


def test_half_of_the_augmented_pictures_are_mirrored(
    root: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "degrade", lambda pixels, seed: pixels)
    straight = read_input(root, examples[1], PREPROCESSING, augment_seed=4)
    mirrored = read_input(root, examples[1], PREPROCESSING, augment_seed=5)
    np.testing.assert_allclose(straight, read_input(root, examples[1], PREPROCESSING), atol=1e-6)
    np.testing.assert_allclose(mirrored, straight[:, ::-1], atol=1e-6)


def test_every_picture_is_in_exactly_one_shard(root: Path, examples: list[Example]) -> None:
    parts = [collect(stream(root, examples, PREPROCESSING, 2, 5, shard=(2, number)))[0] for number in (0, 1)]
    whole, _ = collect(stream(root, examples, PREPROCESSING, 2, 5))
    assert [len(part) for part in parts] == [5, 5]
    assert sorted(each.tobytes() for part in parts for each in part) == sorted(each.tobytes() for each in whole)


def test_last_pictures_are_left_out_if_batches_must_be_full(root: Path, examples: list[Example]) -> None:
    pixels, _ = collect(stream(root, examples, PREPROCESSING, 4, 5, multiple_of=4))
    assert len(pixels) == 8


def test_filled_batches_repeat_a_picture_without_a_label(root: Path, examples: list[Example]) -> None:
    pixels, labels = collect(stream(root, examples, PREPROCESSING, 4, multiple_of=4, fill=True))
    plain, known = collect(stream(root, examples, PREPROCESSING, 4))
    np.testing.assert_array_equal(pixels, np.concatenate([plain, plain[-1:], plain[-1:]]))
    np.testing.assert_array_equal(labels, np.concatenate([known, np.zeros((2, 2), np.float32)]))


@pytest.mark.slow
def test_pictures_are_read_only_when_they_are_needed(
    root: Path, examples: list[Example], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a hundred thousand pictures most are missing; two batches open only a few of the first ones."""
    opened: list[str] = []
    lock = threading.Lock()

    def read(path: Path) -> Pixels:
        with lock:
            opened.append(path.name)
        return read_rgb(path)

    monkeypatch.setattr(module, "read_rgb", read)
    whole = [example(each.path) for each in examples]
    many = whole * 40 + [example(f"fake/missing{number}.png") for number in range(100_000)]
    taken = list(stream(root, many, PREPROCESSING, 4).take(2).as_numpy_iterator())
    assert len(taken) == 2
    assert 8 <= len(opened) < 400, "only the files of the next few batches"
    assert not any("missing" in name for name in opened)


def test_unreadable_picture_is_named(root: Path, examples: list[Example]) -> None:
    broken = [*examples[:2], example("fake/missing.png")]
    with pytest.raises(tf.errors.OpError, match=r"missing\.png is not a picture"):
        collect(stream(root, broken, PREPROCESSING, 2))
