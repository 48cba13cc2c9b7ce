"""Options of every command on a data folder, the same for all: training and measuring must see the same split."""

from pathlib import Path
from typing import Annotated

import typer

from model.split import GroupOf, group_by_pattern

Sets = Annotated[list[str] | None, typer.Option(help="Keep only this data set; may be repeated.")]
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


def grouping(pattern: str | None) -> GroupOf | None:
    """What ``--group-pattern`` asks for.

    Raises:
        DatasetError: if the pattern is no regular expression or has no group.
    """
    return None if pattern is None else group_by_pattern(pattern)
