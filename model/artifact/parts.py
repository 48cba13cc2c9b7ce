"""The networks of a combined model, which answers with the weighted sum of their logits."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from model.errors import FieldError
from model.i18n.catalogue import Message

MOST_PARTS = 4  # each costs a pass of its network
LONGEST_NAME = 100  # characters
FORBIDDEN = ("", ".", "..")


@dataclass(frozen=True)
class Part:
    """One network of a combined model.

    Attributes:
        name: of its model folder, which is beside that of the combined model.
        weight: its logits are multiplied by this before they are added; above 0.
        reading: ``model.artifact.card.reading_of`` its card when the models were combined.

    Raises:
        FieldError: if ``name`` is not the name of a folder, ``weight`` is no number above 0, or ``reading`` is no text.
    """

    name: str
    weight: float
    reading: str

    def __post_init__(self) -> None:
        is_name = isinstance(self.name, str) and self.name not in FORBIDDEN and len(self.name) <= LONGEST_NAME
        is_name = is_name and not set(self.name) & set("/\\:\0")
        is_number = isinstance(self.weight, int | float) and not isinstance(self.weight, bool)
        if not (is_name and is_number and 0 < self.weight < math.inf and isinstance(self.reading, str)):
            raise FieldError(Message("model.field.part", value=f"{self.name!r}, {self.weight!r}"[:100]))


def parts_of(values: object) -> tuple[Part, ...]:
    """Parts from a card's JSON, such as ``[{"name": "one", "weight": 0.5, "reading": "5f…"}, …]``.

    Raises:
        FieldError: if it is no such list.
    """
    if not isinstance(values, list) or not all(
        isinstance(part, dict) and {*part} == {"name", "weight", "reading"} for part in values
    ):
        raise FieldError(Message("model.field.parts", most=MOST_PARTS))
    return tuple(Part(**part) for part in values)


def check_parts(parts: Sequence[Part]) -> None:
    """Check the parts of a card.

    Raises:
        FieldError: if there is one part, or more than ``MOST_PARTS``, or two of one folder.
    """
    if len(parts) == 1 or len(parts) > MOST_PARTS or len({part.name for part in parts}) < len(parts):
        raise FieldError(Message("model.field.parts", most=MOST_PARTS))
