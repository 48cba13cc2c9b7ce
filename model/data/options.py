"""Options that all commands on a data folder share, because training and evaluation must use the same split."""

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
    typer.Option(help="Data set to keep out of training and measure as an unseen source; may be repeated."),
]
Faces = Annotated[Path, typer.Option(help="Cache file of found faces.")]
Steady = Annotated[
    bool | None,
    typer.Option(
        "--steady/--plain",
        help="Average the answer over four slightly shifted views, two of them mirrored, or use only the crop.",
        show_default="as the card says",
    ),
]
WholePictures = Annotated[
    bool,
    typer.Option("--whole-pictures/--no-whole-pictures", help="Use whole pictures, without looking for faces."),
]
GroupPattern = Annotated[
    str | None,
    typer.Option(
        help="Regular expression for file names: pictures with the same text in its first group stay together in a new "
        "split, such as frames of a video with (.+)_frame."
    ),
]
RemoveLeaks = Annotated[
    bool,
    typer.Option(
        "--remove-leaks/--no-remove-leaks",
        help="Leave out training pictures with an exact or near duplicate in the measured pictures.",
    ),
]
FACES = Path("runs/faces.json")
log = logging.getLogger(__name__)


def warn_of_other_view(card: Card, name: str, whole: bool) -> None:
    """Warn if a model trained on face crops gets whole pictures, or the reverse.

    Args:
        card: the model's card; without a record of the training pictures there is no warning.
        name: the model's name.
        whole: whether the model gets whole pictures.
    """
    trained_pictures, shown = card.training.get("pictures"), WHOLE if whole else FACE_CROPS
    if trained_pictures in (FACE_CROPS, WHOLE) and trained_pictures != shown:
        how = "with" if trained_pictures == WHOLE else "without"
        log.warning(
            "%s was trained on %s, but gets %s; run the command %s --whole-pictures to give it what it was trained on.",
            name,
            trained_pictures,
            shown,
            how,
        )


def grouping(pattern: str | None) -> GroupOf | None:
    """The grouping that ``--group-pattern`` asks for; None without a pattern.

    Raises:
        DatasetError: if the pattern is not a regular expression or has no group.
    """
    return None if pattern is None else group_by_pattern(pattern)
