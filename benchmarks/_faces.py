"""The faces that benchmarks look at: test pictures of a data folder, or the examples that come with WhyFake."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from explain.examples import examples, planted_region
from explain.maps.subject import Subject
from explain.regions.facial import landmarks_in_crop, region_names
from explain.regions.superpixels import segment
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
class KnownFace:
    """A face of known class.

    Attributes:
        name: the picture's.
        label: ``Fake`` or ``Real``.
        face: as the product cuts it out.
        changed: for a fake, where it was changed, ``(S, S) bool`` in the crop; None where nobody knows.
        parts: for a composite, the facial parts that were replaced.
    """

    name: str
    label: str
    face: Face
    changed: NDArray[np.bool_] | None
    parts: tuple[str, ...] = ()

    def subject(self, detector: Detector, superpixels: int, target: str | None = None, seed: int = 0) -> Subject:
        """The question that the product would ask of this face; ``target`` None is the likelier class."""
        landmarks = landmarks_in_crop(self.face)
        segments = segment(self.face.crop, "slic", superpixels)
        names = None if landmarks is None else region_names(segments, landmarks)
        said = detector.predict(self.face.crop).probabilities
        likelier = target or max(TARGETS, key=lambda name: said[name])
        return Subject(self.face.crop, segments, likelier, detector, seed=seed, names=names)


def test_faces(data: Path, dataset: str, margin: float) -> list[KnownFace]:
    """Every test picture of a data set in which a face is found; faces are remembered in ``runs/faces.json``."""
    chosen = [example for example in choose_sets(data, pictures(data), [dataset]) if example.split == "test"]
    return [_known(data, example, margin) for example in with_faces(data, chosen, FACES) if example.box is not None]


def _known(data: Path, example: Example, margin: float) -> KnownFace:
    assert example.box is not None
    square = square_around(example.box, margin)
    x, y, width, height = (round(value) for value in example.box)
    landmarks = np.array(example.landmarks, np.float32)
    face = Face((x, y, width, height), 1.0, landmarks, crop(read_rgb(data / example.path), square), square)
    beside = f"{example.dataset}/masks/{Path(example.path).stem}.png"  # of some composites; no table names them
    mask = example.mask or (beside if (data / beside).is_file() else None)
    changed = crop(read_mask(data / mask), square) > 127 if mask else None
    return KnownFace(example.path, example.label, face, changed, example.regions)


def example_faces(margin: float) -> list[KnownFace]:
    """The example portraits, untouched ones as Real, ours as Fake with what was changed."""
    known = []
    for example in examples():
        faces = find_faces(open_photo(example.path).pixels, margin)
        if not faces:
            continue
        region = planted_region(example)
        changed = None if region is None else crop(region, faces[0].square) > 127
        known.append(KnownFace(example.path.name, "Real" if region is None else "Fake", faces[0], changed))
    return known


def balanced(faces: list[KnownFace], each: int, seed: int = 0) -> list[KnownFace]:
    """``each`` faces of both classes, drawn by a seed; all where there are fewer."""
    rng = np.random.default_rng(seed)
    drawn = []
    for label in TARGETS:
        members = [face for face in faces if face.label == label]
        drawn += [members[row] for row in sorted(rng.permutation(len(members))[:each])]
    return drawn
