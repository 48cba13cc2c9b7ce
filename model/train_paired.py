"""Trains a detector: ``python -m model.train_paired ../shared/data --backbone LITE0.weights.h5 --out runs/lite``.

Every batch holds fakes beside their real twins and self-blended fakes beside the photo they were made from. The
attention mask is supervised by the masks of what was changed. The weights kept are those of the epoch whose
running average did best on the validation split.
"""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import keras
import numpy as np
import typer
from numpy.typing import NDArray

from model import runs
from model.architectures import ARCHITECTURES, build
from model.artifact import Card
from model.attention import MASK_LAYER
from model.batches import Batches, Recipe
from model.card_parts import FACE_CROPS
from model.charts import save
from model.cli import run
from model.data_options import FACES, Faces, Sets
from model.dataset import Example, face_crop, index, judged_sets
from model.labels import LABELS
from model.layout import choose_sets
from model.metrics import accuracy, auc
from model.plots import read_history, training_curves
from model.preprocessing import to_input
from model.pretrained import ArchitectureError, load_file
from model.runs import BEST

LICENCE = "Research and demonstration, non-commercial, as the training pictures' licences ask."
DATA_LICENCES = {
    "dfdc": "Facebook Deepfake Detection Challenge face crops, visible swaps, own split; for research",
    "ffhq_stylegan": "FFHQ photographs (CC BY-NC-SA 4.0) and StyleGAN faces (CC BY-NC 4.0)",
    "ciplab": "CIPLAB Real and Fake Face Detection, expert composites; for research",
}
MASKED = ("lite_attention", "efficientnetb7_attention")  # networks with the mask that is supervised here
NORM_CROPS = 170  # of each class of each data set, to measure batch statistics on
FROZEN = ("stem", "stage1", "stage2")  # edges and colours: what ImageNet taught serves here as it is


def freeze(model: keras.Model) -> None:
    """Freeze the first stages, and every batch norm of the backbone: mixed batches would blur its statistics."""
    for layer in model.layers:
        is_norm = isinstance(layer, keras.layers.BatchNormalization)
        if layer.name.startswith(FROZEN) or (is_norm and not layer.name.startswith("attention")):
            layer.trainable = False


def clean_crops(data: Path, training: list[Example], margin: float, seed: int) -> NDArray[np.uint8]:
    """Undegraded training crops ``(N, 256, 256, 3) uint8``, as many of each class of each data set."""
    rng = np.random.default_rng(seed)
    groups: dict[tuple[str, str], list[Example]] = {}
    for example in training:
        if example.box is not None:
            groups.setdefault((example.dataset, example.label), []).append(example)
    crops = [
        face_crop(data, group[row], margin)
        for _, group in sorted(groups.items())
        for row in rng.permutation(len(group))[:NORM_CROPS]
    ]
    return np.stack(crops)


def refresh_attention_norm(model: keras.Model, pixels: NDArray[np.float32]) -> None:
    """Measure the attention block's batch statistics anew, for the weights that the model has now.

    The moving statistics follow the raw weights, while the averaged weights are what is judged and kept: as with
    stochastic weight averaging (Izmailov et al., arXiv 1803.05407), they must be measured again, or the verdict is
    shifted by a whole class. Undegraded crops serve better than training batches, whose blur and noise the product
    does not add: with temperature alone, .34 of unseen real faces were called fake after the former, .42 after the
    latter.

    Args:
        model: its layer ``attention_bn`` is changed in place.
        pixels: training inputs ``(N, S, S, 3) float32``.
    """
    norm = model.get_layer("attention_bn")
    features = keras.Model(model.input, norm.input).predict(pixels, batch_size=64, verbose=0)
    rows = features.reshape(-1, features.shape[-1])
    gamma, beta, _, _ = norm.get_weights()
    norm.set_weights([gamma, beta, rows.mean(axis=0), rows.var(axis=0)])


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Give a model the running average of its weights, and its own weights again at the end."""
    own = [np.array(variable) for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, own, strict=True):
            variable.assign(value)


class KeepBest(keras.callbacks.Callback):
    """Measure the averaged weights on the validation sets after each epoch, log it and save the best ones.

    "Best" is the mean over data sets of AUC, so that a large set does not outvote a small one. After each epoch
    the run's folder holds all that is needed to go on from there.

    Attributes:
        history: the epochs, a row each; those of a stopped run to begin with.
    """

    def __init__(self, inputs: dict[str, tuple[NDArray, NDArray]], norm_pixels: NDArray, out: Path) -> None:
        super().__init__()
        self.inputs = inputs
        self.norm_pixels = norm_pixels
        self.out = out
        self.history: list[dict[str, float]] = []

    @property
    def best(self) -> dict[str, float]:
        """The first epoch with the highest mean AUC."""
        return max(self.history, key=lambda row: row["val_mean_auc"])

    def resume(self, model: keras.Model) -> None:
        """Bring a compiled model, and the history, to where a stopped run was.

        Raises:
            RunError: if the run's state is of another network.
        """
        model.optimizer.build(model.trainable_variables)
        self.history = runs.read_rows(self.out)[: runs.restore_state(self.out, _state(model))]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with averaged(self.model):
            refresh_attention_norm(self.model, self.norm_pixels)
            row = {"epoch": epoch, **(logs or {}), **self._measure()}
            self.history.append(row)
            if self.best is row:
                self.model.save_weights(self.out / BEST)
        runs.write_rows(self.out, self.history)
        runs.write_state(self.out, len(self.history), _state(self.model))
        figures = {key: f"{value:.3f}" for key, value in row.items() if key.startswith("val_")}
        print(f"epoch {epoch}: {figures}", flush=True)

    def _measure(self) -> dict[str, float]:
        row = {}
        for name, (pixels, is_fake) in self.inputs.items():
            outputs = self.model.predict(pixels, batch_size=128, verbose=0)
            p_fake = outputs["probabilities"][:, LABELS.index("Fake")]
            row[f"val_{name}_auc"] = auc(p_fake, is_fake)
            row[f"val_{name}_accuracy"] = accuracy(p_fake, is_fake)
        row["val_mean_auc"] = float(np.mean([row[f"val_{name}_auc"] for name in self.inputs]))
        return row


def _state(model: keras.Model) -> list[keras.Variable]:
    """Everything that training changes: weights, statistics, seeds and the optimizer's memory."""
    return [*model.variables, *model.optimizer.variables]


def compile_model(model: keras.Model, learning_rate: float, total_steps: int, mask_weight: float) -> None:
    """AdamW under a warm-up and cosine schedule; verdict loss plus ``mask_weight`` times the mask's loss."""
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        decay_steps=total_steps,
        alpha=0.01,
        warmup_target=learning_rate,
        warmup_steps=max(1, total_steps // 25),
    )
    averaged_steps = min(500, total_steps * 5 / 16)
    momentum = 1 - 1 / max(averaged_steps, 2)
    optimizer = keras.optimizers.AdamW(schedule, weight_decay=0.02, clipnorm=1.0, use_ema=True, ema_momentum=momentum)
    model.compile(
        optimizer,
        loss={
            "probabilities": keras.losses.CategoricalCrossentropy(label_smoothing=0.02),
            "attention": keras.losses.BinaryCrossentropy(),
        },
        loss_weights={"probabilities": 1.0, "attention": mask_weight},
    )


def train(
    data: Annotated[Path, typer.Argument(help="Data folder: SET/train|val|test/real|fake/*.jpg.")],
    out: Annotated[Path, typer.Option(help="Folder that the run writes.")],
    backbone: Annotated[Path | None, typer.Option(help="ImageNet weights; random start without.")] = None,
    weights: Annotated[Path | None, typer.Option(help="Weights file of an earlier run to go on from.")] = None,
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(MASKED)}.")] = "lite_attention",
    epochs: Annotated[int, typer.Option(min=1, help="Validation happens after each.")] = 40,
    steps: Annotated[int, typer.Option(min=1, help="Batches per epoch.")] = 200,
    learning_rate: Annotated[float, typer.Option(min=0, help="Peak of the cosine schedule.")] = 8e-4,
    mask_weight: Annotated[float, typer.Option(min=0, help="Weight of the attention mask's loss.")] = 0.3,
    twins: Annotated[int, typer.Option(min=0, help="Fakes with their real twins in a batch.")] = Recipe.twins,
    singles: Annotated[
        int, typer.Option(min=0, help="Of each class and set without twins in a batch.")
    ] = Recipe.singles,
    self_blended: Annotated[int, typer.Option(min=0, help="Self-blended fakes in a batch.")] = Recipe.self_blended,
    seed: Annotated[int, typer.Option(help="Decides batches, augmentation and first weights.")] = 0,
    sets: Sets = None,
    faces: Faces = FACES,
) -> None:
    """Train a detector on real and fake face pictures and keep the best validation epoch."""
    given = dict(locals())
    # A folder's name says enough; the rest of its path is the trainer's own business.
    arguments = {key: value.name if isinstance(value, Path) else value for key, value in given.items()}
    runs.check_arguments(out, arguments, free=())  # before minutes go by looking for faces
    keras.utils.set_random_seed(seed)
    model = build(architecture, backbone)
    if MASK_LAYER not in {layer.name for layer in model.layers}:
        raise ArchitectureError(f"{architecture} has no attention mask to train; choose {' or '.join(MASKED)}.")
    if weights is not None:
        load_file(model, weights)
    examples = choose_sets(data, index(data, faces), sets)
    runs.write_arguments(out, arguments, free=())
    freeze(model)
    compile_model(model, learning_rate, epochs * steps, mask_weight)
    preprocessing = ARCHITECTURES[architecture].preprocessing
    grid = tuple(model.get_layer(MASK_LAYER).output.shape[1:3])
    training = [example for example in examples if example.split == "train"]
    batches = Batches(data, training, preprocessing, grid, steps, seed, Recipe(twins, singles, self_blended))
    crops = judged_sets(data, examples, "val", preprocessing.crop_margin)
    inputs = {name: (to_input(pixels, preprocessing), is_fake) for name, (pixels, is_fake) in crops.items()}
    clean = clean_crops(data, training, preprocessing.crop_margin, seed)
    keep_best = KeepBest(inputs, to_input(clean, preprocessing), out)
    keep_best.resume(model)
    batches.epoch = done = len(keep_best.history)
    if done < epochs:
        model.fit(batches, initial_epoch=done, epochs=epochs, callbacks=[keep_best], verbose=2, shuffle=False)
    save(training_curves(read_history(out / runs.HISTORY), architecture), out / runs.CURVES)
    best = int(keep_best.best["epoch"])
    if runs.exported_epoch(out) != best:  # what holds the best epoch already may have been calibrated since
        export(architecture, out, arguments, sorted({example.dataset for example in training}), best)


def export(architecture: str, folder: Path, arguments: dict[str, Any], sets: Iterable[str], epoch: int) -> Card:
    """Write the run's best weights as the model folder ``artifact`` in the run's folder, not yet calibrated."""
    data = {name: DATA_LICENCES.get(name, "as its owner says") for name in sets}
    record = {"data": data, "pictures": FACE_CROPS, "arguments": arguments, runs.BEST_EPOCH: epoch}
    return runs.export(architecture, folder, LICENCE, record)


if __name__ == "__main__":
    run(train)
