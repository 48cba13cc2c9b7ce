"""A network and pictures with which a whole training takes a second, and helpers that read its results."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import keras
import numpy as np
from keras import layers

from model.data.dataset import gather
from model.data.layout import Example
from model.errors import PretrainedError
from model.training.arguments import Training

Data = tuple[Path, list[Example]]
PLAIN = "plain_with_memory"


def build_plain(pretrained: Path | str | None = None) -> keras.Model:
    """A network without attention, but with state beyond weights: batch norm and dropout."""
    if pretrained is not None:
        raise PretrainedError("The weights could not be downloaded.")
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Dropout(0.3)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, {"probabilities": layers.Dense(2, activation="softmax")(x)}, name=PLAIN)


def make_data(root: Path) -> Data:
    """Noisy pictures, bright reals and dark fakes: 20 of each class for training, 6 for validation."""
    rng = np.random.default_rng(0)
    for split, count in (("train", 20), ("val", 6)):
        for label, level in (("Real", 150), ("fake", 105)):
            folder = root / split / label
            folder.mkdir(parents=True)
            for number in range(count):
                pixels = np.clip(rng.normal(level, 40, (24, 24, 3)), 0, 255).astype(np.uint8)
                cv2.imwrite(str(folder / f"{number}.png"), pixels)
    return root, gather(root, None, 0)


def settings(**changes: Any) -> Training:
    return replace(Training(PLAIN, learning_rate=0.02, batch_size=8, epochs=4, faces=False), **changes)


def history(out: Path) -> list[dict[str, float]]:
    with (out / "history.csv").open(newline="") as file:
        return [{name: float(value) for name, value in row.items()} for row in csv.DictReader(file)]


def without_seconds(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{name: value for name, value in row.items() if name != "seconds"} for row in rows]
