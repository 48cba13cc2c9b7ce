"""Says how likely a face crop is Real or Fake, with the attention mask of the same pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import TFLITE, Card, load_artifact, named_after
from model.artifact.preprocessing import to_input
from model.detector.engine import Engine
from model.networks.export import load_keras
from model.paths import SHIPPED

if TYPE_CHECKING:
    import keras

VERDICTS = ("Fake", "Inconclusive", "Real")


@dataclass(frozen=True)
class Prediction:
    """What the model says of one face.

    Attributes:
        probabilities: ``{"Fake": p, "Real": 1 - p}``.
        verdict: ``Fake``, ``Real``, or ``Inconclusive`` where P(Fake) lies in the card's band.
        calibrated: whether the probabilities were temperature-scaled on validation data.
        attention: the attention mask ``(h, w) float32`` in 0..1 on its native grid, or None.
    """

    probabilities: Mapping[str, float]
    verdict: str
    calibrated: bool
    attention: NDArray[np.float32] | None


class Detector:
    """A model folder ready to judge face crops; safe to share between threads.

    Args:
        folder: a model folder (see ``model.artifact.card``).
        name: how to call it on screen; see ``model.artifact.card.named_after`` if None.

    Raises:
        ArtifactError: if the folder is no usable model.
    """

    def __init__(self, folder: Path = SHIPPED, name: str | None = None) -> None:
        self.name = name or named_after(folder).name
        self.card: Card = load_artifact(folder)
        self._folder = folder
        self._engine = Engine(folder / TFLITE)

    @cached_property
    def network(self) -> "keras.Model":
        """The same network under Keras, for gradients; its first use imports TensorFlow, which takes seconds."""
        return load_keras(self._folder)

    def predict(self, crop: NDArray[np.uint8]) -> Prediction:
        """Judge one face crop ``(S, S, 3) uint8`` RGB: probabilities and attention mask from one pass."""
        return self.predict_all(crop[None])[0]

    def predict_all(self, crops: NDArray[np.uint8]) -> tuple[Prediction, ...]:
        """Judge face crops ``(N, S, S, 3) uint8`` RGB, N of 1 or more, in batches."""
        probabilities, masks = self._run(crops)
        named = [dict(zip(self.card.labels, map(float, row), strict=True)) for row in probabilities]
        calibrated = self.card.temperature is not None
        return tuple(
            Prediction(of_one, self.verdict(of_one["Fake"]), calibrated, None if masks is None else masks[place])
            for place, of_one in enumerate(named)
        )

    def probabilities(self, crops: NDArray[np.uint8]) -> NDArray[np.float64]:
        """Probabilities ``(N, 2)`` of crops ``(N, S, S, 3) uint8`` RGB, columns in the order of ``card.labels``."""
        return self._run(crops)[0]

    @property
    def patch_grid(self) -> tuple[int, int] | None:
        """Rows and columns of the patches that the network can be asked without; None where it needs the whole crop."""
        return self._engine.patch_grid

    def probabilities_of_patches(self, crop: NDArray[np.uint8], seen: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Probabilities of one crop when the network gets some of its patches and nothing in place of the others.

        Args:
            crop: ``(S, S, 3) uint8`` RGB.
            seen: ``(N, rows, columns) bool``, see ``patch_grid``; which patches the network gets, in N choices.

        Returns:
            ``(N, 2)``, columns in the order of ``card.labels``.
        """
        kept = [np.flatnonzero(choice).astype(np.int32) for choice in seen]
        return self._scaled(self._engine.of_kept(to_input(crop[None], self.card.preprocessing)[0], kept))

    def verdict(self, p_fake: float) -> str:
        """The verdict that the card's inconclusive band gives to a probability of Fake."""
        low, high = self.card.inconclusive_band
        if low < p_fake < high:
            return "Inconclusive"
        return "Fake" if p_fake >= high else "Real"

    def _run(self, crops: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        outputs = self._engine(to_input(crops, self.card.preprocessing))
        mask = outputs.get("attention")
        return self._scaled(outputs["probabilities"]), None if mask is None else mask[..., 0]

    def _scaled(self, probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
        bias = [self.card.fake_bias if label == "Fake" else 0.0 for label in self.card.labels]
        return scale_by_temperature(probabilities, self.card.temperature or 1.0, bias)


def scale_by_temperature(
    probabilities: NDArray[np.floating], temperature: float, bias: Sequence[float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Softmax probabilities ``(N, 2)`` with their logits divided by a temperature and shifted by a bias.

    Temperatures above 1 soften (Guo et al., arXiv 1706.04599); the bias, one number per class, moves the point where
    the classes balance (Platt scaling). Neither changes the order of pictures.
    """
    tiny = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities.astype(np.float64), tiny)) / temperature + np.asarray(bias)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
