"""One thing that a file says about its origin, and all of them."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any, Literal

from model.i18n.catalogue import Message, as_data

Strength = Literal["states generated", "hint", "neutral"]
STATES: Strength = "states generated"
HINT: Strength = "hint"
NEUTRAL: Strength = "neutral"
STRENGTHS = (STATES, HINT, NEUTRAL)
MOST_CHARACTERS = 100  # of a text from the file that a sentence quotes


@dataclass(frozen=True)
class Finding:
    """One thing that a file says about its origin.

    Attributes:
        kind: its name for programs, such as ``camera``.
        strength: ``states generated`` if the file says that AI made the picture or a part of it, ``hint`` if it makes
            that or a change likelier, else ``neutral``.
        message: one sentence with what it proves and what it does not; texts from the file in it are short and hold no
            control characters, but markup must still be escaped.
    """

    kind: str
    strength: Strength
    message: Message


@dataclass(frozen=True)
class Provenance:
    """Everything that a file says about its origin, in a fixed order."""

    findings: tuple[Finding, ...]

    @property
    def states_generated(self) -> bool:
        """Whether the file says that AI made the picture or a part of it."""
        return any(finding.strength == STATES for finding in self.findings)

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON, with sentences in the current language."""
        return {
            "states_generated": self.states_generated,
            "findings": [
                {
                    "kind": finding.kind,
                    "strength": finding.strength,
                    "sentence": str(finding.message),
                    "values": {name: as_data(value) for name, value in finding.message.values.items()},
                }
                for finding in self.findings
            ],
        }


def quoted(value: Any, most: int = MOST_CHARACTERS) -> str:
    """A value from a file as one short line that is safe to print; empty if it is no text.

    Control characters could command a terminal, and characters that turn the direction of writing could disguise
    what follows; both become spaces.
    """
    if isinstance(value, bytes):
        value = value[: 4 * most + 8].decode("utf-8", "replace")
    if not isinstance(value, str):
        return ""
    text = value[: 8 * most]
    text = "".join(" " if unicodedata.category(character)[0] in "CZ" else character for character in text)
    text = re.sub(" +", " ", text).strip()
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
