"""Collects the examples of a data folder; finds the face of each picture once and caches it."""

import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.duplicates import find_duplicates, without_leaks
from model.data.layout import UNSPLIT, Example, choose_sets, leave_out_sets, pictures
from model.data.reading import leave_out_unreadable, map_in_threads, read_rgb, readable, stamp
from model.data.split import GroupOf, assign_splits
from model.errors import DatasetError
from model.files import replacing
from model.photos.faces import CROP_MARGIN, crop, find_faces, square_around
from model.processes import process_pool

REMEMBER_EVERY = 2000  # pictures between two writes of the cache
WORKERS = 2  # processes that look for faces, or threads that read pictures
Located = tuple[tuple[float, float, float, float] | None, tuple[tuple[float, float], ...]]


def _locate(path: Path) -> Located | None:
    """Box and landmarks of the largest face, both empty without a face; None for an unreadable file."""
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
    """``[box, landmarks, bytes, modified]`` of each picture; looks for faces only in new and changed pictures.

    Entries of an old cache hold only ``[box, landmarks]`` and stay valid. Unreadable pictures are neither returned nor
    cached, because they may be readable the next time. Cached pictures that are not in ``names`` are returned too.

    Raises:
        DatasetError: if ``cache`` is not a cache of faces.
    """
    roots = _read_cache(cache)
    # Several data folders may share one cache, and their pictures may have the same names.
    entries = roots.setdefault(str(root.resolve()), {})
    missing = [name for name in names if not _is_cached(root / name, entries.get(name))]
    for name in missing:
        entries.pop(name, None)
    if missing:
        cache.parent.mkdir(parents=True, exist_ok=True)
        with process_pool(workers) as pool:
            found = pool.map(_locate, [root / name for name in missing], chunksize=16)
            progress = tqdm(zip(missing, found, strict=True), "faces", total=len(missing))
            for count, (name, face) in enumerate(progress, 1):
                if face is not None:
                    entries[name] = [*face, *(stamp(root / name) or ())]
                if count % REMEMBER_EVERY == 0 or count == len(missing):
                    with replacing(cache) as file:
                        file.write_text(json.dumps(roots))
    return entries


def _is_cached(path: Path, entry: list | None) -> bool:
    return entry is not None and (len(entry) == 2 or tuple(entry[2:]) == stamp(path))


def _read_cache(cache: Path) -> dict[str, dict[str, list]]:
    try:
        return dict(json.loads(cache.read_text(encoding="utf-8"))) if cache.exists() else {}
    except (TypeError, ValueError, OSError) as error:
        raise DatasetError(f"{cache} does not hold found faces: delete it, or name another file.") from error


def with_faces(
    root: Path, examples: Sequence[Example], cache: Path, workers: int = WORKERS, unreadable: Path | None = None
) -> list[Example]:
    """The readable ``examples`` in the order given, each with its face; see ``choose`` for the arguments and errors."""
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


def with_faces_for_training(root: Path, examples: Sequence[Example], cache: Path) -> list[Example]:
    """``with_faces``, but a training fake with an aligned real twin takes the twin's face.

    These fakes come last; unreadable ones, and those without a twin among the readable ``examples``, are left out.

    Args:
        root, cache: see ``with_faces``.
        examples: training and validation pictures.
    """
    aligned, others = list[Example](), list[Example]()
    for example in examples:
        (aligned if example.split == "train" and example.twin else others).append(example)
    searched = with_faces(root, others, cache)
    located = {example.path: example for example in searched}
    placed = [
        replace(example, box=located[example.twin].box, landmarks=located[example.twin].landmarks)
        for example in aligned
        if example.twin in located
    ]
    checks = list(map_in_threads(readable, [root / example.path for example in placed], WORKERS))
    return searched + (leave_out_unreadable(root, placed, checks) if placed else [])


def find_faces_to_train(
    data: Path, sets: Sequence[str] | None, leave_out: Sequence[str] | None, faces: Path
) -> list[Example]:
    """The pictures to train and validate on, those that are left out included, with their faces.

    Raises:
        DatasetError: if there are none, or a name in ``sets`` or ``leave_out`` is unknown.
    """
    listed = [example for example in choose_sets(data, pictures(data), sets) if example.split in ("train", "val")]
    if not listed:
        raise DatasetError(f"{data} holds no pictures in folders named train or val.")
    leave_out_sets(data, listed, leave_out)  # refuses unknown names before the slow search for faces
    return with_faces_for_training(data, listed, faces)


def choose(
    data: Path,
    faces: Path | None,
    sets: Sequence[str] | None = None,
    workers: int = WORKERS,
    unreadable: Path | None = None,
    wanted: Callable[[Example], bool] | None = None,
) -> list[Example]:
    """The readable pictures of the given data sets, with the split that their folders name, if any.

    Args:
        data: the data folder, in any layout that ``pictures`` knows; nothing is written there.
        faces: the cache of found faces; with None, whole pictures are used and every ``box`` is None.
        sets: data sets to keep; None keeps all.
        workers: processes that look for faces, or threads that read where ``faces`` is None.
        unreadable: a text file for the names of all unreadable pictures; removed if there are none.
        wanted: which pictures with a known split to keep; this saves the search for faces in the others. None keeps
            all. The result is empty if it keeps none.

    Raises:
        DatasetError: if no picture can be read, a data set is missing, or ``faces`` is not a cache of faces.
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
    unreadable: Path | None = None,
    wanted: Callable[[Example], bool] | None = None,
) -> list[Example]:
    """The examples that a command works on: readable pictures, each with a split.

    Args:
        data, faces, sets, unreadable, wanted: see ``choose``; with ``remove_leaks``, ``wanted`` is ignored, because
            duplicates are searched among all pictures.
        seed: decides the split of pictures that have none, see ``assign_splits``.
        group_of: which pictures stay in the same part of a new split, see ``assign_splits``.
        remove_leaks: look for duplicates, keep them together in a new split, and remove the training and validation
            pictures that leak in a given split, see ``without_leaks``.

    Raises:
        DatasetError: if no picture can be read, a data set is missing or too small to split, or ``faces`` is not a
            cache of faces.
    """
    examples = choose(data, faces, sets, unreadable=unreadable, wanted=None if remove_leaks else wanted)
    groups = find_duplicates(data, examples) if remove_leaks else []
    split = assign_splits(examples, seed, group_of, [group.paths for group in groups])
    return without_leaks(split, groups)


def face_crop(root: Path, example: Example, margin: float = CROP_MARGIN) -> NDArray[np.uint8]:
    """The crop ``(256, 256, 3) uint8`` RGB of this example's largest face, cut in the same way as in the product.

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

    Pictures without a face are left out, because the product gives them no score.
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
