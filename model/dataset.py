"""Lists the pictures of a data folder, with the face of each located once and remembered."""

import csv
import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.faces import CROP_MARGIN, crop, find_faces, square_around

SUFFIXES = {".jpg", ".jpeg", ".png"}
SPLITS = ("train", "val", "test")
LABEL_OF_FOLDER = {"fake": "Fake", "fake_extra": "Fake", "real": "Real"}


class DatasetError(ValueError):
    """A data folder cannot be used; the message says why."""


@dataclass(frozen=True)
class Example:
    """One picture of a data set.

    Attributes:
        path: the picture, relative to the data root.
        dataset: name of the folder that it comes from.
        split: ``train``, ``val`` or ``test``.
        label: ``Fake`` or ``Real``.
        box: face box ``(x, y, w, h)`` in pixels, or None where no face was found.
        landmarks: five ``[x, y]`` in pixels, as ``Face.landmarks``; empty where no face was found.
        twin: for a fake, its aligned real original, relative to the root.
        mask: for a fake, a picture that is white where it was changed, relative to the root.
        regions: for a composite, the facial parts that were replaced, named as in ``model.self_blend``.
    """

    path: str
    dataset: str
    split: str
    label: str
    box: tuple[float, float, float, float] | None
    landmarks: tuple[tuple[float, float], ...]
    twin: str | None = None
    mask: str | None = None
    regions: tuple[str, ...] = ()


def read_rgb(path: Path) -> NDArray[np.uint8]:
    """Read a picture as ``(H, W, 3) uint8`` RGB.

    Raises:
        DatasetError: if OpenCV can't decode the file.
    """
    return _read(path, cv2.IMREAD_COLOR_RGB)


def read_mask(path: Path) -> NDArray[np.uint8]:
    """Read a mask as ``(H, W) uint8``.

    Raises:
        DatasetError: if OpenCV can't decode the file.
    """
    return _read(path, cv2.IMREAD_GRAYSCALE)


def _read(path: Path, flags: int) -> NDArray[np.uint8]:
    picture = cv2.imread(str(path), flags)
    if picture is None:
        raise DatasetError(f"{path} is not a picture that can be read.")
    return np.asarray(picture, dtype=np.uint8)


def _pictures(root: Path) -> Iterator[tuple[Path, str, str, str]]:
    """Yield ``(path, dataset, split, label)``; a folder without splits counts as test."""
    for path in sorted(root.glob("**/*")):
        if path.suffix.lower() not in SUFFIXES:
            continue
        parts = path.relative_to(root).parts
        label = LABEL_OF_FOLDER.get(parts[-2].lower()) if len(parts) > 1 else None
        if label is None:
            continue
        split = parts[-3] if len(parts) > 2 and parts[-3] in SPLITS else "test"
        yield path, parts[0], split, label


def _pairs(root: Path) -> dict[str, tuple[str, str]]:
    """Twin and mask of each fake named in a ``pairs.csv``, all relative to the root."""
    pairs: dict[str, tuple[str, str]] = {}
    for table in sorted(root.glob("**/pairs.csv")):
        folder = table.parent.relative_to(root)
        with table.open(newline="") as rows:
            for row in csv.DictReader(rows):
                pairs[str(folder / row["fake"])] = (str(folder / row["real"]), str(folder / row["mask"]))
    return pairs


def _regions(root: Path) -> dict[tuple[str, str], tuple[str, ...]]:
    """Replaced facial parts by data set and file name, from each ``regions.csv``."""
    columns = {
        "eye_viewer_left": "left_eye",
        "eye_viewer_right": "right_eye",
        "nose": "nose",
        "mouth": "mouth",
    }
    regions = {}
    for table in sorted(root.glob("*/regions.csv")):
        with table.open(newline="") as rows:
            for row in csv.DictReader(rows):
                parts = tuple(part for column, part in columns.items() if row[column] == "1")
                regions[table.parent.name, row["file"]] = parts
    return regions


def _locate(path: Path) -> tuple[tuple[float, float, float, float] | None, tuple[tuple[float, float], ...]]:
    cv2.setNumThreads(1)
    faces = find_faces(read_rgb(path), CROP_MARGIN)
    if not faces:
        return None, ()
    landmarks = tuple((float(x), float(y)) for x, y in faces[0].landmarks)
    x, y, side = faces[0].square
    face_side = side / CROP_MARGIN
    offset = (side - face_side) / 2
    return (x + offset, y + offset, face_side, face_side), landmarks


def _load_or_find_faces(root: Path, paths: list[Path], cache: Path, workers: int) -> dict[str, list]:
    """``[box, landmarks]`` of each picture, looking only at those that ``cache`` does not know yet."""
    roots: dict[str, dict[str, list]] = json.loads(cache.read_text()) if cache.exists() else {}
    # One cache may serve several data folders, whose pictures may bear the same names.
    known = roots.setdefault(str(root.resolve()), {})
    names = {str(path.relative_to(root)): path for path in paths}
    missing = [name for name in names if name not in known]
    if missing:
        # A forked worker inherits locks of OpenCV and TensorFlow without the threads that would open them: it may hang.
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            found = pool.map(_locate, [names[name] for name in missing], chunksize=16)
            known.update(zip(missing, tqdm(found, "faces", total=len(missing)), strict=True))
        cache.parent.mkdir(parents=True, exist_ok=True)
        cache.write_text(json.dumps(roots))
    return known


def index(root: Path, cache: Path, workers: int = 2) -> list[Example]:
    """List every labelled picture below ``root`` with its face.

    Pictures stand in folders named ``real``, ``fake`` or ``fake_extra`` (any case), below ``train``, ``val`` or
    ``test`` where there are splits; the first folder below ``root`` names the data set.

    Args:
        root: the data folder; nothing is written there.
        cache: a JSON file that remembers the faces found from one run to the next.
        workers: processes that look for faces.

    Raises:
        DatasetError: if no labelled picture is found.
    """
    pictures = list(_pictures(root))
    if not pictures:
        raise DatasetError(f"{root} holds no pictures in folders named real or fake.")
    faces = _load_or_find_faces(root, [path for path, *_ in pictures], cache, workers)
    pairs, regions = _pairs(root), _regions(root)
    examples = []
    for path, dataset, split, label in pictures:
        name = str(path.relative_to(root))
        box, landmarks = faces[name]
        twin, mask = pairs.get(name, (None, None))
        examples.append(
            Example(
                name,
                dataset,
                split,
                label,
                tuple(box) if box else None,
                tuple((x, y) for x, y in landmarks),
                twin,
                mask,
                regions.get((dataset, path.name), ()) if label == "Fake" else (),
            )
        )
    return examples


def face_crop(root: Path, example: Example, margin: float = CROP_MARGIN) -> NDArray[np.uint8]:
    """The crop ``(256, 256, 3) uint8`` that the product would cut for this example's largest face.

    Raises:
        DatasetError: if no face was found in the example.
    """
    if example.box is None:
        raise DatasetError(f"No face was found in {example.path}.")
    return crop(read_rgb(root / example.path), square_around(example.box, margin))


def face_crops(
    root: Path, examples: Sequence[Example], split: str, margin: float = CROP_MARGIN
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Crops ``(N, 256, 256, 3) uint8`` and ``is_fake (N,) bool`` of one split, by data set.

    Pictures without a face are left out: the product gives them no score either.
    """
    members: dict[str, list[Example]] = {}
    for example in examples:
        if example.split == split and example.box is not None:
            members.setdefault(example.dataset, []).append(example)
    return {
        name: (
            np.stack([face_crop(root, example, margin) for example in group]),
            np.array([example.label == "Fake" for example in group]),
        )
        for name, group in sorted(members.items())
    }


def judged_sets(
    root: Path, examples: Sequence[Example], split: str, margin: float = CROP_MARGIN
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """``face_crops`` of the data sets in which both classes are there to be told apart.

    Raises:
        DatasetError: if there is no such set.
    """
    sets = face_crops(root, examples, split, margin)
    both = {name: (crops, is_fake) for name, (crops, is_fake) in sets.items() if 0 < is_fake.sum() < len(is_fake)}
    if not both:
        raise DatasetError(f"{root} holds no {split} pictures of both classes with a face in them.")
    return both
