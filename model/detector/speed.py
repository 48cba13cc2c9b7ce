"""Compares the speed of networks in the engine that the product uses."""

import time
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from tqdm import tqdm

from model.artifact.card import TFLITE, read_card
from model.detector.engine import BATCH_SIZES, Engine

SINGLES_PER_BATCH = 8  # timed calls with one picture for each call with the largest batch


def speeds(folders: Mapping[str, Path], rounds: int) -> dict[str, tuple[float, float]]:
    """Pictures per second at the largest of ``BATCH_SIZES``, and milliseconds for one picture, of each model folder.

    The networks run alternately in one process, call by call, so that other load on the machine affects all equally.
    Only the network is timed, not decoding, face detection and resizing.

    Args:
        folders: model folders by name.
        rounds: timed batches of each network, and ``SINGLES_PER_BATCH`` times as many single pictures; the results are
            medians.
    """
    rng = np.random.default_rng(0)
    engines, pixels = {}, {}
    for name, folder in folders.items():
        side = read_card(folder).preprocessing.input_size
        pixels[name] = rng.uniform(-1, 1, (BATCH_SIZES[-1], side, side, 3)).astype(np.float32)
        engines[name] = Engine(folder / TFLITE)
    batches: dict[str, list[float]] = {name: [] for name in engines}
    singles: dict[str, list[float]] = {name: [] for name in engines}
    for lap in tqdm(range(rounds + 1), "timing"):
        for count, seconds in ((BATCH_SIZES[-1], batches), *((1, singles),) * SINGLES_PER_BATCH):
            for name, engine in engines.items():
                start = time.perf_counter()
                engine(pixels[name][:count])
                if lap:  # the first lap loads the networks
                    seconds[name].append(time.perf_counter() - start)
    return {
        name: (BATCH_SIZES[-1] / float(np.median(batches[name])), 1000 * float(np.median(singles[name])))
        for name in engines
    }
