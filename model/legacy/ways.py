"""Compares ways of feeding an imported network by what it says of example pictures: colours, values, crop margins."""

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
WHOLE = 0.0  # stands for a picture as it is: no model of the page is given one, but many were trained on them
USEFUL_AUC = 0.6  # below, a model does no better than chance on a few hundred pictures

Network = Callable[[NDArray[np.float32]], Mapping[str, NDArray[np.float32]]]


@dataclass(frozen=True)
class Reading:
    """What a model says of the examples when they are fed to it in one way; ``p_fake`` is ``(N,)`` in 0..1."""

    way: Preprocessing
    p_fake: NDArray[np.float64]
    in_use: bool

    @property
    def names(self) -> tuple[str, str, str]:
        """Colour order, range of values and crop margin in words."""
        numbers = (self.way.value_scale, self.way.value_offset)
        values = next((name for name, known in VALUE_RANGES.items() if known == numbers), f"x{numbers[0]:g}")
        margin = "whole" if self.way.crop_margin == WHOLE else f"{self.way.crop_margin:g}"
        return self.way.color_order, values, margin


def example_crops(
    folder: Path, limit: int, margins: Sequence[float], seed: int = 0
) -> tuple[dict[float, NDArray[np.uint8]], NDArray[np.bool_] | None]:
    """Face crops of example pictures, the whole picture where no face is found.

    Args:
        folder: pictures in ``Real`` and ``Fake`` folders (any layout of ``model.data.dataset.pictures``), or just
            pictures.
        limit: how many to use at most, drawn evenly from both classes.
        margins: sides of the crops as multiples of the face box; ``WHOLE`` for the pictures themselves.
        seed: decides which are drawn.

    Returns:
        Crops ``(N, 256, 256, 3) uint8`` by margin, and whether each is a fake; None where the folder does not tell.

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
    """The same way in both colour orders and each range of values."""
    return [
        replace(way, color_order=order, value_scale=scale, value_offset=offset)
        for order in ("BGR", "RGB")
        for scale, offset in VALUE_RANGES.values()
    ]


def readings(
    network: Network, card: Card, crops: dict[float, NDArray[np.uint8]], ways: Sequence[Preprocessing]
) -> list[Reading]:
    """What the model says of the crops of each way's margin; ``card`` tells the labels and the way in use."""
    column = card.labels.index("Fake")
    found = []
    for way in ways:
        p_fake = network(to_input(crops[way.crop_margin], way))["probabilities"][:, column].astype(np.float64)
        found.append(Reading(way, p_fake, way == card.preprocessing))
    return found


def table(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """The readings line by line, with accuracy and AUC where the truth is known."""
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
    """The way that tells the pictures apart best, of equal ones that in use; None where nothing shows which it is."""
    cropped = [reading for reading in found if reading.way.crop_margin != WHOLE]
    if is_fake is None or not cropped or max(auc(reading.p_fake, is_fake) for reading in cropped) < USEFUL_AUC:
        return None
    # Several ways may rank pictures equally well; the right one also puts them on the right side.
    return max(
        cropped,
        key=lambda reading: (auc(reading.p_fake, is_fake) + accuracy(reading.p_fake, is_fake), reading.in_use),
    )


def advice(found: Sequence[Reading], is_fake: NDArray[np.bool_] | None) -> str:
    """What the table lets one conclude, in a sentence or two."""
    if is_fake is None:
        return (
            "Which of these are fakes is not known, so the table only shows where the model is blind: a way whose "
            "spread is near 0 is a wrong one. Give --examples with folders Real and Fake to see which is right."
        )
    whole = max((auc(one.p_fake, is_fake) for one in found if one.way.crop_margin == WHOLE), default=0.0)
    cropped = max(auc(one.p_fake, is_fake) for one in found if one.way.crop_margin != WHOLE)
    right = best(found, is_fake)
    if right is None:
        swapped = " The labels may be swapped." if max(whole, cropped) < 1 - USEFUL_AUC else ""
        told = f"No crop tells these {len(is_fake)} pictures apart: the best AUC is {cropped:.3f}.{swapped}"
    else:
        order, values, margin = right.names
        told = f"{order} with values {values} and crop margin {margin} tells these {len(is_fake)} pictures apart best"
        told += ", and is in use." if right.in_use else "."
    if whole > max(cropped, USEFUL_AUC):
        told += f" Whole pictures, which the page never feeds to a model, do better still (AUC {whole:.3f})."
    return told
