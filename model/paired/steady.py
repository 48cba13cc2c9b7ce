"""Trains a network to give one answer for all harmless versions: ``python -m model train_steady MODEL DATA``.

Each training picture has several versions: compressed, resampled, blurred, shifted, scaled, mirrored. The target of all
of them is the mean of the network's own answers, mixed with the true label. Only layers after the second stage learn,
from that stage's features, which are computed once.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import cv2
import numpy as np
import typer
from numpy.typing import NDArray
from tqdm import tqdm

from model.artifact.card import ARTIFACT, CARD, named_after, read_card
from model.artifact.preprocessing import LABELS, Preprocessing, to_input
from model.cli import recorded
from model.data.dataset import face_crop, find_faces_to_train
from model.data.layout import Example, leave_out_sets
from model.data.options import FACES, Faces, LeaveOut, Sets
from model.data.split import split_of_run
from model.errors import ArchitectureError, DatasetError
from model.networks.export import load_keras
from model.photos.degrade import compress, degrade, rescale
from model.training import runs

if TYPE_CHECKING:
    import keras

CUT = "stage2_block2_add"  # the last frozen layer
SHIFT, GROWTH = 0.04, 0.03  # shares of the crop's side
QUALITIES, SIZES, SIGMAS = (70, 96), (0.6, 1.0), (0.4, 0.9)
MIXED, DEGRADED = 0.4, 0.25  # shares of the pictures
BATCH_SIZE = 64


def draw_balanced(examples: Sequence[Example], most: int, seed: int) -> list[Example]:
    """At most ``most`` pictures with a face, as many real ones as fakes, evenly from all sources of a class."""
    rng = np.random.default_rng(seed)
    chosen = []
    for label in LABELS:
        groups: dict[str, list[Example]] = defaultdict(list)
        for example in examples:
            if example.label == label and example.box is not None:
                groups[example.dataset].append(example)
        queues = [[group[row] for row in rng.permutation(len(group))] for _, group in sorted(groups.items())]
        turns = range(max(map(len, queues), default=0))
        chosen += [queue[turn] for turn in turns for queue in queues if turn < len(queue)][: most // 2]
    return chosen


def versions_of(pixels: NDArray[np.uint8], rng: np.random.Generator) -> list[NDArray[np.uint8]]:
    """Six harmless versions of a crop: as it is, compressed (two), resampled (two) and blurred.

    Each is shifted and scaled, and every second one is mirrored.
    """
    side = pixels.shape[0]
    processed = [
        pixels,
        *(compress(pixels, int(rng.integers(*QUALITIES))) for _ in range(2)),
        *(rescale(pixels, round(side * rng.uniform(*SIZES))) for _ in range(2)),
        np.asarray(cv2.GaussianBlur(pixels, (0, 0), rng.uniform(*SIGMAS)), dtype=np.uint8),
    ]
    return [_moved(picture, bool(turn % 2), rng) for turn, picture in enumerate(processed)]


def _moved(pixels: NDArray[np.uint8], mirrored: bool, rng: np.random.Generator) -> NDArray[np.uint8]:
    side = pixels.shape[0]
    growth = 1 + rng.uniform(-GROWTH, GROWTH)
    shift = rng.uniform(-SHIFT, SHIFT, 2) * side + (1 - growth) * side / 2
    move = np.array([[growth, 0, shift[0]], [0, growth, shift[1]]])
    moved = cv2.warpAffine(pixels, move, (side, side), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.asarray(moved[:, ::-1] if mirrored else moved, dtype=np.uint8)


@dataclass(frozen=True, eq=False)
class TrainingData:
    """What the layers learn from: all versions of ``N`` pictures, one after the other.

    Attributes:
        features: of the last frozen layer, ``(6 N, h, w, C) float16``.
        targets: probabilities ``(6 N, 2) float32`` in the order of ``LABELS``, the same for all versions of a picture.
        masks: the network's own attention masks, ``(6 N, h, w, 1) float32``.
    """

    features: NDArray[np.float16]
    targets: NDArray[np.float32]
    masks: NDArray[np.float32]


def own_target(probabilities: NDArray[np.float32], p_fake: float, own_share: float) -> NDArray[np.float32]:
    """The target of a picture, ``(2,)``: the mean answer to its versions, as log odds, mixed with the true label.

    Args:
        probabilities: the network's, ``(V, 2)``.
        p_fake: of the true label, 0..1.
        own_share: weight of the network's own answer, 0..1.
    """
    p = np.clip(probabilities[:, LABELS.index("Fake")].astype(np.float64), 1e-6, 1 - 1e-6)
    mean = 1 / (1 + np.exp(-np.log(p / (1 - p)).mean()))
    target = own_share * mean + (1 - own_share) * p_fake
    return np.array([target if label == "Fake" else 1 - target for label in LABELS], np.float32)


def training_data(
    network: "keras.Model",
    data: Path,
    examples: Sequence[Example],
    preprocessing: Preprocessing,
    own_share: float,
    seed: int,
) -> TrainingData:
    """Features, targets and masks of all versions of the examples' pictures, some mixed with another or degraded."""
    import keras

    whole = keras.Model(network.input, [network.get_layer(CUT).output, *network.output.values()])
    names = list(network.output)
    features, targets, masks = [], [], []
    rng = np.random.default_rng(seed)
    crops = [face_crop(data, example, preprocessing.crop_margin) for example in tqdm(examples, "reading")]
    for row in tqdm(range(len(examples)), "features"):
        pixels, p_fake = crops[row], float(examples[row].label == "Fake")
        if rng.random() < MIXED:  # mixup (arXiv 1710.09412)
            other, share = int(rng.integers(len(crops))), float(rng.beta(0.4, 0.4))
            pixels = np.asarray(cv2.addWeighted(pixels, share, crops[other], 1 - share, 0), dtype=np.uint8)
            p_fake = share * p_fake + (1 - share) * float(examples[other].label == "Fake")
        if rng.random() < DEGRADED:
            pixels = degrade(pixels, int(rng.integers(2**31)))
        shown = np.stack(versions_of(pixels, rng))
        cut, *outputs = whole.predict_on_batch(to_input(shown, preprocessing))
        answer = dict(zip(names, outputs, strict=True))
        features.append(cut.astype(np.float16))
        targets.append(np.tile(own_target(answer["probabilities"], p_fake, own_share), (len(shown), 1)))
        masks.append(answer["attention"])
    return TrainingData(np.concatenate(features), np.concatenate(targets), np.concatenate(masks))


def train_steady(
    model: Annotated[Path, typer.Argument(help="Model folder to start from; it stays as it is.")],
    data: Annotated[Path, typer.Argument(help="Data folder: SET/train|val|test/real|fake/*.jpg.")],
    out: Annotated[Path, typer.Option(help="Folder that the run writes; the new model folder in it is `artifact`.")],
    most: Annotated[int, typer.Option(min=2, help="Largest number of training pictures.")] = 1500,
    own_share: Annotated[float, typer.Option(min=0, max=1, help="Weight of the model's own mean answer.")] = 0.75,
    epochs: Annotated[int, typer.Option(min=1, help="Passes over all versions of all pictures.")] = 3,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak of the cosine schedule.")] = 4e-4,
    mask_weight: Annotated[float, typer.Option(min=0, help="Weight of the attention mask's loss.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Decides the pictures, their versions and their order.")] = 0,
    sets: Sets = None,
    leave_out: LeaveOut = None,
    faces: Faces = FACES,
) -> None:
    """Train a model to give one answer for all harmless versions of a picture. Calibrate the result afterwards."""
    given = recorded(locals())
    given["model"] = named_after(model).name
    import keras

    from model.paired.epochs import validation_sets

    if model.resolve() == (out / ARTIFACT).resolve():
        raise ArchitectureError(f"{out} is the run that {model} belongs to; choose another folder.")
    runs.check_arguments(out, given, free=())  # before the slow search for faces
    if len(runs.read_rows(out)) >= epochs and (out / ARTIFACT / CARD).is_file():
        print(f"{out / ARTIFACT} is complete and stays as it is: it may have been calibrated.")
        return
    keras.utils.set_random_seed(seed)
    card, network = read_card(model), load_keras(model)
    if CUT not in {layer.name for layer in network.layers}:
        raise ArchitectureError(f"{model} has no EfficientNet-Lite0 in it: only lite_attention can be trained so.")
    examples = split_of_run(model, find_faces_to_train(data, sets, leave_out, faces))
    runs.write_arguments(out, given, free=())
    known = leave_out_sets(data, examples, leave_out)
    train_set = draw_balanced([example for example in known if example.split == "train"], most, seed)
    if not train_set:
        raise DatasetError(f"{data} holds no training pictures with a face in them.")
    versions = training_data(network, data, train_set, card.preprocessing, own_share, seed)
    left_out = [example for example in examples if example.dataset in (leave_out or ())]
    crops = validation_sets(data, known, left_out, card.preprocessing)
    fit(network, card.preprocessing, versions, crops, out, epochs, learning_rate, mask_weight)
    runs.export_further(network, model, out, "steady_arguments", given)
    print(f"Wrote {out / ARTIFACT}, not yet calibrated.")


def fit(
    network: "keras.Model",
    preprocessing: Preprocessing,
    versions: TrainingData,
    crops: Mapping[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]],
    out: Path,
    epochs: int,
    learning_rate: float,
    mask_weight: float,
) -> None:
    """Train the layers after ``CUT``, or resume a stopped run, and set the network to the weights of its best epoch.

    Args:
        network: changed in place.
        preprocessing: the input that the network expects.
        versions: what the layers learn from.
        crops: of each validation set, see ``model.paired.epochs.validation_sets``.
        out: the run's folder.
        epochs: passes over the versions.
        learning_rate: peak of the cosine schedule.
        mask_weight: weight of the attention mask's loss.
    """
    import keras

    from model.paired.epochs import KeepBest, compile_model

    cut = network.get_layer(CUT).output
    trunk = keras.Model(network.input, cut)
    features = {
        name: (trunk.predict(to_input(pixels, preprocessing), batch_size=BATCH_SIZE, verbose=0), is_fake)
        for name, (pixels, is_fake) in crops.items()
    }
    prepare_layers(network)
    head = keras.Model(cut, network.output)
    compile_model(head, learning_rate, epochs * -(-len(versions.features) // BATCH_SIZE), mask_weight)
    keep_best = KeepBest(features, None, out)
    keep_best.resume(head)
    done = len(keep_best.history)
    if done < epochs:
        targets = {"probabilities": versions.targets, "attention": versions.masks}
        options = {"initial_epoch": done, "epochs": epochs, "callbacks": [keep_best], "verbose": 2}
        head.fit(versions.features, targets, batch_size=BATCH_SIZE, **options)
    head.load_weights(out / runs.BEST)


def prepare_layers(network: "keras.Model") -> None:
    """Freeze what does not learn, and halve the dropout: the targets are soft already."""
    import keras

    from model.paired.start import freeze

    freeze(network, norms=True)
    for layer in network.layers:
        if isinstance(layer, keras.layers.Dropout):
            layer.rate /= 2
