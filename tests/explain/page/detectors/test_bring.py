"""Tests of the page during the import of a visitor's own model, and of the use of that model."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain.examples import examples
from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates
from explain.page.detectors import own as own_models
from explain.page.detectors.bring import RUN_SUFFIX, bring
from explain.page.detectors.own import OwnModels
from explain.page.layout import build_page
from explain.page.links import link_to
from explain.page.models import both_choices
from explain.page.run import Page
from explain.service.refusal import Refused
from model.available import MODEL_FOLDER, FoundModel, Models
from model.errors import ArtifactError
from model.paths import SHIPPED
from tests.explain.page.detectors.test_own import zipped

ANN, BOB, OWN = "ann", "bob", "yours/net"

pytestmark = pytest.mark.usefixtures("visits")


@pytest.fixture
def page() -> Iterator[Page]:
    own = OwnModels(allowed=True)
    yield Page(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]), own=own)
    own.close()


def import_model(page: Page, file: Path, visitor: str = ANN, fake: str = "", language: str = "en") -> list[Updates]:
    return list(bring(page, visitor, language, str(file), fake, "picture"))


@pytest.mark.parametrize(("language", "expected"), [("en", "is being imported"), ("tr", "içe aktarılıyor")])
def test_import_is_shown_step_by_step(page: Page, tmp_path: Path, language: str, expected: str) -> None:
    first, *middle, last = import_model(page, zipped(tmp_path), language=language)
    assert expected in first["own_status"] and "<progress" in first["own_status"] and "net.zip" in first["own_status"]
    assert middle, "the steps of the import"
    assert last["model"] == OWN and last["own_file"] is None and OWN in last["own_status"]


def test_refusal_is_a_sentence_and_leaves_no_file(page: Page, tmp_path: Path, visits: Path) -> None:
    with pytest.raises(Refused, match="There is no file yet"):
        list(bring(page, ANN, "en", None, "", ""))
    with pytest.raises(Refused, match="no class 'C'"):
        import_model(page, zipped(tmp_path), fake="C, D")
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_own_model_is_not_offered_to_other_visitors(page: Page, tmp_path: Path) -> None:
    import_model(page, zipped(tmp_path))
    own_choices, other_choices = both_choices(page, ANN, OWN), both_choices(page, BOB)
    assert (
        own_choices["model"]["value"] == OWN
        and own_choices["model"]["visible"]
        and OWN in dict(own_choices["second"]["choices"]).values()
    )
    assert OWN not in dict(other_choices["model"]["choices"]).values() and "value" not in other_choices["model"]
    assert OWN not in [model["name"] for model in page.service.list_models()]
    assert page.described(OWN, ANN)["card"] and "bring it again" in page.described(OWN, BOB)["scope"]


def controls(tmp_path: Path, **changes: Any) -> dict[str, Any]:
    photo = tmp_path / "photo.png"
    pixels = np.full((128, 128, 3), (30, 30, 120), np.uint8)
    pixels[:64, :64] = (250, 30, 30)
    Image.fromarray(pixels).save(photo)
    return {
        **AT_FIRST,
        **{"language": "en", "model": OWN, "photo": str(photo), "samples": 150, "superpixels": 12, "hide": "black"},
        **{"face": 0, "whole": True, "seen": None, "second_seen": None, "hidden": [], "regions": [], "top": 0},
        **{"slide_map": "lime", "many_progress": None, **changes},
    }


@pytest.mark.slow
def test_photo_is_explained_by_the_own_model_and_by_a_second_one(page: Page, tmp_path: Path) -> None:
    import_model(page, zipped(tmp_path))
    shown: Updates = {}
    for step in page.show(controls(tmp_path, second="lite_attention"), ANN):
        shown |= step
    assert shown["seen"].analysis.model["name"] == OWN and shown["seen"].analysis.complete
    assert "lime" in shown["seen"].analysis.attributions and shown["second_seen"].analysis.complete
    assert "Done in" in shown["status"]
    own = page.own.get(OWN, ANN)
    assert own is not None and page.card(shown["seen"]) is own.card
    link = link_to(controls(tmp_path, second="lite_attention"))
    assert "yours" not in link and "second=lite_attention" in link, "other visitors cannot use it"
    shown_to_other: Updates = {}
    for step in page.show(controls(tmp_path), BOB):
        shown_to_other |= step
    assert "bring it again" in shown_to_other["notice"]["value"]


def test_own_model_is_deleted_when_the_visitor_leaves(page: Page, tmp_path: Path, visits: Path) -> None:
    import_model(page, zipped(tmp_path))
    page.forget(ANN)
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_import_leaves_no_file_after_the_visitor_has_left(page: Page, tmp_path: Path, visits: Path) -> None:
    steps = bring(page, ANN, "en", str(zipped(tmp_path)), "", "")
    next(steps)
    page.runs.stop(ANN + RUN_SUFFIX)  # as the page does when a visitor leaves
    remaining = list(steps)
    assert all("model" not in step for step in remaining) and list(visits.iterdir()) == []
    steps = bring(page, ANN, "en", str(zipped(tmp_path)), "", "")
    next(steps), next(steps)
    steps.close()  # type: ignore[attr-defined]
    del steps
    for thread in threading.enumerate():
        if thread.name == "import-model":
            thread.join(20)
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_import_can_be_cancelled_and_the_earlier_model_stays(
    page: Page, tmp_path: Path, visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import_model(page, zipped(tmp_path))
    begun = threading.Event()

    def endless(*args: Any) -> None:
        begun.set()
        while not args[-1]():
            time.sleep(0.01)
        raise ArtifactError("It took too long.")

    monkeypatch.setattr(own_models, "open_uploaded", endless)
    steps = bring(page, ANN, "en", str(zipped(tmp_path, "other.zip")), "", "")
    assert next(steps)["own_cancel"]["visible"]
    stopping = threading.Thread(target=lambda: begun.wait(20) and page.runs.stop(ANN + RUN_SUFFIX))
    stopping.start()
    *_, last = steps
    stopping.join()
    assert "Stopped." in last["own_status"] and not last["own_cancel"]["visible"] and last["own_file"] is None
    assert page.own.names(ANN) == [OWN] and len(list(visits.iterdir())) == 1


@pytest.mark.slow
def test_results_of_an_own_model_are_not_cached(page: Page, tmp_path: Path) -> None:
    """Not even those of the examples, which are cached for the server's models."""
    import_model(page, zipped(tmp_path))
    example_controls = controls(tmp_path, photo=str(examples()[0].path), samples=100)
    for _ in page.show(example_controls, ANN):
        pass
    assert not page.service.example_cache._analyses


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [True, False])
def test_page_has_an_upload_field_only_if_uploads_are_allowed(allowed: bool) -> None:
    models = Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)])
    blocks = build_page(models, own=OwnModels(allowed))
    ids = {block.elem_id for block in blocks.blocks.values()}
    assert {"own-model", "own-model-ways"} <= ids
    assert ({"own-file", "own-button"} <= ids) is allowed
