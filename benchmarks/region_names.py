"""Compares the names of superpixels with what a person sees in them: are regions called by their right names?

``python -m benchmarks.region_names [DATA]``: the superpixels in ``region_names.csv`` of faces in DATA, or those of two
examples without DATA. They are ten superpixels, at the product's setting, of each of ten faces of four data sets, all
drawn by a fixed seed.

Each superpixel was labelled by eye, on a picture with its outline, before any naming was run: with the part that it
shows, and others that it shows as well. The file names a superpixel by its innermost pixel in the crop.

- right: share of superpixels with only such parts in their name;
- half right: share of superpixels with one such part and another one in their name;
- largest part: share of superpixels with such a part as the one that covers most. With it a naming that gives only
  one part, such as the former one by five landmarks, can be compared.

The faces of the first half of ``by_half`` were used after the first measurement, to choose how much a second part must
cover to be named, and that skin around an eyebrow belongs to it. Only the second half is untouched by choices.

Some data sets have tight crops, so that the product's crop is filled up with repeated border pixels. What those show is
a matter of opinion, so superpixels that lie mostly in the photo are also counted separately.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from benchmarks import _results
from benchmarks._faces import the_detector
from explain.regions.facial import NAMES, covered_areas, face_parts, named_parts, region_names
from explain.regions.superpixels import segment
from explain.settings import Settings
from model.cli import run
from model.data.reading import read_rgb
from model.paths import EXAMPLES
from model.photos.faces import Face, find_faces

LABELS = Path(__file__).with_suffix(".csv")
# Earlier results, of code that is gone, with which docs/maps.md compares: each run keeps them in the file.
KEPT = ("first", "five_points")


@dataclass(frozen=True)
class Label:
    """What a person sees in one superpixel.

    Attributes:
        picture: the photo, relative to the data folder, or to the checkout for an example.
        point: x, y of a pixel of the superpixel, in the crop.
        parts: of ``NAMES``.
    """

    picture: str
    point: tuple[int, int]
    parts: frozenset[str]

    @property
    def dataset(self) -> str:
        """The first folder of the picture's path."""
        return self.picture.split("/")[0]


@dataclass(frozen=True)
class Found:
    """A superpixel's name, and the part that covers most of it, beside its label.

    Attributes:
        label: what a person sees.
        name: None if the face has no names.
        largest: of ``NAMES``.
        in_photo: whether most of the superpixel lies in the photo.
    """

    label: Label
    name: str | None
    largest: str | None
    in_photo: bool

    @property
    def share_right(self) -> float:
        """Share of the parts in the name that the label has too, 0..1; 0 without a name."""
        return (
            0.0 if self.name is None else float(np.mean([part in self.label.parts for part in named_parts(self.name)]))
        )


def read_labels() -> list[Label]:
    """Every label, in the order of the file."""
    with LABELS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    labels = [Label(row["picture"], (int(row["x"]), int(row["y"])), frozenset(row["parts"].split("|"))) for row in rows]
    if unknown := {part for label in labels for part in label.parts} - set(NAMES):
        raise ValueError(f"{LABELS.name} has parts that are none: {', '.join(sorted(unknown))}")
    return labels


def names_of_face(path: Path, labels: list[Label]) -> list[Found]:
    """The names of the labelled superpixels of a photo's largest face."""
    photo = read_rgb(path)
    face = find_faces(photo, the_detector().card.preprocessing.crop_margin)[0]
    segments = segment(face.crop, "slic", Settings().superpixels)
    parts = face_parts(face)
    names = None if parts is None else region_names(segments, parts)
    inside = in_photo(face, photo.shape[:2])
    found = []
    for label in labels:
        x, y = label.point
        region = int(segments[y, x])
        most = bool(inside[segments == region].mean() > 0.5)
        if parts is None or names is None:
            found.append(Found(label, None, None, most))
        else:
            largest = NAMES[covered_areas(segments, parts)[region].argmax()]
            found.append(Found(label, names[region], largest, most))
    return found


def in_photo(face: Face, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Whether each pixel of the crop ``(S, S)`` shows a place of the photo of ``size`` (height, width)."""
    left, top, side = (round(value) for value in face.square)
    steps = (np.arange(len(face.crop)) + 0.5) * side / len(face.crop)
    rows, columns = ((steps + start >= 0) & (steps + start < end) for start, end in zip((top, left), size, strict=True))
    return rows[:, None] & columns


def summary(found: Iterable[Found]) -> dict[str, float | int]:
    """Shares of right and half right names, and of right largest parts; ``superpixels`` is their number."""
    rows = list(found)
    shares = np.array([row.share_right for row in rows])
    return {
        "superpixels": len(shares),
        "right": round(float((shares == 1).mean()), 4),
        "half_right": round(float(((shares > 0) & (shares < 1)).mean()), 4),
        "largest_part": round(float(np.mean([row.largest in row.label.parts for row in rows])), 4),
    }


def figures_of(found: list[Found]) -> dict[str, Any]:
    """Summaries of all superpixels, of those in the photo, of each data set, and of every second face."""
    sets = sorted({row.label.dataset for row in found})
    faces = list(dict.fromkeys(row.label.picture for row in found))
    halves = [set(faces[start::2]) for start in (0, 1)]
    return {
        "all": summary(found),
        "in_photo": summary(row for row in found if row.in_photo),
        "by_set": {name: summary(row for row in found if row.label.dataset == name) for name in sets},
        "by_half": [summary(row for row in found if row.label.picture in half) for half in halves],
        "two_parts": round(
            float(np.mean([row.name is not None and len(named_parts(row.name)) > 1 for row in found])), 4
        ),
    }


def main(
    data: Annotated[Path | None, typer.Argument(help="Data folder; else the labels of two examples.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="The two examples.")] = False,
    wrong: Annotated[bool, typer.Option("--wrong", help="List the names that are not right.")] = False,
) -> None:
    """Measure how many superpixels are called by their right names."""
    on_examples = data is None or quick
    root = EXAMPLES.parent if on_examples else data
    assert root is not None
    labels = [label for label in read_labels() if (label.dataset == EXAMPLES.name) == on_examples]
    by_picture = [(picture, list(rows)) for picture, rows in groupby(labels, lambda label: label.picture)]
    found = [row for picture, rows in tqdm(by_picture) for row in names_of_face(root / picture, rows)]
    figures = figures_of(found)
    if wrong:
        for row in found:
            if row.share_right < 1:
                print(f"{row.label.picture} {row.label.point}: {row.name}, not {', '.join(sorted(row.label.parts))}")
    for name in ("all", "in_photo"):
        print(f"{name}: {figures[name]}")
    earlier = _results.read("region_names")
    kept = {name: earlier[name] for name in KEPT if name in earlier}
    for name, former in kept.items():
        print(f"{name}, before: {former['all']}")
    _results.write("region_names", {**figures, **kept}, quick or data is None)


if __name__ == "__main__":
    run(main)
