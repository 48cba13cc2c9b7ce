"""The README quotes the figures that the shipped model's card holds, and commands that exist."""

import json
import re
from importlib.util import find_spec
from pathlib import Path

import pytest

from explain import analysis
from model.__main__ import COMMANDS
from model.artifact import SHIPPED, read_card
from model.detector import Detector

ROOT = Path(__file__).resolve().parent.parent
README, TURKISH = ((ROOT / name).read_text("utf-8") for name in ("README.md", "README.tr.md"))
ROWS = {"DFDC": "dfdc", "StyleGAN": "ffhq_stylegan", "CIPLAB": "ciplab", "UTKFace": "utkface"}
UNSEEN = {  # rows on sources that the model never saw: what a row begins with, its kind and the card's name for it
    "UTKFace, all ages": ("reals", "utkface"),
    "FairFace": ("reals", "unseen_fairface"),
    "Unsplash": ("reals", "unseen_unsplash"),
    "originals of the inswapper": ("reals", "unseen_inswapper"),
    "FLUX.1 dev": ("fakes", "unseen_flux_dev"),
    "Gemini 2.5": ("fakes", "unseen_nano_banana"),
    "inswapper face swaps": ("fakes", "unseen_inswapper"),
}
COLUMNS = ("auc", "accuracy", "false_accusation_rate", "miss_rate", "expected_calibration_error")


def test_table_quotes_the_card() -> None:
    measured = read_card(SHIPPED).metrics["test"]
    for start, name in ROWS.items():
        row = re.search(rf"^\| {start}.*$", README, re.MULTILINE)
        assert row, f"the README has no row for {name}"
        counts, *cells = [cell.strip() for cell in row[0].strip("|").split("|")[1:]]
        figures = measured[name]
        assert counts == f"{figures['real']} / {figures['fake']}"
        quoted = [re.findall(r"\d\.\d{3}", cell) for cell in cells]
        expected = [
            [f"{figures[column][key]:.3f}" for key in ("value", "low", "high")] if column in figures else []
            for column in COLUMNS
        ]
        assert quoted == expected, name


@pytest.mark.parametrize("start", UNSEEN)
def test_table_of_unseen_sources_quotes_the_card(start: str) -> None:
    kind, name = UNSEEN[start]
    figures = read_card(SHIPPED).metrics["unseen"][kind][name]
    row = re.search(rf"^\| {re.escape(start)}.*$", README, re.MULTILINE)
    assert row
    _, pictures, called, looks, undecided, _ = [cell.strip() for cell in row[0].strip("|").split("|")]
    assert pictures == str(figures["pictures"])
    assert called.startswith(f"{figures['called_fake' if kind == 'reals' else 'recall']['value']:.3f} ")
    assert undecided.startswith(f"{figures['inconclusive']['value']:.3f} ")
    if kind == "reals":
        assert looks.startswith(f"{figures['looks_fake']['value']:.3f} ")
    else:
        left = 1 - figures["looks_real"]["value"] - figures["inconclusive"]["value"]
        assert float(looks) == pytest.approx(left, abs=6e-4)


def test_sentences_quote_the_card() -> None:
    measured = read_card(SHIPPED).metrics["test"]
    peaks = measured["dfdc"]["attention_peak_inside"]
    for quoted in (
        f"the {peaks['fakes']} DFDC fakes",
        f"{peaks['attention']:.1%}",
        f"{peaks['centre']:.1%}",
        f"{measured['utkface']['false_accusation_rate']['value']:.0%} of real faces",
        f"{measured['ciplab']['miss_rate']['value']:.0%} of expert composites",
    ):
        assert quoted in README


def test_stability_is_quoted_as_measured() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "stability.json").read_text(encoding="utf-8"))
    ours, stock = (f"{found['jaccard_of_top_five'][who]:.2f}" for who in ("ours", "stock"))
    assert f"Jaccard index {ours} on {found['faces']} test faces (stock {stock})" in README
    comma = f"{found['faces']} test yüzünde Jaccard indeksi {ours} (paketin kendisinde {stock})".replace(".", ",")
    assert comma in TURKISH


@pytest.mark.parametrize("readme", [README, TURKISH], ids=["English", "Turkish"])
def test_commands_and_links_exist(readme: str) -> None:
    commands = set(re.findall(r"python -m model (\w+)", readme))
    assert {"train_paired", "evaluate", "calibrate", "convert_backbone"} <= commands <= set(COMMANDS)
    assert all(find_spec(module) for module in re.findall(r"python -m ([\w.]+)", readme))
    links = re.findall(r"\]\(([^)#:]+)\)", readme)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_turkish_readme_has_the_same_code_pictures_and_sections() -> None:
    """Comments apart: whoever changes one of them must not forget the other."""
    for pattern in (r"^```.*?^```$", r"!\[[^\]]*\](\([^)]+\))", r"^(#+) "):
        found = [re.findall(pattern, text, re.MULTILINE | re.DOTALL) for text in (README, TURKISH)]
        ours, theirs = ([re.sub(r"\s+# .*", "", part) for part in parts] for parts in found)
        assert ours == theirs
    assert "](README.tr.md)" in README and "](README.md)" in TURKISH


def test_turkish_table_holds_the_same_figures() -> None:
    rows = [re.findall(r"^\| [^|]*\|(.*\d[.,]\d{3}.*)$", text, re.MULTILINE) for text in (README, TURKISH)]
    assert len(rows[0]) == len(ROWS) + len(UNSEEN)
    assert [row.replace(".", ",") for row in rows[0]] == rows[1]


def test_example_in_python_works(
    quick_detector: Detector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", README, re.DOTALL) if "explain" in block)
    monkeypatch.setattr(analysis, "_first_detector", lambda: quick_detector)
    exec(code.replace("photo.jpg", str(ROOT / "examples" / "astronaut.jpg")), {})
    verdict, sentence = capsys.readouterr().out.splitlines()
    assert verdict.split()[0] in ("Fake", "Real", "Inconclusive")
    assert sentence.endswith(".")
