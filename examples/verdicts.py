"""Says what a model makes of the example photos: ``python -m examples.verdicts``."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from model.cli import run
from model.detector.detector import Detector
from model.paths import SHIPPED
from model.photos.faces import find_faces
from model.photos.photo import open_photo

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ExampleVerdict:
    """An example with a face, and what a model says of it.

    Attributes:
        file: the photo's name.
        is_fake: whether something was planted in it.
        p_fake: P(Fake) of its largest face, 0..1.
        verdict: ``Fake``, ``Inconclusive`` or ``Real``, as the page says it.
    """

    file: str
    is_fake: bool
    p_fake: float
    verdict: str

    @property
    def right(self) -> bool:
        """Whether an untouched portrait looks Real, or a planted fake looks Fake."""
        return self.verdict == ("Fake" if self.is_fake else "Real")


def judge_examples(detector: Detector) -> list[ExampleVerdict]:
    """Judge every example with a face as the product does: decode, find the face, crop, judge."""
    entries = json.loads((FOLDER / "examples.json").read_text(encoding="utf-8"))
    judged = []
    for entry in entries:
        if entry["has_face"]:
            photo = open_photo(FOLDER / entry["file"]).pixels
            face = find_faces(photo, detector.card.preprocessing.crop_margin)[0]
            said = detector.predict(face.crop)
            judged.append(ExampleVerdict(entry["file"], "planted" in entry, said.probabilities["Fake"], said.verdict))
    return judged


def verdicts(artifact: Annotated[Path, typer.Argument(help="Model folder.")] = SHIPPED) -> None:
    """Print P(Fake) and verdict of each example photo with a face, and how many are right."""
    judged = judge_examples(Detector(artifact))
    for one in judged:
        print(f"{one.file:22}{'fake' if one.is_fake else 'real':6}P(Fake) {one.p_fake:.3f}  {one.verdict}")
    for is_fake, words in ((False, "untouched portraits look Real"), (True, "planted fakes look Fake")):
        group = [one for one in judged if one.is_fake == is_fake]
        print(f"{sum(one.right for one in group)} of {len(group)} {words}")


if __name__ == "__main__":
    run(verdicts)
