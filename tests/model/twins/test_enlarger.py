"""The enlarger loads each array of its package into its layer, and refuses other files."""

import hashlib
import io
import json
import tarfile
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from model.errors import ArtifactError
from model.twins import enlarger

SHAPES = {
    "SR": (3, 3, -1, 3),
    "F_m1": (3, 3, 3, 64),
    "F_0": (3, 3, 64, 64),
    "F_1_1": (3, 3, 64, 4),
    "F_2_1": (3, 3, 64, 4),
    "LFF_1": (1, 1, 68, 64),
    "LFF_2": (1, 1, 68, 64),
    "GFF_1": (1, 1, 128, 64),
    "GFF_2": (3, 3, 64, 64),
    "UPN1": (5, 5, 64, 64),
    "UPN2": (3, 3, 64, 32),
    "UPN3": (3, 3, 32, -1),
}


def _shifting_weights(factor: int) -> dict[str, NDArray[np.float32]]:
    """A network that swaps red and blue, adds 10, moves the picture one pixel right, then repeats every pixel."""
    weights = {}
    for layer, shape in SHAPES.items():
        weights[f"{layer}/bias"] = np.zeros(abs(shape[-1]) if shape[-1] > 0 else 3 * factor**2, np.float32)
        weights[f"{layer}/kernel"] = np.zeros([side if side > 0 else 3 * factor**2 for side in shape], np.float32)
    for channel in range(3):
        weights["F_m1/kernel"][1, 1, channel, 2 - channel] = 1
        weights["UPN1/kernel"][2, 2, channel, channel] = 1
        weights["UPN2/kernel"][1, 1, channel, channel] = 1
        weights["UPN3/kernel"][1, 0, channel, channel] = 1  # the pixel on the left
        weights["SR/kernel"][1, 1, channel, channel] = 1
    weights["SR/bias"][:] = 10
    return weights


def _write_package(path: Path, factor: int) -> None:
    weights = _shifting_weights(factor)
    listed = [{"name": name, "shape": list(array.shape), "dtype": "float32"} for name, array in weights.items()]
    values = b"".join(array.tobytes() for array in weights.values())
    half = len(values) // 2
    files = {
        "model.json": json.dumps({"weightsManifest": [{"paths": ["a.bin", "b.bin"], "weights": listed}]}).encode(),
        "a.bin": values[:half],
        "b.bin": values[half:],
    }
    with tarfile.open(path, "w:gz") as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(f"package/models/x{factor}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


@pytest.mark.slow
@pytest.mark.parametrize("factor", enlarger.FACTORS)
def test_weights_are_loaded_into_their_layers(factor: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "package.tgz"
    _write_package(package, factor)
    monkeypatch.setattr(enlarger, "PACKAGE_SHA256", hashlib.sha256(package.read_bytes()).hexdigest())
    pictures = np.random.default_rng(0).integers(0, 256, (2, 4, 6, 3), dtype=np.uint8)

    larger = enlarger.enlarge(enlarger.load_enlarger(package, factor), pictures)

    moved = np.zeros_like(pictures)
    moved[:, :, 1:] = pictures[:, :, :-1, ::-1]
    brighter = np.clip(moved.astype(int) + 10, 0, 255).astype(np.uint8)
    expected = brighter.repeat(factor, axis=1).repeat(factor, axis=2)
    assert larger.dtype == np.uint8
    np.testing.assert_array_equal(larger, expected)


def test_archive_with_another_checksum_is_refused(tmp_path: Path) -> None:
    package = tmp_path / "package.tgz"
    _write_package(package, 2)
    with pytest.raises(ArtifactError, match="checksum"):
        enlarger.load_enlarger(package, 2)


def test_missing_archive_and_unknown_factor_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no file"):
        enlarger.load_enlarger(tmp_path / "none.tgz", 2)
    with pytest.raises(ArtifactError, match="3"):
        enlarger.load_enlarger(tmp_path / "none.tgz", 3)


@pytest.mark.parametrize("pictures", [np.zeros((4, 4, 3), np.uint8), np.zeros((1, 4, 4, 3), np.float32)])
def test_other_arrays_are_refused(pictures: NDArray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        enlarger.enlarge(enlarger._build(2), pictures)
