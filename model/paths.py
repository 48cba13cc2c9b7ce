"""The paths of files that several modules need, in one place, so that a moved file changes one line."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the repository, or of its copy on a Hugging Face Space
MODELS = ROOT / "model"  # users put their own .h5 files here
WEIGHTS = MODELS / "weights"
SHIPPED = WEIGHTS / "lite_attention"
SECOND = WEIGHTS / "clip_attention"  # slower, but finds more face swaps of kinds that neither model has seen
FACE_PARSER = WEIGHTS / "face_parser" / "model.tflite"  # names the parts of a face, see explain.regions.parser
TEXTS = MODELS / "i18n" / "texts"
EXAMPLES = ROOT / "examples"
