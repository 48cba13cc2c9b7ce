"""The functions behind the named endpoints of the page's API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.comparison import Second
from explain.drawing.maps import pictures
from explain.examples import planted_in
from explain.maps.registry import MAIN_MAP, METHODS
from explain.report.as_json import to_dict
from explain.result import Analysis
from explain.service.refusal import refusing, refusing_in
from explain.service.service import Service, last
from explain.settings import DEFAULT_MAPS, LIKELIER, VERDICT_ALONE, Settings, known_language, whole_number
from model.errors import PhotoError
from model.i18n.catalogue import DEFAULT, Message, in_language

Picture = NDArray[np.uint8]
Named = list[tuple[Picture, str]]  # pictures with captions


def _target(name: str) -> str | None:
    return None if name == LIKELIER else name


class GradioEndpoints:
    """The endpoints; Gradio shows their names and docstrings to programs.

    Each endpoint raises ``Refused`` if it has no answer. ``language``, ``en`` or ``tr``, is the language of sentences,
    names and captions; keys and class names are the same in both.
    """

    def __init__(self, service: Service) -> None:
        self._service = service

    def analyze_photo(
        self,
        photo: str | bytes | None,
        target: str,
        superpixels: float,
        samples: float,
        shown: float,
        smooth: bool,
        whole: bool,
        model: str,
        further: list[str],
        trust: bool,
        flip: bool,
        segmentation: str,
        hide: str,
        language: str = DEFAULT,
        second: str | None = None,
    ) -> Iterator[tuple[dict[str, Any] | Picture | Named | None, ...]]:
        """Judge the largest face of a photo and explain the verdict; the last answer has the pictures.

        A photo without a face gets no score, unless "whole" is true.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC: an upload, a public address, or a data URL.
            target: class that the maps explain, "Fake" or "Real"; "likelier" for the likelier one.
            superpixels: about how many regions to cut the face into.
            samples: most pictures that LIME predicts; it stops when its map has converged.
            shown: number of regions that are drawn.
            smooth: interpolate the attention mask between its cells.
            whole: judge the central square of a photo that shows no face.
            model: one of the names that /models lists.
            further: more maps than LIME and attention.
            trust: measure how far each map can be trusted (takes seconds).
            flip: find the smallest set of regions that flips the verdict when hidden.
            segmentation: how to cut the face.
            hide: what a hidden region looks like.
            language: of sentences and names, "en" or "tr".
            second: another one of these models, to show beside it; none if empty.

        Returns:
            The numbers, LIME's picture, the attention mask's picture, and the further maps with their names.
        """

        def settings() -> Settings:
            return Settings(
                target=_target(target),
                methods=(*DEFAULT_MAPS, *further),
                superpixels=whole_number("superpixels", superpixels),
                samples=whole_number("samples", samples),
                smooth_attention=smooth,
                whole_picture=whole,
                trust=trust,
                flip=flip,
                segmentation=segmentation,
                hide=hide,
            )

        for numbers, drawn in self._answers(photo, settings, (model, second), shown, language):
            more = [(picture, title) for name, (picture, title) in drawn.items() if name not in DEFAULT_MAPS]
            yield numbers, *(drawn.get(name, (None,))[0] for name in reversed(DEFAULT_MAPS)), more

    def explain_photo(
        self,
        photo: str | bytes | None,
        methods: list[str],
        target: str,
        superpixels: float,
        samples: float,
        shown: float,
        segmentation: str,
        hide: str,
        smooth: bool,
        trust: bool,
        flip: bool,
        face: float,
        whole: bool,
        seed: float,
        model: str,
        language: str = DEFAULT,
        second: str | None = None,
    ) -> Iterator[tuple[dict[str, Any], Named]]:
        """Explain the verdict on one face by the named maps; the last answer has their pictures.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC: an upload, a public address, or a data URL.
            methods: maps to make, by name; the first one that uses gradients loads TensorFlow.
            target: class that the maps explain, "Fake" or "Real"; "likelier" for the likelier one.
            superpixels: about how many regions to cut the face into.
            samples: most pictures that LIME predicts; it stops when its map has converged.
            shown: number of regions that are drawn.
            segmentation: how to cut the face.
            hide: what a hidden region looks like.
            smooth: interpolate the attention mask between its cells.
            trust: measure how far each map can be trusted (takes seconds).
            flip: find the smallest set of regions that flips the verdict when hidden; needs lime.
            face: number of the face, 1 for the largest; /faces lists the faces.
            whole: judge the central square of a photo that shows no face.
            seed: decides everything that is drawn at random.
            model: one of the names that /models lists.
            language: of sentences and names, "en" or "tr".
            second: another one of these models, to show beside it; none if empty.

        Returns:
            The numbers, and each map's picture with its name.
        """

        def settings() -> Settings:
            return Settings(
                target=_target(target),
                methods=tuple(dict.fromkeys(methods)),
                superpixels=whole_number("superpixels", superpixels),
                samples=whole_number("samples", samples),
                segmentation=segmentation,
                hide=hide,
                smooth_attention=smooth,
                trust=trust,
                flip=flip,
                face=whole_number("face", face) - 1,  # people count from one
                whole_picture=whole,
                seed=whole_number("seed", seed),
            )

        for numbers, drawn in self._answers(photo, settings, (model, second), shown, language):
            yield numbers, list(drawn.values())

    def find_faces(self, photo: str | bytes | None, model: str, language: str = DEFAULT) -> dict[str, Any]:
        """Find every face of a photo and judge each one, without maps; takes milliseconds per face.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF or HEIC: an upload, a public address, or a data URL.
            model: one of the names that /models lists.
            language: of notes and errors, "en" or "tr".

        Returns:
            Each face's box (x, y, width, height in pixels of the photo), score, landmarks, probabilities and verdict,
            largest first. If there are very many faces, the smallest ones are not judged.
        """
        answer = last(self._answers(photo, lambda: VERDICT_ALONE, (model, None), 1, language))
        assert answer is not None  # nothing can have cancelled it
        return {name: answer[0][name] for name in ("photo", "faces", "model", "seconds")}

    def list_models(self, language: str = DEFAULT) -> list[dict[str, Any]]:
        """List the models; the first one is the one that the page starts with.

        Args:
            language: of the error of an unusable model, "en" or "tr".

        Returns:
            Each model's name, whether it is the first one, whether it is open, its architecture, whether it is
            calibrated, the inconclusive band of P(Fake), the SHA-256 of its files, and its licence. The facts from its
            card are null until the model is used.
        """
        with refusing_in(language):
            return self._service.list_models()

    def health(self) -> dict[str, Any]:
        """Report the state of the server.

        Returns:
            "status" (always "ok"), uptime in seconds, open models, running and waiting analyses, and versions.
        """
        return self._service.health()

    def _answers(
        self,
        photo: str | bytes | None,
        settings: Callable[[], Settings],
        models: tuple[str, str | None],
        shown: float,
        language: str,
    ) -> Iterator[tuple[dict[str, Any], dict[str, tuple[Picture, str]]]]:
        """The numbers of each step; the last step also has each map's picture and title, by name."""

        def steps() -> Iterator[tuple[dict[str, Any], dict[str, tuple[Picture, str]]]]:
            with refusing():
                if photo is None:
                    raise PhotoError(Message("page.no_photo"))
                most = whole_number("shown", shown)
                detectors = self._service.detectors(*models)
                for analysis, second in self._service.both(photo, settings(), *detectors):
                    done = analysis.complete and (second is None or second.analysis.complete)
                    yield to_dict(analysis, second), _drawn(analysis, second, most) if done else {}

        with refusing():
            known_language(language)
        yield from in_language(language, steps())


def _drawn(analysis: Analysis, second: Second | None, shown: int) -> dict[str, tuple[Picture, str]]:
    """Each map's picture and title, by method; the second model's main map is under ``second``."""
    planted = planted_in(analysis.photo.sha256, analysis.chosen)
    drawn = {
        name: (picture, METHODS[name].title) for name, picture in pictures(analysis, shown, planted=planted).items()
    }
    if second is not None:
        for name, picture in pictures(second.analysis, shown, {MAIN_MAP}).items():
            drawn["second"] = picture, f"{METHODS[name].title} ({second.analysis.model['name']})"
    return drawn
