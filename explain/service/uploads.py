"""Keeps analysed photos in a folder, if the server's owner wants that; by default nothing is kept."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from datetime import UTC, datetime
from pathlib import Path
from uuid import NAMESPACE_OID, uuid4, uuid5

from model.errors import UserError
from model.files import replacing
from model.i18n.catalogue import Message
from model.photos.kinds import kind_of

log = logging.getLogger(__name__)


class UploadsError(UserError):
    """Photos cannot be kept in a folder; the message says why and what to do."""


class Uploads:
    """The folder for kept photos.

    Args:
        folder: created if missing; None keeps nothing.

    Raises:
        UploadsError: if nothing can be written into the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # photos of people: only for the server's owner
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileExistsError as error:
            raise UploadsError(Message("uploads.file", folder=str(folder))) from error
        except OSError as error:
            raise UploadsError(Message("uploads.closed", folder=str(folder), reason=error.strerror)) from error

    def keep(self, photo: bytes | str | os.PathLike[str], visitor: str | None = None) -> Path | None:
        """Write a photo that could be read as ``upload_<timestamp>_<uuid>`` with its format's ending.

        Args:
            photo: a file's bytes or path; its name is not used.
            visitor: a visitor's photo is kept only once, however often it is analysed.

        Returns:
            The new file; None if nothing is kept, the photo was kept before, or writing fails (which is logged).
        """
        if self._folder is None:
            return None
        try:
            data = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
            name = uuid4() if visitor is None else uuid5(NAMESPACE_OID, f"{visitor} {hashlib.sha256(data).hexdigest()}")
            if visitor is not None and any(self._folder.glob(f"upload_*_{name}.*")):
                return None
            kind = str(kind_of(data))
            ending = {"JPEG": "jpg", "HEIF": "heic"}.get(kind, kind.lower())
            kept = self._folder / f"upload_{datetime.now(UTC):%Y%m%dT%H%M%S}_{name}.{ending}"
            with replacing(kept) as file:
                file.write_bytes(data)
            return kept
        except OSError as error:  # the visitor gets the answer even if the disk is full
            log.error("A photo could not be kept: %s.", error.strerror)
            return None
