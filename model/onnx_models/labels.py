"""Reads names of classes, such as ``artificial`` and ``human``, as Fake and Real."""

import re
from collections.abc import Sequence

from model.artifact.card import FACE, PICTURE
from model.errors import ArtifactError
from model.i18n.catalogue import Message

WORD = re.compile("[a-z]+")
FAKE_WORDS = WORD.findall(
    "fake fakes faked deepfake deepfakes artificial ai aigc generated generative gan gans synthetic synthesized spoof "
    "spoofed spoofing forged forgery manipulated tampered faceswap swapped diffusion midjourney dalle sdxl flux "
    "stylegan machine attack"
)
REAL_WORDS = WORD.findall(
    "real reals realism human humans hum bonafide bona genuine authentic natural original pristine live untouched "
    "camera photograph"
)
NEGATIONS = WORD.findall("not non no never without un anti")
OF_PICTURES = WORD.findall(  # names that mean generated pictures, not faces
    "artificial ai aigc generated generative diffusion midjourney dalle sdxl flux human humans hum machine synthetic "
    "camera photograph"
)
SHOWN = 20  # names in a message


def classes_of(names: Sequence[str], fake_labels: Sequence[str], file: str) -> tuple[str, ...]:
    """``Fake`` or ``Real`` for each class.

    Args:
        names: of the classes, in order. For a network with a single output, two names: of a low and of a high value.
        fake_labels: names or numbers of the classes that mean Fake; empty to read the names.
        file: the model's name, for messages.

    Raises:
        ArtifactError: if a name is unclear and nothing was said about it, or all classes are of one kind.
    """
    if fake_labels:
        chosen = {_number_of(label, names, file) for label in fake_labels}
        classes = tuple("Fake" if number in chosen else "Real" for number in range(len(names)))
    else:
        read = [read_name(name) for name in names]
        if None in read:
            raise ArtifactError(Message("onnx.unclear", file=file, names=_listed(names)))
        classes = tuple(map(str, read))
    if len(set(classes)) < 2:
        raise ArtifactError(Message("onnx.one_kind", file=file, names=_listed(names)))
    return classes


def read_name(name: str) -> str | None:
    """The class that a name means; None if it is unclear."""
    words = _words(name)
    fake, real, negated = (not words.isdisjoint(known) for known in (FAKE_WORDS, REAL_WORDS, NEGATIONS))
    if fake == real or negated:
        return None
    return "Fake" if fake else "Real"


def seen_by(names: Sequence[str]) -> str:
    """Whether a model with such classes judges faces or whole pictures."""
    return FACE if all(_words(name).isdisjoint(OF_PICTURES) for name in names) else PICTURE


def _words(name: str) -> set[str]:
    """The words of a name, in lower case: ``AI_generatedFace 2`` has ``ai``, ``generated`` and ``face``."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return set(WORD.findall(apart.lower()))


def _number_of(label: str, names: Sequence[str], file: str) -> int:
    lowered = [name.strip().lower() for name in names]
    if label.strip().lower() in lowered:
        return lowered.index(label.strip().lower())
    if label.isascii() and label.isdigit() and int(label) < len(names):
        return int(label)
    raise ArtifactError(Message("onnx.no_label", file=file, label=repr(label)[:60], names=_listed(names)))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(repr(name[:40]) for name in names[:SHOWN])
