"""Trains and validates epoch by epoch, keeps the best weights, and resumes a stopped run."""

import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS
from model.data.layout import Example
from model.errors import TrainingError
from model.evaluation.metrics import accuracy, auc
from model.networks.registry import ARCHITECTURES
from model.training import runs
from model.training.arguments import Training
from model.training.loop import Loop
from model.training.streams import stream

RATE_FACTOR = 0.5  # for the learning rate, after half the patience without a better validation loss
SEEDS_PER_RUN = 10_000  # more than any run has epochs, so that runs with different seeds share no shuffle seed
OnEpoch = Callable[[Mapping[str, float]], None]


class Epochs:
    """The epochs of one run.

    Attributes:
        rows: the history, one row per epoch.

    Args:
        loop: the network's training loop.
        data: the data folder.
        train_set: pictures to train on.
        val_set: pictures to validate on.
        training: the training arguments.
        out: the run's folder, with the state of a stopped run if there is one.
        writes: whether this process writes files to ``out``.

    Raises:
        TrainingError: if the machines do not see the same state.
        RunError: if the state belongs to another network or optimizer.
    """

    def __init__(
        self,
        loop: Loop,
        data: Path,
        train_set: Sequence[Example],
        val_set: Sequence[Example],
        training: Training,
        out: Path,
        writes: bool,
    ) -> None:
        self._loop, self._data, self._training = loop, data, training
        self._train_set, self._val_set = train_set, val_set
        self._out, self._writes = out, writes
        self._preprocessing = ARCHITECTURES[training.architecture].preprocessing
        self._callbacks = _callbacks(training.patience, loop)
        self.rows = runs.read_rows(out)[: runs.restore_state(out, loop.variables)]
        loop.agree_on(len(self.rows))
        # Replay the history to the callbacks, which restores patience and learning rate.
        loop.optimizer.learning_rate = training.learning_rate
        for row in self.rows:
            self._notify_callbacks(row)

    @property
    def best(self) -> dict[str, float]:
        """The row of the epoch with the lowest validation loss."""
        return min(self.rows, key=lambda row: row["val_loss"])

    def run(self, on_epoch: OnEpoch | None = None) -> None:
        """Train until the epochs or the patience are used up; ``on_epoch`` gets each row after it is written.

        Raises:
            TrainingError: if the training or validation loss becomes infinite or NaN.
        """
        while len(self.rows) < self._training.epochs and not self._loop.stop_training:
            row = self._next()
            self.rows.append(row)
            self._notify_callbacks(row)
            if self._writes:
                if self.best is row:
                    self._loop.model.save_weights(self._out / runs.BEST)
                runs.write_rows(self._out, self.rows)
                runs.write_state(self._out, len(self.rows), self._loop.variables)
            if on_epoch is not None:
                on_epoch(row)

    def _next(self) -> dict[str, float]:
        """Train and validate one more epoch and return its row."""
        number, began = len(self.rows) + 1, time.monotonic()
        rate = float(np.asarray(self._loop.optimizer.learning_rate))
        title = f"epoch {number} of {self._training.epochs}" if self._writes else None
        figures = self._loop.train_epoch(self._training_batches, len(self._train_set), title)
        figures |= validation_measures(*self._loop.evaluate(self._validation_batches))
        if not math.isfinite(figures["loss"] + figures["val_loss"]):
            raise TrainingError(f"The loss was not finite in epoch {number}; try a lower learning rate.")
        return {"epoch": number, **figures, "learning_rate": rate, "seconds": round(time.monotonic() - began, 2)}

    def _training_batches(self, size: int, shard: tuple[int, int]) -> tf.data.Dataset:
        # The order depends only on the seed and the epoch's number, so a resumed run sees the same batches.
        seed = self._training.seed * SEEDS_PER_RUN + len(self.rows)
        augment, multiple_of = self._training.augment, self._loop.multiple_of
        return stream(
            self._data, self._train_set, self._preprocessing, size, seed, augment, multiple_of=multiple_of, shard=shard
        )

    def _validation_batches(self, size: int, shard: tuple[int, int]) -> tf.data.Dataset:
        multiple_of = self._loop.multiple_of
        return stream(
            self._data, self._val_set, self._preprocessing, size, multiple_of=multiple_of, fill=True, shard=shard
        )

    def _notify_callbacks(self, row: Mapping[str, float]) -> None:
        for callback in self._callbacks:
            callback.on_epoch_end(int(row["epoch"]) - 1, dict(row))


def validation_measures(probabilities: NDArray[np.float32], labels: NDArray[np.float32]) -> dict[str, float]:
    """Validation loss, accuracy and AUC from probabilities and one-hot labels, both ``(N, 2) float32``."""
    fake = LABELS.index("Fake")
    p_fake, is_fake = probabilities[:, fake].astype(np.float64), labels[:, fake] > 0.5
    p_true = np.maximum((probabilities * labels).sum(axis=1), keras.config.epsilon())
    return {
        "val_loss": float(-np.log(p_true).mean()),
        "val_accuracy": accuracy(p_fake, is_fake),
        "val_auc": auc(p_fake, is_fake),
    }


def _callbacks(patience: int, loop: Loop) -> list[keras.callbacks.Callback]:
    monitored = {"monitor": "val_loss", "mode": "min"}
    half = max(1, patience // 2)
    callbacks = [
        keras.callbacks.ReduceLROnPlateau(**monitored, factor=RATE_FACTOR, patience=half, min_delta=0),
        keras.callbacks.EarlyStopping(**monitored, patience=patience),
    ]
    for callback in callbacks:
        callback.set_model(loop)
        callback.on_train_begin()
    return callbacks
