"""Training batches: every fake that has a real twin stands beside it, under the same degradations."""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import keras
import numpy as np
from numpy.typing import NDArray

from model.augment import degrade
from model.dataset import Example, read_mask, read_rgb
from model.faces import CROP_SIZE, crop, square_around
from model.labels import LABELS
from model.preprocessing import Preprocessing, to_input
from model.self_blend import region_mask, self_blend

MARGIN_JITTER = (0.85, 1.15)
SHIFT_JITTER = 0.05  # of the square's side


@dataclass(frozen=True)
class Recipe:
    """What a batch is made of, in pictures.

    Attributes:
        twins: fakes with their real twins, twice that many pictures.
        singles: pictures of each class from every data set without twins.
        self_blended: real photos beside a fake made of their own pixels, twice that many pictures.
        mixed: share of the singles that are blended with another of their data set.
    """

    twins: int = 11
    singles: int = 6
    self_blended: int = 9
    mixed: float = 0.5


@dataclass(frozen=True)
class Sample:
    """One training picture: crop ``(256, 256, 3) uint8``, P(Fake), and mask ``(256, 256) float32`` if known."""

    pixels: NDArray[np.uint8]
    p_fake: float
    mask: NDArray[np.float32] | None = None


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
    ) -> None:
        super().__init__(workers=2, use_multiprocessing=False, max_queue_size=8)
        self.root = root
        self.preprocessing = preprocessing
        self.grid = grid
        self.steps = steps
        self.seed = seed
        self.recipe = recipe or Recipe()
        self.epoch = 0
        found = [example for example in examples if example.box is not None]
        self._by_path = {example.path: example for example in found}
        self._fakes_of: dict[str, list[Example]] = defaultdict(list)
        self._singles: dict[tuple[str, str], list[Example]] = defaultdict(list)
        self._reals: dict[str, list[Example]] = defaultdict(list)
        twinned = {example.dataset for example in found if example.twin}
        for example in found:
            if example.twin in self._by_path:
                self._fakes_of[example.twin].append(example)
            elif example.dataset not in twinned:
                self._singles[example.dataset, example.label].append(example)
            if example.label == "Real":
                self._reals[example.dataset].append(example)
        self._twins = sorted(self._fakes_of)

    def __len__(self) -> int:
        return self.steps

    def on_epoch_end(self) -> None:
        self.epoch += 1

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict, dict]:
        rng = np.random.default_rng((self.seed, self.epoch, index))
        samples = self._samples(rng)
        pixels = to_input(np.stack([sample.pixels for sample in samples]), self.preprocessing)
        p_fake = np.array([sample.p_fake for sample in samples], np.float32)
        labels = np.stack([p_fake if label == "Fake" else 1 - p_fake for label in LABELS], axis=1)
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
        for dataset in sorted({dataset for dataset, _ in self._singles}):
            singles = []
            for label in LABELS:
                members = self._singles[dataset, label]
                for _ in range(self.recipe.singles if members else 0):
                    singles.append(self._single(members[rng.integers(len(members))], rng))
            samples += self._mix(singles, rng)
        datasets = sorted(self._reals)
        for _ in range(self.recipe.self_blended):
            members = self._reals[datasets[rng.integers(len(datasets))]]
            samples += self._self_blended_pair(members[rng.integers(len(members))], rng)
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
        self, pictures: Sequence[tuple[NDArray[np.uint8], str, NDArray | None]], rng: np.random.Generator
    ) -> list[Sample]:
        """Flip and degrade all pictures of a pair alike."""
        flip, seed = rng.random() < 0.5, int(rng.integers(2**31))
        samples = []
        for pixels, label, mask in pictures:
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
        return self._finish(pictures, rng)

    def _single(self, example: Example, rng: np.random.Generator) -> Sample:
        square = self._square(example, rng)
        pixels = crop(read_rgb(self.root / example.path), square)
        mask = None
        if example.regions:
            mask = region_mask(landmarks_in(example, square), example.regions, CROP_SIZE)
        return self._finish([(pixels, example.label, mask)], rng)[0]

    def _self_blended_pair(self, real: Example, rng: np.random.Generator) -> list[Sample]:
        square = self._square(real, rng)
        pixels = crop(read_rgb(self.root / real.path), square)
        fake, mask = self_blend(pixels, landmarks_in(real, square), int(rng.integers(2**31)))
        mask = mask / max(float(mask.max()), 1e-6)
        return self._finish([(fake, "Fake", mask), (pixels, "Real", None)], rng)
