"""Training batches of pairs: a fake and its real twin are in the same batch and get the same degradations."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.data.layout import Example
from model.data.reading import read_mask, read_rgb
from model.errors import DatasetError
from model.paired.recipe import Recipe
from model.photos.degrade import degrade, process, rescale
from model.photos.face_parts import region_mask
from model.photos.faces import CROP_SIZE, crop, landmarks_in, square_around
from model.photos.self_blend import self_blend
from model.twins.twins import Twin

Item = TypeVar("Item")
Made = tuple[NDArray[np.uint8], str, NDArray[np.floating] | None]  # a picture, its label, mask of the changes if known
Teacher = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
MARGIN_JITTER = (0.85, 1.15)
SHIFT_JITTER = 0.05  # × the square's side
EDITED_ALIKE, EDITED_REAL = 0.2, 0.1  # shares of pairs in which both pictures, or only the real one, get portrait edits
WHOLE_CROP = 0.45  # share of resynthesised fakes with a completely resynthesised crop; in the others only face or parts


@dataclass(frozen=True)
class Sample:
    """One training picture: crop ``(256, 256, 3) uint8``, P(Fake) in 0..1, mask ``(256, 256)`` in 0..1 if known."""

    pixels: NDArray[np.uint8]
    p_fake: float
    mask: NDArray[np.floating] | None = None


class Batches(keras.utils.PyDataset):
    """Endless, seeded training batches for ``keras.Model.fit``.

    Each item is ``(pixels (N, s, s, 3), targets, weights)``, all float32. The targets are ``probabilities (N, 2)`` in
    the order of ``LABELS``, one-hot except for mixed singles and where there is a teacher, and
    ``attention (N, h, w, 1)``, the share of each cell that was changed. Pictures without a known mask, which includes
    all real ones, have weight 0 in the attention loss.
    """

    def __init__(
        self,
        root: Path,
        examples: Sequence[Example],
        preprocessing: Preprocessing,
        grid: tuple[int, int],
        steps: int,
        seed: int,
        recipe: Recipe | None = None,
        resynthesised: Mapping[str, Sequence[Twin]] | None = None,
        twins_folder: Path | None = None,
        teacher: Teacher | None = None,
        teacher_share: float = 0.5,
    ) -> None:
        """Sort the examples into the kinds of the recipe.

        Args:
            root: the data folder.
            examples: training pictures; those without a face are left out, except fakes with a face in their twin.
            preprocessing: the input that the network expects.
            grid: rows and columns of the attention mask.
            steps: batches per epoch.
            seed: decides all random choices.
            recipe: composition of a batch; None takes the default.
            resynthesised: resynthesised twins of real pictures, by the path of the real picture, see
                ``model.twins.twins``.
            twins_folder: the folder of these twins.
            teacher: maps crops ``(N, 256, 256, 3) uint8`` to probabilities ``(N, 2)`` in the order of ``LABELS``; see
                ``Detector.probabilities``.
            teacher_share: weight of the teacher's probabilities in the target, 0..1; the true label has the rest
                (Hinton et al., arXiv 1503.02531). Fakes and their real twins keep the true label, because a teacher
                with a frozen tower detects face swaps less well than a network trained on them.

        Raises:
            DatasetError: if the recipe asks for resynthesised or generated pairs and their pictures are missing.
        """
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.root = root
        self.twins_folder = twins_folder
        self.teacher = teacher
        self.teacher_share = teacher_share
        self.preprocessing = preprocessing
        self.grid = grid
        self.steps = steps
        self.seed = seed
        self.recipe = recipe or Recipe()
        self.epoch = 0
        found = [example for example in examples if example.box is not None]
        self._by_path = {example.path: example for example in found}
        self._fakes_of: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            if example.twin in self._by_path:
                self._fakes_of[example.twin].append(example)
        self._twins = sorted(self._fakes_of)
        self._reals = _by_dataset(example for example in found if example.label == "Real")
        fakes = _by_dataset(example for example in found if example.label == "Fake" and not example.twin)
        twinned = {example.dataset for example in examples if example.twin}
        self._singles = {
            name: {"Fake": fakes[name], "Real": self._reals[name]}
            for name in sorted(fakes.keys() & self._reals.keys() - twinned)
        }
        self._generated = {name: group for name, group in fakes.items() if name not in self._reals}
        self._reals_alone = {name: group for name, group in self._reals.items() if name not in fakes.keys() | twinned}
        self._resynthesised = {
            path: list(twins) for path, twins in (resynthesised or {}).items() if path in self._by_path
        }
        self._resynthesised_sets = _by_dataset(self._by_path[path] for path in sorted(self._resynthesised))
        if self.recipe.resynthesised and not self._resynthesised:
            raise DatasetError("The batches ask for resynthesised twins, but no training picture has one.")
        if self.recipe.generated and not (self._generated and self._reals_alone):
            raise DatasetError("Batches with generated fakes need sets with only fakes and sets with only reals.")

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def samples(self, index: int) -> list[Sample]:
        """The pictures of a batch of the current epoch; partners of a pair follow each other."""
        return self._samples(np.random.default_rng((self.seed, self.epoch, index)))

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict, dict]:
        samples = self.samples(index)
        crops = np.stack([sample.pixels for sample in samples])
        pixels = to_input(crops, self.preprocessing)
        p_fake = np.array([sample.p_fake for sample in samples], np.float32)
        labels = np.stack([p_fake if label == "Fake" else 1 - p_fake for label in LABELS], axis=1)
        if self.teacher is not None:
            taught = slice(2 * self.recipe.twins if self._twins else 0, None)
            teacher_labels = self.teacher(crops[taught]).astype(np.float32)
            labels[taught] += np.float32(self.teacher_share) * (teacher_labels - labels[taught])
        masks = np.zeros((len(samples), *self.grid, 1), np.float32)
        mask_weights = np.zeros((len(samples), *self.grid), np.float32)
        for row, sample in enumerate(samples):
            if sample.mask is not None:
                masks[row, ..., 0] = cv2.resize(sample.mask, self.grid[::-1], interpolation=cv2.INTER_AREA)
                mask_weights[row] = 1
        weights = {"probabilities": np.ones(len(samples), np.float32), "attention": mask_weights}
        return pixels, {"probabilities": labels, "attention": masks}, weights

    def _samples(self, rng: np.random.Generator) -> list[Sample]:
        samples: list[Sample] = []
        if self._twins:
            for _ in range(self.recipe.twins):
                samples += self._twin_pair(rng)
        for members in self._singles.values():
            singles = [
                self._single(_draw(members[label], rng), rng) for label in LABELS for _ in range(self.recipe.singles)
            ]
            samples += self._mix(singles, rng)
        for _ in range(self.recipe.self_blended):
            samples += self._self_blended_pair(_draw_evenly(self._reals, rng), rng)
        for _ in range(self.recipe.resynthesised):
            samples += self._resynthesised_pair(_draw_evenly(self._resynthesised_sets, rng), rng)
        for _ in range(self.recipe.generated):
            samples += self._generated_pair(
                _draw_evenly(self._generated, rng), _draw_evenly(self._reals_alone, rng), rng
            )
        return samples

    def _mix(self, samples: list[Sample], rng: np.random.Generator) -> list[Sample]:
        """Blend a share of the pictures and their labels with another picture: mixup (arXiv 1710.09412).

        Without it, the network overfits to data sets of a few hundred pictures.
        """
        mixed = []
        for sample in samples:
            if rng.random() < self.recipe.mixed:
                other = samples[rng.integers(len(samples))]
                share = rng.beta(0.4, 0.4)
                pixels = cv2.addWeighted(sample.pixels, share, other.pixels, 1 - share, 0)
                p_fake = share * sample.p_fake + (1 - share) * other.p_fake
                sample = Sample(np.asarray(pixels, dtype=np.uint8), p_fake)
            mixed.append(sample)
        return mixed

    def _square(self, example: Example, rng: np.random.Generator) -> tuple[float, float, float]:
        assert example.box is not None  # only pictures with a face are kept
        x, y, side = square_around(example.box, self.preprocessing.crop_margin * rng.uniform(*MARGIN_JITTER))
        shift = rng.uniform(-SHIFT_JITTER, SHIFT_JITTER, 2) * side
        return (x + shift[0], y + shift[1], side)

    def _finish(
        self, pictures: Sequence[Made], rng: np.random.Generator, landmarks: NDArray[np.float32] | None = None
    ) -> list[Sample]:
        """Flip and degrade all pictures of a pair in the same way.

        With landmarks, some pairs first get portrait edits, the same on both pictures or only on the real one, so that
        neither the edit nor its absence is evidence for a class.
        """
        flip, seed, edited = rng.random() < 0.5, int(rng.integers(2**31)), rng.random()
        samples = []
        for pixels, label, mask in pictures:
            only_real = EDITED_ALIKE <= edited < EDITED_ALIKE + EDITED_REAL and label == "Real"
            if landmarks is not None and (edited < EDITED_ALIKE or only_real):
                pixels = process(pixels, landmarks, seed)
            if flip:
                pixels = pixels[:, ::-1].copy()
                mask = None if mask is None else mask[:, ::-1].copy()
            samples.append(Sample(degrade(pixels, seed), float(label == "Fake"), mask))
        return samples

    def _twin_pair(self, rng: np.random.Generator) -> list[Sample]:
        real = self._by_path[self._twins[rng.integers(len(self._twins))]]
        fakes = self._fakes_of[real.path]
        fake = fakes[rng.integers(len(fakes))]
        square = self._square(real, rng)
        mask = None
        if fake.mask:
            mask = crop(read_mask(self.root / fake.mask), square).astype(np.float32) / 255
        pictures = [(crop(read_rgb(self.root / fake.path), square), "Fake", mask)]
        pictures.append((crop(read_rgb(self.root / real.path), square), "Real", None))
        return self._finish(pictures, rng, landmarks_in(square, real.landmarks))

    def _single(self, example: Example, rng: np.random.Generator) -> Sample:
        square = self._square(example, rng)
        pixels = crop(read_rgb(self.root / example.path), square)
        mask = None
        if example.regions:
            mask = region_mask(landmarks_in(square, example.landmarks), example.regions, CROP_SIZE)
        return self._finish([(pixels, example.label, mask)], rng)[0]

    def _self_blended_pair(self, real: Example, rng: np.random.Generator) -> list[Sample]:
        square = self._square(real, rng)
        pixels, landmarks = crop(read_rgb(self.root / real.path), square), landmarks_in(square, real.landmarks)
        fake, mask = self_blend(pixels, landmarks, int(rng.integers(2**31)))
        mask = mask / max(float(mask.max()), 1e-6)
        return self._finish([(fake, "Fake", mask), (pixels, "Real", None)], rng, landmarks)

    def _resynthesised_pair(self, real: Example, rng: np.random.Generator) -> list[Sample]:
        """A face that a generator resynthesised, completely or blended in part into the original, and the original."""
        assert self.twins_folder is not None  # twins come with their folder
        twin = _draw(self._resynthesised[real.path], rng)
        square = self._square(real, rng)
        pixels = crop(rescale(read_rgb(self.root / real.path), twin.side), square)
        fake, mask = crop(read_rgb(self.twins_folder / twin.twin), square), None
        landmarks = landmarks_in(square, real.landmarks)
        if rng.random() >= WHOLE_CROP:
            fake, blended = self_blend(pixels, landmarks, int(rng.integers(2**31)), source=fake)
            mask = blended / max(float(blended.max()), 1e-6)
        return self._finish([(fake, "Fake", mask), (pixels, "Real", None)], rng, landmarks)

    def _generated_pair(self, fake: Example, real: Example, rng: np.random.Generator) -> list[Sample]:
        """A generated face and a real face of another source, both with the same degradation."""
        pictures: list[Made] = []
        for example in (fake, real):
            pictures.append((crop(read_rgb(self.root / example.path), self._square(example, rng)), example.label, None))
        return self._finish(pictures, rng)


def _by_dataset(examples: Iterable[Example]) -> dict[str, list[Example]]:
    groups: dict[str, list[Example]] = {}
    for example in examples:
        groups.setdefault(example.dataset, []).append(example)
    return dict(sorted(groups.items()))


def _draw(members: Sequence[Item], rng: np.random.Generator) -> Item:
    return members[int(rng.integers(len(members)))]


def _draw_evenly(groups: Mapping[str, Sequence[Item]], rng: np.random.Generator) -> Item:
    """Draw a group, then one of its members, so that large and small data sets are equally frequent."""
    return _draw(groups[_draw(list(groups), rng)], rng)
