"""Tests of the card beside an imported file: its fields apply, and removed fields no longer apply."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from explain.html import fragments as words
from model.artifact.card import digest, load_artifact, read_card, write_card
from model.artifact.facts import assumed_labels
from model.artifact.preprocessing import Preprocessing
from model.artifact.views import PLAIN, STEADY, View
from model.legacy import folder as legacy_folder
from model.legacy.apart import convert
from model.legacy.card import given_fields
from model.legacy.folder import model_folder
from model.legacy.import_command import write_beside
from model.model_card.document import markdown
from model.paths import SHIPPED
from tests.model.legacy.folder.pairs import NAME, refusal

pytestmark = pytest.mark.slow  # each test uses a cache with three imported networks


def write_card_beside(h5: Path, **fields: Any) -> None:
    (h5.parent / "card.json").write_text(json.dumps(fields))


@pytest.mark.usefixtures("cache")
def test_card_beside_the_file_sets_only_its_own_fields(pair: Path) -> None:
    write_card_beside(
        pair,
        preprocessing={"color_order": "RGB", "value_scale": 1 / 255},
        labels=["real", "fake"],
        temperature=1.5,
        inconclusive_band=[0.3, 0.7],
    )
    card = load_artifact(model_folder(pair))
    assert card.preprocessing == Preprocessing(128, "RGB", 1 / 255, 0.0)
    assert card.labels == ("Real", "Fake") and card.temperature == 1.5 and card.inconclusive_band == (0.3, 0.7)
    assert card.licence == "the owner's" and card.fake_bias == 0


@pytest.mark.usefixtures("cache")
def test_fields_removed_from_the_card_beside_the_file_get_their_imported_values(pair: Path) -> None:
    before = load_artifact(model_folder(pair))
    write_card_beside(
        pair,
        labels=["real", "fake"],
        temperature=1.5,
        fake_bias=0.3,
        inconclusive_band=[0.3, 0.7],
        licence="mine",
        metrics={"test": {"x": 1}},
        training={"epochs": 3},
        preprocessing={"value_scale": 0.5},
    )
    changed = load_artifact(model_folder(pair))
    assert (changed.temperature, changed.licence, changed.training["epochs"]) == (1.5, "mine", 3)
    assert changed.training["imported"]["report"] == before.training["imported"]["report"]
    write_card_beside(pair, licence="mine", labels=["real", "fake"], preprocessing={"value_scale": 0.5})
    changed = load_artifact(model_folder(pair))
    assert (changed.temperature, changed.fake_bias, changed.inconclusive_band) == (None, 0, (0.4, 0.6))
    assert changed.licence == "mine" and changed.labels == ("Real", "Fake") and changed.metrics == {}
    (pair.parent / "card.json").unlink()
    assert load_artifact(model_folder(pair)) == before


@pytest.mark.usefixtures("cache")
def test_record_of_a_calibration_is_kept_and_removed_with_the_calibration(pair: Path) -> None:
    folder = model_folder(pair)
    card, record = load_artifact(folder), {"real": 12, "fake": 12}
    write_card(folder, replace(card, temperature=1.5, training={**card.training, "calibration": record}))
    assert load_artifact(model_folder(pair)).training["calibration"] == record
    write_card_beside(pair, labels=["real", "fake"])
    changed = load_artifact(model_folder(pair))
    assert changed.temperature is None and "calibration" not in changed.training


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("change", [{"preprocessing": {"color_order": "RGB"}}, {"labels": ["Real", "Fake"]}])
def test_calibration_is_removed_if_preprocessing_or_labels_change(pair: Path, change: dict[str, Any]) -> None:
    folder = model_folder(pair)
    fitted = {"temperature": 1.7, "fake_bias": -0.2, "inconclusive_band": (0.35, 0.65), "metrics": {"test": {"x": 1}}}
    write_card(folder, replace(read_card(folder), **fitted))
    write_card_beside(pair, **change)
    for _ in range(2):
        card = read_card(model_folder(pair))
        assert (card.temperature, card.fake_bias, card.inconclusive_band, card.metrics) == (None, 0, (0.4, 0.6), {})
        (pair.parent / "card.json").unlink(missing_ok=True)


@pytest.mark.usefixtures("cache")
def test_fitted_calibration_is_kept_when_the_given_one_is_removed(pair: Path) -> None:
    write_card_beside(pair, temperature=2.0)
    folder = model_folder(pair)
    assert read_card(folder).temperature == 2
    write_card(folder, replace(read_card(folder), temperature=1.7))
    (pair.parent / "card.json").unlink()
    assert read_card(model_folder(pair)).temperature == 1.7


@pytest.mark.usefixtures("cache")
def test_card_with_a_digest_applies_only_to_that_file(pair: Path) -> None:
    for sha256, temperature in (({"x": "0" * 64}, None), ({NAME: digest(pair)}, 2.0), ({}, 2.0)):
        write_card_beside(pair, temperature=2.0, sha256=sha256)
        assert read_card(model_folder(pair)).temperature == temperature


@pytest.mark.usefixtures("cache")
def test_model_imported_with_an_answer_on_lambda_has_its_own_folder(
    pair: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The answer changes what the network computes, so the file is checked again without it."""
    folder = model_folder(pair)
    write_card_beside(pair, **{"lambda": "divide"})
    monkeypatch.setattr(legacy_folder, "convert_apart", convert)
    assert model_folder(pair).name == f"{folder.name}-divide"
    assert read_card(model_folder(pair)).training["imported"]["sha256"] == digest(pair)
    write_card_beside(pair, **{"lambda": "multiply"})
    assert '"lambda": "divide"' in refusal(pair)


def test_null_lambda_is_ignored(tmp_path: Path) -> None:
    write_card_beside(tmp_path / NAME, **{"lambda": None, "licence": "mine"})
    assert given_fields(tmp_path / NAME) == {"licence": "mine"}


@pytest.mark.usefixtures("cache")
def test_calibration_and_figures_of_the_folder_are_kept_at_the_next_start(pair: Path) -> None:
    folder = model_folder(pair)
    fitted = {"temperature": 1.7, "fake_bias": -0.2, "inconclusive_band": (0.35, 0.65), "metrics": {"test": {"x": 1}}}
    write_card(folder, replace(read_card(folder), **fitted))
    write_beside(pair, replace(read_card(folder), temperature=None), force=True)
    card = read_card(model_folder(pair))
    assert {name: getattr(card, name) for name in fitted} == fitted


@pytest.mark.usefixtures("cache")
def test_views_come_from_the_source_of_the_calibration(pair: Path) -> None:
    folder = model_folder(pair)
    write_card(folder, replace(read_card(folder), temperature=1.7, views=STEADY))
    assert read_card(model_folder(pair)).views == STEADY, "they were fitted after the import"
    write_card_beside(pair, temperature=2.0, views=[{"right": 0.03}, {"mirrored": True}])
    assert read_card(model_folder(pair)).views == (View(right=0.03), View(mirrored=True))
    write_card_beside(pair, temperature=2.0)
    assert read_card(model_folder(pair)).views == PLAIN, "the owner's card no longer has views"
    write_card_beside(pair, views=[{"tilted": 1}])
    assert "views" in refusal(pair) and "mirrored" in refusal(pair)


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"preprocessing": {"input_size": 64}}, "input_size is 64, but the network's input has 128 pixels"),
        ({"preprocessing": {"color_order": "CMYK"}}, "RGB or BGR"),
        ({"preprocessing": {"mean": 3}}, "mean"),
        ({"preprocessing": 3}, "wrong field"),
        ({"temperature": -1}, "temperature"),
        ({"temperature": 10**400}, "wrong field"),
        ({"preprocessing": {"value_scale": 10**400}}, "wrong field"),
        ({"preprocessing": {"input_size": 1e400}}, "input_size is inf"),
        ({"licence": 5}, "licence must be text, not 5"),
        ({"metrics": []}, "metrics must be an object"),
        ({"training": []}, "wrong field"),
        ({"inconclusive_band": 3}, "wrong field"),
        ({"threshold": 0.5}, "threshold"),
        ({"labels": ["cat", "dog"]}, "'cat', 'dog'"),
        ({"labels": "Fake"}, "'Fake'"),
    ],
)
def test_wrong_card_beside_the_file_is_refused(pair: Path, fields: dict[str, Any], words: str) -> None:
    write_card_beside(pair, **fields)
    sentence = refusal(pair)
    assert words in sentence and "card.json" in sentence


@pytest.mark.usefixtures("cache")
@pytest.mark.parametrize("content", [b"{", b"[]", b"\xff", b"[" * 100_000])
def test_damaged_card_beside_the_file_is_refused(pair: Path, content: bytes) -> None:
    (pair.parent / "card.json").write_bytes(content)
    assert "card.json beside best_model_effatt.h5" in refusal(pair)


@pytest.mark.usefixtures("cache")
def test_given_labels_override_the_card(pair: Path) -> None:
    write_card_beside(pair, labels=["Real", "Fake"])
    assert read_card(model_folder(pair)).labels == ("Real", "Fake")
    assert read_card(model_folder(pair, pair.parent / "label_transform.pkl")).labels == ("Fake", "Real")


@pytest.mark.usefixtures("cache")
def test_labels_default_to_fake_and_real_as_in_the_thesis(pair: Path) -> None:
    (pair.parent / "label_transform.pkl").unlink()
    assert read_card(model_folder(pair)).labels == ("Fake", "Real")
    assert "no file named.pkl" in refusal(pair, pair.parent / "named.pkl")


@pytest.mark.usefixtures("cache")
def test_assumed_labels_are_stated(pair: Path) -> None:
    pickled = pair.parent / "label_transform.pkl"
    spare = Path(shutil.copy(pickled, pair.parent / "spare.pkl"))
    assert assumed_labels(read_card(model_folder(pair))) == ""
    pickled.unlink()
    card = read_card(model_folder(pair))
    assert "Fake = 0, Real = 1" in assumed_labels(card)
    assert assumed_labels(card) in words.scope(card) and assumed_labels(card) in markdown(card)
    write_card_beside(pair, labels=["Real", "Fake"])
    assert assumed_labels(read_card(model_folder(pair))) == ""
    (pair.parent / "card.json").unlink()
    assert assumed_labels(read_card(model_folder(pair, spare))) == ""
    assert assumed_labels(read_card(SHIPPED)) == ""


@pytest.mark.usefixtures("cache")
def test_assumed_labels_are_not_written_into_the_owners_card(pair: Path) -> None:
    (pair.parent / "label_transform.pkl").unlink()
    write_beside(pair, read_card(model_folder(pair)), force=False)
    assert "labels" not in json.loads((pair.parent / "card.json").read_text())
    assert assumed_labels(read_card(model_folder(pair)))
