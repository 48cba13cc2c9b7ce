"""Tests of reading pickled label encoders: their names are read, and no code in them runs."""

from __future__ import annotations

import os
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sklearn.preprocessing import LabelBinarizer, LabelEncoder

from model.errors import ArtifactError
from model.legacy.labels import MAX_BYTES, as_labels, read_labels

DATA = Path(__file__).parents[2] / "data" / "legacy"
MARKER = "legacy_file_was_executed"


class Calls:
    """An object that is pickled as a call of a function."""

    def __init__(self, function: Any, *arguments: Any) -> None:
        self.call = function, arguments

    def __reduce__(self) -> tuple[Any, ...]:
        return self.call


def refusal(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught:
        read_labels(path)
    sentence = str(caught.value)
    assert sentence.endswith(".") and sentence.count('set "labels" in a card.json') == 1, "the message says what to do"
    assert path.name in sentence and str(path.parent) not in sentence
    return sentence


@pytest.fixture
def write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """Writes bytes to a file in the current folder."""
    monkeypatch.chdir(tmp_path)

    def written(content: bytes) -> Path:
        (tmp_path / "labels.pkl").write_bytes(content)
        return tmp_path / "labels.pkl"

    return written


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid", "keras3_softmax"])
def test_encoders_of_older_versions_are_read(folder: str) -> None:
    assert read_labels(DATA / folder / "label_transform.pkl") == ("Fake", "Real")


@pytest.mark.parametrize("protocol", [3, 4, 5])
@pytest.mark.parametrize("encoder", [LabelBinarizer, LabelEncoder])
@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Fake", "Real"], ("Fake", "Real")),
        (np.array(["real", "FAKE"], object), ("Fake", "Real")),  # capitals sort first
        (np.array(["fake", "Real"], ">U9"), ("Real", "Fake")),
    ],
)
def test_names_are_in_the_order_of_the_encoder(
    write: Any, encoder: Any, protocol: int, names: Any, expected: tuple[str, str]
) -> None:
    fitted = encoder().fit(names)
    assert [str(name).capitalize() for name in fitted.classes_] == list(expected)
    assert read_labels(write(pickle.dumps(fitted, protocol))) == expected


def test_encoder_pickled_by_numpy_scalars_is_read(write: Any) -> None:
    encoder = LabelEncoder()
    encoder.classes_ = [np.str_("fake"), np.str_("real")]
    assert read_labels(write(pickle.dumps(encoder))) == ("Fake", "Real")


@pytest.mark.parametrize("names", [["a", "b"], ["Fake", "Real", "Unsure"], ["Real"]])
def test_other_classes_are_refused_and_named(write: Any, names: list[str]) -> None:
    sentence = refusal(write(pickle.dumps(LabelEncoder().fit(names))))
    assert repr(sorted(names)[0]) in sentence and "card.json" in sentence


def test_numbers_as_classes_are_refused(write: Any) -> None:
    assert "card.json" in refusal(write(pickle.dumps(LabelEncoder().fit([0, 1]))))


def test_hostile_pickle_runs_nothing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    path = DATA / "hostile" / "label_transform.pkl"
    content = path.read_bytes()
    monkeypatch.chdir(tmp_path)
    assert "posix.system" in refusal(path)
    assert not list(tmp_path.iterdir()) and path.read_bytes() == content
    pickle.loads(content)  # shows that the file is harmful to a reader that trusts it
    assert (tmp_path / MARKER).exists()


@pytest.mark.parametrize(
    "call",
    [
        Calls(os.system, f"touch {MARKER}"),
        Calls(eval, f"open('{MARKER}', 'w')"),
        Calls(open, MARKER, "w"),
        Calls(np.fromfile, MARKER),
        Calls(getattr, LabelEncoder, "fit"),
        [LabelEncoder().fit(["Fake", "Real"]), Calls(os.mkdir, MARKER)],
    ],
    ids=["system", "eval", "open", "numpy", "getattr", "beside an encoder"],
)
def test_no_other_function_is_called(write: Any, tmp_path: Path, call: Any) -> None:
    path = write(pickle.dumps(call))
    assert "was not executed" in refusal(path)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"no pickle",
        pickle.dumps(LabelEncoder().fit(["Fake", "Real"]))[:-40],
        pickle.dumps(["Fake", "Real"]),
        pickle.dumps(LabelEncoder()),  # never fitted
    ],
    ids=["empty", "text", "cut off", "a list", "unfitted"],
)
def test_file_that_is_not_an_encoder_is_refused(write: Any, content: bytes) -> None:
    refusal(write(content))


def test_pickle_that_allocates_too_much_memory_is_refused(write: Any) -> None:
    """Python would allocate memory for two thousand million stored objects."""
    assert "claims more stored values than it has bytes" in refusal(write(b"\x80\x04Nr\xff\xff\xff\x7f."))


def test_nested_name_of_exponential_length_is_not_written_out(write: Any) -> None:
    """The written list would have 2 to the power of 60 names; the file has a few hundred bytes."""
    name: Any = "Fake"
    for _ in range(60):
        name = [name, name]
    encoder = LabelEncoder()
    encoder.classes_ = [name, "Real", 10**200_000, b"x" * 200]
    assert "names the classes 'a list', 'Real', 'a int', 'a bytes'" in refusal(write(pickle.dumps(encoder)))


def test_large_file_is_refused_before_reading(write: Any) -> None:
    assert "larger than" in refusal(write(pickle.dumps(b"x" * MAX_BYTES)))


@pytest.mark.parametrize(
    ("names", "expected"), [(["fake", "REAL"], ("Fake", "Real")), ([" Real", "Fake "], ("Real", "Fake"))]
)
def test_names_are_read_in_upper_and_lower_case(names: list[str], expected: tuple[str, str]) -> None:
    assert as_labels(names, "card.json") == expected
