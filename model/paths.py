"""The paths of files that several modules need, in one place, so that a moved file changes one line."""

from pathlib import Path

ROOT = Path(__file__).parents[1]  # of the repository, or of its copy on a Hugging Face Space
MODELS = ROOT / "model"  # users put their own .h5 files here
WEIGHTS = MODELS / "weights"
SHIPPED = WEIGHTS / "lite_attention"
CLIP = WEIGHTS / "clip_attention"
SECOND = WEIGHTS / "lite_and_clip"  # both networks together: slower, with a higher AUC, but it accuses more children
FACE_PARSER = WEIGHTS / "face_parser" / "model.tflite"  # names the parts of a face, see explain.regions.parser
TEXTS = MODELS / "i18n" / "texts"
EXAMPLES = ROOT / "examples"
