"""The small test files of the thesis, and a helper for refusals."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ArtifactError
from model.legacy.folder import model_folder

DATA = Path(__file__).parents[3] / "data" / "legacy"
NAME = "best_model_effatt.h5"
PAIRS = ("keras2_softmax", "keras2_sigmoid", "keras3_softmax")


def refusal(h5: Path, labels: Path | None = None) -> str:
    with pytest.raises(ArtifactError) as caught:
        model_folder(h5, labels)
    sentence = str(caught.value)
    assert sentence.endswith(".") and str(h5.parent) not in sentence
    return sentence
