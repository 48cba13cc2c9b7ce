"""Chooses the pictures on which a model is measured that never saw their source."""

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

UNSEEN = ("unseen_", "utkface")  # how names of data sets begin that no model here is trained on
AGAINST = ("unseen_",)  # of these, the real faces that generators are held against
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Sources:
    """What a model is measured on; every example has a face.

    Attributes:
        unseen: pictures of sources that the model never saw, by data set.
        learnt: real faces of sources that it was trained on, by data set: those of ``train``, and the others.
        without_face: pictures of ``unseen`` in which no face was found, by data set.
        groups: what pictures of one original share, by path.
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

    def yardstick(self, prefixes: Sequence[str]) -> dict[str, list[Example]]:
        """Real pictures of the unseen data sets without fakes whose names begin so."""
        mixed = self.fakes()
        return {name: of for name, of in self.reals().items() if begins(name, prefixes) and name not in mixed}


def _of_label(sets: Mapping[str, Sequence[Example]], label: str) -> dict[str, list[Example]]:
    found = {name: [example for example in of if example.label == label] for name, of in sets.items()}
    return {name: of for name, of in found.items() if of}


def begins(name: str, prefixes: Sequence[str]) -> bool:
    """Whether a data set's name begins with one of ``prefixes``."""
    return name.startswith(tuple(prefixes))


def find_sources(
    artifact: Path, card: Card, data: Path, faces: Path, prefixes: Sequence[str], limit: int, seed: int
) -> Sources:
    """Choose unseen sources and the sources learnt from, and look for the faces of the pictures chosen.

    Args:
        artifact: the model's folder, where its split may lie.
        card: the model's; names the data sets that it was trained on. Those are never taken for unseen.
        data: the data folder.
        faces: where found faces are remembered.
        prefixes: how the names of unseen data sets begin; one that no name begins with is skipped with a warning.
        limit: most real pictures of each split of a source learnt from, drawn by ``seed``; 0 takes all.
        seed: decides the draw.

    Raises:
        DatasetError: if no unseen source is left.
    """
    every, known = pictures(data), trained_on(card)
    present = {example.dataset for example in every}
    for prefix in prefixes:
        if not any(name.startswith(prefix) for name in present):
            log.warning("%s has no data set whose name begins with %s; skipped.", data, prefix)
    for name in sorted(name for name in present & set(known) if begins(name, prefixes)):
        log.warning("The model was trained on %s, which is no unseen source; skipped.", name)
    unseen = [example for example in every if begins(example.dataset, prefixes) and example.dataset not in known]
    if not unseen:
        raise DatasetError(f"{data} holds no data set that the model never saw and whose name begins with {prefixes}.")
    reals = [example for example in every if example.label == "Real" and example.dataset in known]
    learnt = _in_both([one for one in split_of_run(artifact, reals) if one.split != UNSPLIT])
    if limit:
        learnt = draw(learnt, {"train": limit, "val": limit, "test": limit}, seed)
    located = with_faces(data, [*unseen, *learnt], faces)
    judged = [example for example in located if example.box is not None]
    names = sorted({example.dataset for example in unseen})
    return Sources(
        {name: [one for one in judged if one.dataset == name] for name in names},
        _sides([one for one in judged if one.dataset in known]),
        {name: sum(one.dataset == name and one.box is None for one in located) for name in names},
        pair_groups(data),
    )


def _in_both(reals: Sequence[Example]) -> list[Example]:
    """The examples of data sets that have some in ``train`` and some elsewhere."""
    return [one for name, (seen, new) in _sides(reals).items() if seen and new for one in (*seen, *new)]


def _sides(reals: Sequence[Example]) -> dict[str, tuple[list[Example], list[Example]]]:
    """By data set, the examples of ``train`` and the others."""
    return {
        name: (
            [one for one in reals if one.dataset == name and one.split == "train"],
            [one for one in reals if one.dataset == name and one.split != "train"],
        )
        for name in sorted({one.dataset for one in reals})
    }
