"""Decides by a file's name and first bytes how it is shown, and whether it is a picture, an archive or junk."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from pathlib import PurePosixPath

MAX_NAME = 120  # characters of a name that are shown
ARCHIVES = frozenset({".zip", ".7z", ".rar", ".tar", ".tgz", ".gz", ".bz2", ".xz", ".zst", ".cab", ".iso"})
# Endings of pictures. Unsupported ones are tried as well, so that the user gets an error for them.
PICTURES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".jif", ".jfif", ".pjpeg", ".pjp", ".jpg_large", ".jpg_orig", ".jpg-large", ".mpo"}
    | {".png", ".apng", ".webp", ".gif", ".bmp", ".dib", ".tif", ".tiff"}
    | {".heic", ".heics", ".heif", ".heifs", ".hif", ".avif", ".avifs", ".jxl", ".jp2", ".psd"}
    | {".raw", ".dng", ".cr2", ".cr3", ".nef", ".arw"}
)
CLIPS = frozenset({".mp4", ".m4v", ".mov", ".qt", ".webm", ".mkv", ".3gp", ".avi"})
SIGNATURES = re.compile(
    rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|RIFF....WEBP|BM....\x00{4}|II[*+]\x00|MM\x00[*+]|8BPS\x00\x01"
    rb"|\x00{3}\x0c(JXL |jP  )|....ftyp(avi[fs]|hei[cmsx]|hev[cmsx]|mif1|msf1|crx )",
    re.DOTALL,
)
HEAD = 16  # bytes at the beginning of a file that show its format
ZIP_SIGNATURES = (b"PK\x03\x04", b"PK\x05\x06")
# What operating systems leave among photos.
JUNK = frozenset({".ds_store", ".localized", "icon\r", "thumbs.db", "ehthumbs.db", "desktop.ini", "__macosx"})
_JOINERS = "\u200c\u200d"  # parts of words in some scripts, and of emoji such as a family
_FLAG = re.compile("\U0001f3f4[\U000e0020-\U000e007f]+")  # emoji of flags such as Scotland's


def safe_name(text: str) -> str:
    """A name on one line, without control characters, without ``..``, and not too long.

    Long names keep their end; a number that depends on the whole name keeps them apart.
    """
    plain = on_one_line(unicodedata.normalize("NFC", text)).replace("\\", "/")
    name = "/".join(part for part in plain.split("/") if part.strip(". ")) or "?"
    if len(name) <= MAX_NAME:
        return name
    start = f"…{hashlib.sha256(name.encode()).hexdigest()[:8]}…"
    return start + name[len(start) - MAX_NAME :]


def on_one_line(text: str) -> str:
    """A text without signs that break the line, control a terminal, or change the direction of writing."""
    flags = {match.start() + place for match in _FLAG.finditer(text) for place in range(len(match[0]))}
    return "".join(sign if place in flags else _shown(sign) for place, sign in enumerate(text))


def _shown(sign: str) -> str:
    if "\udc80" <= sign <= "\udcff":  # how Python names a byte that is not UTF-8
        return f"%{ord(sign) - 0xDC00:02X}"
    return "?" if unicodedata.category(sign) in ("Cc", "Cf", "Cs", "Zl", "Zp") and sign not in _JOINERS else sign


def is_junk(name: str) -> bool:
    """Whether an operating system made this file or folder beside the photos; every interface skips it."""
    return name.startswith("._") or name.lower() in JUNK


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden inside a folder or ZIP."""
    return (name.startswith(".") and bool(name.strip("."))) or name.lower() == "__macosx"


def suffix(name: str) -> str:
    """A name's ending in lower case, with its dot."""
    return PurePosixPath(name).suffix.lower()


def is_picture(head: bytes) -> bool:
    """Whether a file that begins with these ``HEAD`` bytes has the format of a picture."""
    return SIGNATURES.match(head) is not None


def is_zip(name: str, head: bytes) -> bool:
    """Whether a file is opened as a ZIP. The ending decides only if the content is of no known format."""
    return head.startswith(ZIP_SIGNATURES) or (suffix(name) == ".zip" and not is_picture(head))


def is_other_archive(name: str, head: bytes) -> bool:
    """Whether a file is an archive that can't be opened."""
    return suffix(name) in ARCHIVES - {".zip"} and not is_picture(head) and not is_zip(name, head)
