"""Helpers that change a model folder and read the error of its refusal."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from model.artifact.card import CARD, load_artifact
from model.errors import ArtifactError


def edit(folder: Path, **fields: Any) -> None:
    """Overwrite fields of the card; ``...`` removes a field."""
    card = json.loads((folder / CARD).read_text()) | fields
    kept = {name: value for name, value in card.items() if value is not ...}
    (folder / CARD).write_text(json.dumps(kept))


def refusal(folder: Path, load: Callable[[Path], Any] = load_artifact) -> str:
    """The error message, which names the folder or the card but not its path."""
    with pytest.raises(ArtifactError) as caught:
        load(folder)
    sentence = str(caught.value)
    assert sentence.endswith(".") and str(folder.parent) not in sentence
    return sentence
