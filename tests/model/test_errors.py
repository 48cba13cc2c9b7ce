"""Tests of error texts for users: one sentence in one line, in the reader's language."""

from __future__ import annotations

import errno

import pytest

from model.errors import PhotoError, message_of, one_line
from model.i18n.catalogue import Message, use_language


def test_message_is_translated_when_it_is_read() -> None:
    message = Message("page.no_photo")
    assert message_of(PhotoError(message)) is message
    texts = set()
    for language in ("en", "tr"):
        with use_language(language):
            texts.add(str(message_of(PhotoError(message))))
    assert len(texts) == 2


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (ValueError("bad header"), "bad header."),
        (ValueError("bad header.\nat byte 3"), "bad header."),
        (KeyError(), "KeyError."),
        (ValueError("x" * 999), "x" * 200 + "."),
    ],
)
def test_any_other_error_becomes_one_sentence(error: Exception, sentence: str) -> None:
    assert message_of(error) == sentence


def test_system_error_names_no_path() -> None:
    error = OSError(errno.ENOENT, "No such file or directory", "/home/me/secret")
    assert one_line(error) == "No such file or directory"


def test_full_disk_is_named_for_every_library() -> None:
    error = OSError("Unable to write\n(errno = 28, error message = 'No space left on device')")
    assert one_line(error) == "No space left on device"
