"""Tests of reading an image processor's settings as data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.artifact.small_file import MAX_BYTES
from model.errors import ArtifactError
from model.onnx_models.config import names_of, preprocessing_fields, read_json

MEAN, STD = [0.485, 0.456, 0.406], [0.229, 0.224, 0.225]


@pytest.mark.parametrize(
    ("given", "fields"),
    [
        (
            {"size": 224, "image_mean": MEAN, "image_std": STD, "resample": 3},
            {"value_scale": 1 / 255, "mean": MEAN, "std": STD, "resample": "bicubic", "input_size": 224},
        ),
        (
            {"size": {"shortest_edge": 440}, "do_center_crop": True, "crop_size": {"height": 384, "width": 384}},
            {"value_scale": 1 / 255, "resample": "bilinear", "input_size": 384, "resized_to": 440},
        ),
        (
            {"size": {"shortest_edge": 224}, "crop_pct": 0.875},
            {"value_scale": 1 / 255, "resample": "bilinear", "input_size": 224, "resized_to": 256},
        ),
        (
            {"do_rescale": False, "do_normalize": False, "do_flip_channel_order": True, "do_resize": False},
            {"value_scale": 1.0, "resample": "bilinear", "color_order": "BGR"},
        ),
        (
            {"rescale_factor": 1 / 127.5, "rescale_offset": True, "size": [64, 64]},
            {"value_scale": 1 / 127.5, "value_offset": -1.0, "resample": "bilinear", "input_size": 64},
        ),
        ({}, {}),
    ],
)
def test_settings_become_fields_of_the_preprocessing(given: dict[str, Any], fields: dict[str, Any]) -> None:
    assert preprocessing_fields(given) == fields


@pytest.mark.parametrize(
    "given",
    [
        {"size": {"height": 224, "width": 100}},
        {"size": {"shortest_edge": 10**9}},
        {"size": "large"},
        {"size": 64, "do_center_crop": True, "crop_size": 128},
        {"resample": 99},
        {"resample": -1},
        {"size": {"shortest_edge": 224}, "crop_pct": 0},
        {"size": {"shortest_edge": 224}, "crop_pct": float("nan")},
        {"image_mean": MEAN},
        {"do_pad": True},
        *({"rescale_factor": value} for value in ("x", 0, -1 / 255, float("nan"), float("inf"), 1e300, 1e-300, None)),
        {"image_mean": MEAN, "image_std": [0.2, 0, 0.2]},
        {"image_mean": MEAN, "image_std": -1},
        {"image_mean": MEAN[:2], "image_std": STD},
        {"image_mean": [], "image_std": STD},
        {"image_mean": [0.5, float("nan"), 0.5], "image_std": STD},
        {"size": 0},
        {"size": {"height": 0, "width": 0}},
        {"size": 64, "do_center_crop": True, "crop_size": 0},
        {"size": {"shortest_edge": 224}, "crop_pct": 1e-9},
    ],
)
def test_unknown_settings_are_refused_in_a_sentence(given: dict[str, Any]) -> None:
    with pytest.raises(ArtifactError, match=r"preprocessor_config\.json"):
        preprocessing_fields(given)


def test_names_are_in_the_order_of_their_numbers() -> None:
    assert names_of({"id2label": {"1": "real", "0": "fake"}}) == ("fake", "real")
    assert names_of({}) == ()
    for wrong in ({"1": "real"}, {"x": "real"}, ["real"], {}):
        with pytest.raises(ArtifactError, match="id2label"):
            names_of({"id2label": wrong})


def test_json_file_must_be_an_object_of_limited_size(tmp_path: Path) -> None:
    path = tmp_path / "config.json"
    assert read_json(path) == {}
    for content in (b"[1]", b"{", b"\xff", b"[" * 100_000, b" " * (MAX_BYTES + 1)):
        path.write_bytes(content)
        with pytest.raises(ArtifactError, match=r"config\.json"):
            read_json(path)
    path.write_text(json.dumps({"a": 1}))
    assert read_json(path) == {"a": 1}
