"""Reads and writes a model as a folder: ``model.tflite``, ``model.weights.h5`` and ``card.json``."""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from model.artifact.interface import Interface
from model.artifact.parts import Part, check_parts, parts_of
from model.artifact.preprocessing import Preprocessing
from model.artifact.small_file import read_small
from model.artifact.views import PLAIN as PLAIN_VIEW
from model.artifact.views import View, views_of
from model.errors import ArtifactError, FieldError, message_of
from model.files import replacing
from model.i18n.catalogue import Message

ARTIFACT = "artifact"  # the model folder that a training run writes into its own
CARD = "card.json"
WEIGHTS = "model.weights.h5"
TFLITE = "model.tflite"
ONNX = "model.onnx"  # instead of both, for networks of other frameworks
CONFIG = "config.json"  # describes an imported network that is none of our architectures
NO_LICENCE = "unknown"
LEGACY = "legacy"  # the architecture's name on such a folder's card
ONNX_NETWORK = "onnx"  # the same for a folder with an ONNX file
COMBINED = "combined"  # the same for a folder that combines the networks of others
FACE, PICTURE = "face", "picture"  # what a model judges: a crop around a face, or the whole picture
LEAST_MARGIN, MOST_MARGIN = 0.1, 10.0  # of a crop; outside them it shows no face

_KINDS = (
    ("architecture", str, Message("model.field.text")),
    ("licence", str, Message("model.field.text")),
    *((name, dict, Message("model.field.object")) for name in ("sha256", "versions", "training", "metrics")),
    ("fake_bias", int | float, Message("model.field.number")),
    ("temperature", int | float | None, Message("model.field.number_or_null")),
)
LABEL_FILE = "label_transform.pkl"
ASSUMED = "assumed"  # recorded as the source of labels that no file gives
LICENCE = "the owner's"
MASK = "attention"  # name of the output with the attention mask, if the network has one
CALIBRATION = ("views", "temperature", "fake_bias", "inconclusive_band")  # fields that are fitted together
PLAIN, KEPT = "serving_default", "kept"  # signatures of a LiteRT file: whole pictures, some of a picture's patches


@dataclass(frozen=True)
class Card:
    """What a program must know to use a model, and what was measured on it.

    Attributes:
        architecture: its name in ``model.networks.registry``, or ``LEGACY`` or ``ONNX_NETWORK`` for any other,
            imported network, or ``COMBINED``.
        preprocessing: how a face crop becomes the network's input.
        labels: names of the network's outputs, in order.
        temperature: divides the logits; None if the model is not calibrated.
        fake_bias: added to the logit of Fake after the division.
        inconclusive_band: ``(low, high)``; the verdict is Inconclusive if ``low < P(Fake) < high``.
        views: of a crop; the network's logits are averaged over them, see ``model.artifact.views``.
        licence: the terms of use of the weights.
        sha256: hex digest of each file beside the card; for a combined model, of the network of each part, by
            ``PART/FILE``.
        versions: of the libraries that wrote the files.
        training: data sets, their licences and the run's arguments; ``imported`` and ``calibration`` if they apply.
        metrics: what ``python -m model evaluate`` measured, by split and data set, and other measurements.
        sees: ``FACE`` or ``PICTURE``.
        onnx: how to read the network if it is an ONNX file; None for the others.
        parts: of a combined model, which has no own network in its folder; empty for the others.

    Raises:
        FieldError: if a field has a wrong type.
        ArtifactError: if a field is out of range, or the labels are not Fake and Real.
    """

    architecture: str
    preprocessing: Preprocessing
    labels: tuple[str, ...]
    temperature: float | None = None
    fake_bias: float = 0.0
    inconclusive_band: tuple[float, float] = (0.4, 0.6)
    views: tuple[View, ...] = PLAIN_VIEW
    licence: str = NO_LICENCE
    sha256: dict[str, str] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    metrics: dict[str, Any] = field(default_factory=dict)
    sees: str = FACE
    onnx: Interface | None = None
    parts: tuple[Part, ...] = ()

    def __post_init__(self) -> None:
        for name, kind, wanted in _KINDS:
            if not isinstance(value := getattr(self, name), kind):
                raise FieldError(Message("model.field.kind", name=name, kind=wanted, value=repr(value)[:100]))
        if sorted(self.labels) != ["Fake", "Real"]:
            raise ArtifactError(Message("model.field.labels", value=str(self.labels)))
        if self.temperature is not None and not 0 < float(self.temperature) < math.inf:
            raise ArtifactError(Message("model.field.temperature", value=self.temperature))
        if not math.isfinite(self.fake_bias):
            raise ArtifactError(Message("model.field.fake_bias", value=self.fake_bias))
        margin = self.preprocessing.crop_margin
        if not LEAST_MARGIN <= margin <= MOST_MARGIN:
            raise FieldError(Message("model.field.crop_margin", least=LEAST_MARGIN, most=MOST_MARGIN, value=margin))
        if self.sees not in (FACE, PICTURE):
            raise FieldError(Message("model.field.sees", value=repr(self.sees)[:100]))
        check_parts(self.parts)
        low, high = self.inconclusive_band
        if not 0 <= low <= 0.5 <= high <= 1:
            raise ArtifactError(Message("model.field.inconclusive_band", low=low, high=high))


def named_after(folder: Path) -> Path:
    """The folder that gives a model its name: the model folder, or the run's folder if that is called ``artifact``."""
    folder = folder.resolve()
    return folder.parent if folder.name == ARTIFACT and folder.parent.name else folder


def report_folder(model: Path, kind: str) -> Path:
    """The default folder of a report on a model: in the model's run, or in ``runs`` if it belongs to no run."""
    return model.parent / kind if model.name == ARTIFACT else Path("runs") / kind


def read_card(folder: Path) -> Card:
    """Read ``card.json`` of a model folder.

    Raises:
        ArtifactError: if the file is missing, too large or no JSON, or a field is missing, unknown or out of range.
    """
    try:
        fields = json.loads(read_small(folder / CARD, name=f"{folder.name}/{CARD}"))
        fields["preprocessing"] = Preprocessing(**fields["preprocessing"])
        fields["labels"] = tuple(fields["labels"])
        fields["views"] = views_of(fields.get("views", [{}]))
        fields["inconclusive_band"] = tuple(fields["inconclusive_band"])
        if fields.get("onnx") is not None:
            fields["onnx"] = Interface(**fields["onnx"])
        fields["parts"] = parts_of(fields.get("parts", []))
        return Card(**fields)
    except (FileNotFoundError, NotADirectoryError) as error:
        raise ArtifactError(Message("model.no_card", folder=folder.name, file=CARD)) from error
    except (json.JSONDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ArtifactError(Message("model.no_json", file=f"{folder.name}/{CARD}", reason=message_of(error))) from error
    except (FieldError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(
            Message("model.wrong_field", file=f"{folder.name}/{CARD}", reason=message_of(error))
        ) from error


def write_card(folder: Path, card: Card) -> None:
    """Write ``card.json`` into a model folder; the old file stays until the new one is complete."""
    text = json.dumps(asdict(card), indent=2, ensure_ascii=False)
    with replacing(folder / CARD) as file:
        file.write_text(text + "\n", encoding="utf-8")


def load_artifact(folder: Path) -> Card:
    """Read a model folder's card and check that the files beside it have the digests in the card.

    Raises:
        ArtifactError: if the card can't be used, a file is missing, or a file's SHA-256 differs from the card's; for
            a combined model, if a part has another network than the one that was combined, or now reads it differently.
    """
    card = read_card(folder)
    for part in card.parts:
        network, sha256, reading = network_of(part_folder(folder, part))
        if card.sha256.get(f"{part.name}/{network}") != sha256:
            raise ArtifactError(Message("model.another_file", file=f"{part.name}/{network}"))
        if part.reading != reading:
            raise ArtifactError(Message("combined.another_reading", part=part.name, folder=named_after(folder).name))
    for name in _files_of(card):
        path = folder / name
        if not path.exists():
            raise ArtifactError(Message("model.missing_file", folder=folder.name, file=name))
        if card.sha256.get(name) != digest(path):
            raise ArtifactError(Message("model.another_file", file=f"{folder.name}/{name}"))
    return card


def part_folder(folder: Path, part: Part) -> Path:
    """The folder of a part of the combined model in ``folder``; it is beside that folder."""
    return folder.resolve().parent / part.name


def network_of(folder: Path) -> tuple[str, str, str]:
    """Name and SHA-256, as its card says, of the network's file in the folder of a part, and ``reading_of`` the card.

    Raises:
        ArtifactError: if the folder's card can't be used, or if it is a combined model's.
    """
    card = read_card(folder)
    if card.parts:
        raise ArtifactError(Message("combined.nested", folder=folder.name))
    network = TFLITE if card.onnx is None else ONNX
    return network, card.sha256.get(network, ""), reading_of(card)


def reading_of(card: Card) -> str:
    """SHA-256 of all that a combined model takes from the card of a part: the network's input and output."""
    given = {name: value for name, value in asdict(card.preprocessing).items() if value is not None}
    used = {"preprocessing": given, "labels": card.labels, "onnx": card.onnx and asdict(card.onnx)}
    return hashlib.sha256(json.dumps(used, sort_keys=True).encode()).hexdigest()


def _files_of(card: Card) -> list[str]:
    """Names of the files that a model folder must have beside its card."""
    if card.parts:
        return []
    if card.onnx is None:
        return [TFLITE, WEIGHTS, *([CONFIG] if card.architecture == LEGACY else [])]
    return [ONNX, *(name for name in card.sha256 if Path(name).name == name != ONNX)]  # and its weights, if apart


def digest(path: Path) -> str:
    """SHA-256 of a file, in hexadecimal; the file is read in parts."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
