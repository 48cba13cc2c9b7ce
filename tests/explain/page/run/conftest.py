"""A page with a fast stand-in network."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from explain.page.run import Page
from model.available import MODEL_FOLDER, FoundModel, Models
from model.detector.detector import Detector
from model.paths import SHIPPED
from tests.support.worlds import QuickDetector


@pytest.fixture(scope="module", autouse=True)
def quick_network() -> Iterator[None]:
    """The order of the page's updates does not depend on the network."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Detector, "_run", QuickDetector._run)
        yield


@pytest.fixture
def page() -> Page:
    return Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))
