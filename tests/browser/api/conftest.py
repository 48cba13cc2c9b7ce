"""A client of the running page."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from gradio_client import Client

from tests.browser.api.endpoint import Answer, analyze


@pytest.fixture(scope="module")
def client(page_url: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Client]:
    """A client of the page that downloads into a folder of its own."""
    client = Client(page_url, verbose=False, download_files=str(tmp_path_factory.mktemp("answers")))
    yield client
    client.close()


@pytest.fixture(scope="module")
def answer(client: Client) -> Answer:
    """The answer of the endpoint for the photo of the astronaut."""
    return analyze(client)
