"""The one road from a photo to a verdict with its reasons; page, API and command line all take it."""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field, replace
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.attention_map import attention_map
from explain.attribution import Attribution
from explain.hiding import HIDES
from explain.lime_map import LimeExplainer
from explain.superpixels import MAX_COUNT, METHODS, MIN_COUNT, segment
from model.detector import Detector, Prediction
from model.faces import Face, find_faces, whole_picture
from model.photo import Photo, open_photo

MIN_SAMPLES, MAX_SAMPLES = 100, 5000
TARGETS = ("Fake", "Real")


class SettingsError(ValueError):
    """A setting is out of range; the message names it, the value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """What to explain and how.

    Attributes:
        target: class that LIME explains, ``Fake`` or ``Real``; None for the likelier one.
        superpixels: about how many regions to cut the face into, 2..400.
        samples: perturbed crops that LIME asks the model about, 100..5000.
        segmentation: how to cut, one of ``explain.superpixels.METHODS``.
        hide: what a hidden region looks like, one of ``explain.hiding.HIDES``.
        seed: decides LIME's masks.
        smooth_attention: interpolate the attention mask between its cells.
        face: which face to analyse, 0 for the largest.
        whole_picture: analyse the photo's central square when no face is found, because the user asked to.
    """

    target: str | None = None
    superpixels: int = 50
    samples: int = 1000
    segmentation: str = "slic"
    hide: str = "mean"
    seed: int = 0
    smooth_attention: bool = False
    face: int = 0
    whole_picture: bool = False

    def __post_init__(self) -> None:
        if self.target not in (*TARGETS, None):
            raise SettingsError(f"The class to explain must be Fake or Real, not {self.target!r}.")
        _require_range("superpixels", self.superpixels, MIN_COUNT, MAX_COUNT)
        _require_range("samples", self.samples, MIN_SAMPLES, MAX_SAMPLES)
        _require_range("seed", self.seed, 0, 2**32 - 1)
        if self.segmentation not in METHODS:
            raise SettingsError(f"segmentation must be {_one_of(METHODS)}, not {self.segmentation!r}.")
        if self.hide not in HIDES:
            raise SettingsError(f"hide must be {_one_of(HIDES)}, not {self.hide!r}.")


@dataclass(frozen=True)
class Analysis:
    """What is known of a photo so far; each one that ``analyze`` yields knows more.

    Attributes:
        photo: the decoded photo.
        faces: every face found, largest first.
        chosen: the face that was analysed, or None where the photo shows none.
        prediction: the model's word on the chosen face, or None before it or without a face.
        attributions: maps by method, ``attention`` and ``lime``.
        settings: as asked for, with the class that is explained filled in.
        model: name, architecture and SHA-256 of the model.
        seconds: time spent per step.
        complete: nothing more will come.
    """

    photo: Photo
    faces: tuple[Face, ...]
    chosen: Face | None
    settings: Settings
    model: dict[str, str]
    prediction: Prediction | None = None
    attributions: dict[str, Attribution] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=dict)
    complete: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Everything but pixels, ready for JSON."""
        prediction = self.prediction
        return {
            "photo": {
                "sha256": self.photo.sha256,
                "width": self.photo.pixels.shape[1],
                "height": self.photo.pixels.shape[0],
                "notes": list(self.photo.notes),
            },
            "faces": [_face_to_dict(face) for face in self.faces],
            "chosen": None if self.chosen is None else _face_to_dict(self.chosen),
            "prediction": prediction
            and {
                "probabilities": dict(prediction.probabilities),
                "verdict": prediction.verdict,
                "calibrated": prediction.calibrated,
                "attention": None if prediction.attention is None else _rounded(prediction.attention),
            },
            "attributions": {name: _attribution_to_dict(a) for name, a in self.attributions.items()},
            "settings": asdict(self.settings),
            "model": self.model,
            "seconds": {name: round(value, 4) for name, value in self.seconds.items()},
            "complete": self.complete,
        }


def analyze(
    source: bytes | str | PathLike[str] | NDArray[np.uint8] | Photo,
    settings: Settings,
    detector: Detector,
    cancelled: Callable[[], bool] = lambda: False,
) -> Iterator[Analysis]:
    """Find the faces, judge one and explain the verdict, yielding an ever more complete analysis.

    First come the faces, then the verdict with the attention map, then LIME's map as it grows. A photo without
    a face ends after the first, without a score, unless ``settings.whole_picture`` asks for one.

    Args:
        source: a file's bytes or path, an RGB array, or a photo opened before.
        settings: see ``Settings``.
        detector: the model to ask.
        cancelled: asked between steps and batches; once true, no further analysis comes.

    Raises:
        PhotoError: if the source is no usable photo.
        SettingsError: if ``settings.face`` names a face that the photo does not have.
    """
    watch = _Stopwatch()
    photo = source if isinstance(source, Photo) else open_photo(source)
    watch.lap("open")
    faces = tuple(find_faces(photo.pixels, detector.card.preprocessing.crop_margin))
    chosen = _choose(photo, faces, settings)
    watch.lap("faces")
    card = detector.card
    model = {"name": detector.name, "architecture": card.architecture, **card.sha256}
    analysis = Analysis(photo, faces, chosen, settings, model, seconds=watch.seconds)
    if chosen is None:
        yield replace(analysis, complete=True)
        return
    yield analysis
    if cancelled():
        return
    prediction = detector.predict(chosen.crop)
    watch.lap("predict")
    target = settings.target or max(TARGETS, key=lambda name: prediction.probabilities[name])
    settings = replace(settings, target=target)
    attributions = {}
    if prediction.attention is not None:
        size = len(chosen.crop)
        attributions["attention"] = attention_map(prediction.attention, size, settings.smooth_attention)
    analysis = replace(
        analysis, settings=settings, prediction=prediction, attributions=attributions, seconds=watch.seconds
    )
    yield analysis
    segments = segment(chosen.crop, settings.segmentation, settings.superpixels)
    maps = LimeExplainer(seed=settings.seed).explain(
        chosen.crop,
        segments,
        detector.probabilities,
        card.labels,
        target,
        samples=settings.samples,
        hide=settings.hide,
        cancelled=cancelled,
    )
    for lime in maps:
        yield replace(
            analysis,
            attributions={**attributions, "lime": lime},
            seconds={**watch.seconds, "lime": float(lime.evidence["seconds"])},
            complete=bool(lime.evidence["complete"]),
        )


class _Stopwatch:
    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._last = time.perf_counter()

    def lap(self, name: str) -> None:
        now = time.perf_counter()
        self.seconds = {**self.seconds, name: now - self._last}
        self._last = now


def _choose(photo: Photo, faces: tuple[Face, ...], settings: Settings) -> Face | None:
    if not faces:
        return whole_picture(photo.pixels) if settings.whole_picture else None
    if not 0 <= settings.face < len(faces):
        raise SettingsError(f"face must be 0 to {len(faces) - 1} for this photo, not {settings.face}.")
    return faces[settings.face]


def _require_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(f"{name} must be {low} to {high}, not {value}.")


def _one_of(names: dict[str, Any]) -> str:
    return f"one of {', '.join(names)}"


def _rounded(array: NDArray[np.floating]) -> list[Any]:
    values: list[Any] = np.round(array.astype(np.float64), 6).tolist()
    return values


def _face_to_dict(face: Face) -> dict[str, Any]:
    landmarks = np.round(face.landmarks.astype(np.float64), 1).tolist()
    return {"box": list(face.box), "score": round(face.score, 4), "landmarks": landmarks}


def _attribution_to_dict(attribution: Attribution) -> dict[str, Any]:
    return {
        "target": attribution.target,
        "native_shape": list(attribution.native_shape),
        "weights": None if attribution.weights is None else _rounded(attribution.weights),
        "evidence": attribution.evidence,
    }
