"""Training batches: every fake that has a real twin stands beside it, under the same degradations."""

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
from model.photos.faces import CROP_SIZE, crop, square_around
from model.photos.self_blend import self_blend
from model.twins.twins import Twin

Item = TypeVar("Item")
Made = tuple[NDArray[np.uint8], str, NDArray[np.floating] | None]  # a picture, its label, what was changed if known
Teacher = Callable[[NDArray[np.uint8]], NDArray[np.floating]]
MARGIN_JITTER = (0.85, 1.15)
SHIFT_JITTER = 0.05  # of the square's side
EDITED_ALIKE, EDITED_REAL = 0.2, 0.1  # shares of pairs of which both, or the real one alone, is edited as portraits are
WHOLE_CROP = 0.45  # share of resynthesised pairs in which all of the crop is; in the others, the face or parts of it


@dataclass(frozen=True)
class Sample:
    """One training picture: crop ``(256, 256, 3) uint8``, P(Fake), and mask ``(256, 256) float32`` if known."""

    pixels: NDArray[np.uint8]
    p_fake: float
    mask: NDArray[np.floating] | None = None


def landmarks_in(example: Example, square: tuple[float, float, float]) -> NDArray[np.float32]:
    """The example's landmarks in the pixels of the crop that shows ``square``."""
    landmarks = np.array(example.landmarks, np.float32)
    return (landmarks - np.array(square[:2], np.float32)) * np.float32(CROP_SIZE / square[2])


class Batches(keras.utils.PyDataset):
    """Endless, seeded training batches for ``keras.Model.fit``.

    Each item is ``(pixels (N, s, s, 3), targets, weights)`` where targets are ``probabilities (N, 2)`` one-hot
    and ``attention (N, h, w, 1)``, the share of each cell that was changed; pictures without a known mask weigh
    zero in the attention loss.
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
        """Sort the examples into the kinds that a batch is made of.

        Args:
            root: the data folder.
            examples: training pictures; those without a face are left out, but for fakes with a twin that has one.
            preprocessing: what the network expects.
            grid: rows and columns of the attention mask.
            steps: batches per epoch.
            seed: decides all that is left to chance.
            recipe: what a batch holds.
            resynthesised: twins of real pictures by their path, see ``model.twins.twins``.
            twins_folder: where these lie.
            teacher: says how likely crops ``(N, 256, 256, 3) uint8`` are Fake or Real, ``(N, 2)``; see
                ``Detector.probabilities``.
            teacher_share: weight of the teacher's answer in what is to be learnt, 0..1; the truth has the rest
                (Hinton et al., arXiv 1503.02531). Fakes with their real twins keep the truth: a teacher with a frozen
                tower sees face swaps less well than a network that learns them.

        Raises:
            DatasetError: if the recipe asks for pictures of a kind that is not there.
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
            raise DatasetError("Batches with generated fakes need sets of fakes alone and of reals alone.")

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict, dict]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        samples = self._samples(rng)
        crops = np.stack([sample.pixels for sample in samples])
        pixels = to_input(crops, self.preprocessing)
        p_fake = np.array([sample.p_fake for sample in samples], np.float32)
        labels = np.stack([p_fake if label == "Fake" else 1 - p_fake for label in LABELS], axis=1)
        if self.teacher is not None:
            taught = slice(2 * self.recipe.twins if self._twins else 0, None)
            said = self.teacher(crops[taught]).astype(np.float32)
            labels[taught] += np.float32(self.teacher_share) * (said - labels[taught])
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
        """Blend some pictures with another one, labels alike: mixup (arXiv 1710.09412).

        Sets of some hundred pictures are otherwise learnt by heart.
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
        """Flip, edit and degrade all pictures of a pair alike.

        With landmarks they may be edited first as portraits are: both alike, or the real one alone, so that neither the
        edit nor its absence is evidence.
        """
        flip, seed, edited = rng.random() < 0.5, int(rng.integers(2**31)), rng.random()
        samples = []
        for pixels, label, mask in pictures:
            alone = EDITED_ALIKE <= edited < EDITED_ALIKE + EDITED_REAL and label == "Real"
            if landmarks is not None and (edited < EDITED_ALIKE or alone):
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
        return self._finish(pictures, rng, landmarks_in(real, square))

    def _single(self, example: Example, rng: np.random.Generator) -> Sample:
        square = self._square(example, rng)
        pixels = crop(read_rgb(self.root / example.path), square)
        mask = None
        if example.regions:
            mask = region_mask(landmarks_in(example, square), example.regions, CROP_SIZE)
        return self._finish([(pixels, example.label, mask)], rng)[0]

    def _self_blended_pair(self, real: Example, rng: np.random.Generator) -> list[Sample]:
        square = self._square(real, rng)
        pixels, landmarks = crop(read_rgb(self.root / real.path), square), landmarks_in(real, square)
        fake, mask = self_blend(pixels, landmarks, int(rng.integers(2**31)))
        mask = mask / max(float(mask.max()), 1e-6)
        return self._finish([(fake, "Fake", mask), (pixels, "Real", None)], rng, landmarks)

    def _resynthesised_pair(self, real: Example, rng: np.random.Generator) -> list[Sample]:
        """A face that passed through a generator, whole or blended back in part, beside the face that did not."""
        assert self.twins_folder is not None  # twins come with their folder
        twin = _draw(self._resynthesised[real.path], rng)
        square = self._square(real, rng)
        pixels = crop(rescale(read_rgb(self.root / real.path), twin.side), square)
        fake, mask = crop(read_rgb(self.twins_folder / twin.twin), square), None
        landmarks = landmarks_in(real, square)
        if rng.random() >= WHOLE_CROP:
            fake, blended = self_blend(pixels, landmarks, int(rng.integers(2**31)), source=fake)
            mask = blended / max(float(blended.max()), 1e-6)
        return self._finish([(fake, "Fake", mask), (pixels, "Real", None)], rng, landmarks)

    def _generated_pair(self, fake: Example, real: Example, rng: np.random.Generator) -> list[Sample]:
        """A generated face beside a real one of another source, both degraded alike: their histories differ."""
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
    """One of a group drawn first, so that a large data set does not crowd out a small one."""
    return _draw(groups[_draw(list(groups), rng)], rng)
