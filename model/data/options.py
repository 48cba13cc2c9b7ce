"""Options of every command on a data folder, the same for all: training and measuring must see the same split."""

import logging
from pathlib import Path
from typing import Annotated

import typer

from model.artifact.card import Card
from model.artifact.facts import FACE_CROPS, WHOLE
from model.data.split import GroupOf, group_by_pattern

Sets = Annotated[list[str] | None, typer.Option(help="Keep only this data set; may be repeated.")]
LeaveOut = Annotated[
    list[str] | None,
    typer.Option(help="Data set that training never sees, to measure on it as an unseen source; may be repeated."),
]
Faces = Annotated[Path, typer.Option(help="Where found faces are remembered.")]
WholePictures = Annotated[
    bool,
    typer.Option(
        "--whole-pictures/--no-whole-pictures", help="Take whole pictures as they are, and look for no faces."
    ),
]
GroupPattern = Annotated[
    str | None,
    typer.Option(
        help="Regular expression whose first group, in a file's name, names what must stay on one side of a new split: "
        "(.+)_frame for frames of a video."
    ),
]
RemoveLeaks = Annotated[
    bool,
    typer.Option(
        "--remove-leaks/--no-remove-leaks",
        help="Leave out training pictures that show again, exactly or nearly, where it is measured.",
    ),
]
FACES = Path("runs/faces.json")
log = logging.getLogger(__name__)


def warn_of_other_view(card: Card, name: str, whole: bool) -> None:
    """Warn, in one sentence, where a model is to judge whole pictures but learnt face crops, or the other way round.

    Args:
        card: the model's; one that does not say what was learnt raises no warning.
        name: of the model.
        whole: whether whole pictures are to be judged.
    """
    learnt, shown = card.training.get("pictures"), WHOLE if whole else FACE_CROPS
    if learnt in (FACE_CROPS, WHOLE) and learnt != shown:
        how = "with" if learnt == WHOLE else "without"
        log.warning(
            "%s learnt from %s and is shown %s; %s --whole-pictures it sees what it learnt.", name, learnt, shown, how
        )


def grouping(pattern: str | None) -> GroupOf | None:
    """What ``--group-pattern`` asks for.

    Raises:
        DatasetError: if the pattern is no regular expression or has no group.
    """
    return None if pattern is None else group_by_pattern(pattern)
