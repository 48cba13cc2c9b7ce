"""Tests of descriptions that are refused: layers that are not allowed, damage, and too many layers."""

from __future__ import annotations

import json
import math
import sys
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import replace
from itertools import pairwise
from types import FrameType
from typing import Any

import pytest

from model.errors import ArtifactError, NotRebuilt
from model.legacy.graph import read_plan
from model.networks.plan import LAYERS, MAX_COUNT, RESCALE_GAP, Plan
from tests.model.legacy.descriptions import END, POOL, layer, network


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        (layer("x", "Embedding", {"input_dim": 3}, "in"), "'Embedding', which is not known"),
        (layer("x", "TFSMLayer", {"filepath": "/etc"}, "in"), "'TFSMLayer', which is not known"),
        (layer("x", "TFOpLambda", {"function": "io.read_file"}, "in"), "'TFOpLambda', which is not known"),
        (layer("x", "Dense", {"units": 2, "activation": "os.system"}, "in"), "activation = os.system"),
        (layer("x", "Dense", {"units": 2, "activation": {"module": "os", "config": "relu"}}, "in"), "activation ="),
        (layer("x", "Dense", {"units": MAX_COUNT + 1}, "in"), "units = 65537"),
        (layer("x", "Dense", {"units": True}, "in"), "units = True"),
        (layer("x", "Dense", {"units": -3}, "in"), "units = -3"),
        (layer("x", "Conv2D", {"filters": 2, "kernel_size": [10**6, 1]}, "in"), "kernel_size"),
        (layer("x", "Conv2D", {"filters": 2, "data_format": "channels_first"}, "in"), "channels_first"),
        (layer("x", "Conv2D", {"filters": 2, "kernel_size": [[3, 3], 3]}, "in"), "kernel_size = [[3, 3], 3]"),
        (layer("x", "MaxPooling2D", {"pool_size": [[2]]}, "in"), "pool_size"),
        (layer("x", "Rescaling", {"scale": float("nan")}, "in"), "scale = nan"),
        (layer("x", "Rescaling", {"scale": 10**400}, "in"), "scale = 1000"),
        (layer("x", "Rescaling", {"scale": 10**5000}, "in"), "scale = a huge number"),
        (layer("x", "UpSampling2D", {"size": [10**9, 1]}, "in"), "size"),
        ({**layer("x", "Dense", {"units": 2}, "in"), "module": "os"}, "custom layer"),
        ({**layer("x", "Dense", {"units": 2}, "in"), "registered_name": "mine>Dense"}, "custom layer"),
    ],
)
def test_layer_that_is_not_allowed_is_refused(entry: dict[str, Any], words: str) -> None:
    with pytest.raises(NotRebuilt) as caught:
        read_plan(network(entry, end="x"))
    assert words in str(caught.value) and "'x'" in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [
        lambda config: config.pop("config"),
        lambda config: config["config"].pop("layers"),
        lambda config: config["config"]["layers"].clear(),
        lambda config: config["config"]["output_layers"].clear(),
        lambda config: config["config"].update(output_layers=[["nowhere", 0, 0]]),
        lambda config: config["config"]["layers"][2].update(inbound_nodes=[[["end", 0, 0, {}]]]),  # a cycle
        lambda config: config["config"]["layers"][2].update(inbound_nodes=7),
        lambda config: config["config"]["layers"][1].update(config=None),
        lambda config: config.update(class_name="Exec"),
        lambda config: config["config"]["layers"][0]["config"].update(batch_input_shape=[None, 8, 16, 3]),
        lambda config: config["config"]["layers"][0]["config"].update(batch_input_shape=[None, 10**6, 10**6, 3]),
        lambda config: config["config"]["layers"][0]["config"].update(batch_input_shape=[None, 8, math.inf, 3]),
        lambda config: config["config"].update(output_layers=[["end", 0, 0], ["pool", 0, 0]]),
    ],
)
def test_damaged_description_is_refused(damage: Any) -> None:
    config = deepcopy(network(POOL, END, end="end"))
    read_plan(config)
    damage(config)
    with pytest.raises(NotRebuilt):
        read_plan(config)


def test_deep_nesting_and_too_many_layers_are_refused() -> None:
    config = network(POOL, END, end="end")
    for _ in range(10):
        inner = {**config, "name": "body", "inbound_nodes": [[["in", 0, 0, {}]]]}
        config = network(inner, end="body")
    with pytest.raises(NotRebuilt, match="nested too deeply"):
        read_plan(config)
    chain = [layer(f"l{index}", "ReLU", {}, f"l{index - 1}" if index else "in") for index in range(3001)]
    with pytest.raises(NotRebuilt, match="more than 3,000 layers"):
        read_plan(network(*chain, end="l3000"))


def read_in_limited_steps(config: dict[str, Any], words: str | None) -> None:
    """Read a plan in a limited number of steps, or expect its refusal with these words.

    It counts executed lines of Python, because seconds depend on the load of the machine.
    """
    limit, lines, before = 5_000_000, 0, sys.gettrace()

    def count(frame: FrameType, event: str, argument: object) -> Any:
        nonlocal lines
        lines += 1
        assert lines < limit, "the network takes too many steps"
        return count

    sys.settrace(count)
    try:
        with pytest.raises(NotRebuilt, match=words) if words else nullcontext():
            read_plan(config)
    finally:
        sys.settrace(before)


@pytest.mark.slow
def test_empty_nested_networks_called_many_times_are_refused() -> None:
    """Each level calls the next one two hundred times, and none has a layer that counts."""
    body = {**network(end="in"), "name": "body"}
    for _ in range(4):
        calls = [[[f"body_{i - 1}" if i else "in", 0, 0, {}]] for i in range(200)]
        entries = [{**body, "name": f"body_{i}", "inbound_nodes": [call]} for i, call in enumerate(calls)]
        body = {**network(*entries, end="body_199"), "name": "body"}
    read_in_limited_steps(body, "more layers and connections")


@pytest.mark.slow
def test_layers_in_reverse_order_take_a_limited_number_of_steps() -> None:
    chain = [layer(f"l{index}", "ReLU", {}, f"l{index - 1}" if index else "pool") for index in range(2_900)]
    end = layer("end", "Dense", {"units": 2}, "l2899")
    read_in_limited_steps(network(*reversed(chain), POOL, end, end="end"), None)


@pytest.mark.slow
def test_layers_with_too_many_connections_are_refused() -> None:
    chain = [layer(f"l{i}", "Add", {}, *["in"] * 300) for i in range(200)]
    read_in_limited_steps(network(*chain, end="l199"), "more layers and connections")


def test_search_for_the_mask_visits_each_layer_once() -> None:
    """Each of many layers is used by all of the next row."""
    convolution = {"filters": 1, "kernel_size": 1, "activation": "sigmoid"}
    rows = [[f"r{row}_{i}" for i in range(30)] for row in range(5)]
    first = [layer(name, "Conv2D", convolution, "in") for name in rows[0]]
    others = [layer(name, "Activation", {}, *above) for above, row in pairwise(rows) for name in row]
    read_in_limited_steps(network(*first, *others, POOL, END, end="end"), None)


@pytest.mark.parametrize("field", ["name", "class_name", "registered_name", "module"])
def test_long_names_are_shortened_in_the_error_message(field: str) -> None:
    entry = {**layer("x", "Dense", {"units": 2}, "in"), field: "x" * 100_000}
    with pytest.raises(NotRebuilt) as caught:
        read_plan(network(entry, end=entry["name"]))
    assert len(str(caught.value)) < 500


def test_plan_is_checked_again_when_it_is_read() -> None:
    plan = read_plan(network(POOL, END, end="end"))
    for change in (
        {"kind": "Lambda"},
        {"kind": "__import__"},
        {"arguments": {"units": 10**9}},
        {"unknown": 3},
    ):
        data = json.loads(json.dumps(plan.to_json()))
        data["layers"][1].update(change)
        with pytest.raises(ArtifactError):
            Plan.from_json(data)
    assert Plan.from_json(replace(plan, notes=("x",)).to_json()).notes == ("x",)


def test_every_allowed_layer_exists_in_keras() -> None:
    from keras import layers

    for kind in LAYERS.keys() - {RESCALE_GAP}:
        assert issubclass(getattr(layers, kind), layers.Layer)
