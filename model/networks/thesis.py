"""Builds the networks that the thesis compares: a small CNN, four known bodies, and one of them with attention.

Each takes ``(N, S, S, 3) float`` pixels, scaled by its preprocessing in ``model.networks.registry``, and returns a dict
with ``probabilities (N, 2)`` in the order of ``LABELS``; ``efficientnetb7_attention`` also returns its mask.
``pretrained`` is ``"imagenet"`` to download the body's weights, the path of a file with them, or None for random
weights.
"""

from collections.abc import Callable
from pathlib import Path

import keras
from keras import applications, layers

from model.artifact.preprocessing import LABELS
from model.networks.attention import attention_block
from model.networks.pretrained import load_file, load_pretrained

INPUT_SIZE = 128
# Mean and standard deviation of ImageNet's pixels in 0..1, RGB.
IMAGENET_MEAN, IMAGENET_SPREAD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
CAFFE_MEAN_BGR = (103.939, 116.779, 123.68)  # what VGG16 subtracts (Simonyan & Zisserman, arXiv 1409.1556)


def cnn(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """Four blocks of convolution and pooling, a dense layer and dropout; pixels in 0..1.

    ``pretrained`` is a file with the whole network's weights, or None: there are no ImageNet weights.
    """
    inputs = keras.Input((input_size, input_size, 3))
    x = inputs
    for filters in (32, 64, 128, 128):
        x = layers.Conv2D(filters, 3, padding="same", activation="relu")(x)
        x = layers.MaxPooling2D()(x)
    x = layers.Flatten()(x)
    model = keras.Model(inputs, _verdict(x), name="cnn")
    if pretrained is not None:
        load_file(model, Path(pretrained))
    return model


def vgg16(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """VGG16 (Simonyan & Zisserman, arXiv 1409.1556); BGR pixels in 0..255; it subtracts their means itself."""
    inputs = keras.Input((input_size, input_size, 3))
    centred = layers.Rescaling(1.0, [-mean for mean in CAFFE_MEAN_BGR], name="centre")(inputs)
    features = _body(applications.VGG16, pretrained, centred).output
    return keras.Model(inputs, _verdict(layers.GlobalAveragePooling2D()(features)), name="vgg16")


def xception(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """Xception (Chollet, arXiv 1610.02357); RGB pixels in -1..1, at least 71 per side."""
    inputs = keras.Input((input_size, input_size, 3))
    features = _body(applications.Xception, pretrained, inputs).output
    return keras.Model(inputs, _verdict(layers.GlobalAveragePooling2D()(features)), name="xception")


def mobilenetv2(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """MobileNetV2 (Sandler et al., arXiv 1801.04381); RGB pixels in -1..1."""
    inputs = keras.Input((input_size, input_size, 3))
    features = _body(applications.MobileNetV2, pretrained, inputs).output
    return keras.Model(inputs, _verdict(layers.GlobalAveragePooling2D()(features)), name="mobilenetv2")


def efficientnetb7(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """EfficientNet-B7 (Tan & Le, arXiv 1905.11946); RGB pixels in 0..255; it scales them itself."""
    inputs = keras.Input((input_size, input_size, 3))
    features = _efficientnetb7_body(pretrained, inputs).output
    return keras.Model(inputs, _verdict(layers.GlobalAveragePooling2D()(features)), name="efficientnetb7")


def efficientnetb7_attention(pretrained: Path | str | None = None, input_size: int = INPUT_SIZE) -> keras.Model:
    """The thesis's own network: EfficientNet-B7 with the attention block; its mask is 4x4 for 128x128 pixels."""
    inputs = keras.Input((input_size, input_size, 3))
    pooled, mask = attention_block(_efficientnetb7_body(pretrained, inputs).output)
    return keras.Model(inputs, {**_verdict(pooled), "attention": mask}, name="efficientnetb7_attention")


def _body(factory: Callable[..., keras.Model], pretrained: Path | str | None, pixels: keras.KerasTensor) -> keras.Model:
    body = factory(weights=None, include_top=False, input_tensor=pixels)
    load_pretrained(body, factory, pretrained)
    return body


def _efficientnetb7_body(pretrained: Path | str | None, pixels: keras.KerasTensor) -> keras.Model:
    """EfficientNet-B7 that normalises pixels by ImageNet's mean and standard deviation, for any initial weights.

    ``keras.applications`` does not centre pixels with random weights; with downloaded weights it adds a layer that
    divides once more, by the root of the standard deviation. Both cases need the same network here, because saved
    weights must be loaded into the function that they were trained in.
    """
    body = _body(applications.EfficientNetB7, pretrained, pixels)
    normalization = next(layer for layer in body.layers if isinstance(layer, layers.Normalization))
    normalization.adapt_mean.assign(IMAGENET_MEAN)
    normalization.adapt_variance.assign([spread**2 for spread in IMAGENET_SPREAD])
    normalization.finalize_state()  # the layer computes with copies of both
    return body


def _verdict(features: keras.KerasTensor) -> dict[str, keras.KerasTensor]:
    """Dense layer, dropout and a two-way softmax over ``(N, C)`` features; float32 also under mixed precision."""
    x = layers.Dense(128, activation="relu", name="dense")(features)
    x = layers.Dropout(0.3, name="dropout")(x)
    return {"probabilities": layers.Dense(len(LABELS), "softmax", dtype="float32", name="probabilities")(x)}
