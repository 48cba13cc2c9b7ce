"""Tests of opening H5 files: files written by Keras are read, all others are refused in a sentence."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from model.errors import ArtifactError
from model.legacy.h5 import open_legacy

DATA = Path(__file__).parents[2] / "data" / "legacy"
Write = Callable[[h5py.File], Any]


def refusal(path: Path) -> str:
    with pytest.raises(ArtifactError) as caught, open_legacy(path):
        pytest.fail("the file was opened")
    sentence = str(caught.value)
    assert sentence.endswith(".") and sentence.count(". ") == 0 and path.name in sentence
    assert str(path.parent) not in sentence
    return sentence


@pytest.fixture
def make(tmp_path: Path) -> Callable[[Write], Path]:
    """Writes an H5 file with one ordinary array, then what the test adds."""

    def made(write: Write) -> Path:
        with h5py.File(tmp_path / "net.h5", "w") as file:
            file.create_dataset("model_weights/dense/dense/kernel:0", data=np.ones((3, 2), np.float32))
            write(file)
        return tmp_path / "net.h5"

    return made


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras3_softmax"])
def test_description_and_weights_are_read_and_optimizer_weights_are_skipped(folder: str) -> None:
    with h5py.File(DATA / folder / "best_model_effatt.h5") as file:
        assert len(file["optimizer_weights"]), "the file must have optimizer weights to skip"
    with open_legacy(DATA / folder / "best_model_effatt.h5") as opened:
        assert opened.config is not None and opened.config["class_name"] == "Functional"
        names = [weight.name for weight in opened.weights]
        assert len(names) == 36 and names[0] == "stem_conv/kernel" and names[-1] == "dense_1/bias"
        assert opened.weights[0].group == "small_efficientnet"
        assert opened.size == sum(weight.read().size for weight in opened.weights) == 4316


def test_order_of_saving_is_kept_if_keras_splits_its_lists(make: Callable[[Write], Path]) -> None:
    def write(file: h5py.File) -> None:
        group = file["model_weights"]
        group.create_dataset("b/b/kernel:0", data=np.zeros(1, np.float32))
        group.create_dataset("a/a/kernel:0", data=np.zeros(1, np.float32))
        group.attrs["layer_names0"], group.attrs["layer_names1"] = [b"dense", b"b"], [b"a"]
        for name in ("dense", "b", "a"):
            group[name].attrs["weight_names"] = [f"{name}/kernel:0".encode()]

    with open_legacy(make(write)) as opened:
        assert [weight.layer for weight in opened.weights] == ["dense", "b", "a"]


def test_weights_file_has_no_description(make: Callable[[Write], Path]) -> None:
    with open_legacy(make(lambda file: None)) as opened:
        assert opened.config is None and [weight.name for weight in opened.weights] == ["dense/kernel"]


@pytest.mark.parametrize("content", [b"", b"not HDF5" * 100], ids=["empty", "text"])
def test_other_files_are_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "net.h5").write_bytes(content)
    assert "is not an HDF5 file" in refusal(tmp_path / "net.h5")


def test_missing_file_and_folder_are_refused(tmp_path: Path) -> None:
    (tmp_path / "folder.h5").mkdir()
    assert "There is no file" in refusal(tmp_path / "net.h5")
    assert "There is no file" in refusal(tmp_path / "folder.h5")


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9])
def test_truncated_file_is_refused(tmp_path: Path, share: float) -> None:
    content = (DATA / "keras2_softmax" / "best_model_effatt.h5").read_bytes()
    (tmp_path / "net.h5").write_bytes(content[: int(len(content) * share)])
    refusal(tmp_path / "net.h5")


@pytest.mark.parametrize(
    ("link", "words"),
    [
        (h5py.ExternalLink("other.h5", "/"), "link to somewhere else"),
        (h5py.ExternalLink("/etc/passwd", "/"), "link to somewhere else"),
        (h5py.SoftLink("/model_weights/dense"), "link to somewhere else"),
    ],
)
@pytest.mark.parametrize("place", ["model_weights/extra", "model_weights/dense/dense/bias:0"])
def test_links_are_not_followed(make: Callable[[Write], Path], place: str, link: Any, words: str) -> None:
    assert words in refusal(make(lambda file: file.__setitem__(place, link)))


def test_link_instead_of_the_weights_group_is_not_followed(make: Callable[[Write], Path], tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file.create_dataset("secret/kernel:0", data=np.ones(3, np.float32))

    def write(file: h5py.File) -> None:
        del file["model_weights"]
        file["model_weights"] = h5py.ExternalLink("other.h5", "/")

    assert "link to somewhere else" in refusal(make(write))


def test_data_in_another_file_is_not_read(make: Callable[[Write], Path], tmp_path: Path) -> None:
    secret = tmp_path / "secret.bin"
    secret.write_bytes(bytes(64))

    def external(file: h5py.File) -> None:
        file.create_dataset("model_weights/x/kernel:0", (16,), "f4", external=[(str(secret), 0, 64)])

    assert "another file" in refusal(make(external))

    def virtual(file: h5py.File) -> None:
        layout = h5py.VirtualLayout((16,), "f4")
        layout[:] = h5py.VirtualSource(str(tmp_path / "other.h5"), "x", (16,))
        file.create_virtual_dataset("model_weights/x/kernel:0", layout)

    assert "another file" in refusal(make(virtual))


def test_array_larger_than_the_file_is_refused(make: Callable[[Write], Path]) -> None:
    huge = make(lambda file: file.create_dataset("model_weights/x/kernel:0", (10**6, 10**6), "f4", chunks=(1024, 1024)))
    assert huge.stat().st_size < 100_000
    assert "claims more weights than it has bytes" in refusal(huge)


def test_decompression_bomb_is_refused(make: Callable[[Write], Path]) -> None:
    zeros = np.zeros(10**6, np.float32)
    packed = make(lambda file: file.create_dataset("model_weights/x/kernel:0", data=zeros, compression="gzip"))
    assert "compressed" in refusal(packed)


def test_groups_that_contain_themselves_are_refused(make: Callable[[Write], Path]) -> None:
    def write(file: h5py.File) -> None:
        group = file["model_weights/dense"]
        group["again"], group["and_again"] = group, group

    assert "too many or too deep" in refusal(make(write))


@pytest.mark.parametrize("config", ["no JSON", "[1, 2]", '"text"', "[" * 100_000, 3.5, b"\xff\xfe"])
def test_invalid_description_is_refused(make: Callable[[Write], Path], config: Any) -> None:
    refusal(make(lambda file: file.attrs.__setitem__("model_config", config)))


def test_names_listed_many_times_are_read_once(make: Callable[[Write], Path]) -> None:
    def write(file: h5py.File) -> None:
        group = file["model_weights"]
        group.attrs["layer_names"] = [b"dense"] * 3_000
        group["dense"].attrs["weight_names"] = [b"dense/kernel:0"] * 3_000

    with open_legacy(make(write)) as opened:
        assert [weight.name for weight in opened.weights] == ["dense/kernel"]


def test_too_long_lists_of_names_are_refused(make: Callable[[Write], Path]) -> None:
    def write(file: h5py.File) -> None:
        group = file["model_weights"]
        for part in range(20):
            group.attrs[f"layer_names{part}"] = [b"x"] * 3_000

    assert "lists of names are too long" in refusal(make(write))

    def many(file: h5py.File) -> None:
        group = file["model_weights"]
        group["dense"].attrs["weight_names"] = [b"x"] * 3_000
        for index in range(20):
            group[f"again{index}"] = group["dense"]
        group.attrs["layer_names"] = [f"again{index}".encode() for index in range(20)]

    assert "lists of names are too long" in refusal(make(many))


@pytest.mark.parametrize("place", ["model_config", "layer_names"])
@pytest.mark.parametrize("texts", [[[1, 2]], np.zeros(3, "f4,f4"), 3.5], ids=["numbers", "pairs", "number"])
def test_lists_that_keras_never_writes_are_refused(make: Callable[[Write], Path], place: str, texts: Any) -> None:
    def write(file: h5py.File) -> None:
        (file if place == "model_config" else file["model_weights"]).attrs[place] = texts

    assert "not text, or is a list that is too long" in refusal(make(write))


def test_text_instead_of_numbers_is_refused(make: Callable[[Write], Path]) -> None:
    text = make(lambda file: file.create_dataset("model_weights/x/kernel:0", data=[b"text"]))
    assert "not an array of numbers" in refusal(text)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_numbers_that_are_not_finite_are_refused(make: Callable[[Write], Path], value: float) -> None:
    path = make(lambda file: file.create_dataset("model_weights/x/x/kernel:0", data=np.full(3, value, np.float32)))
    with open_legacy(path) as opened, pytest.raises(ArtifactError, match="x/kernel hold numbers that are not finite"):
        [weight.read() for weight in opened.weights]


def test_description_stored_as_bytes_is_read(make: Callable[[Write], Path]) -> None:
    content = np.bytes_(json.dumps({"class_name": "Functional"}))
    with open_legacy(make(lambda file: file.attrs.__setitem__("model_config", content))) as opened:
        assert opened.config == {"class_name": "Functional"}
