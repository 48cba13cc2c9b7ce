"""Reads and writes a model as a folder: ``model.tflite``, ``model.weights.h5`` and ``card.json``."""

import hashlib
import json
import math
import os
import tempfile
import threading
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import h5py
import numpy as np
from numpy.typing import NDArray

from model.artifact.preprocessing import Preprocessing
from model.errors import ArtifactError, told_by
from model.i18n.catalogue import Said

if TYPE_CHECKING:
    import keras

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


def save_artifact(
    model: "keras.Model",
    folder: Path,
    card: Card,
    storage: str = "float16",
    calibration: NDArray[np.float32] | None = None,
    exact: bool = False,
    description: Mapping[str, Any] | None = None,
) -> Card:
    """Write a Keras model as an artifact; its weights are rounded to float16 first, so that both files agree.

    Args:
        model: takes ``(N, S, S, 3) float32``, returns ``probabilities (N, 2)`` and ``attention (N, h, w, 1)``.
        folder: made if missing; files in it are replaced.
        card: what to write beside it; digests are filled in.
        storage: how ``model.tflite`` holds the weights, see ``model.networks.litert_file.STORAGES``.
        calibration: inputs ``(N, S, S, 3) float32`` from which ``int8`` learns the range of every activation.
        exact: leave the weights as they are instead of rounding them, for an imported network whose numbers are to
            stay its owner's.
        description: of a network that none of our architectures builds (``model.legacy.graph.Plan``), kept as
            ``config.json``.

    Returns:
        The card as written.

    Raises:
        ValueError: if ``storage`` is none of ``model.networks.litert_file.STORAGES``, or ``int8`` comes without
            ``calibration``.
    """
    from model.networks import int8_weights
    from model.networks.litert_file import write_litert
    from model.networks.registry import ARCHITECTURES

    folder.mkdir(parents=True, exist_ok=True)
    if not exact:
        _settle_batch_norms(model)
        for variable in model.weights:
            variable.assign(np.asarray(variable).astype(np.float16).astype(np.float32))
    if storage == "int8_only":
        int8_weights.round_kernels(model)
    architecture = ARCHITECTURES.get(card.architecture)
    of_kept = None if architecture is None else architecture.of_kept
    write_litert(model, folder / TFLITE, storage, calibration, of_kept)
    if storage == "int8_only":
        int8_weights.write_weights(model, folder / TFLITE, folder / WEIGHTS)
    elif exact:
        model.save_weights(folder / WEIGHTS)
    else:
        with tempfile.TemporaryDirectory() as scratch:
            full = Path(scratch) / WEIGHTS
            model.save_weights(full)
            _halve(full, folder / WEIGHTS)
    if description is not None:
        (folder / CONFIG).write_text(json.dumps(description), encoding="utf-8")
    names = (TFLITE, WEIGHTS, *([] if description is None else [CONFIG]))
    card = replace(card, sha256={name: digest(folder / name) for name in names})
    write_card(folder, card)
    return card


def load_keras(folder: Path) -> "keras.Model":
    """The artifact's network under Keras, for gradients and further training.

    Raises:
        ArtifactError: see ``load_artifact``.
    """
    from model.networks import int8_weights

    card = load_artifact(folder)
    if card.architecture == LEGACY:
        from model.legacy.convert import rebuild

        model = rebuild(json.loads((folder / CONFIG).read_text(encoding="utf-8")))
    else:
        from model.networks.registry import build

        model = build(card.architecture, folded=True)
    if int8_weights.holds_all_weights(folder / WEIGHTS):
        model.load_weights(folder / WEIGHTS)
    else:
        int8_weights.read_weights(model, folder / TFLITE, folder / WEIGHTS)
    return model


def _settle_batch_norms(model: "keras.Model") -> None:
    """Leave each batch norm a scale and a shift alone, as the converter does, so that both round the same numbers."""
    from keras import layers

    for layer in model.layers:
        if isinstance(layer, layers.BatchNormalization):
            gamma, beta, mean, variance = layer.get_weights()
            scale = gamma / np.sqrt(variance + layer.epsilon)
            rest = np.zeros_like(mean), np.full_like(variance, 1 - layer.epsilon)
            layer.set_weights([scale, beta - mean * scale, *rest])


def _halve(source: Path, target: Path) -> None:
    """Copy a Keras weights file, storing every array as float16."""

    def copy(name: str, item: h5py.Group | h5py.Dataset) -> None:
        if isinstance(item, h5py.Dataset):
            compression = "gzip" if item.shape else None  # a single number cannot be compressed
            copied = writer.create_dataset(name, data=item[()].astype(np.float16), compression=compression)
        else:
            copied = writer.require_group(name)
        for key, value in item.attrs.items():
            copied.attrs[key] = value

    with h5py.File(source) as reader, h5py.File(target, "w") as writer:
        reader.visititems(copy)


def digest(path: Path) -> str:
    """SHA-256 of a file of any size, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
