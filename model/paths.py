"""Where things lie. Other modules ask here, so that a file may move without a path going wrong."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the checkout, or of the tree on a Space
MODELS = ROOT / "model"  # where owners drop files of their own
WEIGHTS = MODELS / "weights"
SHIPPED = WEIGHTS / "lite_attention"
SECOND = WEIGHTS / "clip_attention"  # slower, finds more face swaps that neither model has seen
TEXTS = MODELS / "i18n" / "texts"
EXAMPLES = ROOT / "examples"
