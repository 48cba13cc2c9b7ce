"""Where a report comes from: its photo's file, the command, the time, and the libraries that computed it."""

from __future__ import annotations

from dataclasses import dataclass, field

from model.artifact.versions import library_versions


@dataclass(frozen=True)
class Origin:
    """Where a report comes from.

    Attributes:
        file: the photo's file, as it was named; a page shows no folders.
        command: the command line that asked for it; empty where it was none.
        when: date and time; empty where it must not be shown.
        versions: of the libraries.
    """

    file: str = "photo"
    command: str = ""
    when: str = ""
    versions: dict[str, str] = field(default_factory=library_versions)
