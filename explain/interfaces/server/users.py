"""Reads the users: lines of ``USER:PASSWORD`` in a file or in the environment, never on the command line."""

from __future__ import annotations

import os
from pathlib import Path

from model.errors import UserError
from model.i18n.catalogue import Message

VARIABLE = "WHYFAKE_AUTH"


class UsersError(UserError):
    """Users cannot be read; the message says why and what to do."""


def users_from(file: Path | None) -> tuple[str, ...]:
    """The users in a file, or else those in ``WHYFAKE_AUTH``; empty if neither is given.

    Raises:
        UsersError: if the file cannot be read, or a line is not ``USER:PASSWORD``.
    """
    name = VARIABLE if file is None else str(file)
    try:
        text = os.environ.get(VARIABLE, "") if file is None else file.read_text(encoding="utf-8")
    except (OSError, ValueError) as error:
        raise UsersError(Message("server.users", file=name)) from error
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if not all(all(line.partition(":")[::2]) for line in lines) or (file is not None and not lines):
        raise UsersError(Message("server.users", file=name))
    return tuple(lines)
