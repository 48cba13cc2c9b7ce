"""Runs stock ``lime``, unchanged, on our superpixels."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import redirect_stderr

import numpy as np
from lime.lime_image import LimeImageExplainer
from numpy.typing import NDArray

from explain.maps.subject import Subject

SAMPLES = 1000  # default of stock lime


def weights(
    subject: Subject, predict: Callable[[NDArray[np.uint8]], np.ndarray], seed: int, samples: int = SAMPLES
) -> NDArray[np.float64]:
    """Weights ``(K,)`` of stock lime with its default kernel, masks and batches."""
    index = subject.detector.card.labels.index(subject.target)
    with redirect_stderr(io.StringIO()):  # its progress bar cannot be turned off
        explanation = LimeImageExplainer(random_state=seed).explain_instance(
            subject.crop,
            predict,
            labels=(index,),
            top_labels=None,
            num_samples=samples,
            segmentation_fn=lambda image: subject.segments,
        )
    return np.array([weight for _, weight in sorted(explanation.local_exp[index])])
