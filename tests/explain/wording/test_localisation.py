"""Tests of the sentence on whether the maps found a known change."""

from __future__ import annotations

import pytest

from explain.trust.localisation import Localisation
from explain.wording.localisation import localisation_sentence
from model.i18n.catalogue import use_language

CASES = {
    "both": (
        Localisation(3, 2, True, 0.12),
        "2 of LIME's top 3 regions for Fake and the attention peak lie inside the change.",
    ),
    "one": (
        Localisation(3, 1, False, 0.12),
        "1 of LIME's top 3 regions for Fake lies inside the change. The attention peak lies out",
    ),
    "regions": (Localisation(3, 3, None, 0.12), "3 of LIME's top 3 regions for Fake lie inside the change. The change"),
    "peak": (
        Localisation(3, 0, True, 0.12),
        "None of LIME's top 3 regions for Fake lies inside the change. The attention peak lies in",
    ),
    "neither": (Localisation(3, 0, False, 0.12), "None of LIME's top 3"),
    "no region": (Localisation(0, 0, True, 0.12), "LIME marks no region for Fake. The attention peak lies inside"),
}


@pytest.mark.parametrize(("located", "begins"), CASES.values(), ids=CASES)
def test_sentence_starts_with_the_findings_and_ends_with_the_size_of_the_change(
    located: Localisation, begins: str
) -> None:
    sentence = localisation_sentence(located)
    assert sentence.startswith(begins)
    assert sentence.endswith("The change covers 12% of the face picture.")


@pytest.mark.parametrize("located", [located for located, _ in CASES.values()], ids=CASES)
def test_turkish_states_the_same_numbers(located: Localisation) -> None:
    with use_language("tr"):
        sentence = localisation_sentence(located)
    assert "%12" in sentence
    assert ("3" in sentence) is (located.top == 3)
    assert (f"{located.inside} tanesi" in sentence) is (located.inside > 0)
