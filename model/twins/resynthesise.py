"""Makes pixel-aligned fakes of real faces: ``python -m model resynthesise DATA --out TWINS --autoencoder FOLDER``.

A real face that has passed through the autoencoder of a diffusion model, or through a super-resolution network, looks
the same but contains the traces of a generator. In a pair with the original, it teaches a detector only these traces.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.data.layout import Example, choose_sets, leave_out_sets, pictures
from model.data.options import LeaveOut, Sets
from model.data.reading import read_rgb
from model.errors import DatasetError
from model.photos.degrade import rescale
from model.twins.twins import Twin, write_twins

Pass = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
AUTOENCODER_SIDES = (96, 128, 160)  # multiples of 8; the time grows with the square
ENLARGED_SIDES = {2: (112, 128), 4: (64,)}  # by factor
SHEET_SIDE, SHEET_ROWS = 192, 6


def make_passes(autoencoder_folder: Path | None, enlarger: Path | None) -> dict[tuple[str, int], Pass]:
    """The networks that a picture can pass through, by family and by the side in pixels to which it is shrunk before.

    Raises:
        DatasetError: if neither is given.
        ArtifactError: if a file is missing or has other content.
    """
    passes: dict[tuple[str, int], Pass] = {}
    if autoencoder_folder is not None:
        round_trip = _round_trip(autoencoder_folder)
        passes |= {("autoencoder", side): round_trip for side in AUTOENCODER_SIDES}
    if enlarger is not None:
        for factor, sides in ENLARGED_SIDES.items():
            enlargement = _enlargement(enlarger, factor)
            passes |= {("enlarger", side): enlargement for side in sides}
    if not passes:
        raise DatasetError("Nothing to resynthesise with: give --autoencoder, --enlarger or both.")
    return passes


def _round_trip(folder: Path) -> Pass:
    from model.twins.autoencoder import autoencoder

    network = autoencoder(folder)

    def apply(picture: NDArray[np.uint8]) -> NDArray[np.uint8]:
        passed = network.predict_on_batch(picture[None].astype(np.float32) / 255)[0]
        return np.clip(np.round(passed * 255), 0, 255).astype(np.uint8)

    return apply


def _enlargement(package: Path, factor: int) -> Pass:
    from model.twins.enlarger import enlarge, load_enlarger

    network = load_enlarger(package, factor)
    return lambda picture: enlarge(network, picture[None])[0]


def chosen(examples: list[Example], each: int, seed: int) -> list[Example]:
    """At most ``each`` randomly chosen real training pictures of every data set."""
    rng = np.random.default_rng(seed)
    sets: dict[str, list[Example]] = {}
    for example in examples:
        if example.label == "Real" and example.split == "train":
            sets.setdefault(example.dataset, []).append(example)
    return [group[row] for _, group in sorted(sets.items()) for row in rng.permutation(len(group))[:each]]


def twins_of(
    data: Path, reals: list[Example], out: Path, passes: dict[tuple[str, int], Pass], seed: int
) -> Iterator[tuple[Twin, NDArray[np.uint8], NDArray[np.uint8]]]:
    """Write one twin of each picture; yields its table row, the twin and its real partner, both ``(H, W, 3) uint8``."""
    rng = np.random.default_rng(seed)
    kinds = sorted(passes)
    families = sorted({family for family, _ in kinds})
    for example in tqdm(reals, "twins", unit="picture"):
        family = families[rng.integers(len(families))]
        sides = [side for name, side in kinds if name == family]
        side = sides[rng.integers(len(sides))]
        photo = read_rgb(data / example.path)
        twin = rescale(photo, side, passes[family, side])
        # The whole name stays: a.jpg and a.png in one folder have two twins.
        row = Twin(example.path, str(Path(family) / f"{example.path}.png"), family, side)
        (out / row.twin).parent.mkdir(parents=True, exist_ok=True)
        if not cv2.imwrite(str(out / row.twin), cv2.cvtColor(twin, cv2.COLOR_RGB2BGR)):
            raise DatasetError(f"{out / row.twin} could not be written.")
        yield row, twin, rescale(photo, side)


def resynthesise(
    data: Annotated[Path, typer.Argument(help="Data folder: SET/train|val|test/real|fake/*.jpg.")],
    out: Annotated[Path, typer.Option(help="Folder for the twins, their table and a contact sheet.")],
    autoencoder: Annotated[Path | None, typer.Option(help="Folder with encoder.npz and decoder.npz of TAEF2.")] = None,
    enlarger: Annotated[Path | None, typer.Option(help="Archive upscalerjs-esrgan-slim-1.0.0.tgz.")] = None,
    each: Annotated[int, typer.Option(min=1, help="Real training pictures of each data set.")] = 150,
    seed: Annotated[int, typer.Option(help="Decides the pictures, networks and sizes.")] = 0,
    sets: Sets = None,
    leave_out: LeaveOut = None,
) -> None:
    """Write a resynthesised twin of real training pictures, for train_paired --resynthesised-from."""
    passes = make_passes(autoencoder, enlarger)
    examples = leave_out_sets(data, choose_sets(data, pictures(data), sets), leave_out)
    reals = chosen(examples, each, seed)
    if not reals:
        raise DatasetError(f"{data} holds no real training pictures in the sets chosen.")
    rows, strips = [], []
    every = max(1, len(reals) // SHEET_ROWS)
    for number, (row, twin, real) in enumerate(twins_of(data, reals, out, passes, seed)):
        rows.append(row)
        if number % every == 0:
            strips.append(_strip(read_rgb(data / row.real), real, twin))
    write_twins(out, rows)
    cv2.imwrite(str(out / "sheet.png"), cv2.cvtColor(np.vstack(strips), cv2.COLOR_RGB2BGR))
    print(f"{len(rows)} twins; {out / 'sheet.png'} shows photo, shrunk photo, twin and four times their difference")


def _strip(*views: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """A row of the contact sheet: a photo, its real partner, its twin and four times the difference of these two."""
    photo, real, twin = (cv2.resize(view, (SHEET_SIDE, SHEET_SIDE), interpolation=cv2.INTER_AREA) for view in views)
    difference = np.clip(128 + 4 * (twin.astype(int) - real.astype(int)), 0, 255)
    return np.hstack([photo, real, twin, difference]).astype(np.uint8)
