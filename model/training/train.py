"""Trains any registered network on any folder: ``python -m model train DATA --out runs/cnn --architecture cnn``.

The data folder holds ``Real/`` and ``Fake/``, or split folders that contain them. The run keeps the weights of the
epoch with the lowest validation loss. The same command resumes a stopped run. With ``--strategy multiworker`` it runs
on the machines that ``TF_CONFIG`` names. (``python -m model train_paired`` trained the shipped model.)
"""

import hashlib
import json
import logging
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from model.artifact import card
from model.artifact.facts import FACE_CROPS, WHOLE
from model.artifact.preprocessing import LABELS
from model.cli import recorded
from model.data.dataset import gather
from model.data.layout import Example
from model.data.options import FACES, Faces, GroupPattern, RemoveLeaks, Sets, WholePictures, grouping
from model.data.split import is_assigned, write_split
from model.errors import DatasetError, PretrainedError
from model.evaluation.plots import read_history, training_curves
from model.evaluation.reports import save
from model.networks.registry import ARCHITECTURES, build
from model.training import runs
from model.training.arguments import OPTIMIZERS, Training, start_from

if TYPE_CHECKING:
    import keras

    from model.training.epochs import OnEpoch

log = logging.getLogger(__name__)
LICENCE = "As the training pictures' licences ask."
DATA_LICENCE = "As its owner says."


@dataclass(frozen=True)
class Result:
    """The result of a training: measures of its best epoch and the model folder.

    Attributes:
        val_loss: mean cross-entropy on the validation pictures.
        val_accuracy: share of validation pictures classified correctly at threshold 0.5.
        val_auc: area under the ROC curve on the validation pictures.
        best_epoch: number of the epoch of the kept weights, from 1.
        epochs: number of epochs that were run.
        seconds: duration of all epochs with validation.
        parameters: number of the network's parameters.
        artifact: the model folder.
        start: the first weights that were really used: ``ImageNet``, ``random`` or a file's name.
    """

    val_loss: float
    val_accuracy: float
    val_auc: float
    best_epoch: int
    epochs: int
    seconds: float
    parameters: int
    artifact: Path
    start: str


def fit(
    data: Path,
    examples: Sequence[Example],
    training: Training,
    out: Path,
    on_epoch: "OnEpoch | None" = None,
    options: Mapping[str, Any] | None = None,
) -> Result:
    """Train a network, or resume a stopped training.

    If the split was drawn, the run's folder and its model folder store it, see ``model.data.split.split_of_run``.
    Under ``multiworker`` only the chief writes files, and a run can be resumed only if all machines see ``out``.

    Args:
        data: the data folder.
        examples: see ``model.data.dataset.gather``; ``train`` and ``val`` are used, and all splits are stored.
        training: the training arguments.
        out: the run's folder; created if missing.
        on_epoch: called with each row of the history after it is written.
        options: the options that chose the examples, recorded with the arguments.

    Raises:
        DatasetError: if a split has pictures of one class only, no face was found, or several devices get fewer
            training pictures than one batch.
        TrainingError: if the strategy or the batch size is not possible, or the loss is not finite.
        RunError: if ``out`` holds a run with other arguments.
        ArchitectureError: if the weights file to start from does not fit.
    """
    import keras

    from model.training.epochs import Epochs
    from model.training.loop import Loop, is_chief, make_strategy, precision

    strategy = make_strategy(training.strategy)
    train_set, val_set = (_of_split(examples, split, training.faces) for split in ("train", "val"))
    arguments = {**_arguments(data, training), **(options or {}), **_pictures(train_set, val_set)}
    runs.check_arguments(out, arguments)
    chief = is_chief(strategy)
    keras.utils.set_random_seed(training.seed)
    mixed = training.mixed_precision and _has_gpu()
    with strategy.scope(), precision(mixed):
        model, arguments[runs.START] = _start(training, out)
        optimizer = OPTIMIZERS[training.optimizer](training.learning_rate)
        if mixed:
            optimizer = keras.optimizers.LossScaleOptimizer(optimizer)
    loop = Loop(model, optimizer, strategy, training.batch_size)
    if len(train_set) < loop.multiple_of:
        raise DatasetError(f"{data} holds {len(train_set)} pictures to train on, fewer than a batch.")
    if chief:
        runs.write_arguments(out, arguments)
        if is_assigned(examples):
            write_split(out, examples)
    epochs = Epochs(loop, data, train_set, val_set, training, out, chief)
    epochs.run(on_epoch)
    if chief:
        _write_result(training, out, train_set, int(epochs.best["epoch"]), arguments)
    return Result(
        val_loss=epochs.best["val_loss"],
        val_accuracy=epochs.best["val_accuracy"],
        val_auc=epochs.best["val_auc"],
        best_epoch=int(epochs.best["epoch"]),
        epochs=len(epochs.rows),
        seconds=sum(row["seconds"] for row in epochs.rows),
        parameters=model.count_params(),
        artifact=out / card.ARTIFACT,
        start=arguments[runs.START],
    )


def _start(training: Training, out: Path) -> tuple["keras.Model", str]:
    """The network and the name of its first weights: the requested ones, or random ones if ImageNet's are unavailable.

    For a resumed run nothing is loaded here, because its saved state contains all weights.
    """
    before = runs.read_arguments(out)
    if (out / runs.STATE).exists() and runs.START in before:
        return build(training.architecture), before[runs.START]
    try:
        network = build(training.architecture, training.pretrained)
    except PretrainedError as error:
        log.warning("%s Starting at random.", error)
        return build(training.architecture), "random"
    if isinstance(training.pretrained, Path):
        return network, training.pretrained.name
    return network, "random" if training.pretrained is None else "ImageNet"


def _write_result(
    training: Training, out: Path, train_set: Sequence[Example], best_epoch: int, arguments: Mapping[str, Any]
) -> None:
    """Draw the run's curves, and write its model folder."""
    save(training_curves(read_history(out / runs.HISTORY), training.architecture), out / runs.CURVES)
    sets = dict.fromkeys(sorted({example.dataset for example in train_set}), DATA_LICENCE)
    view = FACE_CROPS if training.faces else WHOLE
    record = {"data": sets, "pictures": view, runs.BEST_EPOCH: best_epoch, "arguments": arguments}
    runs.export(training.architecture, out, LICENCE, record)


def _of_split(examples: Sequence[Example], split: str, faces: bool) -> list[Example]:
    """The pictures of a split: with ``faces`` only those with a face, otherwise all, with ``box`` set to None.

    Raises:
        DatasetError: if a class is missing, or if ``faces`` is set and no face was found.
    """
    if faces and all(example.box is None for example in examples):
        raise DatasetError("No face was found in any picture; --whole-pictures learns from pictures as they are.")
    kept = [example for example in examples if example.split == split and (example.box is not None or not faces)]
    if not faces:
        kept = [replace(example, box=None, landmarks=()) for example in kept]
    missing = set(LABELS) - {example.label for example in kept}
    if missing:
        raise DatasetError(f"There are no {split} pictures of the class {' or '.join(sorted(missing))}.")
    return kept


def _arguments(data: Path, training: Training) -> dict[str, Any]:
    return recorded({**asdict(training), "data": data})


def _pictures(train_set: Sequence[Example], val_set: Sequence[Example]) -> dict[str, Any]:
    """The number of pictures, and a digest of their paths and splits."""
    sides = sorted((example.path, example.split) for example in (*train_set, *val_set))
    digest = hashlib.sha256(json.dumps(sides).encode()).hexdigest()
    return {"pictures": {"train": len(train_set), "val": len(val_set)}, "split": digest}


def _has_gpu() -> bool:
    import tensorflow as tf

    if tf.config.list_physical_devices("GPU"):
        return True
    log.warning("Mixed precision gains nothing without a GPU: training in float32.")
    return False


def train(
    data: Annotated[Path, typer.Argument(help="Folder with Real/ and Fake/, or with train/, val/ and test/ of them.")],
    out: Annotated[Path, typer.Option(help="Folder of the run; if it holds a stopped run, that continues.")],
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(ARCHITECTURES)}.")] = "cnn",
    pretrained: Annotated[
        str, typer.Option(help="imagenet to download weights, the path of a weights file, or none.")
    ] = "none",
    optimizer: Annotated[str, typer.Option(help="adam, or sgd with Nesterov momentum.")] = "adam",
    learning_rate: Annotated[
        float, typer.Option(help="At the start; halved when the validation loss stops falling.")
    ] = 1e-3,
    batch_size: Annotated[int, typer.Option(min=1, help="Pictures per step, over all devices.")] = 32,
    epochs: Annotated[int, typer.Option(min=1, help="Largest number of epochs.")] = 10,
    patience: Annotated[int, typer.Option(min=1, help="Epochs without a better validation loss before the end.")] = 4,
    augment: Annotated[bool, typer.Option(help="Degrade and mirror training pictures at random.")] = False,
    mixed_precision: Annotated[bool, typer.Option(help="Compute in float16 if there is a GPU.")] = False,
    strategy: Annotated[
        str,
        typer.Option(help="none, mirrored (all GPUs of this machine), or multiworker (the machines of TF_CONFIG)."),
    ] = "none",
    sets: Sets = None,
    whole_pictures: WholePictures = False,
    faces: Faces = FACES,
    group_pattern: GroupPattern = None,
    remove_leaks: RemoveLeaks = False,
    seed: Annotated[int, typer.Option(help="Decides split, first weights, order and augmentation.")] = 0,
) -> None:
    """Train a network to classify real and fake, and keep its best epoch as a model folder."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    training = Training(
        architecture=architecture,
        optimizer=optimizer,
        learning_rate=learning_rate,
        batch_size=batch_size,
        epochs=epochs,
        augment=augment,
        mixed_precision=mixed_precision,
        strategy=strategy,
        pretrained=start_from(pretrained),
        seed=seed,
        patience=patience,
        faces=not whole_pictures,
    )
    options = {"sets": sets, "group_pattern": group_pattern, "remove_leaks": remove_leaks}
    runs.check_arguments(out, {**_arguments(data, training), **options})  # before the slow search for faces
    examples = gather(data, None if whole_pictures else faces, seed, sets, grouping(group_pattern), remove_leaks)
    result = fit(data, examples, training, out, _print_row, options)
    print(json.dumps({**asdict(result), "artifact": str(result.artifact)}, indent=2))


def _print_row(row: Mapping[str, float]) -> None:
    print(", ".join(f"{name} {value:.4g}" for name, value in row.items()), flush=True)
