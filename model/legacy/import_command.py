"""Imports a thesis author's model and checks it: ``python -m model import_legacy model/best_model_effatt.h5``."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Annotated, Any, Literal

import typer

from model.artifact.card import CARD, TFLITE, Card, digest, read_card
from model.artifact.facts import assumed_labels
from model.artifact.preprocessing import Preprocessing
from model.cli import run
from model.detector.engine import Engine
from model.errors import ArtifactError
from model.legacy.card import CALIBRATION, LAMBDA, given_fields, uncalibrated
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
    """Write ``card.json`` beside the file unless there is one; returns what was done, in a sentence."""
    path = h5.parent / CARD
    if path.exists() and not force:
        used = "is kept as it is" if given_fields(h5) else f"says nothing of this {h5.name}, and is kept as it is"
        return f"{path} exists and {used}; --force replaces it."
    # What was fitted stays in the model folder: written here, it would undo what is fitted later. An owner's own stays.
    own = given_fields(h5)
    # Labels that were assumed stay so: written here, they would be taken for the owner's word.
    names = [name for name in BELONGS_BESIDE if name != "labels" or not assumed_labels(card)]
    names += [name for name in (*CALIBRATION, LAMBDA) if name in own]
    values = {**asdict(card), LAMBDA: own.get(LAMBDA)}
    del values["preprocessing"]["input_size"]  # the network itself decides it
    chosen = {"sha256": {h5.name: digest(h5)}, **{name: values[name] for name in names}}
    path.write_text(json.dumps(chosen, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    return f"{path} was written; change it there if another way is right."


def import_legacy(
    h5: Annotated[Path, typer.Argument(help="The model that Keras 2 or 3 saved, as best_model_effatt.h5.")],
    labels: Annotated[
        Path | None, typer.Option(help="The pickled LabelBinarizer; label_transform.pkl beside the model if not given.")
    ] = None,
    examples: Annotated[
        Path, typer.Option(help="Pictures to check it on, best in folders Real and Fake.", show_default="ours")
    ] = EXAMPLES,
    limit: Annotated[int, typer.Option(min=2, help="How many of them to use at most.")] = 200,
    color_order: Annotated[
        Literal["BGR", "RGB"] | None,
        typer.Option(help="How it was trained; if not given, what fits the examples best."),
    ] = None,
    value_range: Annotated[
        Literal["0..255", "0..1", "-1..1"] | None,
        typer.Option(help="How it was trained; if not given, what fits the examples best."),
    ] = None,
    crop_margin: Annotated[
        float | None,
        typer.Option(min=0.5, max=4, help="Side of the crop in face boxes; the best is found if not given."),
    ] = None,
    card: Annotated[bool, typer.Option(help="Write card.json beside the model.")] = True,
    force: Annotated[bool, typer.Option(help="Replace a card.json that is there.")] = False,
) -> None:
    """Import a model of the thesis, say what matched, and find its colour order, value range and crop margin.

    With examples in folders Real and Fake, card.json gets the way that tells them apart best; options decide otherwise.

    Nothing in its files is executed. The imported model is kept in ~/.cache/whyfake (or $WHYFAKE_CACHE).
    """
    folder = model_folder(h5, labels, tell=print, try_again=True)
    known = read_card(folder)
    for sentence in known.training["imported"]["report"]:
        print(sentence)
    given = _given(color_order, value_range, crop_margin)
    wanted = _fed(known, replace(known.preprocessing, **given))
    print(f"Outputs: {', '.join(known.labels)}. Model folder: {folder}")
    if assumed := assumed_labels(known):
        print(assumed)
    chosen = _compare(Engine(folder / TFLITE), wanted, examples, limit, given)
    if card:
        try:
            print(write_beside(h5, chosen, force))
        except OSError as error:
            raise ArtifactError(f"{CARD} can't be written beside {h5.name}: {error.strerror}.") from error


def _given(color_order: str | None, value_range: str | None, crop_margin: float | None) -> dict[str, Any]:
    """The fields of the preprocessing that options decide."""
    scale, offset = VALUE_RANGES[value_range] if value_range is not None else (None, None)
    fields = {"color_order": color_order, "value_scale": scale, "value_offset": offset, "crop_margin": crop_margin}
    return {name: value for name, value in fields.items() if value is not None}


def _fed(card: Card, way: Preprocessing) -> Card:
    """The card with another preprocessing, for which nothing that was fitted or measured holds any more."""
    return card if way == card.preprocessing else replace(uncalibrated(card), preprocessing=way)


def _compare(engine: Engine, card: Card, examples: Path, limit: int, given: Mapping[str, Any]) -> Card:
    """Print what the model says of the examples in each way; the card with the way that is right.

    Colours and values are compared first, at the margin in use, then margins. What options decide stays.
    """

    def allowed(found: Sequence[Reading]) -> list[Reading]:
        return [one for one in found if all(getattr(one.way, name) == value for name, value in given.items())]

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


if __name__ == "__main__":
    run(import_legacy)
