"""Detects a model with an answer that hardly changes when parts are hidden; there is nothing to explain then."""

from __future__ import annotations

import math

# Of log-odds, between all answers to one face with parts of it hidden: the odds of Fake change by about 10%,
# at P = 0.5 by 0.025. Probabilities are no measure: between 0.999 and 0.9999 the odds change tenfold. Over 256
# samples of LIME the shipped model's answers to six example faces span 3.4 to 6.6. With random weights (two seeds or
# more, two faces) `cnn` spans 0.02 to 0.04, `lite_attention` and `mobilenetv2` less than 0.0001.
HARDLY = 0.1
LEAST = 1e-12  # keeps the log-odds of 0 and 1 finite


def hardly_moves(lowest: float, highest: float) -> bool:
    """Whether answers between these two probabilities, in 0..1, count as the same answer."""
    return _log_odds(highest) - _log_odds(lowest) < HARDLY


def _log_odds(probability: float) -> float:
    clipped = min(max(probability, LEAST), 1 - LEAST)
    return math.log(clipped / (1 - clipped))
