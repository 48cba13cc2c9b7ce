"""What an error says to a user: one sentence in one line, in the language of whoever reads it."""

from __future__ import annotations

import errno

import pytest

from model.errors import PhotoError, message_of, one_line
from model.i18n.catalogue import Message, use_language


def test_a_message_is_filled_in_when_it_is_read() -> None:
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


def test_an_error_of_the_system_names_no_path() -> None:
    error = OSError(errno.ENOENT, "No such file or directory", "/home/me/secret")
    assert one_line(error) == "No such file or directory"


def test_a_full_disk_is_named_whichever_library_meets_it() -> None:
    error = OSError("Unable to write\n(errno = 28, error message = 'No space left on device')")
    assert one_line(error) == "No space left on device"
