"""What the page shows while a visitor's own model is imported, and its place among the choices."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future
from pathlib import Path
from queue import Queue
from typing import Protocol

from explain.html import fragments
from explain.page.components.updates import Updates, visible
from explain.page.detectors.own import Notify, OwnModels
from explain.page.sessions import Runs
from explain.service.refusal import refusing
from model.detector.detector import Detector
from model.errors import ArtifactError
from model.i18n.catalogue import Message, in_language, translate

RUN_SUFFIX = "/own"  # added to a visitor's name, so that an import and a run over a photo can go on together


class Page(Protocol):
    """What this module needs of ``explain.page.run.Page``."""

    runs: Runs
    own: OwnModels

    def language_of(self, visitor: str, otherwise: str) -> str: ...


def bring(page: Page, visitor: str, language: str, file: str | None, fake_labels: str, sees: str) -> Iterator[Updates]:
    """Import an uploaded file and choose it; each step is shown.

    Args:
        page: the page.
        visitor: name of the visitor.
        language: of the page when the import began.
        file: path of the upload; None if there is none.
        fake_labels: the visitor's answer to which classes mean fake, with commas between them.
        sees: what the model judges, see ``model.onnx_models.request.Request``.

    Yields:
        Changes of ``own_status`` and ``own_cancel``; at the end also ``own_file``, and ``model`` with the new model's
        name unless the import was cancelled.

    Raises:
        Refused: if the file can't be used.
    """
    labels = [label.strip() for label in fake_labels.split(",") if label.strip()]
    steps = _bring(page, visitor, file, labels, sees)
    yield from in_language(lambda: page.language_of(visitor, language), steps)


def _bring(page: Page, visitor: str, file: str | None, fake_labels: list[str], sees: str) -> Iterator[Updates]:
    with page.runs.begin(visitor + RUN_SUFFIX) as ended, refusing():
        if file is None:
            raise ArtifactError(Message("own.no_file"))
        path = Path(file)
        begun = fragments.progress_bar(translate("own.begun", file=path.name), None)
        yield {"own_status": begun, "own_cancel": visible(True)}

        left = threading.Event()

        def cancelled() -> bool:
            return left.is_set() or ended()

        def work(notify: Notify) -> Detector:
            detector = page.own.take(visitor, path, fake_labels, sees, notify, cancelled)
            if cancelled():
                page.own.forget(visitor)
            return detector

        end: Updates = {"own_status": fragments.status(translate("page.many_stopped"))}
        try:
            detector = yield from _with_messages(work)
            if not ended():
                ready = fragments.notice(translate("own.ready", model=detector.name))
                end = {"own_status": ready, "model": detector.name}
        except GeneratorExit:  # the visitor has left and does not wait for the end of the import
            left.set()
            page.own.forget(visitor)
            raise
        except ArtifactError:
            if not ended():
                raise
        yield {**end, "own_file": None, "own_cancel": visible(False)}


def _with_messages(work: Callable[[Notify], Detector]) -> Generator[Updates, None, Detector]:
    """Do some work in another thread, and show its messages as they come."""
    messages: Queue[Message | None] = Queue()
    future: Future[Detector] = Future()

    def run() -> None:
        try:
            future.set_result(work(messages.put))
        except BaseException as error:
            future.set_exception(error)
        messages.put(None)

    threading.Thread(target=run, name="import-model", daemon=True).start()
    while (message := messages.get()) is not None:
        yield {"own_status": fragments.progress_bar(str(message), None)}
    return future.result()
