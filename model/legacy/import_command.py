"""Imports a Keras file and checks it: ``python -m model import_legacy model/best_model_effatt.h5``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from model.artifact.card import CALIBRATION, CARD, TFLITE, Card, digest, read_card
from model.artifact.facts import assumed_labels
from model.artifact.preprocessing import Preprocessing
from model.detector.engine import Engine
from model.errors import ArtifactError
from model.legacy.card import LAMBDA, given_fields, uncalibrated
from model.legacy.folder import model_folder
from model.legacy.ways import (
    MARGINS,
    VALUE_RANGES,
    WHOLE,
    Reading,
    advice,
    best,
    colour_ways,
    example_crops,
    readings,
    table,
)
from model.paths import EXAMPLES

BELONGS_BESIDE = ("preprocessing", "labels", "licence")


def write_beside(h5: Path, card: Card, force: bool) -> str:
    """Write ``card.json`` beside the file unless it exists; returns a sentence that says what was done."""
    path = h5.parent / CARD
    if path.exists() and not force:
        used = "is kept unchanged" if given_fields(h5) else f"does not describe this {h5.name}; it is kept unchanged"
        return f"{path} exists and {used}; --force replaces it."
    # Fitted values belong in the model folder: in this file they would override later fits. The owner's values stay.
    own = given_fields(h5)
    # Assumed labels are not written: in this file they would count as the owner's statement.
    names = [name for name in BELONGS_BESIDE if name != "labels" or not assumed_labels(card)]
    names += [name for name in (*CALIBRATION, LAMBDA) if name in own]
    values = {**asdict(card), LAMBDA: own.get(LAMBDA)}
    del values["preprocessing"]["input_size"]  # the network itself decides it
    chosen = {"sha256": {h5.name: digest(h5)}, **{name: values[name] for name in names}}
    path.write_text(json.dumps(chosen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"{path} was written; change it there if another preprocessing is right."


def import_legacy(
    h5: Annotated[Path, typer.Argument(help="File that Keras 2 or 3 saved, such as best_model_effatt.h5.")],
    labels: Annotated[
        Path | None, typer.Option(help="Pickled LabelBinarizer; by default label_transform.pkl beside the model.")
    ] = None,
    examples: Annotated[
        Path,
        typer.Option(
            help="Pictures to check it with, if possible in folders Real and Fake.", show_default="the project's own"
        ),
    ] = EXAMPLES,
    limit: Annotated[int, typer.Option(min=2, help="Largest number of these pictures.")] = 200,
    color_order: Annotated[
        Literal["BGR", "RGB"] | None,
        typer.Option(help="Colour order in its training; by default what fits the examples best."),
    ] = None,
    value_range: Annotated[
        Literal["0..255", "0..1", "-1..1"] | None,
        typer.Option(help="Value range in its training; by default what fits the examples best."),
    ] = None,
    crop_margin: Annotated[
        float | None,
        typer.Option(min=0.5, max=4, help="Side of the crop in face boxes; by default what fits the examples best."),
    ] = None,
    card: Annotated[bool, typer.Option(help="Write card.json beside the model.")] = True,
    force: Annotated[bool, typer.Option(help="Replace an existing card.json.")] = False,
) -> None:
    """Import a Keras file, report which weights matched, and find its colour order, value range and crop margin.

    With examples in folders Real and Fake, card.json gets the preprocessing that separates them best, unless options
    set it.

    Nothing in its files is executed. The imported model is kept in ~/.cache/whyfake (or $WHYFAKE_CACHE).
    """
    folder = model_folder(h5, labels, notify=print, try_again=True)
    imported_card = read_card(folder)
    for sentence in imported_card.training["imported"]["report"]:
        print(sentence)
    given = _given(color_order, value_range, crop_margin)
    wanted = _fed(imported_card, replace(imported_card.preprocessing, **given))
    print(f"Outputs: {', '.join(imported_card.labels)}. Model folder: {folder}")
    if assumed := assumed_labels(imported_card):
        print(assumed)
    chosen = _compare(Engine(folder / TFLITE), wanted, examples, limit, given)
    if card:
        try:
            print(write_beside(h5, chosen, force))
        except OSError as error:
            raise ArtifactError(f"{CARD} can't be written beside {h5.name}: {error.strerror}.") from error


def _given(color_order: str | None, value_range: str | None, crop_margin: float | None) -> dict[str, Any]:
    """The preprocessing fields that the user set by options."""
    scale, offset = VALUE_RANGES[value_range] if value_range is not None else (None, None)
    fields = {"color_order": color_order, "value_scale": scale, "value_offset": offset, "crop_margin": crop_margin}
    return {name: value for name, value in fields.items() if value is not None}


def _fed(card: Card, way: Preprocessing) -> Card:
    """The card with this preprocessing; if that changes it, fitted and measured values are removed."""
    return card if way == card.preprocessing else replace(uncalibrated(card), preprocessing=way)


def _compare(engine: Engine, card: Card, examples: Path, limit: int, given: Mapping[str, Any]) -> Card:
    """Print the model's answers with each preprocessing; returns the card with the best one.

    Colour order and value range are compared first, at the current margin, then margins. Fields that the user set do
    not change. If no preprocessing is clearly useful, the card is returned unchanged.
    """

    def allowed(found: Sequence[Reading]) -> list[Reading]:
        return [reading for reading in found if all(getattr(reading.way, name) == given[name] for name in given)]

    in_use = card.preprocessing.crop_margin
    crops, is_fake = example_crops(examples, limit, sorted({*MARGINS, in_use, WHOLE}))
    found = readings(engine, card, crops, colour_ways(card.preprocessing))
    right = best(allowed(found), is_fake)
    way = right.way if right is not None else card.preprocessing
    others = [replace(way, crop_margin=margin) for margin in (*sorted({*MARGINS} - {in_use}), WHOLE)]
    found += readings(engine, card, crops, others)
    print(f"\nP(Fake) of {len(crops[WHOLE])} pictures of {examples}:\n{table(found, is_fake)}")
    print(f"\n{advice(found, is_fake)}")
    right = best(allowed(found), is_fake)
    return card if right is None else _fed(card, right.way)
