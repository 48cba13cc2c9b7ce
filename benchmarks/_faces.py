"""The faces of the benchmarks: test pictures of a data folder, or WhyFake's examples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product, zip_longest
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explain.examples import examples, planted_region
from explain.maps.subject import Subject
from explain.regions.superpixels import named_regions
from explain.settings import TARGETS
from model.data.dataset import with_faces
from model.data.layout import Example, choose_sets, pictures
from model.data.options import FACES
from model.data.reading import read_mask, read_rgb
from model.detector.detector import Detector
from model.photos.faces import Face, crop, find_faces, square_around
from model.photos.photo import open_photo


@cache
def the_detector() -> Detector:
    """The shipped model, loaded once by each process."""
    return Detector()


@dataclass(frozen=True, eq=False)
class LabelledFace:
    """A face of known class.

    Attributes:
        name: name of the picture.
        label: ``Fake`` or ``Real``.
        face: with the crop of the product.
        changed: for a fake, the changed pixels of the crop, ``(S, S) bool``; None if unknown.
        parts: for a composite, the facial parts that were replaced.
    """

    name: str
    label: str
    face: Face
    changed: NDArray[np.bool_] | None
    parts: tuple[str, ...] = ()

    def subject(self, detector: Detector, superpixels: int, target: str | None = None, seed: int = 0) -> Subject:
        """The product's ``Subject`` for this face; with ``target`` None it explains the more likely class."""
        segments, names = named_regions(self.face, "slic", superpixels)
        probabilities = detector.predict(self.face.crop).probabilities
        explained = target or max(TARGETS, key=lambda name: probabilities[name])
        return Subject(self.face.crop, segments, explained, detector, seed=seed, names=names)


def test_faces(data: Path, dataset: str, margin: float) -> list[LabelledFace]:
    """Every test picture of a data set in which a face is found; faces are cached in ``runs/faces.json``."""
    chosen = [example for example in choose_sets(data, pictures(data), [dataset]) if example.split == "test"]
    return [
        _known_face(data, example, margin) for example in with_faces(data, chosen, FACES) if example.box is not None
    ]


def mixed_test_faces(data: Path, datasets: Sequence[str], count: int, margin: float) -> list[LabelledFace]:
    """``count`` test faces, drawn with a fixed seed from each data set and class in turn."""
    tests = [example for example in choose_sets(data, pictures(data), list(datasets)) if example.split == "test"]
    rng = np.random.default_rng(0)
    groups = []
    for dataset, label in product(datasets, TARGETS):
        members = [example for example in tests if (example.dataset, example.label) == (dataset, label)]
        groups.append([members[row] for row in rng.permutation(len(members))])
    in_turn = [example for turn in zip_longest(*groups) for example in turn if example is not None]
    found: list[LabelledFace] = []
    while in_turn and len(found) < count:
        wanted = count - len(found)
        searched, in_turn = in_turn[:wanted], in_turn[wanted:]
        found += [_known_face(data, example, margin) for example in with_faces(data, searched, FACES) if example.box]
    return found


def _known_face(data: Path, example: Example, margin: float) -> LabelledFace:
    assert example.box is not None
    square = square_around(example.box, margin)
    x, y, width, height = (round(value) for value in example.box)
    landmarks = np.array(example.landmarks, np.float32)
    face = Face((x, y, width, height), 1.0, landmarks, crop(read_rgb(data / example.path), square), square)
    mask_path = f"{example.dataset}/masks/{Path(example.path).stem}.png"  # some composites have a mask in no table
    mask = example.mask or (mask_path if (data / mask_path).is_file() else None)
    changed = crop(read_mask(data / mask), square) > 127 if mask else None
    return LabelledFace(example.path, example.label, face, changed, example.regions)


def example_faces(margin: float) -> list[LabelledFace]:
    """The example portraits: unchanged ones as Real, our fakes as Fake with the changed region."""
    found = []
    for example in examples():
        faces = find_faces(open_photo(example.path).pixels, margin)
        if not faces:
            continue
        region = planted_region(example)
        changed = None if region is None else crop(region, faces[0].square) > 127
        found.append(LabelledFace(example.path.name, "Real" if region is None else "Fake", faces[0], changed))
    return found


def balanced(faces: list[LabelledFace], each: int, seed: int = 0) -> list[LabelledFace]:
    """``each`` faces of each class, drawn with a seed; all if there are fewer."""
    rng = np.random.default_rng(seed)
    drawn = []
    for label in TARGETS:
        members = [face for face in faces if face.label == label]
        drawn += [members[row] for row in sorted(rng.permutation(len(members))[:each])]
    return drawn
