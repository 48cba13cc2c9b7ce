"""Reads and writes a model as a folder: ``model.tflite``, ``model.weights.h5`` and ``card.json``."""

import hashlib
import json
import math
import os
import threading
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.artifact.preprocessing import Preprocessing
from model.errors import ArtifactError, told_by
from model.i18n.catalogue import Said

ARTIFACT = "artifact"  # the model folder that a training run writes into its own
CARD = "card.json"
WEIGHTS = "model.weights.h5"
TFLITE = "model.tflite"
CONFIG = "config.json"  # describes a network whose architecture is none of ours
NO_LICENCE = "unknown"
LEGACY = "legacy"  # the architecture's name on such a folder's card

_KINDS = (
    ("architecture", str, Said("model.field.text")),
    ("licence", str, Said("model.field.text")),
    *((name, dict, Said("model.field.object")) for name in ("versions", "training", "metrics")),
    ("fake_bias", int | float, Said("model.field.number")),
    ("temperature", int | float | None, Said("model.field.number_or_null")),
)
LABEL_FILE = "label_transform.pkl"
ASSUMED = "assumed"  # what is recorded of labels that no file names
LICENCE = "the owner's"
PLAIN, KEPT = "serving_default", "kept"  # signatures of a network's file: whole pictures, and some of their patches


@dataclass(frozen=True)
class Card:
    """Everything that must be known to use a model, and what was measured of it.

    Attributes:
        architecture: its name in ``model.networks.registry``, or ``LEGACY`` for one that was imported.
        preprocessing: what the network expects of a face crop.
        labels: names of the network's outputs, in order.
        temperature: divides the logits; None where the model was never calibrated.
        fake_bias: added to the logit of Fake after the division.
        inconclusive_band: P(Fake) between these bounds earns no verdict.
        licence: under which terms the weights may be used.
        sha256: hex digest of each file beside the card.
        versions: of the libraries that wrote the files.
        training: data sets, their licences and the run's arguments.
        metrics: per data set, what ``python -m model evaluate`` measured.
    """

    architecture: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    temperature: float | None = None
    fake_bias: float = 0.0
    inconclusive_band: tuple[float, float] = (0.4, 0.6)
    licence: str = NO_LICENCE
    sha256: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for name, kind, wanted in _KINDS:
            if not isinstance(value := getattr(self, name), kind):
                raise TypeError(Said("model.field.kind", name=name, kind=wanted, value=repr(value)[:100]))
        if sorted(self.labels) != ["Fake", "Real"]:
            raise ArtifactError(Said("model.field.labels", value=str(self.labels)))
        if self.temperature is not None and not 0 < float(self.temperature) < math.inf:
            raise ArtifactError(Said("model.field.temperature", value=self.temperature))
        if not math.isfinite(self.fake_bias):
            raise ArtifactError(Said("model.field.fake_bias", value=self.fake_bias))
        if not isinstance(self.sha256, dict):
            raise ArtifactError(Said("model.field.sha256"))
        low, high = self.inconclusive_band
        if not 0 <= low <= 0.5 <= high <= 1:
            raise ArtifactError(Said("model.field.inconclusive_band", low=low, high=high))


def named_after(folder: Path) -> Path:
    """The folder whose name a model has: the model folder itself, or its run's where it is called ``artifact``."""
    folder = folder.resolve()
    return folder.parent if folder.name == ARTIFACT and folder.parent.name else folder


def report_folder(model: Path, kind: str) -> Path:
    """Where a report on a model goes unless the user names a folder: into its run, or into ``runs`` without one."""
    return model.parent / kind if model.name == ARTIFACT else Path("runs") / kind


def read_card(folder: Path) -> Card:
    """Read ``card.json`` of a model folder.

    Raises:
        ArtifactError: if the file is missing, is no JSON, or a field is missing, unknown or out of range.
    """
    path = folder / CARD
    try:
        fields = json.loads(path.read_text(encoding="utf-8"))
        fields["preprocessing"] = Preprocessing(**fields["preprocessing"])
        fields["labels"] = tuple(fields["labels"])
        fields["inconclusive_band"] = tuple(fields["inconclusive_band"])
        return Card(**fields)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(Said("model.no_card", folder=folder.name, file=CARD)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(Said("model.no_json", file=f"{folder.name}/{CARD}", reason=told_by(error))) from error
    except ArtifactError:
        raise
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(Said("model.wrong_field", file=f"{folder.name}/{CARD}", reason=told_by(error))) from error


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json`` into a model folder: the old one stands until the new one is whole."""
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False)
    unfinished = folder / f".{CARD}.{os.getpid()}.{threading.get_ident()}"
    try:
        unfinished.write_text(text + "\n", encoding="utf-8")
        unfinished.replace(folder / CARD)
    finally:
        unfinished.unlink(missing_ok=True)


def load_artifact(folder: Path) -> Card:
    """Read a model folder's card and check that the files beside it are those that it speaks of.

    Raises:
        ArtifactError: if the card is unusable, a file is missing, or a file's SHA-256 differs from the card's.
    """
    card = read_card(folder)
    for name in (TFLITE, WEIGHTS, *([CONFIG] if card.architecture == LEGACY else [])):
        path = folder / name
        if not path.exists():
            raise ArtifactError(Said("model.missing_file", folder=folder.name, file=name))
        if card.sha256.get(name) != digest(path):
            raise ArtifactError(Said("model.another_file", file=f"{folder.name}/{name}"))
    return card


def digest(path: Path) -> str:
    """SHA-256 of a file of any size, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
