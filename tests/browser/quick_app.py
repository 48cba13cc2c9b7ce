"""Serve the page of ``app.py``, with the same options, with a fast stand-in network."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from functools import cache, partialmethod
from pathlib import Path
from typing import Any

import numpy as np
from gradio.data_classes import GradioModel
from numpy.typing import NDArray
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[2]))

from app import main
from model import available
from model.artifact.views import View
from model.available import FoundModel
from model.cli import run
from tests.support.remembered import NETWORKS
from tests.support.worlds import QuickDetector, by_labels

SECONDS_PER_CROP = 2e-3  # it only sleeps; a run with thousands of samples lasts until a test stops it


class NoisyDetector(QuickDetector):
    """Its probabilities vary from crop to crop like those of a real network, so that few maps converge early."""

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        time.sleep(SECONDS_PER_CROP * len(crops))
        probabilities, masks = super()._run(crops, views)
        fake = probabilities[:, self.card.labels.index("Fake")]
        logit = np.log(fake / (1 - fake)) + np.sin(crops.sum((1, 2, 3), dtype=np.int64))
        return by_labels(1 / (1 + np.exp(-logit)), self.card.labels), masks


def reduce_encoding() -> None:
    """Compress pictures less, and make each JSON schema once: Gradio makes it again with every change that it sends."""
    Image.Image.save = partialmethod(Image.Image.save, compress_level=1)
    schema_of = cache(GradioModel.model_json_schema.__func__)
    GradioModel.model_json_schema = classmethod(lambda model: dict(schema_of(model)))


def remember_faces() -> None:
    """Remember the faces of each photo and their parts: finding them takes most of the time of an analysis."""
    for module, name, network in NETWORKS:
        setattr(module, name, network)


def open_noisy_detector(found: FoundModel, *_: Any) -> NoisyDetector:
    """Replaces ``model.available.open_model``."""
    return NoisyDetector(found.path, found.name)


if __name__ == "__main__":
    reduce_encoding()
    remember_faces()
    available.open_model = open_noisy_detector
    run(main)
