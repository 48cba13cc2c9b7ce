"""Writes the small files of this folder with the older Keras that is installed: see README.md beside it.

The networks have the shape of the thesis's: a nested backbone (of the kinds of layer that EfficientNetB7 is made of),
the attention block with its fixed kernel of ones and its Lambda, and the optimizer's state from a few steps of Adam.
"""

import importlib.metadata
import os
import pickle
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import tensorflow as tf
from sklearn.preprocessing import LabelBinarizer
from tensorflow import keras
from tensorflow.keras import layers

SIZE = 128
MARKER = "legacy_file_was_executed"  # what the hostile files would make in the current folder


def version() -> str:
    """Of Keras; inside TensorFlow 2.15 it hides one level deeper."""
    return str(importlib.metadata.version("keras"))


def pictures(count: int = 4) -> np.ndarray:
    """Blocks of colour, ``(N, 128, 128, 3) uint8``, in whole numbers so that every machine makes the same."""
    n, y, x, c = np.ogrid[:count, :SIZE, :SIZE, :3]
    return ((y // 16 * (37 + 11 * n) + x // 16 * (53 + 7 * c) + 29 * n * c) % 256).astype(np.uint8)


def backbone() -> keras.Model:
    """A model of its own, to be nested: 128x128x3 in 0..255 to 8x8x12."""
    inputs = keras.Input((SIZE, SIZE, 3))
    x = layers.Rescaling(1 / 255)(inputs)
    x = layers.Normalization(axis=-1, name="normalization")(x)
    x = layers.ZeroPadding2D(((0, 1), (0, 1)), name="stem_conv_pad")(x)
    x = layers.Conv2D(8, 3, strides=4, padding="valid", use_bias=False, name="stem_conv")(x)
    x = layers.BatchNormalization(axis=-1, momentum=0.8, name="stem_bn")(x)
    x = layers.Activation("swish", name="stem_activation")(x)
    skip = x
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False, name="block_dwconv")(x)
    x = layers.BatchNormalization(momentum=0.8, name="block_bn")(x)
    squeezed = layers.GlobalAveragePooling2D(name="block_se_squeeze")(x)
    squeezed = layers.Reshape((1, 1, 8), name="block_se_reshape")(squeezed)
    squeezed = layers.Conv2D(2, 1, padding="same", activation="swish", name="block_se_reduce")(squeezed)
    squeezed = layers.Conv2D(8, 1, padding="same", activation="sigmoid", name="block_se_expand")(squeezed)
    x = layers.multiply([x, squeezed], name="block_se_excite")
    x = layers.Dropout(0.2, noise_shape=(None, 1, 1, 1), name="block_drop")(x)
    x = layers.add([x, skip], name="block_add")
    x = layers.Conv2D(12, 4, strides=4, name="top_conv")(x)
    return keras.Model(inputs, x, name="small_efficientnet")


def network(rescale: Callable, units: int, activation: str) -> tuple[keras.Model, keras.Model]:
    """The thesis's network on the small backbone, and a second view of it that gives the attention mask."""
    inputs = keras.Input((SIZE, SIZE, 3))
    body = backbone()
    features = layers.BatchNormalization(momentum=0.8)(body(inputs))
    x = layers.Dropout(0.5)(features)
    for channels in (16, 8, 4):
        x = layers.Conv2D(channels, kernel_size=(1, 1), padding="same", activation="relu")(x)
    mask = layers.Conv2D(1, kernel_size=(1, 1), padding="valid", activation="sigmoid")(x)
    repeat = layers.Conv2D(12, kernel_size=(1, 1), padding="same", activation="linear", use_bias=False)
    repeated = repeat(mask)
    repeat.set_weights([np.ones((1, 1, 1, 12))])
    repeat.trainable = False
    masked = layers.multiply([repeated, features])
    gap_features = layers.GlobalAveragePooling2D()(masked)
    gap_mask = layers.GlobalAveragePooling2D()(repeated)
    pooled = layers.Lambda(rescale, name="RescaleGAP")([gap_features, gap_mask])
    x = layers.Dropout(0.25)(pooled)
    x = layers.Dense(128, activation="relu")(x)
    x = layers.Dropout(0.25)(x)
    outputs = layers.Dense(units, activation=activation)(x)
    return keras.Model(inputs, outputs), keras.Model(inputs, mask)


def trained(rescale: Callable, units: int, activation: str) -> tuple[keras.Model, keras.Model]:
    """``network`` after a few steps, so that every weight has moved and Adam has a state to save."""
    rescale.__code__ = rescale.__code__.replace(co_filename="notebook.py")  # saved beside the bytecode
    keras.utils.set_random_seed(units)
    model, masks = network(rescale, units, activation)
    loss = "binary_crossentropy" if units == 1 else "categorical_crossentropy"
    model.compile(optimizer=keras.optimizers.Adam(3e-3), loss=loss, metrics=["accuracy"])
    truth = np.array([0, 1, 0, 1])
    labels = truth[:, None] if units == 1 else np.eye(2)[truth]
    model.fit(pictures().astype(np.float32), labels.astype(np.float32), epochs=12, verbose=0)
    return model, masks


def save_pair(folder: Path, units: int, activation: str) -> None:
    """What a thesis author has, and what it answers to a few pictures."""
    folder.mkdir(parents=True, exist_ok=True)
    model, masks = trained(lambda x: x[0] / x[1], units, activation)
    model.save(folder / "best_model_effatt.h5")
    with (folder / "label_transform.pkl").open("wb") as file:
        pickle.dump(LabelBinarizer().fit(["Fake", "Real", "Real"]), file)
    pixels = pictures()
    answers = model.predict(pixels.astype(np.float32), verbose=0)
    attention = masks.predict(pixels.astype(np.float32), verbose=0)
    np.savez_compressed(folder / "expected.npz", pixels=pixels, outputs=answers, attention=attention)
    print(folder.name, answers.round(3).tolist(), "mask", attention.min(), attention.max())


def save_hostile(path: Path) -> None:
    """A network whose Lambda makes a file when it runs, and a proof that the old Keras really runs it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.stem == "two_inputs":
        division = lambda x: [x[0] / x[1], __import__("pathlib").Path("legacy_file_was_executed").touch()][0]  # noqa: E731
        model, _ = trained(division, 2, "softmax")
    else:
        inputs = keras.Input((SIZE, SIZE, 3))
        touch = lambda x: [x, __import__("pathlib").Path("legacy_file_was_executed").touch()][0]  # noqa: E731
        touch.__code__ = touch.__code__.replace(co_filename="notebook.py")
        x = layers.Lambda(touch)(inputs)
        x = layers.GlobalAveragePooling2D()(x)
        model = keras.Model(inputs, layers.Dense(2, activation="softmax")(x))
    model.save(path)
    Path(MARKER).unlink()
    keras.models.load_model(path, compile=False, safe_mode=False)(pictures(1).astype(np.float32))
    Path(MARKER).unlink()  # fails where the file was harmless
    print(path.name, "ran its code when loaded by Keras", version())


class TouchesAFile:
    """Pickled as a call of ``os.system``."""

    def __reduce__(self) -> tuple:
        return os.system, (f"touch {MARKER}",)


def main(folder: Path) -> None:
    """Write the files that the installed Keras is the right one for."""
    old = version().startswith("2.")
    name = "keras2" if old else "keras3"
    save_pair(folder / f"{name}_softmax", 2, "softmax")
    if old:
        save_pair(folder / "keras2_sigmoid", 1, "sigmoid")
        save_hostile(folder / "hostile" / "two_inputs.h5")
        (folder / "hostile" / "label_transform.pkl").write_bytes(pickle.dumps(TouchesAFile()))
    else:
        save_hostile(folder / "hostile" / "one_input.h5")
    print("written by TensorFlow", tf.__version__, "Keras", version(), "Python", sys.version.split()[0])


if __name__ == "__main__":
    main(Path(__file__).parent)
