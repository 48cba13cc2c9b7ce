"""Trains a tiny network under a strategy in a process of its own, and prints what came out as one line of JSON.

``python tests/model/distributed_run.py DATA OUT STRATEGY [DEVICES]``; DEVICES splits the CPU into so many.
"""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from model import train
from model.architectures import ARCHITECTURES, Architecture
from model.dataset import gather
from model.labels import LABELS
from model.preprocessing import Preprocessing


def build_tiny(_pretrained: object = None) -> keras.Model:
    """Batch norm and dropout are what a strategy may get wrong."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu")(inputs)
    x = layers.BatchNormalization(momentum=0.8)(x)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, {"probabilities": layers.Dense(len(LABELS), activation="softmax")(x)}, name="tiny")


def main(data: Path, out: Path, strategy: str, devices: int) -> None:
    if devices > 1:
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * devices)
    ARCHITECTURES["tiny"] = Architecture(build_tiny, Preprocessing(16, "RGB", 1 / 255), has_folded_form=False)
    loops: list[train.Loop] = []

    class Kept(train.Loop):
        def __init__(self, *given: object) -> None:
            super().__init__(*given)
            loops.append(self)

    train.Loop = Kept  # type: ignore[misc]
    training = train.Training("tiny", learning_rate=0.02, batch_size=8, epochs=4, strategy=strategy)
    rows: list[dict[str, float]] = []
    result = train.fit(data, gather(data, None, 0), training, out, lambda row: rows.append(dict(row)))
    weights = {weight.path: np.asarray(weight).tolist() for weight in loops[0].model.weights}
    report = {
        **asdict(result),
        "artifact": str(result.artifact),
        "rows": rows,
        "replicas": loops[0].strategy.num_replicas_in_sync,
        "weights": weights,
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]), sys.argv[3], int(sys.argv[4]) if len(sys.argv) > 4 else 1)
