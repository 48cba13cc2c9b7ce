"""The training loop for a single device, several devices of one machine, and several machines.

``keras.Model.fit`` of Keras 3.15 cannot train under ``MultiWorkerMirroredStrategy``: it reduces whole tuples of
batches, and scalar metrics along an axis that they don't have (keras-team/keras, issue 20585). The loop therefore uses
``tf.distribute`` directly, for all strategies.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import keras
import numpy as np
import tensorflow as tf
from numpy.typing import NDArray
from tqdm import tqdm

from model.errors import TrainingError
from model.training.arguments import STRATEGIES, check_machines

Batches = Callable[[int, tuple[int, int]], tf.data.Dataset]  # arguments: batch size and shard, see ``streams.stream``


def make_strategy(name: str) -> tf.distribute.Strategy:
    """A ``tf.distribute`` strategy by name; call this before any other TensorFlow function.

    Args:
        name: ``none`` for one device, ``mirrored`` for every GPU of this machine (without GPUs: every logical CPU),
            ``multiworker`` for every machine that the environment variable ``TF_CONFIG`` names.

    Raises:
        TrainingError: if the name is unknown, or ``TF_CONFIG`` is missing or does not name this machine.
    """
    if name == "none":
        return tf.distribute.get_strategy()
    if name == "mirrored":
        devices = tf.config.list_logical_devices("GPU") or tf.config.list_logical_devices("CPU")
        return tf.distribute.MirroredStrategy([device.name for device in devices])
    if name == "multiworker":
        check_machines()
        return tf.distribute.MultiWorkerMirroredStrategy()
    raise TrainingError(f"No strategy is called {name!r}; choose one of {', '.join(STRATEGIES)}.")


def is_chief(strategy: tf.distribute.Strategy) -> bool:
    """Whether this process is the chief, which writes the files."""
    resolver = strategy.cluster_resolver
    if resolver is None or not resolver.task_type:
        return True
    has_chief = "chief" in resolver.cluster_spec().jobs
    return resolver.task_type == "chief" or (not has_chief and resolver.task_type == "worker" and not resolver.task_id)


@contextmanager
def precision(mixed: bool) -> Iterator[None]:
    """If ``mixed``, networks built in this context compute in float16 and keep their weights in float32."""
    before = keras.config.dtype_policy()
    if mixed:
        keras.config.set_dtype_policy("mixed_float16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)


class Loop:
    """Trains a network epoch by epoch under a strategy.

    Keras callbacks get the loop in place of a model: it has the ``optimizer``, and callbacks may set
    ``stop_training``.

    Args:
        model: built under ``strategy.scope()``; its outputs include ``probabilities (N, 2)``.
        optimizer: also made under ``strategy.scope()``.
        strategy: see ``make_strategy``.
        batch_size: pictures per step, over all devices.

    Raises:
        TrainingError: if the batch can't be divided evenly among the devices.
    """

    def __init__(
        self,
        model: keras.Model,
        optimizer: keras.optimizers.Optimizer,
        strategy: tf.distribute.Strategy,
        batch_size: int,
    ) -> None:
        replicas = strategy.num_replicas_in_sync
        if batch_size % replicas:
            raise TrainingError(f"A batch of {batch_size} pictures can't be shared evenly by {replicas} devices.")
        self.model = model
        self.optimizer = optimizer
        self.strategy = strategy
        self.batch_size = batch_size
        self.stop_training = False
        with strategy.scope():
            optimizer.build(model.trainable_variables)
        self._train_step = tf.function(self._train_on_replicas, reduce_retracing=True)
        self._predict_step = tf.function(self._predict_on_replicas, reduce_retracing=True)
        self._settle = tf.function(lambda: strategy.run(self._average_statistics))

    @property
    def variables(self) -> list[keras.Variable]:
        """Everything that training changes: weights, batch statistics, seeds and the optimizer's state."""
        return [*self.model.variables, *self.optimizer.variables]

    @property
    def multiple_of(self) -> int:
        """The number of pictures per epoch must be a multiple of this.

        On a device without a picture, a step fails or corrupts the batch norms.
        """
        return self.batch_size if self.strategy.num_replicas_in_sync > 1 else 1

    def agree_on(self, epochs: int) -> None:
        """Check that all machines have done the same number of epochs.

        Raises:
            TrainingError: if the machines see different states of the run.
        """
        here = tf.constant(epochs, tf.float32)

        @tf.function
        def mean() -> tf.Tensor:
            return tf.distribute.get_replica_context().all_reduce(tf.distribute.ReduceOp.MEAN, here)

        if float(self.strategy.experimental_local_results(self.strategy.run(mean))[0]) != epochs:
            raise TrainingError("The machines do not see the same run folder: share it, or name a new one on each.")

    def train_epoch(self, batches: Batches, count: int, title: str | None = None) -> dict[str, float]:
        """Train one epoch; returns its mean ``loss`` and ``accuracy``, each batch measured before its weight update.

        Args:
            batches: returns a new stream of training pictures.
            count: number of training pictures.
            title: title of the progress bar, which is shown only on a terminal; None shows none.
        """
        total = tf.zeros(3)
        steps = tqdm(self._distribute(batches), title, -(-count // self.batch_size), disable=None if title else True)
        for pixels, labels in steps:
            total += self._train_step(pixels, labels)
        if self.strategy.num_replicas_in_sync > 1:
            self._settle()
        loss, right, seen = (float(value) for value in total)
        return {"loss": loss / seen, "accuracy": right / seen}

    def evaluate(self, batches: Batches) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Probabilities and one-hot labels, both ``(N, 2) float32``, of all labelled pictures; equal on all machines.

        Pictures with labels of zeros only fill the last batch (see ``streams.stream``) and are left out.
        """
        parts = [self._predict_step(pixels, labels) for pixels, labels in self._distribute(batches)]
        probabilities, labels = (
            np.concatenate([np.asarray(part) for part in each]) for each in zip(*parts, strict=True)
        )
        labelled = labels.any(axis=1)
        return probabilities[labelled], labels[labelled]

    def _distribute(self, batches: Batches) -> tf.distribute.DistributedDataset:
        def mine(context: tf.distribute.InputContext) -> tf.data.Dataset:
            size = context.get_per_replica_batch_size(self.batch_size)
            return batches(size, (context.num_input_pipelines, context.input_pipeline_id))

        return self.strategy.distribute_datasets_from_function(mine)

    def _train_on_replicas(self, pixels: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        sums = self.strategy.run(self._train_on_device, (pixels, labels))
        return self.strategy.reduce(tf.distribute.ReduceOp.SUM, sums, axis=None)

    def _train_on_device(self, pixels: tf.Tensor, labels: tf.Tensor) -> tf.Tensor:
        """One step on one device; returns ``(loss, right, count)`` as sums over its pictures."""
        replica = tf.distribute.get_replica_context()
        count = tf.cast(tf.shape(labels)[0], tf.float32)
        everywhere = replica.all_reduce(tf.distribute.ReduceOp.SUM, count)
        with tf.GradientTape() as tape:
            probabilities = tf.cast(self.model(pixels, training=True)["probabilities"], tf.float32)
            loss = tf.reduce_sum(keras.losses.categorical_crossentropy(labels, probabilities))
            # The optimizer sums the gradients of all devices, so each device divides by the pictures of all devices.
            scaled = self.optimizer.scale_loss(loss / everywhere)
        variables = self.model.trainable_variables
        self.optimizer.apply_gradients(zip(tape.gradient(scaled, variables), variables, strict=True))
        right = tf.cast(tf.equal(tf.argmax(labels, 1), tf.argmax(probabilities, 1)), tf.float32)
        return tf.stack([loss, tf.reduce_sum(right), count])

    def _average_statistics(self) -> None:
        """Set the batch statistics of all devices to their mean, because each device has measured only its pictures."""
        replica = tf.distribute.get_replica_context()
        for variable in self.model.non_trainable_weights:
            if variable.dtype.startswith("float"):
                variable.assign(replica.all_reduce(tf.distribute.ReduceOp.MEAN, tf.identity(variable.value)))

    def _predict_on_replicas(self, pixels: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        probabilities, labels = self.strategy.run(self._predict_on_device, (pixels, labels))
        return self.strategy.gather(probabilities, axis=0), self.strategy.gather(labels, axis=0)

    def _predict_on_device(self, pixels: tf.Tensor, labels: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(self.model(pixels, training=False)["probabilities"], tf.float32), labels
