"""What programs may ask of the running page: the functions behind the named endpoints of its API."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from explain.drawing.maps import pictures, planted_in
from explain.maps.registry import METHODS
from explain.report.as_json import to_dict
from explain.service.refusal import refusing
from explain.service.service import Doors, last
from explain.settings import ALWAYS, LIKELIER, Settings
from model.errors import PhotoError
from model.i18n.catalogue import DEFAULT, Said, in_language, known_language, speaking

Picture = NDArray[np.uint8]
Named = list[tuple[Picture, str]]  # pictures with their captions


def _target(name: str) -> str | None:
    return None if name == LIKELIER else name


class Programs:
    """The endpoints; each parameter is named and explained where a program sees it.

    Every one raises ``Refused`` where there is no answer. ``language`` is that of sentences, names and captions,
    ``en`` or ``tr``; keys and class names are the same in both.
    """

    def __init__(self, doors: Doors) -> None:
        self._doors = doors

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
    ) -> Iterator[tuple[dict[str, Any], Picture | None, Picture | None, Named]]:
        """Judge the largest face of a photo and explain the verdict; the last answer brings the pictures.

        A photo without a face gets no score, unless "whole" asks to judge the whole picture.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP or TIFF: uploaded, at a public address, or as a data URL.
            target: class that the maps explain, "Fake" or "Real"; "likelier" for the likelier one.
            superpixels: about how many regions to cut the face into.
            samples: pictures that LIME asks about at the most; it stops when its map has converged.
            shown: how many regions are drawn.
            smooth: interpolate the attention mask between its cells.
            whole: judge the central square of a photo that shows no face.
            model: one of the names that /models lists.
            further: maps beside LIME and attention.
            trust: measure how far each map can be trusted, which takes seconds.
            flip: look for the smallest set of regions whose hiding turns the verdict.
            segmentation: how to cut the face.
            hide: what a hidden region looks like.
            language: of sentences and names, "en" or "tr".

        Returns:
            The numbers, LIME's picture, the attention mask's, and the further maps with their names.
        """

        def settings() -> Settings:
            return Settings(
                target=_target(target),
                methods=(*ALWAYS, *further),
                superpixels=int(superpixels),
                samples=int(samples),
                smooth_attention=smooth,
                whole_picture=whole,
                trust=trust,
                flip=flip,
                segmentation=segmentation,
                hide=hide,
            )

        for numbers, drawn in self._explained(photo, settings, model, shown, language):
            more = [(picture, title) for name, (picture, title) in drawn.items() if name not in ALWAYS]
            lime, attention = (drawn.get(name, (None,))[0] for name in ("lime", "attention"))
            yield numbers, lime, attention, more

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
    ) -> Iterator[tuple[dict[str, Any], Named]]:
        """Explain the verdict on one face by the maps that are named; the last answer brings their pictures.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP or TIFF: uploaded, at a public address, or as a data URL.
            methods: maps to make; gradcam, gradcam_attention, hirescam, integrated_gradients load TensorFlow first.
            target: class that the maps explain, "Fake" or "Real"; "likelier" for the likelier one.
            superpixels: about how many regions to cut the face into.
            samples: pictures that LIME asks about at the most; it stops when its map has converged.
            shown: how many regions are drawn.
            segmentation: how to cut the face.
            hide: what a hidden region looks like.
            smooth: interpolate the attention mask between its cells.
            trust: measure how far each map can be trusted, which takes seconds.
            flip: look for the smallest set of regions whose hiding turns the verdict, by LIME's order.
            face: which one, 1 for the largest; /faces tells which there are.
            whole: judge the central square of a photo that shows no face.
            seed: decides everything that is drawn at random.
            model: one of the names that /models lists.
            language: of sentences and names, "en" or "tr".

        Returns:
            The numbers, and each map's picture with its name.
        """

        def settings() -> Settings:
            return Settings(
                target=_target(target),
                methods=tuple(dict.fromkeys(methods)),
                superpixels=int(superpixels),
                samples=int(samples),
                segmentation=segmentation,
                hide=hide,
                smooth_attention=smooth,
                trust=trust,
                flip=flip,
                face=int(face) - 1,  # people count from one
                whole_picture=whole,
                seed=int(seed),
            )

        for numbers, drawn in self._explained(photo, settings, model, shown, language):
            yield numbers, list(drawn.values())

    def find_faces(self, photo: str | bytes | None, model: str, language: str = DEFAULT) -> dict[str, Any]:
        """Find every face of a photo and judge each, without explaining: milliseconds a face.

        Args:
            photo: JPEG, PNG, WebP, GIF, BMP or TIFF: uploaded, at a public address, or as a data URL.
            model: one of the names that /models lists.
            language: of notes and refusals, "en" or "tr".

        Returns:
            Each face's box (x, y, width, height in pixels of the photo), score, landmarks, probabilities and verdict,
            largest first; of very many faces the smallest are found, but not judged.
        """
        found = last(self._explained(photo, lambda: Settings(methods=(), robustness=False), model, 1, language))
        assert found is not None  # nobody can have cancelled it
        return {name: found[0][name] for name in ("photo", "faces", "model", "seconds")}

    def list_models(self, language: str = DEFAULT) -> list[dict[str, Any]]:
        """List the models that may be asked, the one that the page starts with first.

        Args:
            language: of what is said of a model that can't be used, "en" or "tr".

        Returns:
            Each model's name, whether it is open, its architecture, whether it is calibrated, the inconclusive band of
            P(Fake), the SHA-256 of its files, and its licence; all but the name is null until a model is first used.
        """
        with refusing(), speaking(known_language(language)):
            return self._doors.list_models()

    def health(self) -> dict[str, Any]:
        """Tell whether the server is well.

        Returns:
            "status" (always "ok"), uptime in seconds, models open, analyses that run and wait, and versions.
        """
        return self._doors.health()

    def _explained(
        self, photo: str | bytes | None, settings: Callable[[], Settings], model: str, shown: float, language: str
    ) -> Iterator[tuple[dict[str, Any], dict[str, tuple[Picture, str]]]]:
        """The numbers of each step; with the last one, each map's picture and title by its name."""

        def steps() -> Iterator[tuple[dict[str, Any], dict[str, tuple[Picture, str]]]]:
            with refusing():
                if photo is None:
                    raise PhotoError(Said("page.no_photo"))
                detector = self._doors.models.get(model)
                # Gradio's own queue stands before this one.
                for analysis in self._doors.analyze(photo, settings(), detector, patient=True):
                    drawn = pictures(analysis, int(shown), planted=planted_in(analysis)) if analysis.complete else {}
                    yield to_dict(analysis), {name: (one, METHODS[name].title) for name, one in drawn.items()}

        with refusing():
            known_language(language)
        yield from in_language(language, steps())
