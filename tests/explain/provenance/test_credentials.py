"""Tests of Content Credentials that the tests sign with an untrusted certificate."""

from __future__ import annotations

import io
import json
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import c2pa
import pytest

from explain.provenance.finding import HINT, NEUTRAL, STATES
from explain.provenance.findings import findings
from explain.provenance.source_type import part_of, source_finding, strongest
from tests.explain.provenance.files import SCRIPT, SOURCE_TYPES, claim, found_in, nested_boxes, saved, signed, xmp


@pytest.fixture(scope="module")
def generated() -> bytes:
    """A JPEG with credentials that say that it was generated."""
    return signed(saved(), claim("trainedAlgorithmicMedia"))


def test_intact_credentials_name_signer_tool_and_source(generated: bytes) -> None:
    found = found_in(generated)
    state = found["content_credentials"]
    assert (state.strength, state.message.key) == (NEUTRAL, "provenance.credentials.intact")
    assert state.message.values == {"signer": "Test Signer"}
    assert found["credentials_program"].message.values == {"programs": "Test Tool"}
    source = found["credentials_source"]
    assert (source.strength, source.message.key) == (STATES, "provenance.credentials.generated")
    assert source.message.values == {"type": "trainedAlgorithmicMedia"}
    assert findings(generated).states_generated


@pytest.mark.parametrize(("kind", "mime"), [("png", "image/png"), ("webp", "image/webp"), ("tiff", "image/tiff")])
def test_credentials_are_read_in_each_format(kind: str, mime: str) -> None:
    found = found_in(signed(saved(kind=kind), claim("trainedAlgorithmicMedia"), mime))
    assert found["content_credentials"].message.key == "provenance.credentials.intact"
    assert found["credentials_source"].strength == STATES


def test_a_changed_picture_breaks_its_credentials(generated: bytes) -> None:
    changed = bytearray(generated)
    changed[-50] ^= 1
    state = found_in(bytes(changed))["content_credentials"]
    assert (state.strength, state.message.key) == (HINT, "provenance.credentials.broken")
    assert state.message.values["code"] == "assertion.dataHash.mismatch"


def test_boxes_nested_thousands_deep_are_reported_as_unreadable() -> None:
    state = found_in(nested_boxes(20_000))["content_credentials"]
    assert (state.strength, state.message.key) == (HINT, "provenance.credentials.unreadable")


@pytest.mark.parametrize(
    ("source_type", "key", "strength"),
    [
        ("compositeWithTrainedAlgorithmicMedia", "provenance.credentials.partly", STATES),
        ("digitalCapture", "provenance.credentials.captured", NEUTRAL),
        ("screenCapture", "provenance.credentials.other", NEUTRAL),
    ],
)
def test_each_source_type_has_its_own_sentence(source_type: str, key: str, strength: str) -> None:
    source = found_in(signed(saved(), claim(source_type)))["credentials_source"]
    assert (source.message.key, source.strength) == (key, strength)


@pytest.mark.parametrize("ending", ["", "/"])
def test_addresses_of_source_types_may_end_with_a_slash(ending: str) -> None:
    generated, capture = f"{SOURCE_TYPES}trainedAlgorithmicMedia{ending}", f"{SOURCE_TYPES}digitalCapture{ending}"
    assert strongest([capture, generated]) == generated
    assert part_of(capture) == capture
    assert source_finding("a", "iptc", part_of(generated)).message.key == "provenance.iptc.partly"


@pytest.mark.parametrize(("relationship", "key"), [("parentOf", "generated"), ("componentOf", "partly")])
def test_an_edited_picture_inherits_the_source_of_its_ingredient(generated: bytes, relationship: str, key: str) -> None:
    editor = {"claim_generator_info": [{"name": "Editor"}]}
    made = editor if relationship == "parentOf" else claim()
    found = found_in(signed(saved(), made, ingredient=(relationship, generated)))
    assert found["credentials_source"].message.key == f"provenance.credentials.{key}"
    assert found["credentials_source"].strength == STATES


def test_names_in_credentials_are_made_safe() -> None:
    program = found_in(signed(saved(), claim(tool=SCRIPT + "x" * 5000)))["credentials_program"].message.values[
        "programs"
    ]
    assert program.isprintable()
    assert len(program) <= 60


LOOP = {"manifests": {"a": {"ingredients": [{"active_manifest": "a"}] * 3}}, "active_manifest": "a"}


@pytest.mark.parametrize(
    "store",
    [
        *([], 7, {}, {"manifests": 7, "active_manifest": {}}, LOOP),
        {"manifests": {"a": {"assertions": [7, {"label": 7, "data": []}], "ingredients": 7}}, "active_manifest": "a"},
        {"manifests": {"a": {"claim_generator_info": [{"name": 7}], "signature_info": []}}, "active_manifest": "a"},
    ],
)
def test_a_malformed_claim_does_not_stop_the_reading(
    store: object, generated: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(c2pa.Reader, "json", lambda self: json.dumps(store))
    found = found_in(generated)
    assert found["content_credentials"].strength in (NEUTRAL, HINT)
    assert "jpeg_quality" in found, "later findings are read nevertheless"


def test_a_claim_of_many_megabytes_is_not_read(generated: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(c2pa.Reader, "json", lambda self: "[" * 6_000_000)
    assert found_in(generated)["content_credentials"].message.key == "provenance.credentials.unreadable"


def test_without_the_library_the_analysis_continues(generated: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert found_in(generated)["content_credentials"].message.key == "provenance.credentials.unavailable"


def test_the_library_is_not_loaded_for_a_file_without_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "c2pa", None)
    assert "content_credentials" not in found_in(saved())


# Nothing is fetched


class _Server:
    def __init__(self) -> None:
        self.visits = visits = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                visits.append(self.path)
                self.send_error(404)

            def log_message(self, *arguments: object) -> None:
                """Keep the test's output clean."""

        self.http = HTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self.http.server_port}/manifest.c2pa"


@pytest.fixture
def server() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.http.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    yield server
    server.http.shutdown()
    server.http.server_close()
    thread.join()


@pytest.mark.parametrize("embed", [True, False])
def test_a_remote_manifest_is_named_and_never_fetched(server: _Server, embed: bool) -> None:
    data = signed(saved(), claim(), remote=server.address, embed=embed)
    state = found_in(data)["content_credentials"]
    if not embed:
        assert state.message.key == "provenance.credentials.remote"
        assert state.message.values == {"address": server.address}
    assert server.visits == []


def test_our_settings_keep_the_library_from_fetching(server: _Server) -> None:
    """A file that only points to its credentials, with the marks for which we would call the library."""
    pointing = signed(saved(), claim(), remote=server.address, embed=False)
    data = pointing + b"jumb c2pa"
    assert found_in(data)["content_credentials"].message.key == "provenance.credentials.remote"
    assert server.visits == []
    with pytest.raises(c2pa.C2paError):
        c2pa.Reader("image/jpeg", io.BytesIO(data))
    assert server.visits == ["/manifest.c2pa"], "the library would fetch it by default"


def test_an_address_from_a_file_is_made_safe() -> None:
    note = xmp(attributes=f'dcterms:provenance="javascript:alert(1)//{"x" * 5000}"')
    address = found_in(saved(xmp=note))["content_credentials"].message.values["address"]
    assert len(address) <= 100
