"""Reads and writes the table of resynthesised twins: the real picture of each, its network family and its size."""

import csv
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from pathlib import Path

from model.errors import DatasetError

TABLE = "twins.csv"


@dataclass(frozen=True)
class Twin:
    """A real picture after a pass through a generative network, aligned with the original to the pixel.

    Attributes:
        real: path of the real picture, relative to the data root.
        twin: path of the twin, relative to the folder of twins.
        family: kind of the network, ``autoencoder`` or ``enlarger``.
        side: side in pixels of the square to which the picture was shrunk before; its real partner must be shrunk to
            the same side.
    """

    real: str
    twin: str
    family: str
    side: int


def write_twins(folder: Path, twins: Iterable[Twin]) -> None:
    """Write the table of a folder of twins."""
    with (folder / TABLE).open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, [field.name for field in fields(Twin)])
        writer.writeheader()
        writer.writerows(map(asdict, twins))


def read_twins(folder: Path) -> dict[str, list[Twin]]:
    """The twins of each real picture, by the picture's path relative to the data root.

    Raises:
        DatasetError: if the folder has no such table, or a row is damaged.
    """
    twins: dict[str, list[Twin]] = defaultdict(list)
    try:
        with (folder / TABLE).open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                twins[row["real"]].append(Twin(row["real"], row["twin"], row["family"], int(row["side"])))
    except FileNotFoundError as error:
        raise DatasetError(f"{folder} holds no {TABLE}; python -m model resynthesise writes it.") from error
    except (KeyError, TypeError, ValueError) as error:
        raise DatasetError(f"{folder / TABLE} is not a table of twins: a row has no twin or no side.") from error
    return dict(twins)
