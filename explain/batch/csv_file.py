"""Writes a table of verdicts as it grows: every row is kept, and the old file stays until the new one is whole."""

from __future__ import annotations

import shutil
from contextlib import suppress
from io import FileIO
from itertools import count
from pathlib import Path

from explain.batch.judge import Row
from explain.batch.table import csv_head, csv_line
from model.errors import SettingsError
from model.files import fitting
from model.i18n.catalogue import Message


class CsvFile:
    """The rows so far, in a file of its own beside the one that it will replace.

    Each row is handed to the operating system at once, so that the rows stay if the program is killed.

    Args:
        path: the file to replace. A device or a pipe is written to directly.

    Raises:
        SettingsError: if it can't be written.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._size = self._rows = 0
        try:
            if _is_stream(path):
                self._target = self._partial = path
                self._file = FileIO(path, "w")
                return
            self._target = path.resolve()  # the file behind a link, not the link
            if self._target.exists():
                self._target.open("r+b").close()  # fails now if another program or permissions keep us out
            self._partial, self._file = _new_beside(self._target)
        except OSError as error:
            raise SettingsError(Message("many.csv_closed", path=str(path), reason=str(error.strerror))) from error

    def add(self, row: Row) -> None:
        """Write a row.

        Raises:
            SettingsError: if it can't be written, such as on a full disk; the rows before it are kept.
        """
        self._write(csv_line(row))
        self._rows += 1

    def finish(self) -> None:
        """Replace the old file.

        Raises:
            SettingsError: if that is not possible; the rows are kept.
        """
        if self._rows == 0:
            self._write("")
        self._file.close()
        try:
            if self._partial != self._target:
                if self._target.exists():
                    shutil.copymode(self._target, self._partial)
                self._partial.replace(self._target)
        except OSError as error:
            raise self._stopped(error) from error

    def stop(self) -> Message | None:
        """Close the file, complete or not. Without rows it leaves nothing.

        Returns:
            The sentence that says where the rows are; None if they replaced the target, or if it was returned before.
        """
        is_open = not self._file.closed
        self._file.close()
        if self._partial == self._target:
            return None
        if self._rows == 0:
            with suppress(OSError):
                self._partial.unlink()
        return Message("many.csv_partial", **self._names()) if is_open and self._rows else None

    def _write(self, text: str) -> None:
        data = ((csv_head() if self._size == 0 else "") + text).encode("utf-8", "replace")
        rest = data
        try:
            while rest:  # on a full disk some bytes may still fit
                rest = rest[self._file.write(rest) :]
        except OSError as error:
            with suppress(OSError):
                self._file.truncate(self._size)
            raise self._stopped(error) from error
        self._size += len(data)

    def _stopped(self, error: OSError) -> SettingsError:
        self._file.close()
        key = "many.csv_stopped" if self._rows and self._partial != self._target else "many.csv_closed"
        return SettingsError(Message(key, **self._names(), reason=str(error.strerror)))

    def _names(self) -> dict[str, str]:
        return {"path": str(self._path), "partial": str(self._partial)}


def check_csv(path: Path) -> None:
    """Check that a table can be written to a file, without changing it.

    Raises:
        SettingsError: if it can't be written.
    """
    if not _is_stream(path):  # its reader takes its closing for the end
        CsvFile(path).stop()


def _is_stream(path: Path) -> bool:
    return path.exists() and not path.is_file() and not path.is_dir()


def _new_beside(file: Path) -> tuple[Path, FileIO]:
    """A new file for the rows; an interrupted run's rows and another run that goes on stay as they are."""
    for number in count(1):
        mark = ".partial" if number == 1 else f".partial-{number}"
        path = file.with_name(fitting(file.stem, mark + file.suffix))
        with suppress(FileExistsError):
            return path, FileIO(path, "x")
    raise AssertionError  # count never ends
