"""Refuses a request in one sentence, whatever went wrong."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from explain.service.queue import Busy
from explain.settings import SettingsError
from model.errors import ArtifactError, PhotoError
from model.i18n.catalogue import LanguageError, say

log = logging.getLogger(__name__)
FORESEEN = (PhotoError, SettingsError, ArtifactError, LanguageError, Busy)  # their messages are written for the asker


class Refused(Exception):
    """There is no answer; the message says why, in the language of whoever asked."""


@contextmanager
def refusing() -> Iterator[None]:
    """Turn every error inside into ``Refused``, with a sentence in the language spoken."""
    try:
        yield
    except FORESEEN as error:
        raise Refused(str(error)) from error
    except Exception as error:
        log.exception("A request of a program failed.")
        raise Refused(say("doors.failed")) from error
