"""Tests of extended Gradio components: a full disk, unsuitable inputs, errors, and uploads."""

from __future__ import annotations

import asyncio
import errno
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from tempfile import _TemporaryFileWrapper
from types import SimpleNamespace
from typing import Any

import gradio as gr
import numpy as np
import pytest
from gradio.routes import App
from starlette.testclient import TestClient

from explain.interfaces.every_route import for_every_route
from explain.page.components.extended import SteppedBlocks, remove_failed_uploads
from explain.page.layout import KEPT_S


def raise_disk_full(*args: object, **options: object) -> None:
    raise OSError(errno.ENOSPC, "No space left on device")


@pytest.fixture(scope="module")
def blocks() -> gr.Blocks:
    """A page with three handlers: one draws a picture, one returns a text, one fails."""
    with SteppedBlocks(analytics_enabled=False) as blocks:
        language, picture = gr.Textbox(elem_id="language"), gr.Image(format="png")
        gr.Button().click(lambda language: np.zeros((8, 8, 3), np.uint8), language, picture)
        gr.Button().click(lambda *_: "", [language, gr.CheckboxGroup(["a"])], gr.Textbox(), api_name="choose")
        gr.Button().click(lambda language: 1 / 0, language, gr.Textbox(), api_name="broken")
    blocks.max_file_size = None  # set when it is launched
    return blocks


@pytest.fixture
def client(blocks: gr.Blocks, tmp_path: Path) -> Iterator[TestClient]:
    remove_failed_uploads()
    app = App.create_app(blocks, app_kwargs=for_every_route())
    app.uploaded_file_dir = str(tmp_path)
    with TestClient(app, raise_server_exceptions=False) as client:
        yield client


def test_full_disk_is_reported_and_no_picture_is_logged(
    blocks: gr.Blocks,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setattr(Path, "write_bytes", raise_disk_full)
    with pytest.raises(gr.Error) as caught:
        asyncio.run(blocks.process_api(0, ["tr"]))
    assert "diski dolu" in caught.value.message and not caught.value.print_exception
    printed = "".join(capfd.readouterr()) + caplog.text
    assert "array" not in printed and "Traceback" not in printed


@pytest.mark.parametrize(
    ("sent", "words"),
    [
        ([], "(0 of 2)"),
        (["tr"], "(2 girdiden 1)"),
        (["tr", None], "almadığı türden"),
        (["tr", 5], "almadığı türden"),
        (["tr", [{"b": 1}]], "is not in the list of choices"),
    ],
)
def test_inputs_that_do_not_fit_are_refused_in_a_sentence(
    client: TestClient, sent: list[Any], words: str, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/gradio_api/run/choose", json={"data": sent}).json()
    assert words in answer["error"]
    assert "Traceback" not in "".join(capfd.readouterr()) + caplog.text


def test_error_of_a_handler_is_reported_in_a_sentence_and_logged(
    client: TestClient, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.post("/gradio_api/run/broken", json={"data": ["en"]}).json()
    assert "went wrong" in answer["error"] and answer["visible"]
    assert "ZeroDivisionError" in caplog.text


def test_upload_on_a_full_disk_is_refused_and_leaves_no_file(
    client: TestClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = client.post("/gradio_api/upload", files={"files": ("a.jpg", bytes(1000))}).json()[0]
    assert Path(path).read_bytes() == bytes(1000)
    before = set(tmp_path.rglob("*"))
    write = _TemporaryFileWrapper.__getattr__

    def with_full_disk(file: Any, name: str) -> Any:
        return raise_disk_full if name == "write" else write(file, name)

    monkeypatch.setattr(_TemporaryFileWrapper, "__getattr__", with_full_disk)
    answer = client.post("/gradio_api/upload", files={"files": ("b.jpg", bytes(1000))})
    assert answer.status_code == 507 and "disk is full" in answer.text
    assert set(tmp_path.rglob("*")) == before


def test_uploads_are_deleted_after_an_hour_on_the_clock(
    blocks: gr.Blocks, client: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    """If the clock is set back by years, they are deleted at the latest when the server ends."""
    path = Path(client.post("/gradio_api/upload", files={"files": ("a.jpg", bytes(1000))}).json()[0])
    clean_up, now = gr.route_utils.delete_files_created_by_app, datetime.now()

    def exists_after(**moved: float) -> bool:
        """Whether the file exists after the clock has moved and Gradio has cleaned up."""
        clock = SimpleNamespace(now=lambda: now + timedelta(**moved), fromtimestamp=datetime.fromtimestamp)
        monkeypatch.setattr(gr.route_utils, "datetime", clock)
        clean_up(blocks, KEPT_S)
        return path.exists()

    assert exists_after(minutes=59) and exists_after(days=-3650)
    assert not exists_after(minutes=61)


def test_name_of_an_upload_can_have_many_bytes(client: TestClient) -> None:
    (path,) = client.post("/gradio_api/upload", files={"files": ("漢" * 110 + ".zip", b"1")}).json()
    assert path.endswith(".zip") and Path(path).is_file()


@pytest.mark.parametrize("path", ["/config", "/robots.txt", "/gradio_api/info", "/gradio_api/app_id"])
def test_head_requests_are_answered_like_get_requests(client: TestClient, path: str) -> None:
    assert client.head(path).status_code == client.get(path).status_code == 200
    assert client.head(path).content == b""
