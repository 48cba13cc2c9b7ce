"""A running server: plain HTTP, the photos that it keeps, and options that it refuses at its start."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from gradio_client import Client, handle_file

from tests.explain.interfaces.live.doors import CAT, call, data_url, form, open_url
from tests.support.bad_photos import ASTRONAUT

pytestmark = pytest.mark.slow  # each waits for a server that finds faces
BROWSER = "text/html,application/xhtml+xml,*/*;q=0.8"


def newly_kept(kept_photos: Path, act: Callable[[], object]) -> list[Path]:
    """The photos that the server has kept because of ``act``."""
    before = set(kept_photos.iterdir())
    act()
    return sorted(set(kept_photos.iterdir()) - before)


# Plain HTTP, on the page's own server


def test_deepfake_sends_json_to_a_script_and_a_page_to_a_browser(url: str) -> None:
    body, headers = form("file", ASTRONAUT, methods="attention")
    status, answer_headers, content = open_url(f"{url}/deepfake", body, headers)
    assert (status, answer_headers["content-type"]) == (200, "application/json")
    assert json.loads(content)["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    status, answer_headers, content = open_url(f"{url}/deepfake", body, headers | {"Accept": BROWSER})
    assert (status, answer_headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert b"<!doctype html>" in content and b"astronaut.jpg" in content


def test_service_redirects_to_the_page(url: str) -> None:
    status, _, content = open_url(f"{url}/service")
    assert status == 200
    assert content == open_url(url)[2]


@pytest.mark.parametrize("path", ["/health", "/models", "/openapi.json"])
def test_probes_and_descriptions_are_json(url: str, path: str) -> None:
    status, headers, content = open_url(f"{url}{path}")
    assert (status, headers["content-type"]) == (200, "application/json")
    assert json.loads(content)


def test_openapi_lists_only_the_public_routes(url: str) -> None:
    described = json.loads(open_url(f"{url}/openapi.json")[2])
    assert set(described["paths"]) == {"/clip", "/deepfake", "/service", "/health", "/ready", "/models"}


def test_pages_that_load_files_from_other_sites_are_not_served(url: str) -> None:
    assert [open_url(f"{url}{path}")[0] for path in ("/docs", "/redoc")] == [404, 404]


# Kept photos


def test_each_interface_keeps_the_photo_once_per_analysis(url: str, client: Client, kept_photos: Path) -> None:
    body, headers = form("file", CAT)
    calls = {
        "deepfake": lambda: open_url(f"{url}/deepfake", body, headers),
        "api": lambda: client.predict(handle_file(CAT), api_name="/faces"),
        "assistant": lambda: call(url, "analyze_photo", photo=data_url(CAT)),
    }
    for name, act in calls.items():
        (new,) = newly_kept(kept_photos, act)
        assert new.name.startswith("upload_") and new.suffix == ".jpg", name
        assert new.read_bytes() == CAT.read_bytes(), name
    not_a_photo, headers = form("file", Path(__file__))
    assert newly_kept(kept_photos, lambda: open_url(f"{url}/deepfake", not_a_photo, headers)) == []


# Options that are refused at the start


def test_a_file_as_the_folder_for_photos_is_refused_at_the_start(tmp_path: Path) -> None:
    import app

    file = tmp_path / "file"
    file.write_text("here")
    with pytest.raises(SystemExit, match=r"Error: .+ is a file; name a folder"):
        app.main(keep_uploads=file)


def test_the_option_mcp_without_its_package_is_refused_at_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    import app

    monkeypatch.setitem(sys.modules, "mcp", None)
    for name in [name for name in sys.modules if name.startswith(("mcp.", "explain.interfaces.mcp"))]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(SystemExit, match=r"requirements-mcp\.txt"):
        app.main(mcp=True)
