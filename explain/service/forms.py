"""Reads the forms that programs send: with names of files in any letters, each field once, and no unknown ones."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any
from urllib.parse import unquote_to_bytes

from starlette.datastructures import FormData
from starlette.exceptions import HTTPException
from starlette.formparsers import MultiPartException, MultiPartParser
from starlette.requests import Request
from starlette.types import Message as Part
from starlette.types import Receive

from model.errors import SettingsError
from model.i18n.catalogue import Message
from model.photos.photo import MAX_BYTES

EXTENDED_NAME = re.compile(rb";\s*filename\*\s*=\s*\"?(utf-8|iso-8859-1)'[\w-]*'([^;\"\s]+)", re.IGNORECASE)  # RFC 5987

MOST_SHOWN = 50  # characters of an unknown field's name, or of a wrong value
MAX_BODY = MAX_BYTES * 4 // 3 + 1_000_000  # bytes of a request; a photo as base64 within it
LONGEST = 1000  # characters of a field that is not a file; the names of all maps have about 150


class FormRequest(Request):
    """A request with a form that may name its file by ``filename*``.

    Some clients do so for letters outside ASCII, and Starlette takes such a file for a text.
    """

    async def _get_form(self, **limits: Any) -> FormData:
        if self._form is None and self.headers.get("content-type", "").lower().startswith("multipart/form-data"):
            try:
                self._form = await _Parser(self.headers, self.stream(), **limits).parse()
            except MultiPartException as error:
                raise HTTPException(400) from error
        return await super()._get_form(**limits)


class _Parser(MultiPartParser):
    def on_headers_finished(self) -> None:
        part = self._current_part
        part.content_disposition = with_plain_name(part.content_disposition or b"")
        super().on_headers_finished()


def with_plain_name(disposition: bytes) -> bytes:
    """The header of a form's part, with ``filename`` in UTF-8 besides ``filename*``."""
    if (found := EXTENDED_NAME.search(disposition)) is None:
        return disposition
    name = unquote_to_bytes(found[2]).decode(found[1].decode(), "replace").encode()
    quoted = name.replace(b"\\", b"\\\\").replace(b'"', b'\\"')
    return b'%s; filename="%s"' % (disposition, quoted)


def check_fields(form: FormData, known: Collection[str]) -> None:
    """Check that nothing in a form would be ignored, such as one of two photos, and that no text is endless.

    Args:
        form: as it was sent.
        known: the names that its fields may have.

    Raises:
        SettingsError: if a field is unknown, was sent more than once, or holds a very long text.
    """
    names = [name for name, _ in form.multi_items()]
    for name, value in form.multi_items():
        if name not in known:
            raise SettingsError(Message("interfaces.unknown_field", name=name[:MOST_SHOWN], known=", ".join(known)))
        if names.count(name) > 1:
            raise SettingsError(Message("interfaces.twice", name=name))
        if isinstance(value, str) and len(value) > LONGEST:
            raise SettingsError(Message("interfaces.bad_field", name=name, value=value[:MOST_SHOWN]))


def at_most(receive: Receive, limit: int) -> Receive:
    """The messages of a request; an error once its body is larger than the limit."""
    read = 0

    async def counted() -> Part:
        nonlocal read
        message = await receive()
        read += len(message.get("body", b""))
        if read > limit:
            raise HTTPException(413)
        return message

    return counted
