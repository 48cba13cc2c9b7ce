"""Keeps a few models that visitors bring: each for its own visitor only, and until the visit ends."""

from __future__ import annotations

import shutil
import tempfile
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from explain.batch.names import safe_name, suffix
from explain.batch.zips import DAMAGED, open_zip, refused
from explain.cancel import not_cancelled
from explain.page.components.controls import OWN, is_own
from model.apart import Cancelled
from model.detector.detector import Detector
from model.errors import ArtifactError, PhotoError, message_of
from model.found import SUFFIXES
from model.i18n.catalogue import Message
from model.uploaded import MAX_BYTES, open_uploaded

MOST = 3  # models that are kept at the same time, of all visitors together; the oldest goes
MOST_FILES = 64  # in a ZIP
CHUNK = 1_000_000  # bytes unpacked between two checks of the limit
KINDS = (".onnx", ".zip", *SUFFIXES)
MOST_GONE = 1000  # visitors who lost their model to a newer one, so that the page can say so

Notify = Callable[[Message], None]


@dataclass(frozen=True)
class _Own:
    visitor: str
    detector: Detector
    folder: Path


class OwnModels:
    """Keeps the models of visitors; threads can share it.

    Args:
        allowed: whether visitors may bring models.
    """

    def __init__(self, allowed: bool = False) -> None:
        self.allowed = allowed
        self._kept: list[_Own] = []  # the oldest first
        self._gone: list[str] = []
        self._lock = threading.Lock()
        self._importing = threading.Lock()

    def take(
        self,
        visitor: str,
        file: Path,
        fake_labels: Sequence[str] = (),
        sees: str = "",
        notify: Notify = lambda _: None,
        cancelled: Cancelled = not_cancelled,
    ) -> Detector:
        """Open a file that a visitor has uploaded, which is deleted; it replaces the visitor's earlier model.

        Args:
            visitor: name of the visitor.
            file: an ONNX file, a Keras file, or a ZIP of a folder in the Hub's layout or of a Keras file with its
                ``label_transform.pkl`` and ``card.json``.
            fake_labels: see ``model.onnx_models.request.Request``, as ``sees``.
            sees: how an ONNX model looks at a photo.
            notify: called with a message at each slow step.
            cancelled: called meanwhile; once it is true, the import ends.

        Raises:
            ArtifactError: if models may not be brought, another one is imported just now, the file can't be used, or
                the import was cancelled.
        """
        folder = Path(tempfile.mkdtemp(prefix="model-"))
        try:
            if not self.allowed:
                raise ArtifactError(Message("own.not_allowed"))
            if not self._importing.acquire(blocking=False):
                raise ArtifactError(Message("own.busy"))
            try:
                source = _received(file, folder)
                detector = open_uploaded(source, OWN + source.name, fake_labels, sees, notify, cancelled)
            finally:
                self._importing.release()
        except BaseException:
            shutil.rmtree(folder, ignore_errors=True)
            raise
        finally:
            file.unlink(missing_ok=True)
        self._keep(_Own(visitor, detector, folder))
        return detector

    def get(self, name: str, visitor: str) -> Detector | None:
        """The visitor's own model; None for the name of a model of the server.

        Raises:
            ArtifactError: if it is not kept any more, or is another visitor's.
        """
        if not is_own(name):
            return None
        with self._lock:
            for own in self._kept:
                if (own.visitor, own.detector.name) == (visitor, name):
                    return own.detector
            if visitor in self._gone:
                raise ArtifactError(Message("own.replaced", model=name, most=MOST))
        raise ArtifactError(Message("own.gone", model=name))

    def names(self, visitor: str) -> list[str]:
        """The name of the visitor's own model, if there is one."""
        with self._lock:
            return [own.detector.name for own in self._kept if own.visitor == visitor]

    def forget(self, visitor: str) -> None:
        """Drop the model of a visitor who has left, with its files."""
        self._drop(lambda own: own.visitor == visitor)
        with self._lock:
            self._gone = [other for other in self._gone if other != visitor]

    def close(self) -> None:
        """Drop all models with their files, at the end of the server."""
        self._drop(lambda own: True)

    def _keep(self, new: _Own) -> None:
        self._drop(lambda own: own.visitor == new.visitor)
        with self._lock:
            self._kept.append(new)
            old = self._kept[:-MOST]
            self._gone = [*self._gone, *(own.visitor for own in old)][-MOST_GONE:]
            self._gone = [visitor for visitor in self._gone if visitor != new.visitor]
        self._drop(lambda own: own in old)

    def _drop(self, goes: Callable[[_Own], bool]) -> None:
        with self._lock:
            dropped = [own for own in self._kept if goes(own)]
            self._kept = [own for own in self._kept if not goes(own)]
        for own in dropped:
            own.detector.close()  # a reference in the visitor's page must not keep the network in memory
            shutil.rmtree(own.folder, ignore_errors=True)


def _received(file: Path, folder: Path) -> Path:
    """The uploaded file, moved into a folder of its own; a ZIP is unpacked into a folder of its name."""
    name = safe_name(file.name).rpartition("/")[2]
    kind = suffix(name)
    if kind not in KINDS:
        raise ArtifactError(Message("own.no_model", file=name))
    if file.stat().st_size > MAX_BYTES:
        figures = {"size": file.stat().st_size / 1e6, "limit": MAX_BYTES / 1e6}
        raise ArtifactError(Message("own.too_large", file=name, **figures))
    if kind != ".zip":
        return Path(shutil.move(file, folder / name))
    unpacked = folder / (name[: -len(kind)] or "model")
    _unpack(file, unpacked, name)
    return unpacked


def _unpack(file: Path, folder: Path, name: str) -> None:
    """Write the files of a ZIP that lie at its top, or in one folder there, and those in a folder ``onnx`` beside them.

    Raises:
        ArtifactError: if it is damaged, encrypted, or unpacks to more than a model may have.
    """
    try:
        stream, archive = open_zip(file)
    except PhotoError as error:
        raise ArtifactError(Message("own.zip", file=name, reason=message_of(error))) from error
    with stream, archive:
        entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
        places, left = places_of(list(entries)), MAX_BYTES
        if len(places) > MOST_FILES:
            raise ArtifactError(Message("own.too_many", file=name, limit=MOST_FILES))
        for inside, target in places.items():
            entry = entries[inside]
            if problem := refused(entry, inside):
                raise ArtifactError(Message("own.zip", file=name, reason=problem))
            path = folder.joinpath(*target)
            path.parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(entry) as packed, path.open("xb") as written:
                    while part := packed.read(CHUNK):
                        left -= len(part)
                        if left < 0:
                            raise ArtifactError(Message("own.unpacks", file=name, limit=MAX_BYTES / 1e6))
                        written.write(part)
            except DAMAGED as error:
                raise ArtifactError(Message("own.zip", file=name, reason=Message("many.zip_damaged"))) from error


def places_of(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Where the files of a ZIP go, by their names in it; those elsewhere or with a strange name are left out.

    A single folder around all files is left out, too.
    """
    parts = {name: tuple(name.replace("\\", "/").split("/")) for name in names}
    tops = {place[0] for place in parts.values()}
    around = len(tops) == 1 and tops != {"onnx"} and all(len(place) > 1 for place in parts.values())
    found: dict[str, tuple[str, ...]] = {}
    for name, place in parts.items():
        inner = place[1:] if around else place
        plain = all(part == safe_name(part) and not part.startswith(".") and ":" not in part for part in inner)
        fits = len(inner) == 1 or (len(inner) == 2 and inner[0] == "onnx")
        if plain and fits and inner not in found.values():
            found[name] = inner
    return found
