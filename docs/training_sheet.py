"""Draws docs/training_sheet.png, the training pictures made from a real face: ``python -m docs.training_sheet --help``.

The portrait is one of the project's examples, which are never used for training.
"""

from pathlib import Path
from typing import Annotated

import matplotlib.pyplot as plt
import numpy as np
import typer
from numpy.typing import NDArray

from model.cli import run
from model.data.reading import read_rgb
from model.paths import EXAMPLES, ROOT
from model.photos.degrade import degrade, process, rescale
from model.photos.faces import Face, find_faces, landmarks_in
from model.photos.self_blend import self_blend
from model.twins.resynthesise import make_passes

PORTRAIT = "astronaut.jpg"
MARGIN = 1.3
COLUMNS = 6


def views(face: Face, passes: dict, seed: int) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.uint8]]]:
    """Pictures of each kind by title, each ``(256, 256, 3) uint8`` beside the real picture that it is paired with."""
    crop = face.crop
    landmarks = landmarks_in(face.square, face.landmarks)
    made = {"photo": (crop, crop)}
    for number in range(2):
        made[f"self-blended {number + 1}"] = (self_blend(crop, landmarks, seed + number)[0], crop)
    for (family, side), apply in sorted(passes.items()):
        twin, partner = rescale(crop, side, apply), rescale(crop, side)
        made[f"{family}, {side} px"] = (twin, partner)
    twin = rescale(crop, 128, passes["autoencoder", 128])
    partner = rescale(crop, 128)
    for regions in (["face"], ["eyes"], ["mouth"]):
        blended = self_blend(partner, landmarks, seed, regions, [], source=twin)[0]
        made[f"autoencoder, {regions[0]} only"] = (blended, partner)
    for number in range(4):
        made[f"real, edited {number + 1}"] = (process(crop, landmarks, seed + number), crop)
    for number in range(2):
        made[f"real, degraded {number + 1}"] = (degrade(crop, seed + number), crop)
    return made


def draw(
    autoencoder: Annotated[Path, typer.Argument(help="Folder with encoder.npz and decoder.npz of TAEF2.")],
    enlarger: Annotated[Path, typer.Argument(help="Archive upscalerjs-esrgan-slim-1.0.0.tgz.")],
    out: Annotated[Path, typer.Option(help="Picture to write.")] = ROOT / "docs" / "training_sheet.png",
    seed: Annotated[int, typer.Option(help="Decides the fakes, edits and degradations shown.")] = 3,
) -> None:
    """Write a contact sheet: each picture and, below it, four times its difference from its real partner."""
    passes = make_passes(autoencoder, enlarger)
    face = find_faces(read_rgb(EXAMPLES / PORTRAIT), MARGIN)[0]
    cells = list(views(face, passes, seed).items())
    rows = -(-len(cells) // COLUMNS)
    figure, axes = plt.subplots(2 * rows, COLUMNS, figsize=(1.6 * COLUMNS, 3.45 * rows), layout="constrained")
    for axis in axes.flat:
        axis.axis("off")
    for index, (title, (picture, partner)) in enumerate(cells):
        row, column = divmod(index, COLUMNS)
        axes[2 * row, column].imshow(picture)
        axes[2 * row, column].set_title(title, fontsize=7)
        difference = 128 + 4 * (picture.astype(int) - partner.astype(int))
        axes[2 * row + 1, column].imshow(np.clip(difference, 0, 255).astype(np.uint8))
    figure.savefig(out, dpi=90)
    print(out)


if __name__ == "__main__":
    run(draw)
