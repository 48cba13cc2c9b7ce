"""Makes the example photos from two portraits in the public domain: ``python -m examples.make``.

The fakes are self-blended (see ``model.photos.self_blend``): a person's own pixels, changed inside a region. No
identity is swapped, and the region is known, so that a visitor can see whether an explanation finds it.
"""

import json
from pathlib import Path

import cv2
import matplotlib.cbook
import numpy as np
import skimage.data
from numpy.typing import NDArray

from model.photos.faces import CROP_SIZE, Face, find_faces
from model.photos.photo import open_photo
from model.photos.self_blend import self_blend

FOLDER = Path(__file__).parent
NASA = "Eileen Collins, NASA portrait, public domain (NASA image, as shipped by scikit-image)"
NAVY = (
    "Grace Hopper, official US Navy portrait of 1984 by James S. Davis, a US government work in the public domain "
    "(as shipped by matplotlib)"
)
CAT = "Chelsea the cat by Stéfan van der Walt, CC0 (as shipped by scikit-image)"
FAKES = (
    # file, original, regions, changes, seed
    ("astronaut_mouth", "astronaut", ("mouth",), ("warp", "soften", "recolour"), 3),
    ("astronaut_eyes", "astronaut", ("eyes",), ("warp", "recolour"), 1),
    ("hopper_face", "hopper", ("face",), ("soften", "recolour", "shift"), 11),
    ("hopper_eyes", "hopper", ("eyes",), ("sharpen", "recolour", "shift"), 5),
)


def _write(name: str, picture: NDArray[np.uint8]) -> None:
    bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    cv2.imwrite(str(FOLDER / f"{name}.jpg"), bgr, [cv2.IMWRITE_JPEG_QUALITY, 95])


def plant(
    photo: NDArray[np.uint8], face: Face, regions: tuple[str, ...], changes: tuple[str, ...], seed: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Change parts of a face in place and keep the rest of the photo as it is, to the pixel.

    Args:
        photo: ``(H, W, 3) uint8`` RGB.
        face: the face to change; its square must lie inside the photo.
        regions: see ``model.photos.face_parts.REGIONS``.
        changes: see ``model.photos.self_blend.CHANGES``.
        seed: decides the details.

    Returns:
        The changed photo ``(H, W, 3) uint8`` and where it was changed ``(H, W) uint8``, 0 or 255.
    """
    x, y, side = (round(value) for value in face.square)
    original = photo[y : y + side, x : x + side]
    landmarks = (face.landmarks - np.array([x, y], np.float32)) * np.float32(CROP_SIZE / side)
    fake, mask = self_blend(cv2.resize(original, (CROP_SIZE, CROP_SIZE)), landmarks, seed, regions, changes)
    size = (side, side)
    weight = (cv2.resize(mask, size) > 0.02)[..., None]
    changed = photo.copy()
    changed[y : y + side, x : x + side] = np.where(weight, cv2.resize(fake, size), original)
    where = np.zeros(photo.shape[:2], np.uint8)
    where[y : y + side, x : x + side] = np.where(cv2.resize(mask, size) > 0.5 * mask.max(), 255, 0)
    return changed, where


def main() -> None:
    """Write the pictures, their masks and ``examples.json`` beside this file."""
    hopper = open_photo(Path(matplotlib.cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)))
    originals = {"astronaut": skimage.data.astronaut(), "hopper": hopper.pixels}
    licences = {"astronaut": NASA, "hopper": NAVY}
    entries = []
    for name, picture in originals.items():
        _write(name, picture)
        entries.append({"file": f"{name}.jpg", "licence": licences[name], "has_face": True})
    for name, source, regions, changes, seed in FAKES:
        photo = originals[source]
        fake, where = plant(photo, find_faces(photo)[0], regions, changes, seed)
        _write(name, fake)
        cv2.imwrite(str(FOLDER / f"{name}_mask.png"), where)
        entry = {"file": f"{name}.jpg", "licence": f"{licences[source]}; changed by WhyFake", "has_face": True}
        planted = {
            "original": f"{source}.jpg",
            "mask": f"{name}_mask.png",
            "regions": regions,
            "changes": changes,
            "seed": seed,
        }
        entries.append({**entry, "planted": planted})
    _write("cat", skimage.data.chelsea())
    entries.append({"file": "cat.jpg", "licence": CAT, "has_face": False})
    text = json.dumps(entries, indent=2, ensure_ascii=False)
    (FOLDER / "examples.json").write_text(text + "\n", encoding="utf-8")
    lines = [f"- `{entry['file']}`: {entry['licence']}." for entry in entries]
    header = "# Where the example photos come from, and under which terms\n\n"
    (FOLDER / "LICENCES.md").write_text(header + "\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
