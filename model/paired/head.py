"""Trains only the head of ``clip_attention``, before head and tower are trained together.

The gradients of a head with random weights would distort the tower's pretrained features. A head that is trained first,
on fixed features, changes them less, and the network generalises better (Kumar et al., arXiv 2202.10054).
"""

from dataclasses import replace

import keras
import numpy as np
from numpy.typing import NDArray

from model.networks.clip_attention import features_only, give_verdict, verdict_on_features
from model.networks.clip_tower import VIT_B16
from model.paired.batches import Batches
from model.paired.epochs import losses

EPOCHS = 8  # more epochs overfit: AUC on left-out sources falls
BATCH = 128
LEARNING_RATE = 2e-3
WEIGHT_DECAY = 0.05


class FeatureBatches(keras.utils.PyDataset):
    """Batches of features that are computed only once, with targets and sample weights; shuffled in each epoch."""

    def __init__(self, features: NDArray[np.float16], targets: dict, weights: dict, seed: int) -> None:
        super().__init__()
        self.features = features
        self._known = (targets, weights)
        self.rng = np.random.default_rng(seed)
        self.order = self.rng.permutation(len(features))

    def __len__(self) -> int:
        return len(self.features) // BATCH

    def __getitem__(self, index: int) -> tuple[NDArray[np.float32], dict, dict]:
        rows = np.sort(self.order[index * BATCH : (index + 1) * BATCH])
        targets, weights = ({name: values[rows] for name, values in part.items()} for part in self._known)
        return self.features[rows].astype(np.float32), targets, weights

    def on_epoch_end(self) -> None:
        self.order = self.rng.permutation(len(self.features))


def keep_features(network: keras.Model, batches: Batches, count: int, seed: int) -> FeatureBatches:
    """Compute the features of the first ``count`` batches, stored as float16; 9,600 pictures need 1.5 GB."""
    tower = features_only(network)
    features, targets, weights = [], [], []
    for index in range(count):
        pixels, target, weight = batches[index]
        features.append(tower.predict_on_batch(pixels)["features"].astype(np.float16))
        targets.append(target)
        weights.append(weight)
    return FeatureBatches(np.concatenate(features), _joined(targets), _joined(weights), seed)


def _joined(parts: list[dict]) -> dict[str, NDArray]:
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def train_head(network: keras.Model, kept: FeatureBatches, mask_weight: float) -> None:
    """Train the layers of a ``clip_attention`` that follow its tower; the tower's weights do not change.

    Args:
        network: changed in place; its ``attention_bn`` is frozen and keeps its statistics.
        kept: features, targets and weights to train on.
        mask_weight: weight of the attention mask's loss.
    """
    features = network.get_layer("features").output
    head = verdict_on_features(replace(VIT_B16, input_size=features.shape[1] * VIT_B16.patch, width=features.shape[3]))
    for layer in head.layers:
        if layer.weights:
            layer.set_weights(network.get_layer(layer.name).get_weights())
    head.get_layer("attention_bn").trainable = False
    total = len(kept) * EPOCHS
    schedule = keras.optimizers.schedules.CosineDecay(
        LEARNING_RATE / 20, total, alpha=0.01, warmup_target=LEARNING_RATE, warmup_steps=total // EPOCHS
    )
    head.compile(keras.optimizers.AdamW(schedule, weight_decay=WEIGHT_DECAY, clipnorm=1.0), **losses(mask_weight))
    head.fit(kept, epochs=EPOCHS, verbose=2, shuffle=False)
    give_verdict(network, head)
