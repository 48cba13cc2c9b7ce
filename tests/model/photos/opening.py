"""Helpers for tests of refusals and notes of photos."""

from __future__ import annotations

from typing import Any

import pytest

from model.errors import PhotoError
from model.i18n.catalogue import Message, languages, use_language
from model.photos.decode import decode
from model.photos.photo import open_photo

ORIENTATION = 0x0112
ANIMATED, PAGES, TRANSPARENT = Message("photo.animated"), Message("photo.pages"), Message("photo.transparent")


def refusal(source: Any) -> str:
    """The error message, checked in every language: one sentence without paths."""
    with pytest.raises(PhotoError) as caught:
        open_photo(source)
    for language in languages():
        with use_language(language):
            sentence = str(caught.value)
        assert sentence.endswith(".") and "; " in sentence, "the sentence says what was wrong; what to do."
        assert not any(word in sentence for word in ("/", "\\", "BytesIO", "Error"))
    return str(caught.value)


def refused(data: bytes) -> Message:
    """The untranslated message of the error of ``decode``."""
    with pytest.raises(PhotoError) as caught:
        decode(data)
    message = caught.value.args[0]
    assert isinstance(message, Message)
    return message
