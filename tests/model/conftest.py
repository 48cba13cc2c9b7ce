"""Pictures, a network and a data folder that are small enough for fast tests of model/."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path

import cv2
import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers
from numpy.typing import NDArray

from model.__main__ import NAME, group
from model.artifact.card import Card
from model.artifact.preprocessing import LABELS, Preprocessing
from model.cli import run_app
from model.networks import litert_file
from model.networks.attention import attention_block
from model.networks.export import save_artifact
from model.networks.registry import ARCHITECTURES, Architecture

EXAMPLES = Path(__file__).parents[2] / "examples"
TINY_SIDE = 16
TINY = "tiny"
PICTURE_SIDE = 64
# Where the face is in the pictures of generated data folders: box, then five landmarks.
FACE_BOX = (12.0, 8.0, 40.0, 48.0)
LANDMARKS = ((23.0, 28.0), (41.0, 28.0), (32.0, 38.0), (25.0, 46.0), (39.0, 46.0))


def read(name: str) -> NDArray[np.uint8]:
    pixels = cv2.imread(str(EXAMPLES / name), cv2.IMREAD_COLOR_RGB)
    assert pixels is not None, f"examples/{name} cannot be read"
    pixels.flags.writeable = False
    return pixels


@pytest.fixture
def command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, str, str]]:
    """Runs ``python -m model COMMAND ...`` in this process; gives its exit code, its output and its errors."""

    def command(*words: str | Path) -> tuple[int, str, str]:
        capsys.readouterr()
        monkeypatch.setattr(sys, "argv", [NAME, *map(str, words)])
        with pytest.raises(SystemExit) as ended:
            run_app(group(), NAME)
        (out, err), code = capsys.readouterr(), ended.value.code
        return (1, out, f"{err}{code}\n") if isinstance(code, str) else (int(code or 0), out, err)

    return command


@pytest.fixture(scope="session")
def astronaut() -> NDArray[np.uint8]:
    """A portrait, ``(512, 512, 3) uint8`` RGB."""
    return read("astronaut.jpg")


@pytest.fixture(scope="session")
def hopper() -> NDArray[np.uint8]:
    """A portrait, ``(600, 512, 3) uint8`` RGB."""
    return read("hopper.jpg")


@pytest.fixture(scope="session")
def cat() -> NDArray[np.uint8]:
    """No human face, ``(300, 451, 3) uint8`` RGB."""
    return read("cat.jpg")


def smooth_picture(seed: int, side: int = PICTURE_SIDE) -> NDArray[np.uint8]:
    """Soft colour blobs, ``(side, side, 3) uint8``, different for every seed."""
    coarse = np.random.default_rng(seed).uniform(40, 215, (6, 6, 3)).astype(np.float32)
    return np.clip(cv2.resize(coarse, (side, side), interpolation=cv2.INTER_CUBIC), 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def picture() -> Callable[..., NDArray[np.uint8]]:
    """Makes a picture from a seed: see ``smooth_picture``."""
    return smooth_picture


def build_tiny(backbone_weights: Path | None = None, folded: bool = False) -> keras.Model:
    """Two convolutions, the real attention block and a softmax, from 16x16 pixels to an 8x8 mask."""
    inputs = keras.Input((TINY_SIDE, TINY_SIDE, 3))
    features = layers.Conv2D(8, 3, strides=2, padding="same", activation="relu", name="features")(inputs)
    pooled, mask = attention_block(features, depth=(4,))
    probabilities = layers.Dense(len(LABELS), activation="softmax", name="probabilities")(pooled)
    return keras.Model(inputs, {"probabilities": probabilities, "attention": mask}, name=TINY)


@pytest.fixture(scope="session")
def tiny_network() -> Callable[[], keras.Model]:
    """Builds the tiny network with random weights."""
    return build_tiny


@pytest.fixture(scope="session")
def tiny_card() -> Card:
    """A calibrated card of the tiny network, before its digests are known."""
    return Card(TINY, Preprocessing(TINY_SIDE, "RGB", 1 / 128, -127 / 128), LABELS, temperature=1.5, licence="none")


@pytest.fixture(scope="session")
def tiny_artifact(tmp_path_factory: pytest.TempPathFactory, tiny_card: Card) -> Path:
    """The tiny network as a model folder; ``folder`` is a copy that may be changed."""
    folder = tmp_path_factory.mktemp("artifact") / TINY
    keras.utils.set_random_seed(0)
    network = build_tiny()
    # Batch norm statistics per channel and large weights: different pictures get clearly different probabilities.
    statistics = ((0.5, 2.0), (-1.0, 1.0), (-0.2, 0.4), (0.3, 1.5))
    network.get_layer("attention_bn").set_weights([np.linspace(low, high, 8) for low, high in statistics])
    network.get_layer("probabilities").set_weights([np.linspace(-3, 3, 16).reshape(8, 2), np.array([0.2, -0.2])])
    save_artifact(network, folder, tiny_card)
    return folder


@pytest.fixture
def folder(tiny_artifact: Path, tmp_path: Path) -> Path:
    """A copy of ``tiny_artifact`` that a test may change."""
    return shutil.copytree(tiny_artifact, tmp_path / "net")


def register_tiny(patched: pytest.MonkeyPatch) -> None:
    """Put the tiny network into the registry."""
    architecture = Architecture(build_tiny, Preprocessing(TINY_SIDE, "RGB", 1 / 128, -127 / 128))
    patched.setitem(ARCHITECTURES, TINY, architecture)


@pytest.fixture
def tiny_architecture(monkeypatch: pytest.MonkeyPatch) -> str:
    """Registers the tiny network for one test; returns its name in the registry."""
    register_tiny(monkeypatch)
    return TINY


def spare_xla(patched: pytest.MonkeyPatch) -> None:
    """Switch off XLA, which takes longer to compile a tiny network than to train it."""
    patched.setattr("keras.src.trainers.trainer.model_supports_jit", lambda model: False)


@pytest.fixture
def without_xla(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains and predicts without XLA."""
    spare_xla(monkeypatch)


def spare_traces(patched: pytest.MonkeyPatch) -> None:
    """Run Keras eagerly: tracing a network takes longer than the few steps that a test trains it for."""
    patched.setattr(keras.Model, "run_eagerly", property(lambda model: True, lambda model, value: None))


@pytest.fixture
def eager(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trains and predicts eagerly."""
    spare_traces(monkeypatch)


@pytest.fixture(scope="module")
def untraced() -> Iterator[None]:
    """Runs ``model.training`` eagerly, in all tests of a file."""
    tf.config.run_functions_eagerly(True)
    yield
    tf.config.run_functions_eagerly(False)


def write_no_litert(network: keras.Model, path: Path, *_: object) -> None:
    """Replaces the conversion to LiteRT in tests that need only the Keras weights of a model folder."""
    path.write_bytes(network.name.encode())


@pytest.fixture
def without_litert(monkeypatch: pytest.MonkeyPatch) -> None:
    """Model folders get their Keras weights and card, and a LiteRT file that nothing can run."""
    monkeypatch.setattr(litert_file, "write_litert", write_no_litert)


def spare_charts(patched: pytest.MonkeyPatch) -> None:
    """Draw no chart at the end of a training: a chart takes as long as the training of a tiny network."""
    for module in ("paired", "training"):
        patched.setattr(f"model.{module}.train.training_curves", lambda *_: None)
        patched.setattr(f"model.{module}.train.save", lambda *_: None)


@pytest.fixture
def without_charts(monkeypatch: pytest.MonkeyPatch) -> None:
    """Trainings draw no chart."""
    spare_charts(monkeypatch)


def write_pictures(
    folder: Path, pictures: dict[str, NDArray[np.uint8]], without_face: Sequence[str] = (), known: bool = True
) -> tuple[Path, Path]:
    """Write a data folder and a face cache beside it; ``known=False`` leaves the cache unwritten.

    Returns:
        The data folder and the cache file.
    """
    root, cache = folder / "data", folder / "cache" / "faces.json"
    for name, pixels in pictures.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        code = cv2.COLOR_RGB2BGR if pixels.ndim == 3 else cv2.COLOR_GRAY2BGR
        assert cv2.imwrite(str(root / name), cv2.cvtColor(pixels, code))
    if known:
        cache.parent.mkdir()
        faces = {name: [None, []] if name in without_face else [FACE_BOX, LANDMARKS] for name in pictures}
        cache.write_text(json.dumps({str(root.resolve()): faces}))
    return root, cache


@pytest.fixture
def make_data(tmp_path: Path) -> Callable[..., tuple[Path, Path]]:
    """Writes a data folder with a face cache beside it, so that no test waits for the face detector."""
    return partial(write_pictures, tmp_path)
