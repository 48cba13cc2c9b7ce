"""CLIP's image tower, a vision transformer, cut after some blocks (Radford et al., arXiv 2103.00020)."""

from dataclasses import dataclass

import keras
from keras import layers, ops

LAYER_NORM_EPSILON = 1e-5


@dataclass(frozen=True)
class Tower:
    """Sizes of a vision transformer.

    Attributes:
        input_size: side of the input in pixels, a multiple of ``patch``.
        patch: side of a patch in pixels.
        width: channels of a token.
        heads: attention heads of a block.
        blocks: number of blocks that are kept, from the input on.
    """

    input_size: int = 160
    patch: int = 16
    width: int = 768
    heads: int = 12
    blocks: int = 8

    @property
    def grid(self) -> int:
        """Patches along one side of the input."""
        return self.input_size // self.patch


VIT_B16 = Tower()


@keras.saving.register_keras_serializable(package="whyfake")
class Tokens(layers.Layer):
    """Turn patches into tokens: a class token, the patches row by row, and position embeddings.

    Takes ``(N, h, w, C)`` and returns ``(N, 1 + h * w, C)``. Row 0 of the weight ``positions`` is the class token
    with its position added.
    """

    def build(self, input_shape: tuple[int, ...]) -> None:
        _, height, width, channels = input_shape
        self.positions = self.add_weight(shape=(1 + height * width, channels), name="positions", initializer="normal")

    def call(self, patches: keras.KerasTensor) -> keras.KerasTensor:
        batch, height, width, channels = patches.shape
        rows = ops.reshape(patches, (batch or -1, height * width, channels))
        return ops.pad(rows, ((0, 0), (1, 0), (0, 0))) + self.positions


@keras.saving.register_keras_serializable(package="whyfake")
class Block(layers.Layer):
    """One transformer block: attention over all tokens, then two dense layers on each token, both with residuals.

    Takes and returns ``(N, T, C)``; N or T must be known when the network is built. The usual division of the scores
    by the square root of a head's width is part of the weights of ``query`` (see ``model.backbones.clip``).

    Args:
        heads: number of attention heads; ``C`` is a multiple of it.
    """

    def __init__(self, heads: int, **kwargs: object) -> None:
        super().__init__(**kwargs)
        self.heads = heads

    def build(self, input_shape: tuple[int, ...]) -> None:
        width = input_shape[-1]
        self.parts = {
            **{name: layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name=name) for name in ("norm1", "norm2")},
            **{name: layers.Dense(width, name=name) for name in ("query", "key", "value", "out", "fc2")},
            "fc1": layers.Dense(4 * width, name="fc1"),
        }
        for name, part in self.parts.items():
            part.build((None, 4 * width if name == "fc2" else width))

    def call(self, tokens: keras.KerasTensor) -> keras.KerasTensor:
        batch, count, width = tokens.shape
        by_head = (batch or -1, count or -1, self.heads, width // self.heads)
        parts = self.parts
        rows = ops.reshape(tokens, (-1, width))  # tokens of all pictures in one matrix: LiteRT is fast on matrices
        x = parts["norm1"](rows)
        # Each (N, heads, T, C / heads).
        query, key, value = (
            ops.transpose(ops.reshape(parts[name](x), by_head), (0, 2, 1, 3)) for name in ("query", "key", "value")
        )
        shares = ops.softmax(ops.matmul(query, ops.transpose(key, (0, 1, 3, 2))))  # (N, heads, T, T)
        mixed = ops.transpose(ops.matmul(shares, value), (0, 2, 1, 3))
        rows = rows + parts["out"](ops.reshape(mixed, (-1, width)))
        x = parts["fc1"](parts["norm2"](rows))
        rows = rows + parts["fc2"](x * ops.sigmoid(1.702 * x))  # CLIP's approximation of GELU
        return ops.reshape(rows, (batch or -1, count or -1, width))

    def get_config(self) -> dict[str, object]:
        return {**super().get_config(), "heads": self.heads}


def clip_tower(tower: Tower = VIT_B16) -> keras.Model:
    """CLIP's image tower up to its last kept block.

    Returns:
        A model from ``(N, S, S, 3)`` float RGB, scaled as ``x / 127.5 - 1`` with ``x`` in 0..255, to
        ``(N, 1 + grid * grid, width)``: the class token, then the patches row by row. CLIP's own mean and deviation
        per channel are part of the weights of ``patch_embedding``.
    """
    pixels = keras.Input((tower.input_size, tower.input_size, 3), name="pixels")
    x = layers.Conv2D(tower.width, tower.patch, tower.patch, name="patch_embedding")(pixels)
    x = Tokens(name="tokens")(x)
    x = layers.LayerNormalization(epsilon=LAYER_NORM_EPSILON, name="norm_tokens")(x)
    for number in range(1, tower.blocks + 1):
        x = Block(tower.heads, name=f"block{number}")(x)
    return keras.Model(pixels, x, name="clip_tower")


def freeze_tower(network: keras.Model, train_norms: bool = False) -> None:
    """Freeze the layers of ``clip_tower`` in a network; with ``train_norms``, its layer norms stay trainable.

    Training only the layer norms generalised best to unseen forgeries in GenD (WACV 2026).
    """
    for layer in network.layers:
        if isinstance(layer, Block):
            for part in layer.parts.values():
                part.trainable = train_norms and isinstance(part, layers.LayerNormalization)
        elif isinstance(layer, layers.LayerNormalization):
            layer.trainable = train_norms
        elif isinstance(layer, Tokens) or layer.name == "patch_embedding":
            layer.trainable = False


def compute_in_bfloat16(network: keras.Model) -> None:
    """Make the layers of ``clip_tower`` in a network compute in bfloat16; their weights stay float32.

    Training is then about twice as fast on processors with bfloat16 units. Mean features of a face have a cosine of
    .998 with those of float32.
    """
    policy = keras.DTypePolicy("mixed_bfloat16")
    for layer in network.layers:
        if isinstance(layer, Block):
            for part in (layer, *layer.parts.values()):
                part.dtype_policy = policy
        elif isinstance(layer, Tokens) or layer.name in ("patch_embedding", "norm_tokens"):
            layer.dtype_policy = policy
