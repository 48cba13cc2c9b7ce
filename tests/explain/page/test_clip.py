"""Tests of the page's tab for a clip: the updates of each step, and the moment that a click opens."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from explain.drawing.timeline import choice
from explain.page.clip import judge
from explain.page.clip.judge import RUN_SUFFIX
from explain.page.components.updates import Updates
from explain.page.sessions import Runs
from explain.service import service as service_module
from explain.service.service import Service
from model.available import MODEL_FOLDER, FoundModel, Models
from model.i18n.catalogue import use_language
from model.paths import SHIPPED
from tests.explain.page.run.visits import final_state
from tests.explain.video.world import Square, analyze, clip_of
from tests.support.clip_files import sound_file, written

CONTROL_VALUES = {"language": "en", "model": "lite_attention", "clip_seen": None}


@pytest.fixture(scope="module")
def service() -> Iterator[Service]:
    """A service that analyses coloured squares instead of faces."""
    with pytest.MonkeyPatch.context() as patch:

        class CacheOfSquares(service_module.ExampleCache):
            def analyze(self, source: Any, settings: Any, detector: Any, *_: Any) -> Any:
                return analyze(source, settings, detector)

        patch.setattr(service_module, "ExampleCache", CacheOfSquares)
        patch.setattr(judge, "FRAMES", 12)
        yield Service(Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)]))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of two faces; the smaller one on the right is fake after the first second."""

    def squares(time: float) -> list[Square]:
        return [(20, 30, 70, 0.05), (170, 30, 50, 0.95 if time >= 1 else 0.3)]

    return written(tmp_path_factory.mktemp("clip"), clip_of(squares, 2))


@pytest.fixture(scope="module")
def steps(service: Service, clip: Path) -> list[Updates]:
    return judge_clip(service, str(clip))


def judge_clip(service: Service, file: str | None, runs: Runs | None = None, **controls: Any) -> list[Updates]:
    return list(judge_clip_step_by_step(service, file, runs or Runs(), **controls))


def judge_clip_step_by_step(service: Service, file: str | None, runs: Runs, **controls: Any) -> Iterator[Updates]:
    arguments = (service, runs, "visitor", lambda _, language: language, lambda name, _: service.models.get(name))
    return judge.judge(CONTROL_VALUES | controls, file, *arguments)


def test_line_grows_while_the_clip_is_judged(steps: list[Updates]) -> None:
    lines = [step["clip_result"]["value"] for step in steps if "value" in step.get("clip_result", {})]
    points = [str(line).count('class="near"') for line in lines]
    assert points == sorted(points) and points[0] == 0 and points[-1] == 24
    assert len(set(points)) == 13, "a point for each of two faces in each of twelve frames"
    assert "<progress" in steps[3]["clip_status"] and steps[0]["clip_cancel"] == {"visible": True}


def test_last_step_shows_the_findings_and_offers_the_report(steps: list[Updates]) -> None:
    end = final_state(steps)
    assert "not on clips" in end["clip_status"] and "<progress" not in end["clip_status"]
    assert end["clip_cancel"] == {"visible": False} and end["clip_report"] == {"visible": True}
    assert "<table" in end["clip_moments"]["value"]
    assert set(re.findall(r"<h(\d)", end["clip_result"]["value"])) == {"2"}, "one level below the page's heading"


def test_click_opens_the_moment_with_its_face(steps: list[Updates]) -> None:
    seen = final_state(steps)["clip_seen"]
    (suspect,) = [track for track in seen.clip.tracks if track.most.p_fake > 0.8]
    selected = choice(suspect.number, suspect.most.moment.number)
    assert f'data-choice="{selected}"' in final_state(steps)["clip_result"]["value"]
    (opened,) = judge.open_moment({**CONTROL_VALUES, "clip_seen": seen}, selected)
    assert opened["face"] == 1 and opened["tabs"] == {"selected": "one"}  # the smaller one
    pixels = np.array(Image.open(BytesIO(opened["photo"])))
    assert pixels.shape == (128, 256, 3) and pixels[50, 190, 0] > 220


@pytest.mark.parametrize("selected", [0, 999_999, choice(1, 500)])
def test_missing_moment_opens_nothing(steps: list[Updates], selected: int) -> None:
    assert not list(judge.open_moment({**CONTROL_VALUES, "clip_seen": final_state(steps)["clip_seen"]}, selected))
    assert not list(judge.open_moment(CONTROL_VALUES, selected))


def test_deleted_upload_gives_a_notice(steps: list[Updates]) -> None:
    seen = replace(final_state(steps)["clip_seen"], file="/nowhere/clip.mp4")
    (answer,) = judge.open_moment({**CONTROL_VALUES, "clip_seen": seen}, choice(1, 0))
    assert "does not exist" in answer["clip_notice"]["value"]


def test_cancel_keeps_the_judged_frames(service: Service, clip: Path) -> None:
    runs, steps = Runs(), list[Updates]()
    for step in judge_clip_step_by_step(service, str(clip), runs):
        steps.append(step)
        if "clip_seen" in step and step["clip_seen"] and len(step["clip_seen"].clip.moments) == 5:
            runs.stop(f"visitor{RUN_SUFFIX}")
    end = final_state(steps)
    assert not end["clip_seen"].clip.complete and len(end["clip_seen"].clip.moments) == 5
    assert "stopped before its end" in end["clip_status"] and end["clip_cancel"] == {"visible": False}


def test_unusable_clip_gives_a_notice(service: Service, tmp_path: Path) -> None:
    end = final_state(judge_clip(service, str(written(tmp_path, sound_file()))))
    assert "only sound" in end["clip_notice"]["value"] and end["clip_cancel"] == {"visible": False}


def test_result_is_hidden_when_the_file_is_removed(service: Service) -> None:
    end = final_state(judge_clip(service, None))
    assert end["clip_seen"] is None and end["clip_result"] == {"visible": False}


def test_report_has_the_chart_in_the_chosen_language_without_controls(steps: list[Updates]) -> None:
    controls = {**CONTROL_VALUES, "language": "tr", "clip_seen": final_state(steps)["clip_seen"]}
    for answer in judge.download(controls):
        page = Path(answer["ready"]).read_text("utf-8")
    assert "<svg" in page and 'lang="tr"' in page and "data-choice=" not in page


def test_result_follows_the_language(steps: list[Updates]) -> None:
    seen = final_state(steps)["clip_seen"]
    with use_language("tr"):
        changes = judge.change_language(seen, running=False)
        assert "Yüz 1" in changes["clip_result"]["value"] and "kalibre" in changes["clip_status"]
        assert set(judge.change_language(seen, running=True)) == {"clip_result"}
        assert judge.change_language(None, running=False) == {}
