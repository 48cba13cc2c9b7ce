"""Tests of the sentences on trust."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from explain.regions.hiding import HIDES
from explain.trust.curves import ORDERS, Band, Curves
from explain.trust.measure import Trust
from explain.trust.stability import Stability
from explain.wording.trust import details, short_answers, trust_sentence

SHARES = np.array([0.0, 1.0])
AREAS = (np.arange(ORDERS) + 0.5) / ORDERS  # of the random orders: 0.01, 0.03 … 0.99
STEADY = Stability("seed", 3, 14 / 15, 0.89, 0.93)


def curves(percentile: float, hide: str = "mean", insertion: float = 0.5) -> Curves:
    """Curves that beat the given shares of the random orders at deletion and at insertion."""
    band = Band(np.stack([AREAS, AREAS], axis=1), SHARES)
    return Curves(hide, np.full(2, 1 - percentile), np.full(2, insertion), band)


def trust(*percentiles: float, **changes: Any) -> Trust:
    both = tuple(curves(share, hide) for share, hide in zip(percentiles, ("mean", "blur"), strict=False))
    return Trust(**{"method": "lime", "target": "Fake", "curves": both, "flat": False} | changes)


def test_sentence_of_a_good_map_states_the_random_orders_beaten_and_its_stability() -> None:
    assert trust_sentence(trust(0.98, 0.98, stability=STEADY)) == (
        "Hiding what this map marks moves the verdict away from Fake more than 98% of random orders do; "
        "repeated with other seeds it names the same top regions 9 times in 10."
    )


def test_sentence_of_a_map_at_chance_states_that_and_its_stability() -> None:
    assert trust_sentence(trust(0.5, 0.3, stability=STEADY)) == (
        "On this photo this map is no better than chance: 60% of random orders move the verdict away from Fake at "
        "least as much; repeated with other seeds it names the same top regions 9 times in 10."
    )


def test_without_repetitions_the_sentence_ends_earlier() -> None:
    assert trust_sentence(trust(0.98, 0.98)).endswith("more than 98% of random orders do.")
    assert trust_sentence(trust(0.4, 0.4)).endswith("at least as much.")


@pytest.mark.parametrize(
    ("percentile", "words"),
    [
        (1.0, "more than all of 50 random orders do"),
        (0.95, "more than 95% of random orders do"),
        (0.94, "is not clearly better than chance: 6% of"),
        (0.52, "is not clearly better than chance: 48% of"),
        (0.5, "is no better than chance: 50% of"),
        (0.06, "is no better than chance: 94% of"),
        (0.05, "is worse than chance: 95% of"),
        (0.0, "is worse than chance: 100% of"),
    ],
)
def test_each_percentile_has_its_words(percentile: float, words: str) -> None:
    text = trust_sentence(trust(percentile, percentile))
    assert words in text
    assert text.startswith("Hiding" if percentile >= 0.95 else "On this photo this map")


def test_percentages_near_100_are_never_rounded_up_to_all() -> None:
    assert "more than 99% of" in trust_sentence(trust(1.0, 0.99))  # 99.5%
    assert "99% of random orders" in trust_sentence(trust(0.0, 0.01))


def test_one_lucky_hide_value_is_not_enough() -> None:
    assert "not clearly better than chance" in trust_sentence(trust(1.0, 0.4))


def test_sentence_on_attention_speaks_of_where_the_model_looked() -> None:
    text = trust_sentence(trust(0.98, 0.98, target="Real", signed=False))
    assert text.startswith("Hiding where this map says the model looked moves the verdict away from Real")


def test_a_flat_map_marks_nothing() -> None:
    words = "On this photo this map is the same everywhere: it marks nothing, which is no better than chance."
    assert trust_sentence(trust(1.0, 1.0, flat=True, stability=STEADY, signed=False)) == words


@pytest.mark.parametrize(
    ("same_top", "words"),
    [
        (1.0, "it names the same top regions every time."),
        (0.999, "it names the same top regions 9 times in 10."),
        (0.6, "it names the same top regions 6 times in 10."),
        (0.05, "it names other top regions nearly every time."),
    ],
)
def test_sentence_states_how_often_the_top_regions_are_repeated(same_top: float, words: str) -> None:
    text = trust_sentence(trust(0.98, stability=Stability("noise", 3, same_top, 0.5, 0.5)))
    assert text.endswith(f"repeated with a little noise on the photo {words}")


def test_details_hold_the_numbers() -> None:
    both = (curves(0.98, "mean", insertion=0.9), curves(0.64, "blur", insertion=0.2))
    text = details(trust(curves=both, fidelity=-0.254, stability=STEADY))
    assert "as their mean colour, P(Fake) averages 0.02" in text
    assert "(random orders: 0.50, nine in ten of them 0.06 to 0.94), lower than 98% of 50 random orders" in text
    assert "(insertion) it averages 0.90, higher than 90% of them" in text
    assert "by a blur, P(Fake) averages 0.36" in text
    assert "averages 0.20, higher than 20% of them" in text
    assert "µ-fidelity −0.25" in text
    assert "3 times: Jaccard index of the 5 strongest regions 0.89, rank correlation 0.93." in text
    assert "standard deviation 4 of 255" in details(trust(0.9, stability=Stability("noise", 3, 1.0, 1.0, 1.0)))


def test_details_leave_out_what_is_not_known_yet() -> None:
    text = details(trust(0.98))
    assert text.count("With regions hidden") == 1
    assert "µ-fidelity" not in text and "Jaccard" not in text


def test_every_hide_value_has_its_own_text() -> None:
    texts = {details(trust(curves=(curves(0.98, hide),))) for hide in HIDES}
    assert len(texts) == len(HIDES)


@pytest.mark.parametrize("percentile", [0.0, 0.3, 0.7, 0.98, 1.0])
def test_trust_is_one_sentence_without_markup(percentile: float) -> None:
    text = trust_sentence(trust(percentile, percentile, stability=STEADY))
    assert text.count(".") == 1 and text.endswith(".")
    assert "<" not in text and "&" not in text


# The two cells of the table


@pytest.mark.parametrize(
    ("found", "chance"),
    [
        (trust(0.98, 0.98), "Yes: hiding it moves the verdict more than 98% of random orders"),
        (trust(1.0, 1.0), f"Yes: hiding it moves the verdict more than all of {ORDERS} random orders"),
        (trust(0.94, 0.94), "No"),
        (trust(0.01, 0.01), "No"),
        (trust(1.0, 1.0, flat=True), "No: it marks nothing"),
    ],
)
def test_short_answer_is_yes_only_for_a_map_better_than_chance(found: Trust, chance: str) -> None:
    assert short_answers(found) == (chance, "not repeated")


@pytest.mark.parametrize(
    ("same_top", "words"),
    [
        (1.0, "the same top regions every time"),
        (14 / 15, "the same top regions 9 times in 10"),
        (0.05, "other top regions nearly every time"),
    ],
)
def test_short_answer_states_how_often_the_regions_are_repeated(same_top: float, words: str) -> None:
    steady = Stability("seed", 3, same_top, 0.89, 0.93)
    assert short_answers(trust(0.98, 0.98, stability=steady))[1] == words
    assert short_answers(trust(0.98, 0.98, stability=steady, flat=True))[1] == "not repeated"


def test_short_answer_for_a_model_that_hardly_depends_on_the_picture() -> None:
    level = np.full(2, 0.7)
    still = Curves("mean", level, level, Band(np.full((ORDERS, 2), 0.7), SHARES))
    found = trust(curves=(still,), stability=STEADY)
    assert found.unmoved
    assert short_answers(found) == ("No: hiding parts hardly changes the answer", "not repeated")
