"""How often marks of an earlier JPEG are found where there was one, and where there was none.

``python -m benchmarks.recompression [PHOTOS]``: the photos of a folder, or the examples without one. Each is made
smaller first, which removes the marks of its own JPEG; then it is saved once, or twice in a row.
"""

from __future__ import annotations

from io import BytesIO
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from benchmarks import _results
from explain.provenance.findings import findings
from model.cli import run
from model.paths import EXAMPLES

SHRINK = 2 / 3
ONCE = range(50, 100, 4)
EARLIER, LAST = (60, 70, 80, 90), (70, 80, 90, 95)
NEAR = 2  # steps of quality between the one found and the true one


def pictures(folder: Path) -> list[Image.Image]:
    """The JPEGs of a folder, made smaller."""
    found = []
    for path in sorted(folder.glob("*.jpg")):
        with Image.open(path) as image:
            size = round(image.width * SHRINK), round(image.height * SHRINK)
            found.append(image.convert("RGB").resize(size, Image.Resampling.LANCZOS))
    return found


def saved(image: Image.Image, *qualities: int) -> bytes:
    """The picture saved as JPEG with each of these qualities in turn."""
    for quality in qualities:
        buffer = BytesIO()
        image.save(buffer, "jpeg", quality=quality)
        image = Image.open(BytesIO(buffer.getvalue())).convert("RGB")
    return buffer.getvalue()


def found_quality(data: bytes) -> int | None:
    """The quality of an earlier JPEG that is said; None if nothing is said."""
    said = [finding.message.values for finding in findings(data).findings if finding.kind == "recompression"]
    return int(said[0]["quality"]) if said else None


def main(
    photos: Annotated[Path | None, typer.Argument(help="Folder of JPEGs; the examples without it.")] = None,
    quick: Annotated[bool, typer.Option("--quick", help="Two pictures.")] = False,
) -> None:
    """Measure, print and write the shares."""
    images = pictures(photos or EXAMPLES)[: 2 if quick else None]
    alarms = [found_quality(saved(image, quality)) for image in images for quality in ONCE]
    print(
        f"saved once, {len(alarms)} files: marks of an earlier JPEG said of {sum(map(bool, alarms)) / len(alarms):.1%}"
    )
    twice: list[dict[str, Any]] = []
    for earlier, last in product(EARLIER, LAST):
        if earlier == last:
            continue
        answers = [found_quality(saved(image, earlier, last)) for image in images]
        said = [answer for answer in answers if answer is not None]
        near = sum(abs(answer - earlier) <= NEAR for answer in said)
        twice.append({"earlier": earlier, "last": last, "found": len(said), "near": near})
        print(f"{earlier} then {last}: found in {len(said)} of {len(images)}, its quality within {NEAR} in {near}")
    once = {"files": len(alarms), "said": sum(map(bool, alarms))}
    _results.write("recompression", {"pictures": len(images), "once": once, "twice": twice}, quick or photos is None)


if __name__ == "__main__":
    run(main, "How often marks of an earlier JPEG are found.")
