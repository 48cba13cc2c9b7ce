"""Keeps analysed photos in a folder, where whoever runs the server asked for it; by default nothing is kept."""

from __future__ import annotations

import hashlib
import logging
import os
import tempfile
from datetime import UTC, datetime
from io import BytesIO
from pathlib import Path
from uuid import NAMESPACE_OID, uuid4, uuid5

from PIL import Image

from model.i18n.catalogue import Said
from model.photos.photo import FORMATS

log = logging.getLogger(__name__)


class UploadsError(ValueError):
    """Photos cannot be kept in a folder; the message says why and what to do."""


class Uploads:
    """Where photos are kept.

    Args:
        folder: made if missing; None keeps nothing.

    Raises:
        UploadsError: if nothing can be written into the folder.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._folder = folder
        if folder is None:
            return
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)  # photos of people: for whoever runs the server
            with tempfile.TemporaryFile(dir=folder):
                pass
        except FileExistsError as error:
            raise UploadsError(Said("uploads.file", folder=str(folder))) from error
        except OSError as error:
            raise UploadsError(Said("uploads.closed", folder=str(folder), reason=error.strerror)) from error

    def keep(self, photo: bytes | str | os.PathLike[str], visitor: str | None = None) -> Path | None:
        """Write a photo that could be read as ``upload_<timestamp>_<uuid>`` with its format's ending.

        Args:
            photo: a file's bytes or path; what it is called plays no part.
            visitor: whoever is named has the same photo kept once, however often it is analysed.

        Returns:
            The new file; None where nothing is kept, was kept before, or the disk refuses (which is logged).
        """
        if self._folder is None:
            return None
        try:
            data = photo if isinstance(photo, bytes) else Path(photo).read_bytes()
            name = uuid4() if visitor is None else uuid5(NAMESPACE_OID, f"{visitor} {hashlib.sha256(data).hexdigest()}")
            if visitor is not None and any(self._folder.glob(f"upload_*_{name}.*")):
                return None
            with Image.open(BytesIO(data), formats=FORMATS) as image:
                ending = {"JPEG": "jpg", "MPO": "jpg"}.get(str(image.format), str(image.format).lower())
            kept = self._folder / f"upload_{datetime.now(UTC):%Y%m%dT%H%M%S}_{name}.{ending}"
            _write_whole(kept, data)
            return kept
        except OSError:  # a full disk must not cost the visitor the answer
            log.exception("A photo could not be kept.")
            return None


def _write_whole(path: Path, data: bytes) -> None:
    """Write a file that is there whole or not at all."""
    part = path.with_name(f".{path.name}")
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
