"""Brings colours to sRGB: by a profile, or by what a file says of its colours without one."""

from __future__ import annotations

import struct
from contextlib import suppress
from functools import lru_cache
from io import BytesIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageCms

from model.errors import PhotoError
from model.i18n.catalogue import Message

SRGB_GAMMA = 1 / 2.2
GAMMA_TOLERANCE = 0.05  # of a product of gammas; libpng corrects nothing below it
SAME_COLOUR = 2  # levels of 255: a profile that moves no colour by more is sRGB
_PROBES = 9  # values of each channel that are tried
_HEAD = 4_096  # bytes in which a file names its colours
_D50 = np.array([0.9642, 1, 0.8249])
_BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
# The curve of sRGB as an ICC profile writes it: exponent, two numbers of the power, slope and end of the straight part.
_SRGB_PARAMETERS = (2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
_CURVE = struct.pack(">4s4xHxx5i", b"para", 3, *(round(value * 65_536) for value in _SRGB_PARAMETERS))

# Chromaticities x, y of white, red, green and blue.
Chromaticities = tuple[float, float, float, float, float, float, float, float]
_D65 = (0.3127, 0.3290)
SRGB: Chromaticities = (*_D65, 0.64, 0.33, 0.30, 0.60, 0.15, 0.06)
# By their numbers in ITU-T H.273, which PNG, AVIF and HEIC name colours by.
_PRIMARIES: dict[int, Chromaticities] = {
    1: SRGB,
    2: SRGB,  # unspecified
    5: (*_D65, 0.64, 0.33, 0.29, 0.60, 0.15, 0.06),
    6: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    7: (*_D65, 0.63, 0.34, 0.31, 0.595, 0.155, 0.07),
    9: (*_D65, 0.708, 0.292, 0.17, 0.797, 0.131, 0.046),
    12: (*_D65, 0.68, 0.32, 0.265, 0.69, 0.15, 0.06),
}
_VIDEO = {1, 2, 6, 13, 14, 15}  # curves that pictures are shown with as if they were sRGB's
_GAMMAS = {4: 1 / 2.2, 5: 1 / 2.8, 8: 1.0}
_HDR = {16, 18}


def to_srgb(image: Image.Image, profile: bytes | None) -> tuple[Image.Image, bool]:
    """Convert to RGB, through a colour profile unless that is sRGB or unusable.

    Returns:
        The picture, and whether its colours are known: by the profile, or because it is no mixture of inks.
    """
    if image.mode not in ("RGB", "L", "CMYK"):  # the modes for which colour profiles exist
        image = image.convert("RGB")
    used = False
    if profile:
        # A profile that is broken, or made for another mode, is ignored, as in browsers.
        with suppress(ImageCms.PyCMSError, OSError, TypeError, ValueError):
            if not _is_srgb(profile, image.mode):
                embedded, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
                image = ImageCms.profileToProfile(image, embedded, srgb, outputMode="RGB") or image
                used = True
    return image.convert("RGB"), used or image.mode != "CMYK"


@lru_cache(maxsize=8)  # photos of a batch have the same one
def _is_srgb(profile: bytes, mode: str) -> bool:
    """Whether a profile leaves colours as they are; its name says nothing, linear ones are called sRGB as well."""
    if mode == "CMYK":
        return False
    levels = np.linspace(0, 255, _PROBES).round().astype(np.uint8)
    colours = np.stack(np.meshgrid(levels, levels, levels), axis=-1).reshape(_PROBES, -1, 3)
    probe = Image.fromarray(colours).convert(mode)
    embedded, srgb = ImageCms.ImageCmsProfile(BytesIO(profile)), ImageCms.createProfile("sRGB")
    seen = ImageCms.profileToProfile(probe, embedded, srgb, outputMode="RGB")
    difference = np.asarray(seen, np.int16) - np.asarray(probe.convert("RGB"), np.int16)
    return bool(np.abs(difference).max() <= SAME_COLOUR)


def stated_profile(image: Image.Image, data: bytes) -> bytes | None:
    """A profile for colours that the file states without one; None if they are sRGB or not stated.

    Of a PNG: its chunks ``cICP``, then ``sRGB``, then ``gAMA`` with ``cHRM``; of AVIF and HEIC: the box ``nclx``.

    Raises:
        PhotoError: for a high dynamic range, which would have to be mapped to that of a screen.
    """
    coded = _coding_points(image.format, data)
    if coded is not None:
        primaries, transfer = coded
        if transfer in _HDR:
            raise PhotoError(Message("photo.other_kind", kind="HDR (PQ, HLG)"))
        gamma = _GAMMAS.get(transfer)
        if (gamma is None and transfer not in _VIDEO) or primaries not in _PRIMARIES:
            return None
        return _profile(_PRIMARIES[primaries], gamma)
    if image.format != "PNG" or "srgb" in image.info:
        return None
    gamma, chromaticities = image.info.get("gamma"), image.info.get("chromaticity", SRGB)
    if gamma is not None and not 0.1 <= gamma <= 10:
        gamma = None  # not a plausible value
    return _profile(chromaticities, gamma)


def _coding_points(kind: str | None, data: bytes) -> tuple[int, int] | None:
    """Numbers of primaries and transfer, by ITU-T H.273, that a file states."""
    head = data[:_HEAD]
    if kind == "PNG":
        head = head.partition(b"IDAT")[0]
        place = head.find(b"\0\0\0\x04cICP")
        return (head[place + 8], head[place + 9]) if 0 <= place <= len(head) - 12 else None
    if kind in ("AVIF", "HEIF"):
        place = head.find(b"colrnclx")
        if 0 <= place <= len(head) - 12:
            primaries, transfer = struct.unpack_from(">HH", head, place + 8)
            return primaries, transfer
    return None


def _profile(chromaticities: Chromaticities, gamma: float | None) -> bytes | None:
    """An ICC profile; None if it would be sRGB, or these are no colours.

    Args:
        chromaticities: of white, red, green and blue.
        gamma: exponent by which light became values, such as 1 / 2.2; None for the curve of sRGB.
    """
    is_usual = gamma is None or abs(gamma / SRGB_GAMMA - 1) < GAMMA_TOLERANCE
    if is_usual and np.allclose(chromaticities, SRGB, atol=0.005):
        return None
    white, *primaries = (_xyz(*chromaticities[i : i + 2]) for i in range(0, 8, 2))
    colours = np.stack(primaries, axis=1)
    with suppress(np.linalg.LinAlgError):
        columns = _to_d50(white) @ (colours * np.linalg.solve(colours, white))
        if np.abs(columns).max() < 4:
            return _icc(columns, _CURVE if gamma is None else _power(1 / gamma))
    return None


def _xyz(x: float, y: float) -> NDArray[np.float64]:
    """Tristimulus values of a chromaticity, with Y of 1."""
    y = max(y, 1e-6)
    return np.array([x / y, 1, (1 - x - y) / y])


def _to_d50(white: NDArray[np.float64]) -> NDArray[np.float64]:
    """Adapts tristimulus values from a white to the D50 of ICC profiles, after Bradford."""
    before, after = _BRADFORD @ white, _BRADFORD @ _D50
    adapted: NDArray[np.float64] = np.linalg.inv(_BRADFORD) @ np.diag(after / before) @ _BRADFORD
    return adapted


def _fixed(*values: float) -> bytes:
    """Numbers of an ICC profile: signed, with 16 bits after the point."""
    return struct.pack(f">{len(values)}i", *(round(value * 65_536) for value in values))


def _power(exponent: float) -> bytes:
    return b"para" + bytes(8) + _fixed(exponent)


def _icc(columns: NDArray[np.float64], curve: bytes) -> bytes:
    """The bytes of a profile of three primaries, its columns ``(3, 3)``, and one curve for all."""
    primaries = zip((b"rXYZ", b"gXYZ", b"bXYZ"), columns.T, strict=True)
    bodies = [(b"wtpt", b"XYZ " + bytes(4) + _fixed(*_D50))]
    bodies += [(name, b"XYZ " + bytes(4) + _fixed(*column)) for name, column in primaries]
    bodies += [(name, curve) for name in (b"rTRC", b"gTRC", b"bTRC")]
    place, table, rest = 128 + 4 + 12 * len(bodies), struct.pack(">I", len(bodies)), b""
    for name, body in bodies:
        table += struct.pack(">4sII", name, place + len(rest), len(body))
        rest += body
    head = struct.pack(">I4xI", place + len(rest), 0x04200000) + b"mntrRGB XYZ " + bytes(12) + b"acsp"
    head = head.ljust(68, b"\0") + _fixed(*_D50)
    return head.ljust(128, b"\0") + table + rest
