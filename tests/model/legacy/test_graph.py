"""Tests of reading network descriptions by Keras 2 and 3: both give the same plan."""

from __future__ import annotations

import json
import math
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from model.errors import NotRebuilt
from model.legacy.graph import LambdaRefused, read_plan
from model.legacy.h5 import open_legacy
from model.networks.plan import RESCALE_GAP, Plan, allowed_arguments
from tests.model.legacy.descriptions import END, POOL, layer, network

DATA = Path(__file__).parents[2] / "data" / "legacy"


def config_of(folder: str, name: str = "best_model_effatt.h5") -> dict[str, Any]:
    with open_legacy(DATA / folder / name) as file:
        assert file.config is not None
        return deepcopy(dict(file.config))


def kinds(plan: Plan) -> list[str]:
    return [plan.layers[call.layer].kind for call in plan.calls]


def feeds(plan: Plan, call: int) -> list[str]:
    """Names of the input layers of a call; ``in`` is the picture."""
    sources = plan.calls[call - 1].inputs
    return ["in" if source == 0 else plan.layers[plan.calls[source - 1].layer].name for source in sources]


# Real files


def test_keras_2_and_3_describe_the_same_network() -> None:
    old, new = read_plan(config_of("keras2_softmax")), read_plan(config_of("keras3_softmax"))
    assert (old.calls, old.output, old.mask, old.input_shape) == (new.calls, new.output, new.mask, new.input_shape)
    assert old.input_shape == (128, 128, 3) and len(old.calls) == 31
    for old_layer, new_layer in zip(old.layers, new.layers, strict=True):
        assert old_layer.kind == new_layer.kind
        ignored = ("axis", "activation")  # 3 and -1 are the same axis, swish and silu the same function
        expected = {name: value for name, value in new_layer.arguments.items() if name not in ignored}
        assert {name: value for name, value in old_layer.arguments.items() if name not in ignored} == expected


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid", "keras3_softmax"])
def test_nested_network_is_flattened_and_keeps_the_groups_of_its_weights(folder: str) -> None:
    plan = read_plan(config_of(folder))
    groups = {entry.name: entry.group for entry in plan.layers}
    assert groups["stem_conv"] == "small_efficientnet" and groups["RescaleGAP"] == "RescaleGAP"
    assert kinds(plan)[:3] == ["Rescaling", "Normalization", "ZeroPadding2D"]


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras3_softmax"])
def test_lambda_becomes_a_division_of_features_by_mask(folder: str) -> None:
    plan = read_plan(config_of(folder))
    number = kinds(plan).index(RESCALE_GAP) + 1
    assert feeds(plan, number) == ["global_average_pooling2d", "global_average_pooling2d_1"]
    assert len(plan.notes) == 1 and "'RescaleGAP' (Lambda)" in plan.notes[0]


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras2_sigmoid", "keras3_softmax"])
def test_mask_is_the_sigmoid_layer_before_its_channels_are_repeated(folder: str) -> None:
    plan = read_plan(config_of(folder))
    assert plan.mask is not None
    mask = plan.layers[plan.calls[plan.mask - 1].layer]
    assert (mask.arguments["filters"], mask.arguments["activation"]) == (1, "sigmoid")
    repeated = plan.layers[plan.calls[plan.mask].layer]
    assert feeds(plan, plan.mask + 1) == [mask.name] and repeated.arguments["filters"] == 12


@pytest.mark.parametrize("folder", ["keras2_softmax", "keras3_softmax"])
def test_plan_is_the_same_after_json(folder: str) -> None:
    plan = read_plan(config_of(folder))
    assert Plan.from_json(json.loads(json.dumps(plan.to_json()))) == plan


def test_code_in_a_file_never_reaches_the_plan() -> None:
    for folder, name in (("keras2_softmax", "best_model_effatt.h5"), ("hostile", "two_inputs.h5")):
        text = json.dumps(read_plan(config_of(folder, name)).to_json())
        assert "4wE" not in text and "function" not in text  # base64 of marshalled code begins with these letters


def test_lambda_of_one_input_is_refused_and_named() -> None:
    with pytest.raises(LambdaRefused, match="'lambda' is a Lambda: code in the file, which is never run"):
        read_plan(config_of("hostile", "one_input.h5"))


# Forms of description


def test_calls_of_a_nested_network_may_count_from_0_or_1() -> None:
    inner = network(layer("conv", "Conv2D", {"filters": 4, "kernel_size": [1, 1]}, "in"), end="conv", name="body")
    for first in (0, 1):
        body = {**inner, "name": "body", "inbound_nodes": [[["in", 0, 0, {}]]]}
        pool = layer("pool", "GlobalAveragePooling2D", {}, ["body", first, 0, {}])
        assert kinds(read_plan(network(body, pool, END, end="end"))) == ["Conv2D", "GlobalAveragePooling2D", "Dense"]


def test_shared_layer_is_one_layer_called_twice() -> None:
    conv = layer("conv", "Conv2D", {"filters": 3, "kernel_size": 1}, "in")
    conv["inbound_nodes"].append([["conv", 0, 0, {}]])
    pool = layer("pool", "GlobalAveragePooling2D", {}, ["conv", 1, 0, {}])
    plan = read_plan(network(pool, conv, END, end="end"))  # also out of order
    assert kinds(plan) == ["Conv2D", "Conv2D", "GlobalAveragePooling2D", "Dense"] and len(plan.layers) == 3
    assert [feeds(plan, 1), feeds(plan, 2), feeds(plan, 3)] == [["in"], ["conv"], ["conv"]]


def test_layers_with_the_same_name_inside_and_outside_a_nested_network_are_distinguished() -> None:
    inner = network(layer("conv", "Conv2D", {"filters": 4, "kernel_size": 1}, "in"), end="conv", name="body")
    body = {**inner, "name": "body", "inbound_nodes": [[["in", 0, 0, {}]]]}
    outer = layer("conv", "Conv2D", {"filters": 5, "kernel_size": 1}, "body")
    plan = read_plan(network(body, outer, layer("pool", "GlobalAveragePooling2D", {}, "conv"), END, end="end"))
    assert [(entry.group, entry.saved_name) for entry in plan.layers[:2]] == [("body", "conv"), ("conv", "conv")]
    assert len({entry.name for entry in plan.layers}) == len(plan.layers)


def test_sequential_network_with_a_nested_network_is_read() -> None:
    inner = network(layer("conv", "Conv2D", {"filters": 4, "kernel_size": 1}, "in"), end="conv", name="body")
    layers = [
        {**inner, "name": "body"},
        layer("pool", "GlobalAveragePooling2D", {}),
        layer("end", "Dense", {"units": 2}),
    ]
    plan = read_plan({"class_name": "Sequential", "config": {"name": "net", "layers": layers}})
    assert kinds(plan) == ["Conv2D", "GlobalAveragePooling2D", "Dense"] and plan.input_shape == (8, 8, 3)


@pytest.mark.parametrize(
    "division",
    [
        layer("gap", "TFOpLambda", {"function": "math.truediv"}, ["pool", 0, 0, {"y": ["mask", 0, 0], "name": None}]),
        layer("rescaleGap", "Lambda", {"function": ["code", None, None]}, "pool", "mask"),
        layer("gap", "Custom>RescaleGAP", {}, "pool", "mask"),
        {**layer("gap", "TrueDivide", {}, "pool", "mask"), "module": "keras.src.ops.numpy"},
    ],
    ids=["operator of Keras 2", "Lambda", "own layer", "operator of Keras 3"],
)
def test_division_is_recognised_in_every_form(division: dict[str, Any]) -> None:
    mask = layer("mask", "GlobalAveragePooling2D", {}, "in")
    plan = read_plan(network(POOL, mask, division, layer("end", "Dense", {"units": 2}, division["name"]), end="end"))
    assert kinds(plan)[2] == RESCALE_GAP and feeds(plan, 3) == ["pool", "mask"]


TENSOR = {"class_name": "__keras_tensor__", "config": {"keras_history": ["pool", 0, 0]}}


def keras_2(function: str, *call: Any) -> dict[str, Any]:
    return layer("op", "TFOpLambda", {"function": function}, list(call))


def keras_3(kind: str, *operands: Any) -> dict[str, Any]:
    return {**layer("op", kind, {}), "inbound_nodes": [{"args": list(operands), "kwargs": {}}]}


@pytest.mark.parametrize(
    ("operator", "scale", "offset"),
    [
        (keras_2("__operators__.add", "pool", 0, 0, {"y": 1e-6, "name": None}), 1, 1e-6),
        (keras_2("__operators__.add", "_CONSTANT_VALUE", -1, 1e-6, {"y": ["pool", 0, 0], "name": None}), 1, 1e-6),
        (keras_2("math.add", "_CONSTANT_VALUE", -1, 1, {"y": ["pool", 0, 0], "name": None}), 1, 1),
        (keras_2("math.subtract", "pool", 0, 0, {"y": 3}), 1, -3),
        (keras_2("math.subtract", "_CONSTANT_VALUE", -1, 3, {"y": ["pool", 0, 0]}), -1, 3),
        (keras_2("math.multiply", "pool", 0, 0, {"y": 3}), 3, 0),
        (keras_2("math.truediv", "pool", 0, 0, {"y": 4}), 0.25, 0),
        (keras_3("Add", TENSOR, 1e-6), 1, 1e-6),
        (keras_3("Add", 1e-6, TENSOR), 1, 1e-6),
        (keras_3("Subtract", 3, TENSOR), -1, 3),
        (keras_3("TrueDivide", TENSOR, 4), 0.25, 0),
    ],
)
def test_arithmetic_with_a_constant_becomes_a_rescaling(operator: dict[str, Any], scale: float, offset: float) -> None:
    plan = read_plan(network(POOL, operator, layer("end", "Dense", {"units": 2}, "op"), end="end"))
    assert kinds(plan) == ["GlobalAveragePooling2D", "Rescaling", "Dense"]
    assert plan.layers[1].arguments == {"scale": scale, "offset": offset} and feeds(plan, 2) == ["pool"]


@pytest.mark.parametrize(
    "operator",
    [
        keras_2("math.truediv", "_CONSTANT_VALUE", -1, 4, {"y": ["pool", 0, 0]}),
        keras_2("math.truediv", "pool", 0, 0, {"y": 0}),
        keras_2("math.multiply", "pool", 0, 0, {"y": "text"}),
        keras_2("math.multiply", "pool", 0, 0, {"y": [1.0, 2.0]}),
        keras_2("math.multiply", "pool", 0, 0, {"y": math.inf}),
        keras_3("TrueDivide", 4, TENSOR),
        keras_3("Multiply", TENSOR, True),
    ],
)
def test_unsupported_arithmetic_is_refused(operator: dict[str, Any]) -> None:
    with pytest.raises(NotRebuilt, match="'op' computes with a constant, which is not understood"):
        read_plan(network(POOL, operator, layer("end", "Dense", {"units": 2}, "op"), end="end"))


@pytest.mark.parametrize("generation", [2, 3])
def test_division_by_mask_plus_epsilon_is_recognised(generation: int) -> None:
    denominator = {"class_name": "__keras_tensor__", "config": {"keras_history": ["op", 0, 0]}}
    shifted = (
        keras_2("__operators__.add", "pool", 0, 0, {"y": 1e-6}) if generation == 2 else keras_3("Add", TENSOR, 1e-6)
    )
    if generation == 2:
        division = layer("gap", "TFOpLambda", {"function": "math.truediv"}, ["pool", 0, 0, {"y": ["op", 0, 0]}])
    else:
        shifted = keras_3("Add", TENSOR, 1e-6)
        division = {**keras_3("TrueDivide", TENSOR, denominator), "name": "gap", "config": {"name": "gap"}}
    plan = read_plan(network(POOL, shifted, division, layer("end", "Dense", {"units": 2}, "gap"), end="end"))
    assert kinds(plan)[2] == RESCALE_GAP and feeds(plan, 3) == ["pool", "op"]


def test_arithmetic_of_two_tensors_becomes_the_layer_of_that_operation() -> None:
    product = layer("op", "TFOpLambda", {"function": "math.multiply"}, ["pool", 0, 0, {"y": ["pool", 0, 0]}])
    plan = read_plan(network(POOL, product, layer("end", "Dense", {"units": 2}, "op"), end="end"))
    assert kinds(plan)[1] == "Multiply" and feeds(plan, 2) == ["pool", "pool"]


@pytest.mark.parametrize("kind", ["GaussianNoise", "RandomFlip", "ActivityRegularization", "efficientnet>FixedDropout"])
def test_layer_used_only_in_training_becomes_an_identity(kind: str) -> None:
    noise = {**layer("noise", kind, {"stddev": 0.3}, "pool"), "module": "somewhere", "registered_name": kind}
    plan = read_plan(network(POOL, noise, layer("end", "Dense", {"units": 2}, "noise"), end="end"))
    assert kinds(plan)[1] == "Identity" and plan.layers[1].arguments == {}


def test_random_crop_is_not_ignored() -> None:
    with pytest.raises(NotRebuilt, match="'RandomCrop', which is not known"):
        read_plan(network(layer("crop", "RandomCrop", {"height": 4, "width": 4}, "in"), end="crop"))


def with_lambda(second: str, *between: dict[str, Any]) -> dict[str, Any]:
    """A network with a Lambda layer of default name on pooled masked features and a second input."""
    conv = layer("conv", "Conv2D", {"filters": 1, "kernel_size": 1, "activation": "sigmoid"}, "in")
    masked = layer("masked", "Multiply", {}, "in", "conv")
    pools = [layer(f"pool_{name}", "GlobalAveragePooling2D", {}, name) for name in ("masked", "conv", "in")]
    code = layer("lambda_3", "Lambda", {"function": ["code", None, None]}, "pool_masked", second)
    return network(conv, masked, *pools, *between, code, layer("end", "Dense", {"units": 2}, "lambda_3"), end="end")


def test_lambda_of_default_name_is_the_division_if_its_inputs_match() -> None:
    assert RESCALE_GAP in kinds(read_plan(with_lambda("pool_conv")))
    flat = layer("flat", "Flatten", {}, "pool_conv")
    assert RESCALE_GAP in kinds(read_plan(with_lambda("flat", flat)))


@pytest.mark.parametrize("second", ["pool_in", "pool_masked", "square"])
def test_other_lambda_of_two_inputs_is_refused_without_the_owners_answer(second: str) -> None:
    config = with_lambda(second, layer("square", "Dense", {"units": 3}, "pool_conv"))
    with pytest.raises(LambdaRefused, match=r"'lambda_3' is a Lambda: .* set \"lambda\": \"divide\" in a card\.json"):
        read_plan(config)
    plan = read_plan(config, lambda_divides=True)
    assert feeds(plan, kinds(plan).index(RESCALE_GAP) + 1) == ["pool_masked", second]


def test_owners_answer_does_not_allow_a_lambda_of_one_input() -> None:
    with pytest.raises(LambdaRefused):
        read_plan(config_of("hostile", "one_input.h5"), lambda_divides=True)


def test_unspecified_input_size_defaults_to_128() -> None:
    assert read_plan(network(POOL, END, end="end", side=None)).input_shape == (128, 128, 3)


def test_network_without_a_mask_has_none() -> None:
    assert read_plan(network(POOL, END, end="end")).mask is None


@pytest.mark.parametrize("activation", ["sigmoid", "apart"])
def test_sigmoid_of_the_mask_may_be_a_separate_layer(activation: str) -> None:
    mask_arguments = {"filters": 1, "kernel_size": 1, "activation": "sigmoid" if activation == "sigmoid" else "linear"}
    layers = [layer("conv", "Conv2D", mask_arguments, "in")]
    last = "conv"
    if activation == "apart":
        layers.append(layer("act", "Activation", {"activation": "sigmoid"}, "conv"))
        last = "act"
    layers += [layer("product", "Multiply", {}, last, "in"), layer("pool", "GlobalAveragePooling2D", {}, "product")]
    plan = read_plan(network(*layers, END, end="end"))
    assert plan.mask == len(layers) - 2


def test_function_may_be_written_as_an_object() -> None:
    written = {"module": "builtins", "class_name": "function", "config": "relu", "registered_name": "function"}
    assert allowed_arguments("Dense", {"units": 3, "activation": written}, "dense") == {
        "units": 3,
        "activation": "relu",
    }
