"""Photos that users may upload: damaged, huge, rotated, animated, with many faces."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image

from tests.support.photo_files import png, zeros

ROOT = Path(__file__).resolve().parents[2]
ASTRONAUT = ROOT / "examples" / "astronaut.jpg"
HEAD = (140, 20, 300, 180)  # the head in the astronaut's photo: left, top, right, bottom
GRID = (8, 5)  # heads across and down in the picture of forty faces
TILE = 128  # width and height of each head there, in pixels


@dataclass(frozen=True)
class BadPhoto:
    """A photo that a user may upload.

    Attributes:
        path: the file.
        refusal: words of the error message; None if the photo is analysed.
        notes: notes that the result must contain.
        faces: minimum number of faces that must be found.
    """

    path: Path
    refusal: str | None = None
    notes: tuple[str, ...] = ()
    faces: int = 1


@cache
def astronaut_image() -> Image.Image:
    with Image.open(ASTRONAUT) as image:
        return image.convert("RGB")


def _frames() -> list[Image.Image]:
    return [astronaut_image().resize((256, 256)), Image.new("RGB", (256, 256), "white")]


def _save(folder: Path, name: str, image: Image.Image, **options: object) -> Path:
    image.save(folder / name, **options)
    return folder / name


def _write(folder: Path, name: str, content: bytes) -> Path:
    (folder / name).write_bytes(content)
    return folder / name


def _bomb(folder: Path) -> BadPhoto:
    """A PNG of 20,000 x 20,000 grey pixels, two bits each, in about 100 kB: 1.2 GB once decoded to RGB."""
    side = 20_000
    data = png(side, side, zeros(side * (1 + side // 4)), depth=2)
    assert 80_000 < len(data) < 120_000
    return BadPhoto(_write(folder, "huge.png", data), "more than the 50,000,000 pixels allowed")


def _sixteen_bit(folder: Path) -> BadPhoto:
    grey = np.asarray(astronaut_image().convert("L"), np.uint16) * 257
    return BadPhoto(_save(folder, "16bit.png", Image.fromarray(grey)))


def _transparent(folder: Path) -> BadPhoto:
    image = astronaut_image().copy()
    alpha = Image.new("L", image.size, 255)
    alpha.paste(0, (0, 400, 512, 512))
    image.putalpha(alpha)
    return BadPhoto(_save(folder, "alpha.png", image), notes=("Transparent parts were filled with white.",))


def _turned(folder: Path) -> BadPhoto:
    """A photo that is rotated in the file and upright by its EXIF tag: 512 wide, 400 high when shown."""
    lying = astronaut_image().crop((0, 0, 512, 400)).transpose(Image.Transpose.ROTATE_90)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6  # to be shown rotated clockwise by 90 degrees
    return BadPhoto(_save(folder, "turned.jpg", lying, exif=exif, quality=95))


def _forty_faces(folder: Path) -> BadPhoto:
    head = astronaut_image().crop(HEAD).resize((TILE, TILE), Image.Resampling.BICUBIC)
    crowd = Image.new("RGB", (GRID[0] * TILE, GRID[1] * TILE))
    for column in range(GRID[0]):
        for row in range(GRID[1]):
            crowd.paste(head, (column * TILE, row * TILE))
    return BadPhoto(_save(folder, "forty.jpg", crowd, quality=95), faces=30)


FIRST_FRAME = ("This file is animated; only its first frame was analysed.",)
MAKERS: dict[str, Callable[[Path], BadPhoto]] = {
    "empty": lambda to: BadPhoto(_write(to, "empty.jpg", b""), "empty (0 bytes)"),
    "text": lambda to: BadPhoto(_write(to, "text.jpg", b"Not a photo. " * 50), "not a readable JPEG"),
    "truncated": lambda to: BadPhoto(_write(to, "cut.jpg", ASTRONAUT.read_bytes()[:30_000]), "damaged or cut off"),
    "huge": _bomb,
    "gif": lambda to: BadPhoto(
        _save(to, "moving.gif", _frames()[0], save_all=True, append_images=_frames()[1:]), notes=FIRST_FRAME
    ),
    "webp": lambda to: BadPhoto(
        _save(to, "moving.webp", _frames()[0], save_all=True, append_images=_frames()[1:]), notes=FIRST_FRAME
    ),
    "cmyk": lambda to: BadPhoto(_save(to, "cmyk.jpg", astronaut_image().convert("CMYK"), quality=95)),
    "16-bit": _sixteen_bit,
    "palette": lambda to: BadPhoto(_save(to, "palette.png", astronaut_image().convert("P"))),
    "alpha": _transparent,
    "grey": lambda to: BadPhoto(_save(to, "grey.jpg", astronaut_image().convert("L"), quality=95)),
    "turned": _turned,
    "1x1": lambda to: BadPhoto(_save(to, "dot.png", Image.new("RGB", (1, 1))), "too few to hold a face"),
    "no face": lambda to: BadPhoto(_write(to, "cat.jpg", (ROOT / "examples/cat.jpg").read_bytes()), faces=0),
    "forty faces": _forty_faces,
}
