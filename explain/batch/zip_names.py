"""Decodes the names in a ZIP: many programs do not say which character encoding they used."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from zipfile import ZipInfo

from model.i18n.catalogue import language

UTF_8 = 0x800  # flag: the name is in UTF-8
UNICODE_PATH = 0x7075  # extra field with the name in UTF-8 (Info-ZIP)
DIRECTORY = 0x10  # attribute of MS-DOS
# Encodings that ZIP programs of Windows and DOS use. If several fit equally, the first counts, as the standard says.
CODE_PAGES = ("cp437", "cp850", "cp857", "cp1254")
AT_HOME = {"tr": "cp857"}  # the first choice for a language instead
# Characters that are unlikely at their place in a name. The right encoding gives the fewest of them.
_UNLIKELY = re.compile(
    r"[^\x00-\x7fÀ-ÖØ-öø-ɏªº°²½¼£«»¡¿]"  # neither Latin letters nor common symbols
    r"|[ÿƒÐðÞþ]|ì(?=[^\W\d_])|[ªº](?=[^\W\d_])|(?<=[^\W\dnN_])[ªº]|[°²½¼](?=[a-z])"
)


def names_of(entries: Sequence[ZipInfo]) -> list[str]:
    """The names of a ZIP's entries, with ``/`` between folders and at the end of a folder's own name.

    A name is in UTF-8 if its flag or its extra field says so, or if its bytes are valid UTF-8. Else it is in the code
    page that gives all these names together the fewest unlikely signs.
    """
    known = [_known(entry) for entry in entries]
    page = _code_page([name for name in known if isinstance(name, bytes)])
    names = (name.decode(page, "replace") if isinstance(name, bytes) else name for name in known)
    return [_as_path(name.partition("\0")[0], entry) for name, entry in zip(names, entries, strict=True)]


def _known(entry: ZipInfo) -> str | bytes:
    """An entry's name, or its bytes if their encoding is unknown."""
    if entry.flag_bits & UTF_8:
        return entry.orig_filename
    raw = entry.orig_filename.encode("cp437")  # as zipfile has decoded it
    try:
        return (_unicode_path(entry.extra, raw) or raw).decode("utf-8")
    except UnicodeDecodeError:
        return raw


def _unicode_path(extra: bytes, raw: bytes) -> bytes | None:
    """The name in the extra field, if it belongs to this name."""
    while len(extra) >= 4:
        kind, size = (int.from_bytes(extra[place : place + 2], "little") for place in (0, 2))
        field, extra = extra[4 : 4 + size], extra[4 + size :]
        if kind == UNICODE_PATH and field[:5] == b"\x01" + zlib.crc32(raw).to_bytes(4, "little"):
            return field[5:]
    return None


def _code_page(names: Sequence[bytes]) -> str:
    def unlikely(page: str) -> float:
        try:
            return sum(len(_UNLIKELY.findall(name.decode(page))) for name in names)
        except UnicodeDecodeError:
            return float("inf")

    return min(sorted(CODE_PAGES, key=lambda page: page != AT_HOME.get(language())), key=unlikely)


def _as_path(name: str, entry: ZipInfo) -> str:
    path = name.replace("\\", "/")
    is_folder = entry.file_size == 0 and (path.endswith("/") or entry.external_attr & DIRECTORY)
    return path.rstrip("/") + ("/" if is_folder else "")
