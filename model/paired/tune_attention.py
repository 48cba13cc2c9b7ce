"""Trains where the attention mask has its peak: ``python -m model tune_attention MODEL_FOLDER DATA --out RUN``.

A mask trained cell by cell may have its strongest cell just beside the changed pixels, mostly at an eye. Here only the
1x1 convolutions that compute the mask are trained further, on the network's features, with an extra loss for the place
of the peak. All other layers stay the same, and a third loss keeps the verdict as it was.
"""

import json
from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import ARTIFACT, named_after, read_card
from model.artifact.preprocessing import Preprocessing, to_input
from model.cli import print_report_path, recorded
from model.data.dataset import face_crop, gather
from model.data.layout import Example
from model.data.options import FACES, Faces, Sets, warn_of_other_view
from model.data.reading import read_mask
from model.data.split import split_of_run
from model.detector.detector import Detector
from model.errors import ArchitectureError, DatasetError
from model.evaluation.measuring import attention_peaks, p_fake_of
from model.networks.export import load_keras
from model.photos.face_parts import region_mask
from model.photos.faces import CROP_SIZE, crop, landmarks_in, square_around
from model.training.runs import export_further

if TYPE_CHECKING:
    import keras

NORM = "attention_bn"  # the attention block's first layer; its input is the network's features
TRAINED = "attention_conv"  # prefix of the names of the convolutions before the mask's layer
CHUNK = 64  # pictures per batch
SHARPNESS = 2.0  # a cell's weight in the soft peak is its odds to this power
FLOOR = 1e-3  # keeps the loss finite for a mask entirely outside the edited region


@dataclass(frozen=True, eq=False)
class TrainingData:
    """The training data of the mask.

    Attributes:
        features: input of the attention block, ``(N, h, w, C) float32``.
        changed: share of each cell that was changed, 0..1, ``(N, h, w, 1) float32``.
        known: 1 if the changed pixels are known, otherwise 0, ``(N,) float32``.
        verdicts: the network's probabilities before this training, ``(N, 2) float32``.
    """

    features: NDArray[np.float32]
    changed: NDArray[np.float32]
    known: NDArray[np.float32]
    verdicts: NDArray[np.float32]


def changed_in(data: Path, example: Example, margin: float) -> NDArray[np.float32] | None:
    """Edited pixels of an example's face crop, ``(256, 256) float32`` in 0..1; None if unknown."""
    assert example.box is not None
    square = square_around(example.box, margin)
    if example.mask:
        return crop(read_mask(data / example.mask), square).astype(np.float32) / np.float32(255)
    if example.regions:
        return region_mask(landmarks_in(square, example.landmarks), example.regions, CROP_SIZE)
    return None


def training_data(
    network: "keras.Model", data: Path, examples: Sequence[Example], preprocessing: Preprocessing
) -> TrainingData:
    """Features, changed cells and verdicts of the examples' face crops, cut in the same way as in the product."""
    import keras

    from model.networks.attention import MASK_LAYER

    block = keras.Model(network.input, [network.get_layer(NORM).input, network.output["probabilities"]])
    rows, columns = network.get_layer(MASK_LAYER).output.shape[1:3]
    features, verdicts = [], []
    changed = np.zeros((len(examples), rows, columns, 1), np.float32)
    known = np.zeros(len(examples), np.float32)
    for start in tqdm(range(0, len(examples), CHUNK), "features"):
        some = examples[start : start + CHUNK]
        crops = np.stack([face_crop(data, example, preprocessing.crop_margin) for example in some])
        for place, example in enumerate(some, start):
            mask = changed_in(data, example, preprocessing.crop_margin)
            if mask is not None:
                changed[place, ..., 0] = cv2.resize(mask, (columns, rows), interpolation=cv2.INTER_AREA)
                known[place] = 1
        block_input, probabilities = block.predict(to_input(crops, preprocessing), verbose=0)
        features.append(block_input)
        verdicts.append(probabilities)
    return TrainingData(np.concatenate(features), changed, known, np.concatenate(verdicts))


def mask_loss(peak_weight: float) -> Any:
    """Loss of a mask: mean binary cross-entropy over the cells, plus ``peak_weight`` times a loss of the peak.

    The choice of the strongest cell has no gradient. The peak's loss therefore uses a soft peak, a softmax over the
    mask's log odds times ``SHARPNESS``: it is ``-log`` of the changed share, averaged with the softmax's weights.

    Args:
        peak_weight: 0 or more.

    Returns:
        A function that maps ``changed`` and ``mask``, both ``(N, h, w, 1)`` in 0..1, to losses ``(N,)``.
    """

    import keras
    from keras import ops

    def loss(changed: keras.KerasTensor, mask: keras.KerasTensor) -> keras.KerasTensor:
        by_cell = ops.mean(keras.losses.binary_crossentropy(changed, mask), axis=(1, 2))
        cells = ops.shape(mask)[1] * ops.shape(mask)[2]
        sure = ops.clip(ops.reshape(mask, (-1, cells)), 1e-6, 1 - 1e-6)
        peak = ops.softmax(SHARPNESS * (ops.log(sure) - ops.log(1 - sure)))
        hit = ops.sum(peak * ops.reshape(changed, (-1, cells)), axis=1)
        return by_cell - peak_weight * ops.log(hit + FLOOR)

    return loss


def train_mask(
    network: "keras.Model",
    faces: TrainingData,
    epochs: int,
    learning_rate: float,
    peak_weight: float,
    verdict_weight: float,
) -> None:
    """Train the convolutions that compute the mask, in place.

    ``verdict_weight`` times the divergence (KL) of the verdict from ``faces.verdicts`` is added to the loss: it keeps
    the verdict as it was.
    """
    import keras

    from model.networks.attention import MASK_LAYER

    for layer in network.layers:
        layer.trainable = layer.name == MASK_LAYER or layer.name.startswith(TRAINED)
        if isinstance(layer, keras.layers.Dropout):
            layer.rate = 0.0  # dropout would change the verdict at random
    block = keras.Model(network.get_layer(NORM).input, network.output)
    steps = epochs * -(-len(faces.features) // CHUNK)
    block.compile(
        keras.optimizers.AdamW(keras.optimizers.schedules.CosineDecay(learning_rate, steps), weight_decay=0.01),
        loss={"probabilities": keras.losses.KLDivergence(), "attention": mask_loss(peak_weight)},
        loss_weights={"probabilities": verdict_weight, "attention": 1.0},
    )
    truth = {"probabilities": faces.verdicts, "attention": faces.changed}
    weights = {"probabilities": np.ones_like(faces.known), "attention": faces.known}
    block.fit(faces.features, truth, sample_weight=weights, batch_size=CHUNK, epochs=epochs, verbose=2)


def faces_of(examples: Sequence[Example], split: str) -> list[Example]:
    """The examples of a split in which a face was found."""
    return [example for example in examples if example.split == split and example.box is not None]


def draw_faces(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """At most ``most`` training examples with a face, drawn with a seed."""
    training = faces_of(examples, "train")
    return [training[row] for row in sorted(np.random.default_rng(seed).permutation(len(training))[:most])]


def report(before: Detector, after: Detector, data: Path, judged: Sequence[Example]) -> dict[str, Any]:
    """How often the peak hits before and after the training, and how much P(Fake) changed.

    Both use the calibration and the views of ``before``, so that only the mask differs.

    Args:
        before, after: the detectors before and after the training.
        data: the data folder.
        judged: examples with a face, at least one.
    """
    alike = copy(after)
    alike.card = replace(
        after.card, views=before.card.views, temperature=before.card.temperature, fake_bias=before.card.fake_bias
    )
    crops = np.stack([face_crop(data, example, before.card.preprocessing.crop_margin) for example in judged])
    moved = np.abs(p_fake_of(alike, crops) - p_fake_of(before, crops))
    return {
        "peaks_before": attention_peaks(before, data, judged),
        "peaks_after": attention_peaks(alike, data, judged),
        "p_fake_moved": {"mean": round(float(moved.mean()), 4), "largest": round(float(moved.max()), 4)},
    }


def tune_attention(
    artifact: Annotated[Path, typer.Argument(help="Model folder to start from; it stays as it is.")],
    data: Annotated[Path, typer.Argument(help="Data folder with masks of what was changed.")],
    out: Annotated[Path, typer.Option(help="Folder that the run writes; the new model folder in it is `artifact`.")],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the pictures.")] = 6,
    most: Annotated[int, typer.Option(min=1, help="Largest number of training pictures.")] = 8000,
    learning_rate: Annotated[float, typer.Option(min=0, help="At the start of the cosine schedule.")] = 1e-3,
    peak_weight: Annotated[float, typer.Option(min=0, help="Weight of the peak in the mask's loss.")] = 0.1,
    verdict_weight: Annotated[float, typer.Option(min=0, help="Weight of the loss that keeps the verdict.")] = 30.0,
    seed: Annotated[int, typer.Option(help="Decides the pictures and their order.")] = 0,
    sets: Sets = None,
    faces: Faces = FACES,
) -> None:
    """Train only the attention mask and report the gain on validation pictures. Calibrate the result afterwards."""
    given = recorded(locals())
    import keras

    from model.networks.attention import MASK_LAYER

    keras.utils.set_random_seed(seed)
    card = read_card(artifact)
    network = load_keras(artifact)
    if MASK_LAYER not in {layer.name for layer in network.layers}:
        raise ArchitectureError(f"{artifact} has no attention mask to train.")
    if artifact.resolve() == (out / ARTIFACT).resolve():
        raise ArchitectureError(f"{out} is the run that {artifact} belongs to; choose another folder.")
    warn_of_other_view(card, named_after(artifact).name, False)
    examples = split_of_run(artifact, gather(data, faces, seed, sets))
    train_set, val_set = draw_faces(examples, most, seed), faces_of(examples, "val")
    for split, members in (("train", train_set), ("val", val_set)):
        if not members:
            raise DatasetError(f"{data} holds no {split} pictures with a face in them.")
    train_faces = training_data(network, data, train_set, card.preprocessing)
    if not train_faces.known.any():
        raise ArchitectureError(f"{data} holds no training fake whose change is known.")
    train_mask(network, train_faces, epochs, learning_rate, peak_weight, verdict_weight)
    export_further(network, artifact, out, "attention_arguments", given)
    found = report(Detector(artifact), Detector(out / ARTIFACT), data, val_set)
    (out / "tuned.json").write_text(json.dumps({**found, "arguments": given}, indent=2) + "\n", encoding="utf-8")
    print(json.dumps(found, indent=2))
    print_report_path(out / "tuned.json")
