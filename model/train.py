"""Trains a detector: ``python -m model.train ../shared/data --backbone LITE0.weights.h5 --out runs/lite``.

Every batch holds fakes beside their real twins and self-blended fakes beside the photo that they were made from.
The attention mask is supervised by the masks of what was changed. The weights kept are those of the epoch whose
running average did best on the validation split.
"""

import csv
import json
import platform
from importlib.metadata import version
from pathlib import Path
from typing import Annotated

import keras
import numpy as np
import typer
from numpy.typing import NDArray

from model.architectures import ARCHITECTURES, LABELS, build
from model.batches import Batches, face_crop, to_input
from model.dataset import Example, index
from model.metrics import accuracy, auc

FROZEN = ("stem", "stage1", "stage2")  # edges and colours: what ImageNet taught serves here as it is


def freeze(model: keras.Model) -> None:
    """Freeze the first stages and every batch norm of the backbone, whose statistics small batches would blur."""
    for layer in model.layers:
        is_backbone_norm = isinstance(layer, keras.layers.BatchNormalization) and "attention" not in layer.name
        if layer.name.startswith(FROZEN) or is_backbone_norm:
            layer.trainable = False


def validation_crops(root: Path, examples: list[Example], split: str) -> dict[str, tuple[NDArray, NDArray]]:
    """Crops ``(N, 256, 256, 3) uint8`` and ``is_fake (N,) bool`` of each data set that has both classes."""
    members: dict[str, list[Example]] = {}
    for example in examples:
        if example.split == split and example.box is not None:
            members.setdefault(example.dataset, []).append(example)
    return {
        name: (np.stack([face_crop(root, e) for e in group]), np.array([e.label == "Fake" for e in group]))
        for name, group in sorted(members.items())
        if len({e.label for e in group}) == 2
    }


class KeepBest(keras.callbacks.Callback):
    """Measure the validation sets after each epoch, log them and save the weights that did best.

    "Best" is the mean over data sets of AUC, so that a large set does not outvote a small one.
    """

    def __init__(self, inputs: dict[str, tuple[NDArray, NDArray]], out: Path, history: list[dict]) -> None:
        super().__init__()
        self.inputs = inputs
        self.out = out
        self.history = history

    def on_epoch_end(self, epoch: int, logs: dict | None = None) -> None:
        row: dict[str, float] = {"epoch": epoch, **(logs or {})}
        for name, (pixels, is_fake) in self.inputs.items():
            outputs = self.model.predict(pixels, batch_size=128, verbose=0)
            p_fake = outputs["probabilities"][:, LABELS.index("Fake")]
            row[f"{name}_auc"] = auc(p_fake, is_fake)
            row[f"{name}_accuracy"] = accuracy(p_fake, is_fake)
        row["mean_auc"] = float(np.mean([row[f"{name}_auc"] for name in self.inputs]))
        if row["mean_auc"] > max((past["mean_auc"] for past in self.history), default=0.0):
            self.model.save_weights(self.out / "best.weights.h5")
        self.history.append(row)
        with (self.out / "history.csv").open("w", newline="") as file:
            writer = csv.DictWriter(file, fieldnames=list(row))
            writer.writeheader()
            writer.writerows(self.history)
        figures = {key: f"{value:.3f}" for key, value in row.items() if key.endswith(("auc", "accuracy"))}
        print(f"epoch {epoch}: {figures}", flush=True)


def compile_model(model: keras.Model, learning_rate: float, total_steps: int, mask_weight: float) -> None:
    """AdamW under a warm-up and cosine schedule; verdict loss plus ``mask_weight`` times the mask's loss."""
    schedule = keras.optimizers.schedules.CosineDecay(
        learning_rate / 20,
        decay_steps=total_steps,
        alpha=0.01,
        warmup_target=learning_rate,
        warmup_steps=max(1, total_steps // 25),
    )
    optimizer = keras.optimizers.AdamW(
        schedule, weight_decay=0.02, clipnorm=1.0, use_ema=True, ema_momentum=0.998
    )
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
    architecture: Annotated[str, typer.Option(help=f"One of {', '.join(ARCHITECTURES)}.")] = "lite_attention",
    epochs: Annotated[int, typer.Option(help="Validation happens after each.")] = 40,
    steps: Annotated[int, typer.Option(help="Batches per epoch.")] = 200,
    learning_rate: Annotated[float, typer.Option(help="Peak of the cosine schedule.")] = 8e-4,
    mask_weight: Annotated[float, typer.Option(help="Weight of the attention mask's loss.")] = 0.3,
    seed: Annotated[int, typer.Option(help="Decides batches, augmentation and first weights.")] = 0,
    faces: Annotated[Path, typer.Option(help="Where found faces are remembered.")] = Path("runs/faces.json"),
) -> None:
    """Train a detector on real and fake face pictures and keep the best validation epoch."""
    arguments = {key: str(value) for key, value in locals().items()}
    keras.utils.set_random_seed(seed)
    out.mkdir(parents=True, exist_ok=True)
    versions = {name: version(name) for name in ("keras", "numpy", "opencv-python-headless")}
    versions["python"] = platform.python_version()
    (out / "arguments.json").write_text(json.dumps({**arguments, "versions": versions}, indent=2))
    examples = index(data, faces)
    model = build(architecture, backbone)
    freeze(model)
    compile_model(model, learning_rate, epochs * steps, mask_weight)
    facts = ARCHITECTURES[architecture]
    grid = tuple(model.get_layer("attention_mask").output.shape[1:3])
    training = [example for example in examples if example.split == "train"]
    batches = Batches(data, training, facts, grid, steps, seed)
    crops = validation_crops(data, examples, "val")
    inputs = {name: (to_input(pixels, facts), is_fake) for name, (pixels, is_fake) in crops.items()}
    keep_best = KeepBest(inputs, out, [])
    # Order matters: the averaged weights must be in place when the epoch is measured.
    callbacks = [keras.callbacks.SwapEMAWeights(swap_on_epoch=True), keep_best]
    model.fit(batches, epochs=epochs, callbacks=callbacks, verbose=2, shuffle=False)


if __name__ == "__main__":
    typer.run(train)
