"""Tests of finding models: the owner's files come first, the shipped model last, broken files are listed."""

from __future__ import annotations

import json
import pickle
import shutil
import struct
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import h5py
import pytest

from model import found
from model.errors import ArtifactError
from model.found import LEGACY_FILE, MODEL_FOLDER, FoundModel, found_models, open_model, opens_at_once
from model.i18n.catalogue import Message, as_data, from_data, use_language
from model.legacy import check as legacy_check
from model.legacy import folder as legacy_folder
from model.legacy.apart import convert
from model.legacy.folder import CACHE_VARIABLE
from model.paths import MODELS, SHIPPED

ROOT = Path(__file__).parents[2]
DATA = ROOT / "tests" / "data" / "legacy"
NAME = "best_model_effatt.h5"


@pytest.fixture(autouse=True)
def without_the_second_model(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One shipped model is enough to test the order."""
    monkeypatch.setattr(found, "SECOND", tmp_path / "second")


@pytest.fixture(scope="module")
def imported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the author's file."""
    cache = tmp_path_factory.mktemp("imported")
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv(CACHE_VARIABLE, str(cache))
        patched.setattr(legacy_folder, "convert_apart", convert)
        patched.setattr(legacy_folder, "problem_of", legacy_check.look)
        legacy_folder.model_folder(DATA / "keras2_softmax" / NAME)
    return cache


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Replaces ``model/``: it holds an author's pair of files, which is imported in this process."""
    monkeypatch.setenv(CACHE_VARIABLE, str(tmp_path / "cache"))
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    return shutil.copytree(DATA / "keras2_softmax", tmp_path / "model")


@pytest.fixture
def checked_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    """Checks files in this process; other tests here start the process that the product starts."""

    def run(command: list[str], **_: object) -> SimpleNamespace:
        problem = legacy_check.look(*map(Path, command[command.index("model.legacy.check") + 1 :]))
        return SimpleNamespace(returncode=0, stdout=json.dumps(problem and as_data(problem)))

    in_process = SimpleNamespace(run=run, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(legacy_check, "subprocess", in_process)


@pytest.mark.usefixtures("checked_in_this_process")
def test_owners_file_comes_first_and_shipped_model_last(folder: Path) -> None:
    shutil.copy(DATA / "keras3_softmax" / NAME, folder / "another.h5")
    assert found_models(folder) == [
        FoundModel("another.h5", folder / "another.h5", LEGACY_FILE),
        FoundModel("best_model_effatt.h5", folder / NAME, LEGACY_FILE),
        FoundModel(SHIPPED.name, SHIPPED, MODEL_FOLDER),
    ]


@pytest.mark.usefixtures("checked_in_this_process")
def test_files_with_other_extensions_are_found_too(folder: Path) -> None:
    for name in ("b.hdf5", "c.H5", "d.keras", "e.txt"):
        shutil.copy(folder / NAME, folder / name)
    b, best, c, d, _ = found_models(folder)
    assert [b.name, best.name, c.name, d.name] == ["b.hdf5", NAME, "c.H5", "d.keras"]
    assert b.problem is c.problem is best.problem is None and b.kind == c.kind == LEGACY_FILE
    assert str(d.problem) == "d.keras can't be used: load it in Keras and save it with model.save('d.h5')."
    with pytest.raises(ArtifactError, match="save it with"):
        open_model(d)


def test_only_the_shipped_model_is_found_without_files(tmp_path: Path) -> None:
    expected = [FoundModel(SHIPPED.name, SHIPPED, MODEL_FOLDER)]
    assert found_models(tmp_path) == found_models(tmp_path / "nowhere") == expected


def test_files_are_searched_in_the_package() -> None:
    assert ROOT / "model" == MODELS
    assert [found.path for found in found_models()] == [*sorted((ROOT / "model").glob("*.h5")), SHIPPED]


@pytest.mark.slow
@pytest.mark.usefixtures("checked_in_this_process")
def test_file_is_imported_at_first_use_and_kept(folder: Path) -> None:
    found, messages = found_models(folder)[0], []
    assert not opens_at_once(found)
    first = open_model(found, messages.append)
    assert first.name == "best_model_effatt.h5" and first.card.preprocessing.color_order == "BGR"
    assert len(messages) == 5 and opens_at_once(found)
    second = open_model(found, messages.append)
    assert len(messages) == 5 and second.card == first.card


def test_shipped_model_is_opened_without_an_import() -> None:
    assert open_model(found_models(Path("nowhere"))[-1]).name == SHIPPED.name


@pytest.mark.slow
@pytest.mark.parametrize(
    ("source", "words"),
    [("label_transform.pkl", "not allowed"), ("one_input.h5", "code in the file")],
)
def test_hostile_files_are_listed_with_their_problem_in_any_language(folder: Path, source: str, words: str) -> None:
    target = folder / (NAME if source.endswith(".h5") else source)
    shutil.copy(DATA / "hostile" / source, target)
    broken, shipped = found_models(folder)
    assert broken.problem is not None and words in str(broken.problem) and NAME in str(broken.problem)
    assert shipped.problem is None
    with use_language("tr"):
        assert words not in str(broken.problem) and NAME in str(broken.problem)
    with pytest.raises(ArtifactError, match=words):
        open_model(broken)


@pytest.mark.parametrize(
    ("name", "content"), [(NAME, b"no HDF5"), (NAME, b""), ("card.json", b"{"), ("label_transform.pkl", b"x")]
)
@pytest.mark.usefixtures("checked_in_this_process")
def test_broken_files_do_not_stop_the_start(folder: Path, name: str, content: bytes) -> None:
    (folder / name).write_bytes(content)
    broken, shipped = found_models(folder)
    assert broken.problem is not None and str(broken.problem).endswith(".") and shipped.path == SHIPPED


@pytest.mark.usefixtures("checked_in_this_process")
def test_finding_models_runs_no_code_from_files_and_changes_no_file(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in (DATA / "hostile").iterdir():
        shutil.copy(path, folder)
    monkeypatch.chdir(folder)
    before = {path.name: path.read_bytes() for path in folder.iterdir()}
    found_models(folder)
    assert {path.name: path.read_bytes() for path in folder.iterdir()} == before


def test_file_that_takes_too_long_is_listed_with_its_problem(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_check, "MAX_SECONDS", 0.01)
    broken, shipped = found_models(folder)
    assert "takes longer than for any valid file" in str(broken.problem)
    assert shipped.problem is None


@pytest.mark.slow
def test_file_that_makes_hdf5_hang_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only ending the process helps. Fuzzing found the file: 64 zeros in the middle of a valid one."""
    data = (DATA / "keras2_sigmoid" / NAME).read_bytes()
    (tmp_path / NAME).write_bytes(data[:21_264] + bytes(64) + data[21_264:])
    monkeypatch.setattr(legacy_check, "MAX_SECONDS", 3)
    assert legacy_check.problem_of(tmp_path / NAME) == Message("legacy.too_slow", file=NAME)


@pytest.mark.slow
def test_file_that_needs_too_much_memory_is_listed_with_its_problem(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Strings of variable length may share their bytes: this small file has 3,000 names of four megabytes each.

    The process may take one gigabyte: filling the usual four takes seconds, and memory that other tests need.
    """

    def run(command: list[str], **given: Any) -> subprocess.CompletedProcess[bytes]:
        place = command.index("-m")
        program = "from model.legacy import check; check.MAX_MEMORY = 1_000_000_000; check.main()"
        return subprocess.run([*command[:place], "-c", program, *command[place + 2 :]], **given)

    less = SimpleNamespace(run=run, DEVNULL=subprocess.DEVNULL, TimeoutExpired=subprocess.TimeoutExpired)
    monkeypatch.setattr(legacy_check, "subprocess", less)
    monkeypatch.setattr(legacy_check, "MAX_SECONDS", 300)
    assert found_models(folder)[0].problem is None, "one gigabyte is enough for a valid file"
    letters, count = 4_000_000, 3_000
    with h5py.File(folder / NAME, "r+") as file:
        names = ["x" * letters, *["y"] * (count - 1)]
        file["model_weights"].attrs.create("layer_names", names, dtype=h5py.string_dtype())
    content = bytearray((folder / NAME).read_bytes())
    start = content.index(struct.pack("<I", letters))
    content[start : start + 16 * count] = content[start : start + 16] * count  # length, place and number of the text
    (folder / NAME).write_bytes(content)
    broken, _ = found_models(folder)
    assert NAME in str(broken.problem) and "takes longer" not in str(broken.problem)


@pytest.mark.slow
@pytest.mark.parametrize("error", [RecursionError("too deep"), MemoryError(), OverflowError("too large\nby far")])
@pytest.mark.usefixtures("checked_in_this_process")
def test_every_error_becomes_one_sentence(
    folder: Path, error: Exception, imported: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(imported))

    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr(found, "Detector", fail)
    for model in found_models(folder):
        with pytest.raises(ArtifactError, match=f"^{model.name} can't be used: [^\\n]*[^.]\\.$"):
            open_model(model)
    monkeypatch.setattr(legacy_check, "open_legacy", fail)
    assert str(legacy_check.look(folder / NAME)).startswith(f"{NAME} can't be used: ")


def test_problem_is_passed_between_processes_without_loss() -> None:
    """Also a file name with bytes that are not valid text, which must not reach the page unchanged."""
    problem = Message("model.unusable", file="a\udcff.h5", reason=Message("h5.too_large", file="b", size=4.5, limit=4))
    seen = from_data(json.loads(json.dumps(as_data(problem))))
    assert seen == Message("model.unusable", file="a?.h5", reason=Message("h5.too_large", file="b", size=4.5, limit=4))
    again = pickle.loads(pickle.dumps(ArtifactError(problem)))
    assert again.args == (problem,)
    with use_language("tr"):
        assert str(again).endswith("b 4,5 GB; en çok 4 GB okunur.")


def test_finding_models_starts_no_process_without_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(legacy_check.subprocess, "run", None)
    assert len(found_models(tmp_path)) == 1


@pytest.mark.slow
def test_finding_models_imports_no_tensorflow(folder: Path, imported: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(CACHE_VARIABLE, str(imported))
    program = (
        "import sys; from pathlib import Path; from model.found import found_models, open_model;"
        "found = found_models(Path(sys.argv[1])); open_model(found[0]);"
        "assert len(found) == 3 and 'tensorflow' not in sys.modules and 'keras' not in sys.modules"
    )
    subprocess.run([sys.executable, "-W", "ignore", "-c", program, str(folder)], cwd=ROOT, check=True, timeout=120)
