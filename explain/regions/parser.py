"""The face parser: what each pixel of a face crop shows, by a small network that is loaded once."""

from __future__ import annotations

import threading
from collections.abc import Callable
from functools import cache

import cv2
import numpy as np
from numpy.typing import NDArray

from model.paths import FACE_PARSER

# The classes of CelebAMask-HQ (Lee et al., CVPR 2020), by its names, in the order of the outputs: ``eye_g`` are
# glasses, ``ear_r`` is an earring, ``neck_l`` a necklace; ``mouth`` is what is between the lips.
CLASSES = (
    *("background", "skin", "l_brow", "r_brow", "l_eye", "r_eye", "eye_g", "l_ear", "r_ear", "ear_r"),
    *("nose", "mouth", "u_lip", "l_lip", "neck", "neck_l", "cloth", "hair", "hat"),
)

_lock = threading.Lock()  # an interpreter keeps state between calls


def parse_face(crop: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """What each pixel of a face crop shows, by BiSeNet V2 (Yu et al., arXiv 2004.02147).

    The network sees the crop at 448 × 448 pixels and scores the classes for squares of 8 × 8. The scores are enlarged
    before the best one is taken, so that borders are smooth.

    Args:
        crop: ``(S, S, 3) uint8`` RGB.

    Returns:
        Index into ``CLASSES`` of each pixel, ``(S, S) uint8``.
    """
    with _lock:
        scores = _network()(crop)
    side = len(crop)
    classes = cv2.resize(scores, (side, side), interpolation=cv2.INTER_LINEAR).argmax(axis=-1).astype(np.uint8)
    # OpenCV takes a score as that of its square's centre, the network was trained with it at the upper left corner.
    shift = round((side / len(scores) - 1) / 2)
    return np.pad(classes, (0, max(shift, 0)), mode="edge")[-side:, -side:]


@cache
def _network() -> Callable[[NDArray[np.uint8]], NDArray[np.float32]]:
    """From a crop to scores ``(56, 56, 19) float32``; ``model.backbones.face_parser`` made the file."""
    from ai_edge_litert.interpreter import Interpreter

    interpreter = Interpreter(model_path=str(FACE_PARSER), num_threads=1)  # others may need the other cores
    interpreter.allocate_tensors()
    (taken,), (given,) = interpreter.get_input_details(), interpreter.get_output_details()
    side = int(taken["shape"][1])

    def run(crop: NDArray[np.uint8]) -> NDArray[np.float32]:
        resized = cv2.resize(crop, (side, side), interpolation=cv2.INTER_LINEAR)
        interpreter.set_tensor(taken["index"], resized[None].astype(np.float32) / 127.5 - 1)
        interpreter.invoke()
        return np.asarray(interpreter.get_tensor(given["index"])[0])

    return run
