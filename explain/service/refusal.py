"""Turns every error of a request into one sentence."""

from __future__ import annotations

import errno
import logging
from collections.abc import Iterator
from contextlib import contextmanager

from explain.settings import known_language
from model.errors import UserError, is_out_of_memory
from model.i18n.catalogue import translate, use_language

log = logging.getLogger(__name__)
DISK_FULL = (errno.ENOSPC, errno.EDQUOT)


class Refused(UserError):
    """There is no answer; the message says why, in the caller's language."""


def refusal_of(error: BaseException) -> Refused:
    """Why there is no answer, in the current language.

    The message of a ``UserError`` says it. A full disk or memory is one line in the log. Any other error is a fault of
    the program: its traceback goes into the log.
    """
    if isinstance(error, UserError):
        return Refused(str(error))
    if is_disk_full(error):
        log.error("A request failed because the disk is full.")
        return Refused(translate("disk_full"))
    if is_out_of_memory(error):
        log.error("A request failed because there is too little memory.")
        return Refused(translate("memory_full"))
    log.error("A request failed.", exc_info=error)
    return Refused(translate("failed"))


def is_disk_full(error: BaseException | None) -> bool:
    """Whether an error, or one that led to it, says that the disk is full."""
    while error is not None:
        if isinstance(error, OSError) and error.errno in DISK_FULL:
            return True
        error = error.__cause__ or error.__context__
    return False


@contextmanager
def refusing_in(language: str) -> Iterator[None]:
    """Use a language, and turn every error inside into ``Refused`` in that language."""
    with refusing():
        known_language(language)
    with use_language(language), refusing():
        yield


@contextmanager
def refusing() -> Iterator[None]:
    """Turn every error inside into ``Refused``, see ``refusal_of``."""
    try:
        yield
    except Exception as error:
        raise refusal_of(error) from error
