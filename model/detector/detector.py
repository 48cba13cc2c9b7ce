"""Computes the probabilities of Fake and Real for face crops, with the attention masks of the same pass."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from model.artifact.card import MASK, ONNX, TFLITE, Card, load_artifact, named_after, part_folder
from model.artifact.preprocessing import to_input
from model.artifact.views import View
from model.detector.engine import ClosedEngine, Engine
from model.detector.onnx_engine import OnnxEngine
from model.errors import ArtifactError
from model.i18n.catalogue import Message
from model.networks.export import load_keras
from model.paths import SHIPPED

if TYPE_CHECKING:
    import keras

VERDICTS = ("Fake", "Inconclusive", "Real")


@dataclass(frozen=True)
class Prediction:
    """The model's answer for one face.

    Attributes:
        probabilities: ``{"Fake": p, "Real": 1 - p}``.
        verdict: ``Fake``, ``Real``, or ``Inconclusive`` if P(Fake) lies inside the card's band.
        calibrated: whether the probabilities are scaled by a temperature that was fitted on validation data.
        attention: the attention mask ``(h, w) float32`` in 0..1 on the network's grid, averaged over the card's views;
            None if the network has none.
    """

    probabilities: Mapping[str, float]
    verdict: str
    calibrated: bool
    attention: NDArray[np.float32] | None


class Detector:
    """An open model folder that judges face crops; threads can share it.

    Args:
        folder: a model folder (see ``model.artifact.card``).
        name: the name on screen; None takes that of ``model.artifact.card.named_after``.
        shared: whether its answers may be kept for other visitors.

    Raises:
        ArtifactError: if the folder is not a usable model.
    """

    def __init__(self, folder: Path = SHIPPED, name: str | None = None, shared: bool = True) -> None:
        self.shared = shared
        self.name = name or named_after(folder).name
        self.card: Card = load_artifact(folder)
        self._folder = folder
        self._parts = tuple((Detector(part_folder(folder, part)), part.weight) for part in self.card.parts)
        self._engine = self._open_engine()

    def _open_engine(self) -> Engine | OnnxEngine | ClosedEngine:
        if self._parts:
            return ClosedEngine()  # only its parts have networks
        onnx = self.card.onnx
        return Engine(self._folder / TFLITE) if onnx is None else OnnxEngine(self._folder / ONNX, onnx)

    def close(self) -> None:
        """Give the network's memory back; later calls raise an ``ArtifactError``."""
        for part, _ in self._parts:
            part.close()
        self._engine = ClosedEngine()
        self.__dict__.pop("network", None)

    @property
    def folder(self) -> Path:
        """The model's folder, from which another process can open it."""
        return self._folder

    @property
    def has_files(self) -> bool:
        """Whether the model's file is still there; an open detector does not need it, but its Keras network does.

        An ONNX network has no Keras network, and a combined model has none of its own.
        """
        if self._parts:
            return all(part.has_files for part, _ in self._parts)
        return self.card.onnx is not None or (self._folder / TFLITE).is_file()

    @cached_property
    def network(self) -> "keras.Model":
        """The same network in Keras, for gradients; the first use imports TensorFlow, which takes seconds.

        An ONNX network and a combined model have none.
        """
        return load_keras(self._folder)

    def predict(self, crop: NDArray[np.uint8]) -> Prediction:
        """Judge one face crop ``(S, S, 3) uint8`` RGB: probabilities and attention mask of the same pass."""
        return self.predict_all(crop[None])[0]

    def predict_all(self, crops: NDArray[np.uint8]) -> tuple[Prediction, ...]:
        """Judge face crops ``(N, S, S, 3) uint8`` RGB, N of 1 or more, in batches."""
        probabilities, masks = self._run(crops)
        if self.rolls_out_attention and isinstance(self._engine, OnnxEngine):
            masks = self._engine.rollouts(to_input(crops, self.card.preprocessing))
        named = [dict(zip(self.card.labels, map(float, row), strict=True)) for row in probabilities]
        calibrated = self.card.temperature is not None
        return tuple(
            Prediction(shares, self.verdict(shares["Fake"]), calibrated, None if masks is None else masks[row])
            for row, shares in enumerate(named)
        )

    def probabilities(
        self, crops: NDArray[np.uint8], in_turn: bool | NDArray[np.integer] = False
    ) -> NDArray[np.float64]:
        """Probabilities ``(N, 2)`` of crops ``(N, S, S, 3) uint8`` RGB, columns in the order of ``card.labels``.

        Args:
            crops: ``N`` is 1 or more.
            in_turn: use only one of the card's views for each crop; crops 0 and 1 get the first view, 2 and 3 the
                second, and so on, cyclically. An average over many crops then also estimates the average over the
                views, at the cost of one view. Integers ``(N,)`` choose the view of each crop instead, cyclically.
        """
        turns = self._turns(len(crops), in_turn)
        if turns is None:
            return self._run(crops)[0]
        return _in_turn(turns, lambda turn, rows: self._run(crops[rows], (self.card.views[turn],))[0])

    def _turns(self, count: int, in_turn: bool | NDArray[np.integer]) -> NDArray[np.integer] | None:
        """The number of the view of each of ``count`` answers, ``(count,)``; None if each takes all views."""
        if in_turn is False or len(self.card.views) == 1:
            return None
        return (np.arange(count) // 2 if in_turn is True else np.asarray(in_turn)) % len(self.card.views)

    @property
    def rolls_out_attention(self) -> bool:
        """Whether the attention of a prediction is a transformer's rollout, see ``model.detector.rollout``."""
        return self.card.onnx is not None and bool(self.card.onnx.attentions)

    @property
    def patch_grid(self) -> tuple[int, int] | None:
        """Rows and columns of the patches that can be left out; None if the network needs the whole crop."""
        if self._parts:  # the others see a picture
            grids = {part.patch_grid for part, _ in self._parts} - {None}
            return grids.pop() if len(grids) == 1 else None
        return self._engine.patch_grid if isinstance(self._engine, Engine) else None

    def probabilities_of_patches(
        self,
        crop: NDArray[np.uint8],
        shown: NDArray[np.uint8],
        seen: NDArray[np.bool_],
        in_turn: bool | NDArray[np.integer] = False,
    ) -> NDArray[np.float64]:
        """Probabilities of one crop when the network gets only some of its patches, with no replacement for the others.

        Args:
            crop: ``(S, S, 3) uint8`` RGB.
            shown: the N selections as pictures, ``(N, S, S, 3) uint8``, for those parts of a combined model that need
                a whole picture.
            seen: ``(V, N, rows, columns) bool``: the patches that the network gets, in each of the card's V views, for
                N selections; see ``patch_grid``. A patch shows different pixels in each view.
            in_turn: as for ``probabilities``, for the N selections in place of crops.

        Returns:
            ``(N, 2)``, columns in the order of ``card.labels``.
        """

        def of_view(turn: int, rows: NDArray[np.bool_]) -> NDArray[np.floating]:
            view = self.card.views[turn]
            return self._of_patches(view.shown(crop[None])[0], view.shown(shown[rows]), seen[turn, rows])

        turns = self._turns(len(shown), in_turn)
        if turns is not None:
            return self._scaled(_in_turn(turns, of_view))
        every = np.ones(len(shown), bool)
        return self._scaled(_sum_of_logits([of_view(turn, every) for turn in range(len(self.card.views))]))

    def _of_patches(
        self, crop: NDArray[np.uint8], shown: NDArray[np.uint8], seen: NDArray[np.bool_]
    ) -> NDArray[np.floating]:
        """Unscaled probabilities ``(N, 2)`` of one view of a crop from patches ``(N, rows, columns)``."""
        if self._parts:
            return self._mixed([part._of_patches(crop, shown, seen) for part, _ in self._parts])
        if not isinstance(self._engine, Engine) or self.patch_grid is None:
            return self._outputs(shown)["probabilities"]
        pixels = to_input(crop[None], self.card.preprocessing)[0]
        return self._engine.of_kept(pixels, [np.flatnonzero(choice).astype(np.int32) for choice in seen])

    def verdict(self, p_fake: float) -> str:
        """The verdict for a probability of Fake, by the card's inconclusive band; its bounds are outside it."""
        low, high = self.card.inconclusive_band
        if low < p_fake < high:
            return "Inconclusive"
        return "Fake" if p_fake >= high else "Real"

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32] | None]:
        """Probabilities and masks, averaged over ``views``, or over the card's views if none are given."""
        views = views or self.card.views
        outputs = self._outputs(np.concatenate([view.shown(crops) for view in views]))
        probabilities = _sum_of_logits(np.split(outputs["probabilities"], len(views)))
        if MASK not in outputs:
            return self._scaled(probabilities), None
        masks = np.split(outputs[MASK][..., 0], len(views))
        back = [view.undone(mask) for view, mask in zip(views, masks, strict=True)]
        return self._scaled(probabilities), back[0] if len(back) == 1 else np.mean(back, axis=0)

    def _outputs(self, crops: NDArray[np.uint8]) -> Mapping[str, NDArray[np.float32]]:
        """The network's outputs for crops in one of their views; the mask is that of the first part with one."""
        if not self._parts:
            return self._engine(to_input(crops, self.card.preprocessing))
        outputs = [part._outputs(crops) for part, _ in self._parts]
        mask = next(({MASK: output[MASK]} for output in outputs if MASK in output), {})
        return {**mask, "probabilities": self._mixed([output["probabilities"] for output in outputs])}

    def _mixed(self, probabilities: Sequence[NDArray[np.floating]]) -> NDArray[np.floating]:
        """The combined model's answers ``(N, 2)`` from those of its parts."""
        columns = [
            answers if part.card.labels == self.card.labels else answers[:, ::-1]
            for answers, (part, _) in zip(probabilities, self._parts, strict=True)
        ]
        return _sum_of_logits(columns, [weight for _, weight in self._parts])

    def _scaled(self, probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
        bias = [self.card.fake_bias if label == "Fake" else 0.0 for label in self.card.labels]
        scaled = scale_by_temperature(probabilities, self.card.temperature or 1.0, bias)
        if not np.isfinite(scaled).all():  # which the band would call real
            raise ArtifactError(Message("model.not_finite", model=self.name))
        return scaled


def _in_turn(
    turns: NDArray[np.integer], answer: Callable[[int, NDArray[np.bool_]], NDArray[np.floating]]
) -> NDArray[np.float64]:
    """Probabilities ``(N, 2)``, each of its own view: ``answer`` takes a view's number and the rows that it answers."""
    answers = np.empty((len(turns), 2))
    for turn in np.unique(turns):
        answers[turns == turn] = answer(int(turn), turns == turn)
    return answers


def _sum_of_logits(
    probabilities: Sequence[NDArray[np.floating]], weights: Sequence[float] | None = None
) -> NDArray[np.floating]:
    """Softmax probabilities ``(N, 2)`` of the weighted sum of several logits; without weights, of their mean."""
    if len(probabilities) == 1:
        return probabilities[0]
    tiny = np.finfo(np.float32).tiny
    logits = [np.log(np.maximum(answers.astype(np.float64), tiny)) for answers in probabilities]
    weights = weights or [1 / len(logits)] * len(logits)
    return scale_by_temperature(np.exp(np.tensordot(weights, logits, 1)), 1.0)


def scale_by_temperature(
    probabilities: NDArray[np.floating], temperature: float, bias: Sequence[float] = (0.0, 0.0)
) -> NDArray[np.float64]:
    """Softmax probabilities ``(N, 2)`` with their logits divided by a temperature and shifted by a bias.

    A temperature above 1 makes probabilities less extreme (Guo et al., arXiv 1706.04599); the bias, one number per
    class, shifts the threshold between the classes (Platt scaling). Neither changes the ranking of pictures.
    """
    tiny = np.finfo(np.float32).tiny
    logits = np.log(np.maximum(probabilities.astype(np.float64), tiny)) / temperature + np.asarray(bias)
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    return powers / powers.sum(axis=1, keepdims=True)
