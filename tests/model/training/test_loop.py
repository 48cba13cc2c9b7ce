"""Tests of the training loop: training and validation in an epoch, and the devices that share it."""

from __future__ import annotations

import logging
from pathlib import Path
from types import SimpleNamespace

import keras
import numpy as np
import pytest
import tensorflow as tf

from model.artifact.preprocessing import Preprocessing
from model.errors import TrainingError
from model.networks.registry import ARCHITECTURES, build
from model.training.epochs import validation_measures
from model.training.loop import Loop, is_chief, make_strategy, precision
from model.training.streams import stream
from model.training.train import fit
from tests.model.training.plain import PLAIN, Data, settings


def test_validation_gives_loss_accuracy_and_auc() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)
    labels = np.array([[1, 0], [1, 0], [0, 1], [0, 1]], np.float32)
    figures = validation_measures(probabilities, labels)
    assert figures["val_loss"] == pytest.approx(-np.log([0.9, 0.4, 0.7, 0.8]).mean(), rel=1e-5)
    assert figures["val_accuracy"] == 0.75 and figures["val_auc"] == 1


def test_loss_is_finite_for_certain_and_wrong_predictions() -> None:
    figures = validation_measures(np.array([[0, 1], [0, 1]], np.float32), np.array([[1, 0], [0, 1]], np.float32))
    assert 5 < figures["val_loss"] < 20


@pytest.mark.slow
def test_every_validation_picture_is_judged_once(data: Data) -> None:
    """Twelve pictures in batches of eight; the last batch is small or filled."""
    root, examples = data
    chosen = [example for example in examples if example.split == "val"]
    model = build(PLAIN)
    loop = Loop(model, keras.optimizers.SGD(0.0), make_strategy("none"), 8)
    preprocessing = ARCHITECTURES[PLAIN].preprocessing

    def batches(size: int, shard: tuple[int, int]) -> tf.data.Dataset:
        return stream(root, chosen, preprocessing, size, shard=shard)

    probabilities, labels = loop.evaluate(batches)
    assert probabilities.shape == labels.shape == (12, 2)
    expected = np.asarray(model(next(iter(batches(12, (1, 0))))[0])["probabilities"])
    np.testing.assert_allclose(probabilities, expected, atol=1e-5)
    filled, _ = loop.evaluate(lambda size, shard: stream(root, chosen, preprocessing, size, multiple_of=8, fill=True))
    np.testing.assert_allclose(filled, expected, atol=1e-5)  # pictures that only fill the batch are not judged


@pytest.mark.slow
def test_mixed_precision_computes_in_float16_and_keeps_float32_weights(data: Data) -> None:
    root, examples = data
    keras.utils.set_random_seed(0)
    with precision(True):
        model = build(PLAIN)
        optimizer = keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam(0.02))
    assert keras.config.dtype_policy().name == "float32"
    assert model.layers[1].compute_dtype == "float16" and model.layers[1].kernel.dtype == "float32"
    loop = Loop(model, optimizer, make_strategy("none"), 8)
    chosen = [example for example in examples if example.split == "train"]
    losses = [
        loop.train_epoch(lambda size, shard, e=e: stream(root, chosen, Preprocessing(16, "RGB", 1 / 255), size, e), 40)[
            "loss"
        ]
        for e in range(4)
    ]
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.usefixtures("no_training", "no_export")
def test_mixed_precision_without_a_gpu_gives_a_warning(
    data: Data, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tf.config, "list_physical_devices", lambda *_: [])
    with caplog.at_level(logging.WARNING):
        fit(*data, settings(mixed_precision=True, epochs=1), tmp_path / "run")
    assert "without a GPU: training in float32" in caplog.text


def test_batch_that_devices_cannot_share_is_refused() -> None:
    strategy = SimpleNamespace(num_replicas_in_sync=3)
    with pytest.raises(TrainingError, match="batch of 8 pictures can't be shared evenly by 3 devices"):
        Loop(build(PLAIN), keras.optimizers.SGD(), strategy, 8)


@pytest.mark.parametrize(
    ("tf_config", "words"),
    [
        (None, "needs the environment variable TF_CONFIG"),
        ("{cluster", "does not name this machine"),
        ("[]", "does not name this machine"),
        ('{"cluster": {"worker": ["a:1"]}}', "does not name this machine"),
        ('{"cluster": {"worker": ["a:1"]}, "task": {"type": "worker", "index": 1}}', "does not name this machine"),
        ('{"cluster": {"worker": "a:1"}, "task": {"type": "chief", "index": 0}}', "does not name this machine"),
        ('{"cluster": {"worker": [1]}, "task": {"type": "worker", "index": 0}}', "address"),
    ],
)
def test_wrong_tf_config_is_refused_in_one_sentence(
    tf_config: str | None, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TF_CONFIG", raising=False)
    if tf_config is not None:
        monkeypatch.setenv("TF_CONFIG", tf_config)
    with pytest.raises(TrainingError, match=words):
        make_strategy("multiworker")
    with pytest.raises(TrainingError, match=words):
        settings(strategy="multiworker")


@pytest.mark.parametrize(
    ("kind", "number", "jobs", "chief"),
    [
        (None, None, [], True),
        ("worker", 0, ["worker"], True),
        ("worker", 1, ["worker"], False),
        ("chief", 0, ["chief", "worker"], True),
        ("worker", 0, ["chief", "worker"], False),
    ],
)
def test_one_machine_is_the_chief(kind: str | None, number: int | None, jobs: list[str], chief: bool) -> None:
    resolver = SimpleNamespace(task_type=kind, task_id=number, cluster_spec=lambda: SimpleNamespace(jobs=jobs))
    assert is_chief(SimpleNamespace(cluster_resolver=resolver)) is chief
    assert is_chief(SimpleNamespace(cluster_resolver=None))
