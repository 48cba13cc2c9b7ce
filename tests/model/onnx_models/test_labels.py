"""Tests of reading names of classes as Fake and Real."""

from __future__ import annotations

import pytest

from model.errors import ArtifactError
from model.onnx_models.labels import classes_of, read_name, seen_by


@pytest.mark.parametrize(
    ("names", "classes", "seen"),
    [
        (("Fake", "Real"), ("Fake", "Real"), "face"),
        (("Realism", "Deepfake"), ("Real", "Fake"), "face"),
        (("bonafide", "spoof"), ("Real", "Fake"), "face"),
        (("artificial", "human"), ("Fake", "Real"), "picture"),
        (("hum", "ai"), ("Real", "Fake"), "picture"),
        (("AI-generated", "real"), ("Fake", "Real"), "picture"),
        (("StableDiffusion", "Midjourney", "Real"), ("Fake", "Fake", "Real"), "picture"),
    ],
)
def test_known_names_are_read(names: tuple[str, ...], classes: tuple[str, ...], seen: str) -> None:
    assert classes_of(names, (), "model") == classes
    assert seen_by(names) == seen


@pytest.mark.parametrize("name", ["LABEL_0", "1", "not fake", "non-AI", "real or fake", "", "unreal", "cat"])
def test_unclear_names_are_not_guessed(name: str) -> None:
    assert read_name(name) is None
    with pytest.raises(ArtifactError, match=r"--fake-label"):
        classes_of((name, "fake"), (), "model")


def test_owner_says_which_classes_mean_fake() -> None:
    assert classes_of(("A", "B", "C"), ("a", "2"), "model") == ("Fake", "Real", "Fake")
    assert classes_of(("Fake", "Real"), ("real",), "model") == ("Real", "Fake"), (
        "the owner's answer overrides the names"
    )
    with pytest.raises(ArtifactError, match=r"no class 'D'; its classes are 'A', 'B'"):
        classes_of(("A", "B"), ("D",), "model")


def test_classes_of_one_kind_are_refused() -> None:
    with pytest.raises(ArtifactError, match="all fake or all real"):
        classes_of(("fake", "spoof"), (), "model")
    with pytest.raises(ArtifactError, match="all fake or all real"):
        classes_of(("A", "B"), ("A", "B"), "model")
