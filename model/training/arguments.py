"""The arguments of a training run, checked."""

from __future__ import annotations

import json
import math
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import TrainingError
from model.networks.pretrained import IMAGENET
from model.networks.registry import ARCHITECTURES

if TYPE_CHECKING:
    import keras

STRATEGIES = ("none", "mirrored", "multiworker")


def _adam(rate: float) -> keras.optimizers.Optimizer:
    from keras.optimizers import Adam

    return Adam(rate)


def _sgd(rate: float) -> keras.optimizers.Optimizer:
    from keras.optimizers import SGD

    return SGD(rate, momentum=0.9, nesterov=True)


OPTIMIZERS: dict[str, Callable[[float], keras.optimizers.Optimizer]] = {"adam": _adam, "sgd": _sgd}


@dataclass(frozen=True)
class Training:
    """How to train a network.

    Attributes:
        architecture: a name in ``model.networks.registry``.
        optimizer: ``adam`` or ``sgd`` (with Nesterov momentum 0.9).
        learning_rate: initial value; halved after half the patience without a better validation loss.
        batch_size: pictures per step, over all devices.
        epochs: maximum number of epochs.
        augment: degrade and mirror training pictures at random.
        mixed_precision: compute in float16 if there is a GPU.
        strategy: ``none``, ``mirrored`` or ``multiworker``, see ``model.training.loop.make_strategy``.
        pretrained: ``imagenet``, the path of a weights file, or None for random weights.
        seed: decides first weights, order and augmentation.
        patience: epochs without a better validation loss before the training stops.
        faces: train on face crops and leave out pictures without a face; if False, train on whole pictures.

    Raises:
        TrainingError: if a value is unknown or out of range, the weights file is missing, or ``multiworker`` is
            requested with mixed precision or without a valid ``TF_CONFIG``.
    """

    architecture: str
    optimizer: str = "adam"
    learning_rate: float = 1e-3
    batch_size: int = 32
    epochs: int = 10
    augment: bool = False
    mixed_precision: bool = False
    strategy: str = "none"
    pretrained: str | Path | None = None
    seed: int = 0
    patience: int = 4
    faces: bool = True

    def __post_init__(self) -> None:
        if self.architecture not in ARCHITECTURES:
            raise TrainingError(
                f"No architecture is called {self.architecture!r}; choose one of {', '.join(ARCHITECTURES)}."
            )
        if self.optimizer not in OPTIMIZERS:
            raise TrainingError(f"No optimizer is called {self.optimizer!r}; choose {' or '.join(OPTIMIZERS)}.")
        if self.strategy not in STRATEGIES:
            raise TrainingError(f"No strategy is called {self.strategy!r}; choose one of {', '.join(STRATEGIES)}.")
        if isinstance(self.pretrained, Path) and not self.pretrained.is_file():
            raise TrainingError(f"There is no weights file {self.pretrained}.")
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"The learning rate must be above 0 and finite, not {self.learning_rate}.")
        if min(self.batch_size, self.epochs, self.patience) < 1:
            raise TrainingError("Batch size, epochs and patience must each be at least 1.")
        if self.mixed_precision and self.strategy == "multiworker":
            # Keras's loss scaling decides separately on each machine whether to skip a step: the others then hang.
            raise TrainingError("Mixed precision works on one machine only; leave out --mixed-precision.")
        if self.strategy == "multiworker":
            check_machines()


def start_from(words: str) -> str | Path | None:
    """The value of ``Training.pretrained`` for a value of ``--pretrained``: ``none``, ``imagenet`` or a file's path."""
    return {"none": None, IMAGENET: IMAGENET}.get(words, Path(words))


def check_machines() -> None:
    """Check ``TF_CONFIG``: with a wrong one, TensorFlow trains on one machine without a warning, or fails unclearly.

    Raises:
        TrainingError: if it is missing or does not name this machine.
    """
    config = os.environ.get("TF_CONFIG", "")
    wanted = (
        'it must be JSON such as {"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
        '"task": {"type": "worker", "index": 0}}, with another index on each machine'
    )
    if not config.strip():
        raise TrainingError(f"--strategy multiworker needs the environment variable TF_CONFIG: {wanted}.")
    try:
        machines = json.loads(config)
        jobs, kind, number = machines["cluster"], machines["task"]["type"], machines["task"]["index"]
        here = jobs[kind][int(number)]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise TrainingError(f"TF_CONFIG does not name this machine among others: {wanted}.") from error
    if not isinstance(here, str):
        raise TrainingError(f"TF_CONFIG does not contain this machine's address: {wanted}.")
