"""Why the detector decided as it did: attributions, and how far each can be trusted."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from explain.analysis import analyze
    from explain.result import Analysis
    from explain.settings import Settings
    from explain.wording.trust import trust_sentence

__all__ = ["Analysis", "Settings", "analyze", "trust_sentence"]

_MODULES = {
    "Analysis": "explain.result",
    "Settings": "explain.settings",
    "analyze": "explain.analysis",
    "trust_sentence": "explain.wording.trust",
}


def __getattr__(name: str) -> Any:
    """Import what this package offers at its first use: the process that reads a file's origin needs none of it."""
    if name not in _MODULES:
        raise AttributeError(name)
    return getattr(import_module(_MODULES[name]), name)
