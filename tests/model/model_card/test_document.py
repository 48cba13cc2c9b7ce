"""Tests of the model card as a document, and that the documents in docs/ are up to date."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from model.artifact.card import read_card, write_card
from model.model_card.document import facts, markdown, write_model_card
from model.paths import CLIP, SECOND, SHIPPED
from model.training.train import train
from tests.model.model_card.cards import BARE, CARD, card_text

ROOT = Path(__file__).parents[3]


def test_markdown_tables_are_complete() -> None:
    rows = [line for line in markdown(CARD).splitlines() if line.startswith("|")]
    assert any("composites \\| research" in row for row in rows), "a bar in a cell is escaped"
    blocks = re.findall(r"(?:^\|.*\n)+", markdown(CARD), re.MULTILINE)
    assert len(blocks) == sum(section.table is not None for section in facts(CARD))
    for block in blocks:
        assert len({len(re.findall(r"(?<!\\)\|", row)) for row in block.splitlines()}) == 1


def test_document_states_licences_arguments_and_digests() -> None:
    text = markdown(CARD)
    assert "Research, non-commercial." in text and "swaps; research" in text
    assert "epochs 32" in text and "out run" not in text
    assert "ab" * 32 in text and "keras 3.15.1" in text


def test_document_states_further_training_of_the_mask() -> None:
    further = {"artifact": "first", "epochs": 6, "sets": ["a", "b"]}
    training = {"arguments": {"epochs": 3}, "attention_arguments": further}
    text = markdown(replace(CARD, training=training))
    assert "- Trained with: epochs 3.\n- Attention mask trained further with: epochs 6, sets a and b.\n" in text


def test_command_writes_the_document_of_the_card(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_card(tmp_path, CARD)
    write_model_card(tmp_path, tmp_path / "new" / "card.md")
    assert (tmp_path / "new" / "card.md").read_text("utf-8") == markdown(CARD, tmp_path)
    assert "card.md" in capsys.readouterr().out


def test_document_of_another_model_does_not_overwrite_that_of_the_shipped_model(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    folder = tmp_path / "my net"
    folder.mkdir()
    write_card(folder, CARD)
    write_model_card(folder)
    text = (folder / "model_card.md").read_text("utf-8")
    assert f"python -m model model_card '{folder}'\n" in text and "model/weights" not in text
    write_model_card(SHIPPED)
    assert (tmp_path / "docs" / "model_card.md").read_text("utf-8") == markdown(read_card(SHIPPED))
    assert "Report: docs/model_card.md" in capsys.readouterr().out


def test_document_of_a_run_is_titled_by_the_run() -> None:
    assert markdown(CARD, Path("runs/my_run/artifact")).startswith("# Model card: my_run\n")


def test_imported_model_is_named_after_its_file() -> None:
    card = replace(BARE, architecture="legacy", training={"imported": {"file": "best_model_effatt.h5"}})
    assert card_text(card, "what").startswith("best_model_effatt.h5 judges one face")
    assert markdown(card).startswith("# Model card: best_model_effatt.h5\n")
    assert card_text(replace(card, training={}), "what").startswith("legacy judges one face")


def test_command_for_a_model_of_whole_pictures_has_its_option() -> None:
    card = replace(BARE, training={"pictures": "whole pictures"})
    assert "model/weights/lite_attention DATA --whole-pictures --corruptions" in markdown(card)


def test_card_that_only_names_its_data_sets_is_written() -> None:
    card = replace(CARD, training={"data": ["dfdc"]})
    assert "| dfdc | The card does not say. |" in markdown(card)
    assert "Tested, but never trained on: CIPLAB expert composites, UTKFace real faces." in card_text(card, "training")


@pytest.mark.slow
def test_document_of_a_trained_model_is_written(
    make_data: Callable[..., tuple[Path, Path]],
    picture: Callable[..., Any],
    tiny_architecture: str,
    tmp_path: Path,
) -> None:
    names = [f"{label}/{number}.png" for label in ("real", "fake") for number in range(20)]
    root, cache = make_data({name: picture(seed) for seed, name in enumerate(names)})
    train(root, tmp_path / "run", architecture=tiny_architecture, epochs=1, faces=cache)
    write_model_card(tmp_path / "run" / "artifact")
    text = (tmp_path / "run" / "artifact" / "model_card.md").read_text("utf-8")
    assert "Trained on 1 source of pictures." in text and "| data | As its owner says. |" in text
    assert "pictures 32 of train and 4 of val" in text and "pretrained none" in text and "start random" in text
    digest = json.loads((tmp_path / "run" / "arguments.json").read_text())["split"]
    assert len(digest) == 64 and digest not in text


def test_folder_without_a_card_is_refused_in_one_sentence(
    command: Callable[..., tuple[int, str, str]], tmp_path: Path
) -> None:
    code, _, err = command("model_card", tmp_path, "--out", tmp_path / "card.md")
    assert code == 1 and err.startswith("Error: ") and "no model folder" in err and err.count("\n") == 1


@pytest.mark.parametrize(
    ("folder", "name"), [(SHIPPED, "model_card"), (CLIP, "model_card_clip"), (SECOND, "model_card_both")]
)
def test_documents_in_the_repository_are_up_to_date(folder: Path, name: str) -> None:
    written = (ROOT / "docs" / f"{name}.md").read_text("utf-8")
    assert written == markdown(read_card(folder), folder), f"write docs/{name}.md with python -m model model_card"


def test_document_of_a_combined_model_names_its_networks() -> None:
    text = markdown(read_card(SECOND), SECOND)
    assert (
        "networks: lite_attention, clip_attention." in text
        and "Combined from: models lite_attention and clip_attention" in text
    )
