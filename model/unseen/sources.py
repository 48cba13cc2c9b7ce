"""Chooses pictures of unseen sources to measure a model on."""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from model.artifact.card import Card
from model.artifact.facts import trained_on
from model.data.dataset import with_faces
from model.data.layout import UNSPLIT, Example, pair_groups, pictures
from model.data.split import draw, split_of_run
from model.errors import DatasetError

UNSEEN = ("unseen_", "utkface")  # prefixes of data sets that no model here is trained on
AGAINST = ("unseen_",)  # prefixes of the data sets that provide the real faces to compare generators with
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """The pictures to measure a model on; every example has a face.

    Attributes:
        unseen: pictures of sources that the model was not trained on, by data set.
        learnt: real faces of sources that it was trained on, by data set: those of ``train``, and the others.
        without_face: pictures of ``unseen`` in which no face was found, by data set.
        groups: by path, a key that all pictures of one original share.
    """

    unseen: Mapping[str, list[Example]]
    learnt: Mapping[str, tuple[list[Example], list[Example]]]
    without_face: Mapping[str, int]
    groups: Mapping[str, str]

    def reals(self) -> dict[str, list[Example]]:
        """Real pictures of unseen sources, by data set."""
        return _of_label(self.unseen, "Real")

    def fakes(self) -> dict[str, list[Example]]:
        """Fakes of unseen sources, by data set."""
        return _of_label(self.unseen, "Fake")

    def comparison_reals(self, prefixes: Sequence[str]) -> dict[str, list[Example]]:
        """Real pictures of the unseen data sets that have no fakes and one of these prefixes."""
        with_fakes = self.fakes()
        reals = self.reals().items()
        return {name: examples for name, examples in reals if begins(name, prefixes) and name not in with_fakes}


def _of_label(sets: Mapping[str, Sequence[Example]], label: str) -> dict[str, list[Example]]:
    found = {name: [example for example in members if example.label == label] for name, members in sets.items()}
    return {name: examples for name, examples in found.items() if examples}


def begins(name: str, prefixes: Sequence[str]) -> bool:
    """Whether a data set's name begins with one of ``prefixes``."""
    return name.startswith(tuple(prefixes))


def find_sources(
    artifact: Path, card: Card, data: Path, faces: Path, prefixes: Sequence[str], limit: int, seed: int
) -> Sources:
    """Choose unseen sources and sources of the training, and find the faces of the chosen pictures.

    Args:
        artifact: the model's folder, which may contain its split.
        card: the model's; it names the data sets that it was trained on, which never count as unseen.
        data: the data folder.
        faces: the cache of found faces.
        prefixes: of the names of unseen data sets; a prefix that fits no name is skipped with a warning.
        limit: most real pictures of each split of a training source, drawn by ``seed``; 0 takes all.
        seed: decides the draw.

    Raises:
        DatasetError: if no unseen source is left.
    """
    every, trained_sets = pictures(data), trained_on(card)
    present = {example.dataset for example in every}
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in present):
            log.warning("%s has no data set with a name that begins with %s; skipped.", data, prefix)
    for name in sorted(name for name in present & set(trained_sets) if begins(name, prefixes)):
        log.warning("The model was trained on %s, so it is not an unseen source; skipped.", name)
    unseen = [example for example in every if begins(example.dataset, prefixes) and example.dataset not in trained_sets]
    if not unseen:
        raise DatasetError(f"{data} has no unseen data set with a name that begins with {' or '.join(prefixes)}.")
    reals = [example for example in every if example.label == "Real" and example.dataset in trained_sets]
    training_reals = _in_both([example for example in split_of_run(artifact, reals) if example.split != UNSPLIT])
    if limit:
        training_reals = draw(training_reals, {"train": limit, "val": limit, "test": limit}, seed)
    located = with_faces(data, [*unseen, *training_reals], faces)
    with_face = [example for example in located if example.box is not None]
    names = sorted({example.dataset for example in unseen})
    return Sources(
        {name: [example for example in with_face if example.dataset == name] for name in names},
        _sides([example for example in with_face if example.dataset in trained_sets]),
        {name: sum(example.dataset == name and example.box is None for example in located) for name in names},
        pair_groups(data),
    )


def _in_both(reals: Sequence[Example]) -> list[Example]:
    """The examples of data sets that have some in ``train`` and some elsewhere."""
    return [example for name, (seen, new) in _sides(reals).items() if seen and new for example in (*seen, *new)]


def _sides(reals: Sequence[Example]) -> dict[str, tuple[list[Example], list[Example]]]:
    """By data set, the examples of ``train`` and the others."""
    return {
        name: (
            [example for example in reals if example.dataset == name and example.split == "train"],
            [example for example in reals if example.dataset == name and example.split != "train"],
        )
        for name in sorted({example.dataset for example in reals})
    }
