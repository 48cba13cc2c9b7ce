"""Fixtures for all tests of ``explain``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import IO, TYPE_CHECKING

import pytest

from model.clips import clip
from model.clips.answers import Facts, Picture
from model.clips.decode import frame_at, pictures
from model.clips.process import Cancelled, Request
from model.errors import ClipError
from model.i18n.catalogue import Message
from tests.support.remembered import NETWORKS

if TYPE_CHECKING:
    from explain.page.components.extended import SteppedBlocks

TESTS_OF_NETWORKS = "regions"  # its tests are about one of these networks


@pytest.fixture(scope="module", autouse=True)
def faces_are_found_once(request: pytest.FixtureRequest) -> Iterator[None]:
    """Finding faces and their parts takes most of an analysis's time, and the tests use the same few photos."""
    with pytest.MonkeyPatch.context() as patched:
        if request.path.parent.name != TESTS_OF_NETWORKS:
            for module, name, network in NETWORKS:
                patched.setattr(module, name, network)
        yield


@pytest.fixture(scope="module", autouse=True)
def clips_are_decoded_in_this_process() -> Iterator[None]:
    """A process for each clip would take most of the time; ``tests/model/clips`` tests it."""
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(clip, "answers", _decode)
        yield


@pytest.fixture(scope="session")
def shipped_page() -> SteppedBlocks:
    """The page around the shipped models; a test may change only what it keeps of visitors."""
    from explain.page.layout import build_page  # Gradio is slow to import, and most tests do not need it
    from model.available import Models, available_models

    return build_page(Models(available_models(None), print))


def _decode(file: IO[bytes], request: Request, cancelled: Cancelled) -> Iterator[Facts | Picture]:
    """Stands for ``model.clips.process.answers``."""
    if request.at is not None:
        yield frame_at(file, request.at, request.limits)
        return
    for answer in pictures(file, request.count, request.limits):
        if cancelled():
            raise ClipError(Message("clip.cancelled"))
        yield answer
