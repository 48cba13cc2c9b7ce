"""Trains tiny networks under distribution strategies, each in its own process, forked after the imports.

``python tests/model/distributed_run.py DATA OUT RUNS``; RUNS is a JSON list of objects with the arguments of ``Run``.
A run trains into the folder OUT/NAME, and writes its results to OUT/NAME.json.
"""

from __future__ import annotations

import json
import multiprocessing
import os
import sys
from dataclasses import asdict, dataclass, field
from functools import cache
from multiprocessing import connection
from pathlib import Path
from typing import Any
from unittest.mock import patch

sys.path.insert(0, str(Path(__file__).parents[2]))

import keras
import numpy as np
import tensorflow as tf
from keras import layers

from model.artifact.preprocessing import LABELS, Preprocessing
from model.data.dataset import gather
from model.networks import litert_file
from model.networks.registry import ARCHITECTURES, Architecture
from model.training import arguments, loop, train


def verdict(features: keras.KerasTensor) -> keras.KerasTensor:
    """The output layer. Every layer with weights has its own name: processes compare weights by their paths."""
    return layers.Dense(len(LABELS), activation="softmax", name="verdict")(features)


def build_plain(_pretrained: object = None) -> keras.Model:
    """A network that learns the same whether a batch is split or not."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="features")(inputs)
    x = layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, {"probabilities": verdict(x)}, name="plain")


def build_full(_pretrained: object = None) -> keras.Model:
    """A network with batch norm and dropout, which a strategy may compute wrongly."""
    inputs = keras.Input((16, 16, 3))
    x = layers.Conv2D(8, 3, strides=2, activation="relu", name="features")(inputs)
    x = layers.BatchNormalization(momentum=0.8, name="norm")(x)
    x = layers.Dropout(0.1)(layers.GlobalAveragePooling2D()(x))
    return keras.Model(inputs, {"probabilities": verdict(x)}, name="full")


NETWORKS = {"plain": build_plain, "full": build_full}


def train_and_report(data: Path, out: Path, strategy: str, network: str) -> dict[str, Any]:
    """Result, history, number of devices and final weights (by path, as lists) of three epochs."""
    architecture = Architecture(NETWORKS[network], Preprocessing(16, "RGB", 1 / 255), has_folded_form=False)
    loops: list[loop.Loop] = []
    real_loop = loop.Loop

    def keep(*given: Any) -> loop.Loop:
        loops.append(real_loop(*given))
        return loops[0]

    # Training imports the loop when it starts. LiteRT and the chart do not depend on the strategy.
    with (
        patch.object(loop, "Loop", keep),
        patch.dict(ARCHITECTURES, {network: architecture}),
        patch.object(litert_file, "write_litert", lambda model, path, *_: path.write_bytes(b"")),
        patch.object(train, "save", lambda *_: None),
    ):
        training = arguments.Training(
            network, learning_rate=0.05, batch_size=8, epochs=3, strategy=strategy, faces=False
        )
        rows: list[dict[str, float]] = []
        result = train.fit(data, gather(data, None, 0), training, out, lambda row: rows.append(dict(row)))
    return {
        **asdict(result),
        "artifact": str(result.artifact),
        "rows": rows,
        "devices": loops[0].strategy.num_replicas_in_sync,
        "weights": {weight.path: np.asarray(weight).tolist() for weight in loops[0].model.weights},
    }


@dataclass
class Run:
    """Networks trained one after the other, each into its own folder."""

    name: str
    strategy: str
    networks: list[str]
    devices: int = 1  # logical devices that the processor is split into
    variables: dict[str, str] = field(default_factory=dict)

    def report(self, data: Path, out: Path) -> None:
        os.environ.update(self.variables)
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * self.devices)
        # A process may join the other machines only once.
        with patch.object(loop, "make_strategy", cache(loop.make_strategy)):
            found = {
                name: train_and_report(data, out / self.name / name, self.strategy, name) for name in self.networks
            }
        (out / f"{self.name}.json").write_text(json.dumps(found))


def main(data: str, out: str, runs: str) -> None:
    """Fork one process per run, after the imports (they take longer than the training) and before TensorFlow starts."""
    forked = multiprocessing.get_context("fork")
    processes = [
        forked.Process(target=Run(**given).report, args=(Path(data), Path(out)), daemon=True)
        for given in json.loads(runs)
    ]
    for process in processes:
        process.start()
    while running := [process.sentinel for process in processes if process.exitcode is None]:
        connection.wait(running)
        if any(process.exitcode for process in processes):
            sys.exit(1)  # another machine would wait for the one that has ended


if __name__ == "__main__":
    main(*sys.argv[1:])
