"""Measures and saves a paired training after each epoch."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from numpy.typing import NDArray

from model.artifact.preprocessing import LABELS, Preprocessing
from model.data.dataset import face_crop, face_crops
from model.data.layout import Example
from model.errors import DatasetError
from model.evaluation.metrics import accuracy, auc
from model.training import runs
from model.training.runs import BEST

UNSEEN = "unseen"  # name of the set of all sources that were left out of training
UNSEEN_EACH = 250  # pictures of each of these sources
NORM_CROPS = 170  # crops of each class of each data set, to measure batch statistics on


def clean_crops(data: Path, training: list[Example], margin: float, seed: int) -> NDArray[np.uint8]:
    """Undegraded training crops ``(N, 256, 256, 3) uint8``, ``NORM_CROPS`` or all of each class of each data set."""
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
    """Measure the attention block's batch statistics again, for the model's current weights.

    The moving statistics belong to the raw weights, but the averaged weights are evaluated and kept. As with stochastic
    weight averaging (Izmailov et al., arXiv 1803.05407), the statistics must be measured again, or the verdict shifts
    by a whole class. Use undegraded crops: training batches contain blur and noise that the product does not add. With
    temperature calibration only, 34% of unseen real faces were called fake with undegraded crops, 42% with training
    batches.

    Args:
        model: its layer ``attention_bn`` is changed in place.
        pixels: training inputs ``(N, S, S, 3) float32``.
    """
    norm = model.get_layer("attention_bn")
    features = keras.Model(model.input, norm.input).predict(pixels, batch_size=64, verbose=0)
    rows = features.reshape(-1, features.shape[-1])
    gamma, beta, _, _ = norm.get_weights()
    norm.set_weights([gamma, beta, rows.mean(axis=0), rows.var(axis=0)])


def freeze_attention_norm(model: keras.Model, pixels: NDArray[np.float32]) -> None:
    """Measure the attention block's batch statistics on ``pixels`` (see ``refresh_attention_norm``) and freeze them.

    This suits a network with normalised features, such as ``clip_attention``: its statistics change
    little, and training uses the same ones as the product.
    """
    refresh_attention_norm(model, pixels)
    model.get_layer("attention_bn").trainable = False


@contextmanager
def averaged(model: keras.Model) -> Iterator[None]:
    """Set a model's weights to their moving average inside the context; restore the raw weights afterwards."""
    own = [variable.numpy() for variable in model.trainable_variables]
    model.optimizer.finalize_variable_values(model.trainable_variables)
    try:
        yield
    finally:
        for variable, value in zip(model.trainable_variables, own, strict=True):
            variable.assign(value)


class KeepBest(keras.callbacks.Callback):
    """Measure the averaged weights on the validation sets after each epoch, log the result and save the best weights.

    The best epoch has the highest AUC on the unseen sources, if these contain both classes. Otherwise it has the
    highest mean AUC over the data sets, in which large and small sets count equally. After each epoch the run's folder
    holds everything that is needed to resume.

    Attributes:
        history: one row per epoch; after ``resume``, it starts with those of the stopped run.
    """

    def __init__(self, inputs: dict[str, tuple[NDArray, NDArray]], norm_pixels: NDArray | None, out: Path) -> None:
        super().__init__()
        self.inputs = inputs
        self.norm_pixels = norm_pixels
        self.out = out
        self.history: list[dict[str, float]] = []

    @property
    def best(self) -> dict[str, float]:
        """The first epoch with the highest AUC on unseen sources or, without it, the highest mean AUC."""
        return max(self.history, key=lambda row: row.get(f"val_{UNSEEN}_auc", row["val_mean_auc"]))

    def resume(self, model: keras.Model) -> None:
        """Restore a compiled model and the history from a stopped run, if there is one.

        Raises:
            RunError: if the run's state belongs to another network or optimizer.
        """
        model.optimizer.build(model.trainable_variables)
        self.history = runs.read_rows(self.out)[: runs.restore_state(self.out, _state(model))]

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        with averaged(self.model):
            if self.norm_pixels is not None:
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
            if 0 < is_fake.sum() < len(is_fake):
                row[f"val_{name}_auc"] = auc(p_fake, is_fake)
            row[f"val_{name}_accuracy"] = accuracy(p_fake, is_fake)
        seen = [value for key, value in row.items() if key.endswith("_auc") and key != f"val_{UNSEEN}_auc"]
        row["val_mean_auc"] = float(np.mean(seen or [row[f"val_{UNSEEN}_auc"]]))
        return row


def _state(model: keras.Model) -> list[keras.Variable]:
    """Everything that training changes: weights, batch statistics, seeds and the optimizer's state."""
    return [*model.variables, *model.optimizer.variables]


def validation_sets(
    data: Path, seen: list[Example], unseen: list[Example], preprocessing: Preprocessing
) -> dict[str, tuple[NDArray[np.uint8], NDArray[np.bool_]]]:
    """Crops ``(N, 256, 256, 3) uint8`` and ``is_fake (N,) bool`` to measure on after each epoch, by set.

    These are the validation pictures of each data set, and the unseen sources together as the set ``UNSEEN``, because a
    single source often has only one class. Of each unseen source, at most ``UNSEEN_EACH`` examples with a face count,
    drawn with a fixed seed: the first ones by path would all be fakes.

    Raises:
        DatasetError: if neither a data set nor the unseen sources together hold both classes.
    """
    margin = preprocessing.crop_margin
    sets = face_crops(data, seen, "val", margin)
    groups: dict[str, list[Example]] = {}
    for example in unseen:
        if example.box is not None:
            groups.setdefault(example.dataset, []).append(example)
    rng = np.random.default_rng(0)
    if members := [
        group[row] for _, group in sorted(groups.items()) for row in sorted(rng.permutation(len(group))[:UNSEEN_EACH])
    ]:
        pixels = np.stack([face_crop(data, example, margin) for example in members])
        sets[UNSEEN] = (pixels, np.array([example.label == "Fake" for example in members]))
    if not any(0 < is_fake.sum() < len(is_fake) for _, is_fake in sets.values()):
        raise DatasetError(f"{data} holds no validation pictures of both classes with a face in them.")
    return sets


def compile_model(model: keras.Model, learning_rate: float, total_steps: int, mask_weight: float) -> None:
    """Compile with AdamW, warm-up, cosine schedule, ``losses`` and a moving average of the weights."""
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
    model.compile(optimizer, **losses(mask_weight))


def losses(mask_weight: float) -> dict[str, dict[str, Any]]:
    """Arguments of ``keras.Model.compile``: the verdict's cross-entropy plus ``mask_weight`` times the mask's."""
    return {
        "loss": {
            "probabilities": keras.losses.CategoricalCrossentropy(label_smoothing=0.02),
            "attention": keras.losses.BinaryCrossentropy(),
        },
        "loss_weights": {"probabilities": 1.0, "attention": mask_weight},
    }
