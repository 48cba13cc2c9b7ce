"""Gathers the examples of a data folder, with the face of each located once and remembered."""

import json
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import replace
from multiprocessing import get_context
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.duplicates import find_duplicates, without_leaks
from model.data.layout import UNSPLIT, Example, choose_sets, pictures
from model.data.reading import leave_out_unreadable, map_in_threads, read_mask, read_rgb, readable, stamp
from model.data.split import GroupOf, assign_splits
from model.errors import DatasetError
from model.photos.faces import CROP_MARGIN, crop, find_faces, square_around

REMEMBER_EVERY = 2000  # pictures after which the faces found so far are written down
Located = tuple[tuple[float, float, float, float] | None, tuple[tuple[float, float], ...]]
__all__ = [
    "DatasetError",
    "Example",
    "choose",
    "face_crop",
    "face_crops",
    "gather",
    "index",
    "judged_sets",
    "pictures",
    "read_mask",
    "read_rgb",
]


def _locate(path: Path) -> Located | None:
    """Box and landmarks of the largest face, both empty without a face; None for what can't be read."""
    cv2.setNumThreads(1)
    if not readable(path):
        return None
    faces = find_faces(read_rgb(path), CROP_MARGIN)
    if not faces:
        return None, ()
    landmarks = tuple((float(x), float(y)) for x, y in faces[0].landmarks)
    x, y, side = faces[0].square
    face_side = side / CROP_MARGIN
    offset = (side - face_side) / 2
    return (x + offset, y + offset, face_side, face_side), landmarks


def _load_or_find_faces(root: Path, names: list[str], cache: Path, workers: int) -> dict[str, list]:
    """``[box, landmarks, bytes, modified]`` of each picture, looking only at those that are new or were changed.

    A cache of before the last two were kept holds ``[box, landmarks]``, which is taken as it is. A picture that can't
    be read is neither returned nor remembered: it may be whole the next time.

    Raises:
        DatasetError: if ``cache`` is not one.
    """
    roots = _read_cache(cache)
    # One cache may serve several data folders, whose pictures may have the same names.
    known = roots.setdefault(str(root.resolve()), {})
    missing = [name for name in names if not _is_known(root / name, known.get(name))]
    for name in missing:
        known.pop(name, None)
    if missing:
        cache.parent.mkdir(parents=True, exist_ok=True)
        # A forked worker inherits locks of OpenCV and TensorFlow without the threads that would open them: it may hang.
        with ProcessPoolExecutor(workers, get_context("spawn")) as pool:
            found = pool.map(_locate, [root / name for name in missing], chunksize=16)
            progress = tqdm(zip(missing, found, strict=True), "faces", total=len(missing))
            for count, (name, face) in enumerate(progress, 1):
                if face is not None:
                    known[name] = [*face, *(stamp(root / name) or ())]
                if count % REMEMBER_EVERY == 0 or count == len(missing):
                    _replace(cache, json.dumps(roots))
    return known


def _is_known(path: Path, entry: list | None) -> bool:
    return entry is not None and (len(entry) == 2 or tuple(entry[2:]) == stamp(path))


def _read_cache(cache: Path) -> dict[str, dict[str, list]]:
    try:
        return dict(json.loads(cache.read_text(encoding="utf-8"))) if cache.exists() else {}
    except (TypeError, ValueError, OSError) as error:
        raise DatasetError(f"{cache} does not hold found faces: delete it, or name another file.") from error


def _replace(file: Path, text: str) -> None:
    """Write a file so that whoever reads it, or an interruption, never meets half of it."""
    unfinished = file.with_name(f"{file.name}.{os.getpid()}")
    unfinished.write_text(text)
    unfinished.replace(file)


def with_faces(
    root: Path, examples: Sequence[Example], cache: Path, workers: int = 2, unreadable: Path | None = None
) -> list[Example]:
    """The readable ones among ``examples``, each with its face, as ``index`` gives them; see ``choose``."""
    faces = _load_or_find_faces(root, [example.path for example in examples], cache, workers)
    whole = leave_out_unreadable(root, examples, [example.path in faces for example in examples], unreadable)
    return [
        replace(
            example,
            box=tuple(faces[example.path][0]) if faces[example.path][0] else None,
            landmarks=tuple((x, y) for x, y in faces[example.path][1]),
        )
        for example in whole
    ]


def index(root: Path, cache: Path, workers: int = 2) -> list[Example]:
    """``pictures(root)`` with the face of each; files that can't be read are left out, with one warning.

    Args:
        root: the data folder; nothing is written there.
        cache: a JSON file that remembers the faces found from one run to the next.
        workers: processes that look for faces.

    Raises:
        DatasetError: if no labelled picture is found, or none that can be read.
    """
    return with_faces(root, pictures(root), cache, workers)


def with_faces_for_training(root: Path, examples: Sequence[Example], cache: Path, workers: int = 2) -> list[Example]:
    """``with_faces``, where a training fake takes the face of its aligned real twin instead of being searched.

    Args:
        root, cache, workers: see ``with_faces``.
        examples: training and validation pictures.
    """
    aligned = [example for example in examples if example.split == "train" and example.twin]
    searched = with_faces(root, [example for example in examples if example not in set(aligned)], cache, workers)
    known = {example.path: example for example in searched}
    return searched + [
        replace(example, box=known[example.twin].box, landmarks=known[example.twin].landmarks)
        for example in aligned
        if example.twin in known
    ]


def choose(
    data: Path,
    faces: Path | None,
    sets: Sequence[str] | None = None,
    workers: int = 2,
    unreadable: Path | None = None,
    wanted: Callable[[Example], bool] | None = None,
) -> list[Example]:
    """The readable pictures of the data sets named, with the split that their folders name, if any.

    Args:
        data: the data folder, in any layout that ``pictures`` knows; nothing is written there.
        faces: where found faces are remembered; None works on whole pictures, so that every ``box`` is None.
        sets: data sets to keep; None keeps all.
        workers: processes that look for faces, threads that read.
        unreadable: a text file for the names of all pictures that can't be read, written if there are any.
        wanted: which of the pictures whose split is known are looked at, so that no face is searched in vain; None
            takes all.

    Raises:
        DatasetError: if nothing readable is found, or a set is not there.
    """
    examples = choose_sets(data, pictures(data), sets)
    if wanted is not None:
        examples = [example for example in examples if example.split == UNSPLIT or wanted(example)]
        if not examples:
            return []
    if faces is not None:
        return with_faces(data, examples, faces, workers, unreadable)
    paths = [data / example.path for example in examples]
    checks = tqdm(map_in_threads(readable, paths, workers), "reading", total=len(paths))
    return leave_out_unreadable(data, examples, list(checks), unreadable)


def gather(
    data: Path,
    faces: Path | None,
    seed: int,
    sets: Sequence[str] | None = None,
    group_of: GroupOf | None = None,
    remove_leaks: bool = False,
    workers: int = 2,
    unreadable: Path | None = None,
    wanted: Callable[[Example], bool] | None = None,
) -> list[Example]:
    """The examples that a command works on: readable, each with a split.

    Args:
        data, faces, sets, workers, unreadable, wanted: see ``choose``; duplicates are looked for among all pictures.
        seed: decides the split of what has none, see ``assign_splits``.
        group_of: what stays on one side of a new split, see ``assign_splits``.
        remove_leaks: look for duplicates, keep them on one side of a new split, and leave out of a given split what
            shows again where it would spoil the measurement, see ``without_leaks``.

    Raises:
        DatasetError: if nothing readable is found, a set is not there, or one is too small to share out.
    """
    examples = choose(data, faces, sets, workers, unreadable, None if remove_leaks else wanted)
    groups = find_duplicates(data, examples, workers=workers) if remove_leaks else []
    split = assign_splits(examples, seed, group_of, [group.paths for group in groups])
    return without_leaks(split, groups)


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
