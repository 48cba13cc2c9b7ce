"""How a network is to be trained, as data."""

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
        architecture: a name of ``model.networks.registry``.
        optimizer: ``adam`` or ``sgd`` (with Nesterov momentum .9).
        learning_rate: to begin with; halved when the validation loss stays.
        batch_size: pictures per step, on all devices together.
        epochs: the most there will be.
        augment: degrade and mirror training pictures at random.
        mixed_precision: compute in float16 where there is a GPU.
        strategy: ``none``, ``mirrored`` or ``multiworker``, see ``model.training.loop.make_strategy``.
        pretrained: ``imagenet``, the path of a weights file, or None to start at random.
        seed: decides first weights, order and augmentation.
        patience: epochs without a better validation loss before the training stops.
        faces: learn from face crops, and leave out pictures without a face; otherwise learn from whole pictures.
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
            raise TrainingError(f"No architecture is called {self.architecture!r}: {', '.join(ARCHITECTURES)}.")
        if self.optimizer not in OPTIMIZERS:
            raise TrainingError(f"No optimizer is called {self.optimizer!r}: choose {' or '.join(OPTIMIZERS)}.")
        if self.strategy not in STRATEGIES:
            raise TrainingError(f"No strategy is called {self.strategy!r}: choose one of {', '.join(STRATEGIES)}.")
        if isinstance(self.pretrained, Path) and not self.pretrained.is_file():
            raise TrainingError(f"There is no weights file {self.pretrained}.")
        if not 0 < self.learning_rate < math.inf:
            raise TrainingError(f"The learning rate must be above 0 and finite, not {self.learning_rate}.")
        if min(self.batch_size, self.epochs, self.patience) < 1:
            raise TrainingError("Batch size, epochs and patience must each be at least 1.")
        if self.mixed_precision and self.strategy == "multiworker":
            # Keras's loss scaling decides on each machine by itself whether to take a step: one may wait for ever.
            raise TrainingError("Mixed precision works on one machine only; leave out --mixed-precision.")
        if self.strategy == "multiworker":
            check_machines()


def start_from(words: str) -> str | Path | None:
    """What ``--pretrained`` asks for, as ``Training.pretrained`` has it: ``none``, ``imagenet`` or a file's path."""
    return {"none": None, IMAGENET: IMAGENET}.get(words, Path(words))


def check_machines() -> None:
    """Refuse a ``TF_CONFIG`` with which TensorFlow would train alone in silence, or fail deep inside.

    Raises:
        TrainingError: if it is missing or does not name this machine.
    """
    told = os.environ.get("TF_CONFIG", "")
    wanted = (
        'it must be JSON such as {"cluster": {"worker": ["host1:12345", "host2:12345"]}, '
        '"task": {"type": "worker", "index": 0}}, with another index on each machine'
    )
    if not told.strip():
        raise TrainingError(f"--strategy multiworker needs the environment variable TF_CONFIG: {wanted}.")
    try:
        machines = json.loads(told)
        jobs, kind, number = machines["cluster"], machines["task"]["type"], machines["task"]["index"]
        here = jobs[kind][int(number)]
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise TrainingError(f"TF_CONFIG does not name this machine among others: {wanted}.") from error
    if not isinstance(here, str):
        raise TrainingError(f"TF_CONFIG does not tell this machine's address: {wanted}.")
