"""Writes the card of an ONNX network from what its folder, its graph and its user say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from model.artifact.card import CALIBRATION, CARD, NO_LICENCE, ONNX, ONNX_NETWORK, Card
from model.artifact.interface import LOGITS, PROBABILITIES, Interface
from model.artifact.preprocessing import LABELS, Preprocessing
from model.artifact.versions import versions_of
from model.artifact.views import views_of
from model.errors import ArtifactError, UserError, message_of
from model.i18n.catalogue import Message
from model.onnx_models.apart import Facts
from model.onnx_models.config import CONFIG, PREPROCESSOR, names_of, preprocessing_fields, read_json
from model.onnx_models.labels import classes_of, read_name, seen_by
from model.onnx_models.request import Request

FORMAT = 1  # version of the import; raise it when a file would be imported differently
FILTER = "bilinear"  # used if the files name no filter; most image processors use it
LIMITS = ("0", "1")  # names of a low and a high value of a single output without names


@dataclass(frozen=True)
class Description:
    """What the files beside an ONNX file say about it.

    Attributes:
        names: of the classes; empty if no file says.
        preprocessing: fields of ``Preprocessing``; empty if no file says.
        given: the fields of the owner's ``card.json``.
    """

    names: tuple[str, ...]
    preprocessing: dict[str, Any]
    given: dict[str, Any]

    @property
    def input_size(self) -> int | None:
        """Side of the input in pixels, if a file says."""
        side = self.preprocessing.get("input_size")
        return side if type(side) is int and side > 0 else None


def read_description(onnx: Path) -> Description:
    """Read the JSON files beside an ONNX file, or in the folder above its folder ``onnx``.

    Raises:
        ArtifactError: if one of them can't be used.
    """
    folder = onnx.parent
    if folder.name == "onnx" and not (folder / PREPROCESSOR).is_file():
        folder = folder.parent
    given = read_json(folder / CARD)
    known = {field.name for field in fields(Card)}
    if unknown := sorted(given.keys() - known):
        texts = {"known": ", ".join(sorted(known)), "unknown": ", ".join(unknown)[:200]}
        raise ArtifactError(Message("beside.unknown_fields", card=CARD, file=onnx.name, **texts))
    stated = given.get("preprocessing", {})
    if not isinstance(stated, dict):
        raise ArtifactError(Message("onnx.no_object", file=CARD))
    preprocessing = {**preprocessing_fields(read_json(folder / PREPROCESSOR)), **stated}
    interface = given.get("onnx") or {}
    labels = interface.get("classes", given.get("labels")) if isinstance(interface, dict) else None
    names = tuple(map(str, labels)) if isinstance(labels, list) else names_of(read_json(folder / CONFIG))
    return Description(names, preprocessing, given)


def describe(
    request: Request, description: Description, facts: Facts, sha256: Mapping[str, str], before: Card | None = None
) -> Card:
    """The card of a network.

    Args:
        request: what the user says.
        description: what the files beside it say.
        facts: what the network takes and gives.
        sha256: digests of the network's files.
        before: the card of an earlier import. Its calibration and figures stay if it reads the network in the same way.

    Raises:
        ArtifactError: if it is unclear how to prepare pictures or which class means Fake, or a field is wrong.
    """
    file, given = request.name, description.given
    if not description.preprocessing and "preprocessing" not in given:
        raise ArtifactError(Message("onnx.no_preprocessing", file=file, preprocessor=PREPROCESSOR, card=CARD))
    names = _names(description.names, facts.count, file)
    classes = classes_of(names, request.fake_labels, file)
    interface = Interface(
        layout=facts.layout,
        output=facts.output,
        answers=LOGITS if not facts.ends_in or (facts.count == 1 and facts.ends_in == "Softmax") else PROBABILITIES,
        classes=classes if facts.count > 1 else classes[1:],
        one_at_a_time=facts.one_at_a_time,
        mask=facts.mask,
        attentions=facts.attentions,
    )
    same = given.get("sha256", {}) if isinstance(given.get("sha256"), dict) else {}
    kept = {name: given[name] for name in (*CALIBRATION, "metrics") if name in given and same == dict(sha256)}
    try:
        if "views" in kept:
            kept["views"] = views_of(kept["views"])
        if "inconclusive_band" in kept:
            kept["inconclusive_band"] = tuple(kept["inconclusive_band"])
        card = Card(
            architecture=ONNX_NETWORK,
            preprocessing=Preprocessing(**{"resample": FILTER, **description.preprocessing, "input_size": facts.side}),
            labels=LABELS,
            licence=given.get("licence", NO_LICENCE),
            sha256=dict(sha256),
            versions=versions_of(("onnx", "onnxruntime")),
            training={"imported": {"file": file, "sha256": sha256[ONNX], "format": FORMAT}},
            sees=request.sees or given.get("sees") or seen_by(names),
            onnx=interface,
            **kept,
        )
    except (UserError, KeyError, TypeError, ValueError, OverflowError) as error:
        raise ArtifactError(Message("model.wrong_field", file=f"{file}/{CARD}", reason=message_of(error))) from error
    return before if before is not None and _reads_alike(before, card) else card


def _reads_alike(before: Card, card: Card) -> bool:
    names = ("preprocessing", "onnx", "sees", "licence", "sha256")
    same = all(getattr(before, name) == getattr(card, name) for name in names)
    return same and before.training.get("imported") == card.training["imported"]


def _names(names: tuple[str, ...], count: int, file: str) -> tuple[str, ...]:
    """A name for each column; for a single column, names of a low and of a high value."""
    if count > 1:
        names = names or tuple(map(str, range(count)))
        if len(names) != count:
            raise ArtifactError(Message("onnx.count", file=file, names=len(names), count=count))
        return names
    if len(names) == 1:
        return {"Fake": "real", "Real": "fake"}.get(read_name(names[0]) or "", LIMITS[0]), names[0]
    if len(names) > 2:
        raise ArtifactError(Message("onnx.count", file=file, names=len(names), count=count))
    return names or LIMITS
