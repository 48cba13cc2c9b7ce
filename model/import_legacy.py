"""Imports a thesis author's model and checks it: ``python -m model.import_legacy model/best_model_effatt.h5``."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Literal

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact import CARD, TFLITE, ArtifactError, Card, digest, read_card
from model.cli import run
from model.dataset import DatasetError, pictures, read_rgb
from model.engine import Engine
from model.faces import CROP_SIZE, find_faces
from model.layout import SUFFIXES
from model.legacy_card import CALIBRATION, LAMBDA, given_fields, uncalibrated
from model.legacy_folder import model_folder
from model.metrics import accuracy, auc
from model.preprocessing import to_input

EXAMPLES = Path(__file__).parents[1] / "examples"
VALUE_RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}
USEFUL_AUC = 0.6  # below, a model does no better than chance on a few hundred pictures
BELONGS_BESIDE = ("preprocessing", "labels", "licence")


@dataclass(frozen=True)
class Reading:
    """What a model says of the examples when they are fed to it in one way; ``p_fake`` is ``(N,)`` in 0..1."""

    color_order: str
    value_range: str
    p_fake: NDArray[np.float64]
    in_use: bool


def example_crops(
    folder: Path, limit: int, margin: float, seed: int = 0
) -> tuple[NDArray[np.uint8], NDArray[np.bool_] | None]:
    """Face crops ``(N, 256, 256, 3) uint8`` of example pictures, the whole picture where no face is found.

    Args:
        folder: pictures in ``Real`` and ``Fake`` folders (any layout of ``model.dataset.pictures``), or just pictures.
        limit: how many to use at most, drawn evenly from both classes.
        margin: side of the crop as a multiple of the face box.
        seed: decides which are drawn.

    Returns:
        The crops, and whether each is a fake; None where the folder does not tell.

    Raises:
        DatasetError: if there is no picture, or one can't be read.
    """
    rng = np.random.default_rng(seed)
    try:
        examples = pictures(folder)
        classes = [[example.path for example in examples if example.label == label] for label in ("Fake", "Real")]
    except DatasetError:
        files = folder.iterdir() if folder.is_dir() else []
        names = sorted(
            path.name for path in files if path.suffix.lower() in SUFFIXES and not path.stem.endswith("_mask")
        )
        if not names:
            raise
        classes = [names]
    share = max(1, limit // len(classes))
    drawn = [sorted(rng.permutation(names)[:share]) for names in classes]
    paths = [folder / name for names in drawn for name in names]
    crops = np.stack([_crop(read_rgb(path), margin) for path in tqdm(paths, "faces")])
    is_fake = np.arange(len(paths)) < len(drawn[0])
    return crops, is_fake if len(classes) == 2 else None


def _crop(picture: NDArray[np.uint8], margin: float) -> NDArray[np.uint8]:
    faces = find_faces(picture, margin)
    if faces:
        return faces[0].crop
    return np.asarray(cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA), np.uint8)


def readings(engine: Engine, card: Card, crops: NDArray[np.uint8]) -> list[Reading]:
    """What the model says of crops ``(N, S, S, 3) uint8`` in both colour orders and each range of values."""
    column = card.labels.index("Fake")
    found = []
    for color_order in ("BGR", "RGB"):
        for name, (scale, offset) in VALUE_RANGES.items():
            way = replace(card.preprocessing, color_order=color_order, value_scale=scale, value_offset=offset)
            p_fake = engine(to_input(crops, way))["probabilities"][:, column].astype(np.float64)
            found.append(Reading(color_order, name, p_fake, way == card.preprocessing))
    return found


def table(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """The readings line by line, with accuracy and AUC where the truth is known."""
    head = f"{'colour order':<14}{'values':<9}"
    head += f"{'accuracy':>9}{'AUC':>8}" if is_fake is not None else ""
    lines = [head + f"{'mean P(Fake)':>14}{'spread':>8}"]
    for reading in found:
        line = f"{reading.color_order:<14}{reading.value_range:<9}"
        if is_fake is not None:
            line += f"{accuracy(reading.p_fake, is_fake):>9.3f}{auc(reading.p_fake, is_fake):>8.3f}"
        line += f"{reading.p_fake.mean():>14.3f}{reading.p_fake.std():>8.3f}"
        lines.append(line + ("   <- in use" if reading.in_use else ""))
    return "\n".join(lines)


def advice(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """What the table lets one conclude, in a sentence or two."""
    if is_fake is None:
        return (
            "Which of these are fakes is not known, so the table only shows where the model is blind: a way whose "
            "spread is near 0 is a wrong one. Give --examples with folders Real and Fake to see which is right."
        )
    aucs = [auc(reading.p_fake, is_fake) for reading in found]
    if max(aucs) < USEFUL_AUC:
        swapped = " The labels may be swapped." if max(aucs) < 1 - USEFUL_AUC else ""
        return f"No way tells these {len(is_fake)} pictures apart: the best AUC is {max(aucs):.3f}.{swapped}"
    # Several ways may rank pictures equally well; the right one also puts them on the right side.
    best = max(found, key=lambda reading: auc(reading.p_fake, is_fake) + accuracy(reading.p_fake, is_fake))
    told = f"{best.color_order} with values {best.value_range} tells these {len(is_fake)} pictures apart best"
    if best.in_use:
        return f"{told}, and is in use."
    return f"{told}: use --color-order {best.color_order} --value-range={best.value_range} --force."


def write_beside(h5: Path, card: Card, force: bool) -> str:
    """Write ``card.json`` beside the file unless there is one; returns what was done, in a sentence."""
    path = h5.parent / CARD
    if path.exists() and not force:
        used = "is kept as it is" if given_fields(h5) else f"says nothing of this {h5.name}, and is kept as it is"
        return f"{path} exists and {used}; --force replaces it."
    # What was fitted stays in the model folder: written here, it would undo what is fitted anew. An owner's own stays.
    own = given_fields(h5)
    names = [*BELONGS_BESIDE, *(name for name in (*CALIBRATION, LAMBDA) if name in own)]
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
        Literal["BGR", "RGB"] | None, typer.Option(help="How it was trained; BGR, as OpenCV reads, if not given.")
    ] = None,
    value_range: Annotated[
        Literal["0..255", "0..1", "-1..1"] | None, typer.Option(help="How it was trained; 0..255 if not given.")
    ] = None,
    card: Annotated[bool, typer.Option(help="Write card.json beside the model.")] = True,
    force: Annotated[bool, typer.Option(help="Replace a card.json that is there.")] = False,
) -> None:
    """Import a model of the thesis, say what matched, and show which colour order and value range are right.

    Nothing in its files is executed. The imported model is kept in ~/.cache/whyfake (or $WHYFAKE_CACHE).
    """
    folder = model_folder(h5, labels, tell=print)
    known = read_card(folder)
    for sentence in known.training["imported"]["report"]:
        print(sentence)
    preprocessing = known.preprocessing
    if color_order is not None:
        preprocessing = replace(preprocessing, color_order=color_order)
    if value_range is not None:
        scale, offset = VALUE_RANGES[value_range]
        preprocessing = replace(preprocessing, value_scale=scale, value_offset=offset)
    changed = preprocessing != known.preprocessing
    wanted = replace(uncalibrated(known) if changed else known, preprocessing=preprocessing)
    print(f"Outputs: {', '.join(known.labels)}. Model folder: {folder}")
    crops, is_fake = example_crops(examples, limit, preprocessing.crop_margin)
    found = readings(Engine(folder / TFLITE), wanted, crops)
    print(f"\nP(Fake) of {len(crops)} pictures of {examples}:\n{table(found, is_fake)}\n\n{advice(found, is_fake)}")
    if card:
        try:
            print(write_beside(h5, wanted, force))
        except OSError as error:
            raise ArtifactError(f"{CARD} can't be written beside {h5.name}: {error.strerror}.") from error


if __name__ == "__main__":
    run(import_legacy)
