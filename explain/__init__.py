"""Why the detector decided as it did: attributions, and how far each can be trusted."""

from explain.analysis import analyze
from explain.result import Analysis
from explain.settings import Settings
from explain.wording.trust import trust_sentence

__all__ = ["Analysis", "Settings", "analyze", "trust_sentence"]
