"""Serves the page of ``app.py``, with the same options, around a network that takes no time."""

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

SECONDS_PER_CROP = 2e-3  # without work for a processor: a run with thousands of samples lasts until a test stops it


class RestlessDetector(QuickDetector):
    """Its answers jump from crop to crop as those of a real network do, so that few maps converge early."""

    def _run(
        self, crops: NDArray[np.uint8], views: Sequence[View] = ()
    ) -> tuple[NDArray[np.float64], NDArray[np.float32]]:
        time.sleep(SECONDS_PER_CROP * len(crops))
        probabilities, masks = super()._run(crops, views)
        fake = probabilities[:, self.card.labels.index("Fake")]
        logit = np.log(fake / (1 - fake)) + np.sin(crops.sum((1, 2, 3), dtype=np.int64))
        return by_labels(1 / (1 + np.exp(-logit)), self.card.labels), masks


def spare_encoders() -> None:
    """Compress pictures less, and describe each kind of data once: Gradio does it again with every change it sends."""
    Image.Image.save = partialmethod(Image.Image.save, compress_level=1)
    describe = cache(GradioModel.model_json_schema.__func__)
    GradioModel.model_json_schema = classmethod(lambda kind: dict(describe(kind)))


def look_at_faces_once() -> None:
    """To find the face of the same few photos and its parts takes most of an analysis's time."""
    for module, name, network in NETWORKS:
        setattr(module, name, network)


def open_restless(found: FoundModel, *_: Any) -> RestlessDetector:
    """Stands for ``model.available.open_model``."""
    return RestlessDetector(found.path, found.name)


if __name__ == "__main__":
    spare_encoders()
    look_at_faces_once()
    available.open_model = open_restless
    run(main)
