"""Tests of the fields of a card: each wrong field is refused in a sentence that names it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.artifact.card import CARD, TFLITE, WEIGHTS, Card, load_artifact, report_folder, write_card
from model.artifact.views import View
from tests.model.artifact.edited import edit, refusal

# Refusals: fields


@pytest.mark.parametrize("name", ["architecture", "preprocessing", "labels", "inconclusive_band"])
def test_missing_field_is_named(folder: Path, name: str) -> None:
    edit(folder, **{name: ...})
    assert name in refusal(folder)


def test_unknown_field_is_named(folder: Path) -> None:
    edit(folder, threshold=0.5)
    assert "threshold" in refusal(folder)


def test_unknown_and_wrong_preprocessing_is_named(folder: Path) -> None:
    preprocessing = json.loads((folder / CARD).read_text())["preprocessing"]
    for wrong, words in (
        ({"mean": 3}, "mean"),
        ({"color_order": "CMYK"}, "RGB or BGR, not 'CMYK'"),
        ({"input_size": 0}, "at least 1, not 0"),
        ({"input_size": 10**9}, "2048"),
        ({"crop_margin": 0}, "crop_margin"),
        ({"crop_margin": 1e300}, "crop_margin"),
    ):
        edit(folder, preprocessing=preprocessing | wrong)
        assert words in refusal(folder)


@pytest.mark.parametrize("labels", [["Fake"], ["fake", "real"], ["Fake", "Real", "Real"], [], ["Fake", "Fake"], "Fake"])
def test_labels_must_be_fake_and_real(folder: Path, labels: Any) -> None:
    edit(folder, labels=labels)
    assert "labels must be Fake and Real" in refusal(folder)


@pytest.mark.parametrize("labels", [["Fake", "Real"], ["Real", "Fake"]])
def test_labels_may_be_in_either_order(folder: Path, labels: list[str]) -> None:
    edit(folder, labels=labels)
    assert load_artifact(folder).labels == tuple(labels)


@pytest.mark.parametrize("temperature", [0, -1.5, float("nan"), float("inf")])
def test_temperature_must_be_positive(folder: Path, temperature: float) -> None:
    edit(folder, temperature=temperature)
    assert f"temperature must be above 0 and finite, not {temperature}" in refusal(folder)


@pytest.mark.parametrize("bias", [float("nan"), float("inf")])
def test_bias_must_be_finite(folder: Path, bias: float) -> None:
    edit(folder, fake_bias=bias)
    assert "fake_bias must be a finite number" in refusal(folder)


def test_digests_must_be_named(folder: Path) -> None:
    edit(folder, sha256="none")
    assert "sha256 must be an object" in refusal(folder)


@pytest.mark.parametrize("band", [[0.6, 0.9], [0.1, 0.4], [-0.1, 0.6], [0.4, 1.1], [0.6, 0.4], [float("nan"), 0.6]])
def test_band_must_enclose_one_half(folder: Path, band: list[float]) -> None:
    edit(folder, inconclusive_band=band)
    assert "inconclusive_band must enclose 0.5" in refusal(folder)


@pytest.mark.parametrize(
    ("views", "words"),
    [
        ([], "1 to 16 views"),
        ([{}] * 17, "1 to 16 views, not 17"),
        ([{"right": 0.3}], "−0.25 to 0.25"),
        ([{"down": True}], "shifts"),
        ([{"mirrored": "yes"}], "true or false"),
        ([{"tilted": 0.1}], "list of objects"),
        (5, "list of objects"),
    ],
)
def test_views_are_few_and_near_the_face(folder: Path, views: object, words: str) -> None:
    edit(folder, views=views)
    assert words in refusal(folder)


def test_card_without_views_means_one_plain_view(folder: Path) -> None:
    fields = json.loads((folder / CARD).read_text())
    del fields["views"]
    (folder / CARD).write_text(json.dumps(fields))
    assert load_artifact(folder).views == (View(),)


@pytest.mark.parametrize("band", [[0.5, 0.5], [0, 1]])
def test_band_may_be_empty_or_everything(folder: Path, band: list[float]) -> None:
    edit(folder, inconclusive_band=band)
    assert load_artifact(folder).inconclusive_band == tuple(band)


@pytest.mark.parametrize(
    "fields",
    [
        *({"temperature": "1"}, {"inconclusive_band": [0.4]}, {"inconclusive_band": 5}, {"labels": None}),
        *({"licence": 5}, {"metrics": []}, {"training": None}, {"versions": "3"}, {"architecture": 1}),
        *({"fake_bias": 10**400}, {"temperature": 10**400}, {"fake_bias": None}),
    ],
)
def test_values_of_the_wrong_type_are_refused(folder: Path, fields: dict[str, Any]) -> None:
    edit(folder, **fields)
    assert "missing, unknown or wrong field" in refusal(folder)


def test_card_is_replaced_as_a_whole(folder: Path, tiny_card: Card, monkeypatch: pytest.MonkeyPatch) -> None:
    """A reader during the write, or after a write to a full disk, finds the old card."""
    before, write = (folder / CARD).read_bytes(), Path.write_text

    def fail_halfway(path: Path, text: str, **options: Any) -> int:
        write(path, text[:20], **options)
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "write_text", fail_halfway)
    with pytest.raises(OSError, match="No space"):
        write_card(folder, tiny_card)
    assert (folder / CARD).read_bytes() == before
    assert sorted(path.name for path in folder.iterdir()) == sorted((CARD, TFLITE, WEIGHTS))


def test_reports_are_written_to_the_run_of_the_model_or_to_runs() -> None:
    assert report_folder(Path("runs/b7/artifact"), "calibration") == Path("runs/b7/calibration")
    assert report_folder(Path("model/weights/lite_attention"), "evaluation") == Path("runs/evaluation")
