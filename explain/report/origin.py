"""The origin of a report: photo file, command, time, and library versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime

from model.artifact.versions import library_versions


@dataclass(frozen=True)
class Origin:
    """The origin of a report.

    Attributes:
        file: the photo's file; the HTML page shows only its last part.
        command: the command line; empty if there was none.
        when: date and time; empty if not shown.
        versions: of the libraries.
    """

    file: str = "photo"
    command: str = ""
    when: str = ""
    versions: dict[str, str] = field(default_factory=library_versions)

    @staticmethod
    def now(file: str, command: str = "") -> Origin:
        """The origin of a report that is written now."""
        return Origin(file, command, f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC")
