"""What the page shows while a visitor's own model is imported, and what the visitor can do with it."""

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


def brought(page: Page, file: Path, visitor: str = ANN, fake: str = "", language: str = "en") -> list[Updates]:
    return list(bring(page, visitor, language, str(file), fake, "picture"))


@pytest.mark.parametrize(("language", "expected"), [("en", "is being imported"), ("tr", "içe aktarılıyor")])
def test_import_is_told_step_by_step(page: Page, tmp_path: Path, language: str, expected: str) -> None:
    first, *others, last = brought(page, zipped(tmp_path), language=language)
    assert expected in first["own_status"] and "<progress" in first["own_status"] and "net.zip" in first["own_status"]
    assert others, "the steps of the import"
    assert last["model"] == OWN and last["own_file"] is None and OWN in last["own_status"]


def test_refusal_is_a_sentence_and_leaves_nothing(page: Page, tmp_path: Path, visits: Path) -> None:
    with pytest.raises(Refused, match="There is no file yet"):
        list(bring(page, ANN, "en", None, "", ""))
    with pytest.raises(Refused, match="no class 'C'"):
        brought(page, zipped(tmp_path), fake="C, D")
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_model_is_a_choice_for_nobody_else(page: Page, tmp_path: Path) -> None:
    brought(page, zipped(tmp_path))
    mine, others = both_choices(page, ANN, OWN), both_choices(page, BOB)
    assert (
        mine["model"]["value"] == OWN and mine["model"]["visible"] and OWN in dict(mine["second"]["choices"]).values()
    )
    assert OWN not in dict(others["model"]["choices"]).values() and "value" not in others["model"]
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
def test_photo_is_explained_by_it_and_beside_another_one(page: Page, tmp_path: Path) -> None:
    brought(page, zipped(tmp_path))
    shown: Updates = {}
    for step in page.show(controls(tmp_path, second="lite_attention"), ANN):
        shown |= step
    assert shown["seen"].analysis.model["name"] == OWN and shown["seen"].analysis.complete
    assert "lime" in shown["seen"].analysis.attributions and shown["second_seen"].analysis.complete
    assert "Done in" in shown["status"]
    own = page.own.get(OWN, ANN)
    assert own is not None and page.card(shown["seen"]) is own.card
    link = link_to(controls(tmp_path, second="lite_attention"))
    assert "yours" not in link and "second=lite_attention" in link, "it is of no use to others"
    strangers: Updates = {}
    for step in page.show(controls(tmp_path), BOB):
        strangers |= step
    assert "bring it again" in strangers["notice"]["value"]


def test_visitor_who_leaves_takes_it_away(page: Page, tmp_path: Path, visits: Path) -> None:
    brought(page, zipped(tmp_path))
    page.forget(ANN)
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_import_whose_visitor_has_left_leaves_nothing(page: Page, tmp_path: Path, visits: Path) -> None:
    steps = bring(page, ANN, "en", str(zipped(tmp_path)), "", "")
    next(steps)
    page.runs.stop(ANN + RUN_SUFFIX)  # as the page does when a visitor leaves
    rest = list(steps)
    assert all("model" not in step for step in rest) and list(visits.iterdir()) == []
    steps = bring(page, ANN, "en", str(zipped(tmp_path)), "", "")
    next(steps), next(steps)
    steps.close()  # type: ignore[attr-defined]
    del steps
    for thread in threading.enumerate():
        if thread.name == "import-model":
            thread.join(20)
    assert page.own.names(ANN) == [] and list(visits.iterdir()) == []


def test_import_can_be_cancelled_and_the_model_of_before_stays(
    page: Page, tmp_path: Path, visits: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    brought(page, zipped(tmp_path))
    begun = threading.Event()

    def endless(*given: Any) -> None:
        begun.set()
        while not given[-1]():
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
def test_answers_of_it_are_kept_for_nobody(page: Page, tmp_path: Path) -> None:
    """Not even those on the examples, which are kept of the server's models."""
    brought(page, zipped(tmp_path))
    of_example = controls(tmp_path, photo=str(examples()[0].path), samples=100)
    for _ in page.show(of_example, ANN):
        pass
    assert not page.service.example_cache._analyses


@pytest.mark.slow
@pytest.mark.parametrize("allowed", [True, False])
def test_place_for_a_file_is_there_only_if_the_owner_wants_it(allowed: bool) -> None:
    models = Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)])
    blocks = build_page(models, own=OwnModels(allowed))
    ids = {block.elem_id for block in blocks.blocks.values()}
    assert {"own-model", "own-model-ways"} <= ids
    assert ({"own-file", "own-button"} <= ids) is allowed
