"""Streams labelled pictures from disk in batches with tf.data, so that memory use does not grow with the data."""

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from sklearn.preprocessing import LabelBinarizer

from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.data.dataset import face_crop
from model.data.layout import Example
from model.data.reading import read_rgb
from model.photos.degrade import degrade
from model.photos.faces import CROP_SIZE

SEEDS = 2**31


def one_hot(labels: Sequence[str]) -> NDArray[np.float32]:
    """Labels as ``(N, 2) float32``, columns in the order of ``LABELS``."""
    real = LabelBinarizer().fit(LABELS).transform(labels)  # one column for two classes: 1 for Real
    return np.hstack([1 - real, real]).astype(np.float32)


def read_input(
    root: Path, example: Example, preprocessing: Preprocessing, augment_seed: int | None = None
) -> NDArray[np.float32]:
    """One picture as a network's input ``(s, s, 3) float32``: its face crop, or the whole picture without a face.

    Args:
        root: the data folder.
        example: the picture.
        preprocessing: the input that the network expects.
        augment_seed: decides how the picture is degraded and whether it is mirrored; None changes nothing.

    Raises:
        DatasetError: if the picture can't be read.
    """
    if example.box is not None:
        pixels = face_crop(root, example, preprocessing.crop_margin)
    else:
        pixels = read_rgb(root / example.path)
    if augment_seed is not None:
        if pixels.shape[:2] != (CROP_SIZE, CROP_SIZE):
            resized = cv2.resize(pixels, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA)
            pixels = np.asarray(resized, dtype=np.uint8)
        pixels = degrade(pixels, augment_seed)
        if augment_seed % 2:
            pixels = np.ascontiguousarray(pixels[:, ::-1])
    return to_input(pixels[None], preprocessing)[0]


def stream(
    root: Path,
    examples: Sequence[Example],
    preprocessing: Preprocessing,
    batch_size: int,
    shuffle_seed: int | None = None,
    augment: bool = False,
    multiple_of: int = 1,
    fill: bool = False,
    shard: tuple[int, int] = (1, 0),
) -> tf.data.Dataset:
    """One pass over labelled pictures; only the pictures of the next batches are in memory.

    Args:
        root: the data folder.
        examples: readable pictures (see ``model.data.dataset.gather``).
        preprocessing: the input that the network expects.
        batch_size: pictures per batch; the last batch may be smaller.
        shuffle_seed: decides order and augmentation and should change in each epoch; None keeps the order given.
        augment: degrade and mirror pictures at random.
        multiple_of: the number of pictures becomes a multiple of this: the last ones in the order are left out.
        fill: instead of leaving pictures out, repeat the last one, with zeros for its labels.
        shard: number of readers that share the pictures, and the index of this reader, from 0.

    Returns:
        A dataset of ``(pixels (N, s, s, 3) float32, one-hot labels (N, 2) float32)``.
    """
    rng = np.random.default_rng(shuffle_seed)
    order = np.arange(len(examples)) if shuffle_seed is None else rng.permutation(len(examples))
    labels = one_hot([example.label for example in examples])[order]
    if fill:
        missing = -len(order) % multiple_of
        order, labels = np.pad(order, (0, missing), "edge"), np.pad(labels, ((0, missing), (0, 0)))
    order = order[: len(order) // multiple_of * multiple_of]
    seeds = np.random.default_rng(shuffle_seed or 0).integers(SEEDS, size=len(order))
    side = preprocessing.input_size

    def read(row: int, seed: int) -> NDArray[np.float32]:
        return read_input(root, examples[row], preprocessing, int(seed) if augment else None)

    def load(row: tf.Tensor, seed: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        pixels = tf.numpy_function(read, (row, seed), tf.float32, stateful=False)
        return tf.ensure_shape(pixels, (side, side, 3)), label

    count, number = shard
    mine = slice(number, None, count)
    rows = tf.data.Dataset.from_tensor_slices((order[mine], seeds[mine], labels[: len(order)][mine]))
    pictures = rows.map(load, num_parallel_calls=tf.data.AUTOTUNE)
    return pictures.batch(batch_size).prefetch(tf.data.AUTOTUNE)
