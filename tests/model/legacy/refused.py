"""A helper for tests of files that cannot be imported."""

from __future__ import annotations

from pathlib import Path

import pytest

from model.errors import ArtifactError
from model.legacy.convert import import_network


def refusal(path: Path, architecture: str = "none of ours") -> str:
    with pytest.raises(ArtifactError) as caught:
        import_network(path, architecture)
    sentence = str(caught.value)
    assert sentence.endswith(".") and path.name in sentence and str(path.parent) not in sentence
    return sentence
