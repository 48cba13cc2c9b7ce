"""Tests of making resynthesised twins, with simple known passes instead of networks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.data import layout
from model.data.reading import read_rgb
from model.errors import DatasetError
from model.photos.degrade import rescale
from model.twins import resynthesise as module
from model.twins.resynthesise import chosen, make_passes, resynthesise
from model.twins.twins import read_twins

Pixels = NDArray[np.uint8]


@pytest.fixture
def data(make_data: Callable[..., tuple[Path, Path]], picture: Callable[..., Pixels]) -> Path:
    names = [f"a/train/real/{i}.png" for i in range(5)] + ["a/train/fake/x.png", "a/test/real/t.png"]
    names += ["b/train/real/0.png", "b/val/real/v.png"]
    return make_data({name: picture(seed) for seed, name in enumerate(names)})[0]


@pytest.fixture
def passes(monkeypatch: pytest.MonkeyPatch) -> None:
    made = {("negative", 32): lambda small: 255 - small, ("double", 16): lambda small: small.repeat(2, 0).repeat(2, 1)}
    monkeypatch.setattr(module, "make_passes", lambda autoencoder, enlarger: made)


def test_only_real_training_pictures_are_taken_and_sets_are_balanced(data: Path) -> None:
    taken = [example.path for example in chosen(layout.pictures(data), 2, 0)]
    assert len(taken) == 3 and "b/train/real/0.png" in taken
    assert all("/train/real/" in path for path in taken)


@pytest.mark.usefixtures("passes")
def test_twins_are_the_pictures_after_their_pass(data: Path, tmp_path: Path) -> None:
    out = tmp_path / "twins"
    resynthesise(data, out, each=5)
    table = read_twins(out)
    assert len(table) == 6 and {twin.family for twins in table.values() for twin in twins} == {"negative", "double"}
    for real, (twin,) in table.items():
        photo, made = read_rgb(data / real), read_rgb(out / twin.twin)
        partner = rescale(photo, twin.side)
        expected = 255 - partner if twin.family == "negative" else partner
        assert made.shape == photo.shape
        assert np.abs(made.astype(int) - expected).mean() < (2 if twin.family == "negative" else 12)
    assert (out / "sheet.png").stat().st_size > 1000


@pytest.mark.usefixtures("passes")
def test_sets_can_be_left_out(data: Path, tmp_path: Path) -> None:
    resynthesise(data, tmp_path / "twins", each=5, leave_out=["a"])
    assert list(read_twins(tmp_path / "twins")) == ["b/train/real/0.png"]


def test_command_without_a_network_is_refused() -> None:
    with pytest.raises(DatasetError, match="--autoencoder, --enlarger or both"):
        make_passes(None, None)


@pytest.mark.usefixtures("passes")
def test_pictures_that_differ_only_in_their_extension_have_different_twins(data: Path, tmp_path: Path) -> None:
    (data / "a/train/real/0.jpg").write_bytes((data / "a/train/real/1.png").read_bytes())
    resynthesise(data, tmp_path / "twins", each=10)
    twins = [twin.twin for found in read_twins(tmp_path / "twins").values() for twin in found]
    assert len(set(twins)) == len(twins) == 7


def test_a_network_is_loaded_once_for_all_its_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    loaded = []
    for name in ("_round_trip", "_enlargement"):
        monkeypatch.setattr(module, name, lambda *arguments: loaded.append(arguments[1:]))
    assert len(make_passes(Path("taef2"), Path("esrgan.tgz"))) == 6
    assert loaded == [(), (2,), (4,)]
