"""Tests of the choice of models: each is opened once, at its first use, and a broken one is skipped."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from model import available
from model import found as found_module
from model.artifact.card import CARD, read_card
from model.available import MODEL_FOLDER, FoundModel, Models, all_available_models, available_models
from model.detector.detector import Detector
from model.errors import ArtifactError
from model.found import LEGACY_FILE, ONNX_MODEL
from model.i18n.catalogue import Message
from model.paths import SECOND, SHIPPED

OURS = [(SHIPPED.name, MODEL_FOLDER), (SECOND.name, MODEL_FOLDER)]


@pytest.fixture
def found(tiny_artifact: Path, tmp_path: Path) -> list[FoundModel]:
    """A model without its network, one known to be broken, and two that work."""
    broken = tmp_path / "broken"
    shutil.copytree(tiny_artifact, broken)
    (broken / "model.tflite").unlink()
    return [
        FoundModel("broken", broken, MODEL_FOLDER),
        FoundModel("refused", tmp_path / "refused.h5", LEGACY_FILE, "refused.h5 is no Keras file."),
        FoundModel("one", tiny_artifact, MODEL_FOLDER),
        FoundModel("two", tiny_artifact, MODEL_FOLDER),
    ]


def test_the_first_working_model_is_the_default(found: list[FoundModel]) -> None:
    messages: list[str] = []
    models = Models(found, messages.append)
    assert models.names == ["one", "two"]
    assert models.first == "one"
    assert any("has no model.tflite" in problem for problem in models.problems)
    assert "refused.h5 is no Keras file." in models.problems
    assert messages == models.problems


def test_model_keeps_its_name_and_is_opened_once(found: list[FoundModel], monkeypatch: pytest.MonkeyPatch) -> None:
    opened: list[str] = []

    def count(model: FoundModel, notify: object) -> Detector:
        opened.append(model.name)
        return Detector(model.path, model.name)

    monkeypatch.setattr(available, "open_model", count)
    models = Models(found[2:])
    assert opened == ["one"], "the second model is opened at its first use"
    assert models.get("two").name == "two"
    assert models.get("two") is models.get("two")
    assert opened == ["one", "two"]


def test_unknown_name_lists_those_that_exist(found: list[FoundModel]) -> None:
    with pytest.raises(ArtifactError, match=r"No model is called 'three'; choose one of one, two\."):
        Models(found).get("three")


def test_error_gives_the_reason_if_no_model_works(found: list[FoundModel]) -> None:
    with pytest.raises(ArtifactError, match=r"has no model\.tflite"):
        Models(found[:1])
    with pytest.raises(ArtifactError, match="no model to use"):
        Models([])


def test_failed_model_is_not_tried_again_and_does_not_block_other_models(
    found: list[FoundModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    begun, go_on, tries = threading.Event(), threading.Event(), []

    def slow(model: FoundModel, notify: object) -> Detector:
        if model.name == "one":
            return Detector(model.path, model.name)
        tries.append(model.name)
        begun.set()
        assert go_on.wait(30)
        raise ArtifactError("two can't be used.")

    monkeypatch.setattr(available, "open_model", slow)
    models = Models(found[2:])
    refused: list[str] = []

    def ask() -> None:
        with pytest.raises(ArtifactError) as caught:
            models.get("two")
        refused.append(str(caught.value))

    thread = threading.Thread(target=ask)
    thread.start()
    assert begun.wait(30)
    assert models.get("one").name == "one", "an open model answers while another is being opened"
    assert models.is_open("one") and not models.is_open("two")
    go_on.set()
    thread.join()
    ask()
    assert refused == ["two can't be used."] * 2 and tries == ["two"]


@pytest.mark.slow
def test_given_model_comes_before_the_shipped_one(tiny_artifact: Path, tmp_path: Path) -> None:
    given = shutil.copytree(tiny_artifact, tmp_path / "given")
    named = [(model.name, model.kind) for model in available_models(given)]
    assert named == [("given", MODEL_FOLDER), *OURS]
    of_run = shutil.copytree(tiny_artifact, tmp_path / "my_run" / "artifact")
    assert available_models(of_run)[0].name == "my_run" and Detector(of_run).name == "my_run"
    for name in ("best_model_effatt.h5", "OLD.H5", "old.hdf5"):
        (tmp_path / name).touch()
        named = [(model.name, model.kind) for model in available_models(tmp_path / name)]
        assert named == [(name, LEGACY_FILE), *OURS]


@pytest.mark.slow
def test_folder_with_one_keras_file_means_that_file(tmp_path: Path) -> None:
    (tmp_path / "thesis.h5").touch()
    (tmp_path / "label_transform.pkl").touch()
    first = available_models(tmp_path)[0]
    assert (first.name, first.path, first.kind) == ("thesis.h5", tmp_path / "thesis.h5", LEGACY_FILE)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("nowhere", "There is no .*nowhere; give a model folder"),
        ("nowhere.onnx", r"There is no .*nowhere\.onnx; give a model folder"),
        ("model.keras", r"model.keras is not an .h5 file; save the model with model\.save\('model\.h5'\)"),
        ("empty", "empty is no model folder: it has no model.tflite"),
    ],
)
def test_path_that_is_not_a_model_is_refused_with_the_reason(tmp_path: Path, name: str, words: str) -> None:
    (tmp_path / "model.keras").touch()
    (tmp_path / "empty").mkdir()
    with pytest.raises(ArtifactError, match=words):
        available_models(tmp_path / name)


def test_shipped_model_is_listed_once_and_names_are_unique(tiny_artifact: Path, tmp_path: Path) -> None:
    assert [model.path for model in available_models(SHIPPED)] == [SHIPPED, SECOND]
    assert [model.path for model in available_models(SECOND)] == [SECOND, SHIPPED]
    for shipped in (SHIPPED, SECOND):
        copy = shutil.copytree(tiny_artifact, tmp_path / shipped.name)
        names = [model.name for model in available_models(copy)]
        assert len(set(names)) == 3 and names[1:] == [SHIPPED.name, SECOND.name]


def test_models_in_the_package_are_found_if_no_path_is_given() -> None:
    assert [model.path for model in available_models()[-2:]] == [SHIPPED, SECOND]


def test_second_shipped_model_is_optional(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(found_module, "SECOND", tmp_path / "second")
    assert available_models()[-1].path == SHIPPED


def test_cost_of_a_shipped_model_comes_from_its_card(monkeypatch: pytest.MonkeyPatch, tiny_artifact: Path) -> None:
    monkeypatch.setattr(available, "SECOND", tiny_artifact)
    card = read_card(tiny_artifact)
    monkeypatch.setattr(available, "read_card", lambda folder: replace(card, metrics={"cost": {"lime_seconds": 12.5}}))
    models = Models([FoundModel("one", SHIPPED, MODEL_FOLDER), FoundModel("two", tiny_artifact, MODEL_FOLDER)])
    assert (models.lime_seconds("one"), models.lime_seconds("two")) == (None, 12.5)


def test_damaged_second_model_does_not_stop_the_start(
    monkeypatch: pytest.MonkeyPatch, tiny_artifact: Path, tmp_path: Path
) -> None:
    second = shutil.copytree(tiny_artifact, tmp_path / "second")
    (second / CARD).write_text("{")
    monkeypatch.setattr(available, "SECOND", second)
    monkeypatch.setattr(found_module, "SECOND", second)
    models = Models([FoundModel("one", tiny_artifact, MODEL_FOLDER), FoundModel("two", second, MODEL_FOLDER)])
    assert models.first == "one" and models.lime_seconds("two") is None
    with pytest.raises(ArtifactError, match=CARD):
        models.get("two")


class SlowImport:
    """Imports the model ``late`` only after ``go_on`` is set; other models open at once."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, fails: bool = False) -> None:
        self.begun, self.go_on, self.fails = threading.Event(), threading.Event(), fails
        monkeypatch.setattr(available, "open_model", self.open)
        monkeypatch.setattr(available, "opens_at_once", lambda model: model.name != "late")

    def open(self, model: FoundModel, notify: Callable[[Message], None]) -> Detector:
        if model.name == "late":
            notify(Message("legacy.step.network", file=model.path.name, step=2, of=3))  # no file is called "late"
            self.begun.set()
            assert self.go_on.wait(60)
            if self.fails:
                raise ArtifactError("late can't be used.")
        return Detector(model.path, model.name)

    def end(self) -> None:
        """Let the import go on, and wait for its end."""
        self.go_on.set()
        for thread in threading.enumerate():
            if thread.name == "import-model":
                thread.join(60)


@pytest.fixture
def late(found: list[FoundModel]) -> list[FoundModel]:
    """A file that has to be imported, before a model that opens at once."""
    return [FoundModel("late", found[2].path, LEGACY_FILE), found[2]]


def test_page_starts_with_a_fast_model_and_adds_the_imported_one_when_it_is_ready(
    late: list[FoundModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, messages = SlowImport(monkeypatch), list[str]()
    models = Models(late, lambda message: messages.append(str(message)), at_once=True)
    assert slow.begun.wait(60)
    assert models.first == "one" and models.names == ["one"] and models.get("one").name == "one"
    assert models.importing is not None and models.importing.name == "late"
    assert models.importing.step.values["step"] == 2 and str(models.importing.step) in messages
    with pytest.raises(ArtifactError, match="late is still being imported"):
        models.get("late")
    slow.end()
    assert models.importing is None and models.first == "late" and models.names == ["late", "one"]
    assert models.get("late").name == "late" and models.problems == []


def test_failed_import_changes_nothing_and_its_reason_is_reported(
    late: list[FoundModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow, messages = SlowImport(monkeypatch, fails=True), list[str]()
    models = Models(late, lambda message: messages.append(str(message)), at_once=True)
    slow.end()
    assert models.importing is None and models.first == "one" and models.names == ["one"]
    assert models.problems == ["late can't be used."] and messages[-1] == "late can't be used."


def test_start_waits_for_the_import_if_no_other_model_exists(
    late: list[FoundModel], monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = SlowImport(monkeypatch)
    slow.go_on.set()
    models = Models(late[:1], at_once=True)
    assert models.first == "late" and models.importing is None and models.is_open("late")


@pytest.mark.slow
def test_given_file_is_listed_with_the_problem_in_its_description(tmp_path: Path) -> None:
    (tmp_path / "thesis.h5").write_bytes(b"no HDF5")
    given, shipped, _ = available_models(tmp_path / "thesis.h5")
    assert "thesis.h5" in str(given.problem) and shipped.problem is None


def test_onnx_models_are_recognised_by_their_file_names(tmp_path: Path) -> None:
    (tmp_path / "net.ONNX").touch()
    (tmp_path / "hub" / "onnx").mkdir(parents=True)
    (tmp_path / "hub" / "onnx" / "model.onnx").touch()
    (tmp_path / "weights").mkdir()
    for name in ("config.json", "model.safetensors"):
        (tmp_path / "weights" / name).touch()
    for source, name in [
        (tmp_path / "net.ONNX", "net.ONNX"),
        (tmp_path / "hub", "hub"),
        (tmp_path / "hub" / "onnx" / "model.onnx", "hub"),
        (tmp_path / "weights", "weights"),
        ("hf:owner/net@v1", "owner/net@v1"),
    ]:
        first, *others = available_models(source, ["spoof"], "picture")
        assert (first.name, first.kind) == (name, ONNX_MODEL)
        assert first.request is not None
        assert (first.request.fake_labels, first.request.sees) == (("spoof",), "picture")
        assert [(model.name, model.kind) for model in others] == OURS


def test_several_models_keep_their_order_and_get_different_names(tiny_artifact: Path, tmp_path: Path) -> None:
    first, second = (shutil.copytree(tiny_artifact, tmp_path / place / "net") for place in ("a", "b"))
    found = all_available_models([first, str(second), first, SECOND])
    assert [model.name for model in found] == ["net", "net (2)", SECOND.name, SHIPPED.name]
    assert Models(found).get("net (2)").name == "net (2)"
    assert [model.path for model in all_available_models()] == [model.path for model in available_models()]
