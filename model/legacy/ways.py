"""Compares preprocessings of an imported network on example pictures: colour order, value range, crop margin."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import Card
from model.artifact.preprocessing import Preprocessing, to_input
from model.data.layout import SUFFIXES, pictures
from model.data.reading import read_rgb
from model.errors import DatasetError
from model.evaluation.metrics import accuracy, auc
from model.photos.faces import CROP_SIZE, crop, find_faces, square_around

VALUE_RANGES = {"0..255": (1.0, 0.0), "0..1": (1 / 255, 0.0), "-1..1": (1 / 127.5, -1.0)}
MARGINS = (1.0, 1.3, 1.6, 2.0)  # the crop's side as a multiple of the face box
WHOLE = 0.0  # means the whole picture: the page never uses it, but many models were trained on whole pictures
USEFUL_AUC = 0.6  # below this, a model is no better than chance on a few hundred pictures

Network = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Reading:
    """A model's answers for the examples with one preprocessing; ``p_fake`` is ``(N,)`` in 0..1."""

    way: Preprocessing
    p_fake: NDArray[np.float64]
    in_use: bool

    @property
    def names(self) -> tuple[str, str, str]:
        """Colour order, range of values and crop margin in words."""
        numbers = (self.way.value_scale, self.way.value_offset)
        values = next((name for name, scaling in VALUE_RANGES.items() if scaling == numbers), f"x{numbers[0]:g}")
        margin = "whole" if self.way.crop_margin == WHOLE else f"{self.way.crop_margin:g}"
        return self.way.color_order, values, margin


def example_crops(
    folder: Path, limit: int, margins: Sequence[float]
) -> tuple[dict[float, NDArray[np.uint8]], NDArray[np.bool_] | None]:
    """Crops of the largest face of example pictures; the whole picture if no face is found.

    Args:
        folder: pictures in ``Real`` and ``Fake`` folders (any layout of ``model.data.layout.pictures``), or without
            classes.
        limit: how many to use at most, with classes half of it from each.
        margins: sides of the crops as multiples of the face box; ``WHOLE`` for the pictures themselves.

    Returns:
        Crops ``(N, 256, 256, 3) uint8`` by margin, and whether each is a fake; None if the folder has no classes.

    Raises:
        DatasetError: if there is no picture, or one can't be read.
    """
    rng = np.random.default_rng(0)
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
    cut = [_crops(read_rgb(path), margins) for path in tqdm(paths, "faces")]
    is_fake = np.arange(len(paths)) < len(drawn[0])
    by_margin = {margin: np.stack([crops[margin] for crops in cut]) for margin in margins}
    return by_margin, is_fake if len(classes) == 2 else None


def _crops(picture: NDArray[np.uint8], margins: Sequence[float]) -> dict[float, NDArray[np.uint8]]:
    whole = np.asarray(cv2.resize(picture, (CROP_SIZE, CROP_SIZE), interpolation=cv2.INTER_AREA), np.uint8)
    faces = find_faces(picture, 1.0)
    if not faces:
        return dict.fromkeys(margins, whole)
    x, y, side = faces[0].square
    squares = {margin: square_around((x, y, side, side), margin) for margin in margins}
    return {margin: whole if margin == WHOLE else crop(picture, square) for margin, square in squares.items()}


def colour_ways(way: Preprocessing) -> list[Preprocessing]:
    """The same preprocessing with both colour orders and each value range."""
    return [
        replace(way, color_order=order, value_scale=scale, value_offset=offset)
        for order in ("BGR", "RGB")
        for scale, offset in VALUE_RANGES.values()
    ]


def readings(
    network: Network, card: Card, crops: dict[float, NDArray[np.uint8]], ways: Sequence[Preprocessing]
) -> list[Reading]:
    """The model's answers with each preprocessing; ``card`` holds the labels and the preprocessing in use."""
    column = card.labels.index("Fake")
    found = []
    for way in ways:
        p_fake = network(to_input(crops[way.crop_margin], way))["probabilities"][:, column].astype(np.float64)
        found.append(Reading(way, p_fake, way == card.preprocessing))
    return found


def table(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """The readings as lines of a table, with accuracy and AUC if the classes are known."""
    head = f"{'colour order':<14}{'values':<9}{'margin':<8}"
    head += f"{'accuracy':>9}{'AUC':>8}" if is_fake is not None else ""
    lines = [head + f"{'mean P(Fake)':>14}{'spread':>8}"]
    for reading in found:
        order, values, margin = reading.names
        line = f"{order:<14}{values:<9}{margin:<8}"
        if is_fake is not None:
            line += f"{accuracy(reading.p_fake, is_fake):>9.3f}{auc(reading.p_fake, is_fake):>8.3f}"
        line += f"{reading.p_fake.mean():>14.3f}{reading.p_fake.std():>8.3f}"
        lines.append(line + ("   <- in use" if reading.in_use else ""))
    return "\n".join(lines)


def best(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> Reading | None:
    """The crop preprocessing with the highest AUC + accuracy; on a tie the one in use.

    None if the classes are unknown, or if no AUC reaches ``USEFUL_AUC``."""
    cropped = [reading for reading in found if reading.way.crop_margin != WHOLE]
    if is_fake is None or not cropped or max(auc(reading.p_fake, is_fake) for reading in cropped) < USEFUL_AUC:
        return None
    # Several preprocessings may have the same AUC; the right one also has the higher accuracy at 0.5.
    return max(
        cropped,
        key=lambda reading: (auc(reading.p_fake, is_fake) + accuracy(reading.p_fake, is_fake), reading.in_use),
    )


def advice(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """The conclusion from the table, in a sentence or two."""
    if is_fake is None:
        return (
            "It is not known which of these pictures are fakes, so the table only shows which rows are wrong: those "
            "with a spread near 0. Give --examples with folders Real and Fake to see which row is right."
        )
    whole = max((auc(reading.p_fake, is_fake) for reading in found if reading.way.crop_margin == WHOLE), default=0.0)
    cropped = max(auc(reading.p_fake, is_fake) for reading in found if reading.way.crop_margin != WHOLE)
    right = best(found, is_fake)
    if right is None:
        swapped = " The labels may be swapped." if max(whole, cropped) < 1 - USEFUL_AUC else ""
        sentence = f"No crop separates these {len(is_fake)} pictures: the best AUC is {cropped:.3f}.{swapped}"
    else:
        order, values, margin = right.names
        sentence = f"{order} with values {values} and crop margin {margin} separates these {len(is_fake)} pictures best"
        sentence += ", and is in use." if right.in_use else "."
    if whole > max(cropped, USEFUL_AUC):
        sentence += f" Whole pictures, which the page never gives to a model, are even better (AUC {whole:.3f})."
    return sentence
