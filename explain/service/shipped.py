"""The finished analyses of the examples that are shipped in ``examples/results``, and which of them to open with.

``python -m examples.results`` makes them. A result answers only for the very photo, settings, calibration and
weights (of the model and of the face parser) that it was made of.
"""

from __future__ import annotations

import json
import logging
from dataclasses import asdict, replace
from functools import cache
from itertools import product
from pathlib import Path
from typing import Any

from explain.examples import Example, example_of, examples, planted_in
from explain.result import Analysis
from explain.service.stored import StoredError, read_stored
from explain.settings import Settings
from explain.trust.localisation import localise
from model.artifact.card import CALIBRATION, Card, digest
from model.detector.detector import Detector
from model.paths import EXAMPLES, FACE_PARSER
from model.photos.photo import Photo, open_photo

RESULTS = EXAMPLES / "results"
SETTINGS = Settings(trust=True)  # with which the results are made
log = logging.getLogger(__name__)


def result_file(example: Example, folder: Path = RESULTS) -> Path:
    """Where the result of an example is kept."""
    return folder / f"{example.path.stem}.json"


def key_of(photo_sha256: str, settings: Settings, card: Card) -> dict[str, Any]:
    """All that an analysis depends on, as plain data for JSON; ``photo_sha256`` as in ``Photo``."""
    facts = asdict(card)
    # Cards of older results do not have the fields that only imported models set.
    facts["preprocessing"] = {name: value for name, value in facts["preprocessing"].items() if value is not None}
    of_card = {name: facts[name] for name in ("architecture", "preprocessing", "labels", *CALIBRATION)}
    if card.parts:
        of_card["parts"] = facts["parts"]
    weights = {**card.sha256, "face_parser": _digest_of_parser(FACE_PARSER)}
    key = {"photo": photo_sha256, "weights": weights, "card": of_card, "settings": asdict(settings)}
    plain: dict[str, Any] = json.loads(json.dumps(key))
    return plain


@cache
def _digest_of_parser(weights: Path) -> str:
    return digest(weights)  # of 5 MB, and every answer needs it


def shipped_analysis(photo: Photo, settings: Settings, detector: Detector, folder: Path = RESULTS) -> Analysis | None:
    """The shipped analysis of an example for exactly these settings and this model; None if there is none.

    Its ``seconds`` are empty, and its photo holds no file, as after ``analyze``. A result also
    answers without its trust or robustness. A file that is missing or damaged is named in the log.

    Args:
        photo: any photo.
        settings: of the analysis.
        detector: the model.
        folder: of the results.
    """
    example = example_of(photo.sha256)
    if example is None:
        return None
    file = result_file(example, folder)
    try:
        stored = read_stored(file)
        accepted = [
            key_of(photo.sha256, replace(settings, trust=trust, robustness=robustness), detector.card)
            for trust, robustness in product({True, settings.trust}, {True, settings.robustness})
        ]
        if stored.key not in accepted:
            return None
        found = stored.analysis(replace(photo, file=b""), detector)
    except StoredError as error:
        log.warning("The shipped result of an example is not used: %s", error)
        return None
    found = replace(found, seconds={}, model={**found.model, "name": detector.name})
    return _only(found, settings)


def _only(found: Analysis, settings: Settings) -> Analysis:
    """Without the trust and the robustness that these settings do not ask for."""
    wanted = replace(found.settings, trust=settings.trust, robustness=settings.robustness)
    trust: dict[str, Any] = {} if settings.trust else {"trusts": {}, "agreement": None}
    return replace(found, settings=wanted, robustness=found.robustness if settings.robustness else None, **trust)


@cache
def opening_example(detector: Detector) -> Example | None:
    """The example for the page to open with; None if this model finds no forgery in the examples.

    Among the planted fakes that the model calls fake, the maps find the change of this one best, compared with chance.
    If several are equal, it is the one with the highest P(Fake).
    """
    ranked = {example: rank for example in examples() if (rank := _strength(example, detector)) is not None}
    return max(ranked, key=lambda example: ranked[example], default=None)


def _strength(example: Example, detector: Detector) -> tuple[float, float] | None:
    """How well the maps find the change, and P(Fake); None if the example is no fake that is called fake."""
    if example.mask is None:
        return None
    found = shipped_analysis(open_photo(example.path), SETTINGS, detector)
    if found is None or found.prediction is None or found.prediction.verdict != "Fake":
        return None
    changed = planted_in(found.photo.sha256, found.chosen)
    assert changed is not None
    found_above_chance = localise(found.attributions, changed > 127).above_chance
    return found_above_chance, found.prediction.probabilities["Fake"]
