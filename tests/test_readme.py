"""Tests that the README and docs/ quote the figures of the shipped model's card, and commands that exist."""

from __future__ import annotations

import json
import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest

from explain import analysis
from explain.maps.registry import METHODS
from model.__main__ import COMMANDS
from model.artifact.card import read_card
from model.detector.detector import Detector
from model.paths import SECOND, SHIPPED

ROOT = Path(__file__).resolve().parent.parent
MOST_LINES = 110  # of a README, which takes two minutes to read
TRANSLATED = {  # each English page with its Turkish one
    ROOT / "README.md": ROOT / "README.tr.md",
    **{
        ROOT / "docs" / f"{name}.md": ROOT / "docs" / "tr" / f"{name}.md"
        for name in ("page", "measured", "use", "train", "own_model", "security")
    },
}
PAGES = sorted({*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")})
TEXTS = {path: path.read_text("utf-8") for path in PAGES}
README, TURKISH = TEXTS[ROOT / "README.md"], TEXTS[ROOT / "README.tr.md"]
FACE_SIZES = {"whole": "full size"} | {size: f"{size} pixels" for size in ("128", "80", "64", "48", "40", "32", "24")}
MEASURED, MEASURED_TURKISH = TEXTS[ROOT / "docs" / "measured.md"], TEXTS[ROOT / "docs" / "tr" / "measured.md"]
ROWS = {"DFDC": "dfdc", "StyleGAN": "ffhq_stylegan", "CIPLAB": "ciplab", "UTKFace": "utkface"}
UNSEEN = {  # rows on unseen sources: the start of the row, its kind and the name in the card
    "UTKFace, all ages": ("reals", "utkface"),
    "FairFace": ("reals", "unseen_fairface"),
    "Unsplash": ("reals", "unseen_unsplash"),
    "originals of the inswapper": ("reals", "unseen_inswapper"),
    "FLUX.1 dev": ("fakes", "unseen_flux_dev"),
    "Gemini 2.5": ("fakes", "unseen_nano_banana"),
    "inswapper face swaps": ("fakes", "unseen_inswapper"),
}
IN_SHORT = {  # rows of the table in the README: the start of the row and the name in the card
    "DFDC": "dfdc",
    "StyleGAN": "ffhq_stylegan",
    "CIPLAB": "ciplab",
    "UTKFace": "utkface",
    "FairFace": "unseen_fairface",
    "Unsplash": "unseen_unsplash",
    "FLUX.1 dev": "unseen_flux_dev",
    "Gemini 2.5": "unseen_nano_banana",
    "inswapper": "unseen_inswapper",
}
COLUMNS = ("auc", "accuracy", "false_accusation_rate", "miss_rate", "expected_calibration_error")


def named(path: Path) -> str:
    """The relative path of a file in the checkout, as the id of a test."""
    return path.relative_to(ROOT).as_posix()


def cells_of(row: str) -> list[str]:
    return [cell.strip() for cell in row.strip("|").split("|")]


def rows_of_figures(text: str) -> list[str]:
    """The cells after the first one, of table rows in which these cells hold only figures."""
    return re.findall(r"^\| [^|]*\|([^a-zA-Z\n]*\d[^a-zA-Z\n]*)$", text, re.MULTILINE)


def linked_from(path: Path) -> set[Path]:
    """Files that a page links to or shows, without web addresses and links inside the page."""
    links = re.findall(r"\]\(([^)]+)\)", TEXTS[path])
    return {(path.parent / link.split("#")[0]).resolve() for link in links if ":" not in link and link[0] != "#"}


# Figures


def test_table_quotes_the_card() -> None:
    measured = read_card(SHIPPED).metrics["test"]
    for start, name in ROWS.items():
        row = re.search(rf"^\| {start}.*$", MEASURED, re.MULTILINE)
        assert row, f"docs/measured.md has no row for {name}"
        counts, *cells = cells_of(row[0])[1:]
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
    row = re.search(rf"^\| {re.escape(start)}.*$", MEASURED, re.MULTILINE)
    assert row
    _, pictures, called, looks, undecided, _ = cells_of(row[0])
    assert pictures == str(figures["pictures"])
    assert called.startswith(f"{figures['called_fake' if kind == 'reals' else 'recall']['value']:.3f} ")
    assert undecided.startswith(f"{figures['inconclusive']['value']:.3f} ")
    if kind == "reals":
        assert looks.startswith(f"{figures['looks_fake']['value']:.3f} ")
    else:
        left = 1 - figures["looks_real"]["value"] - figures["inconclusive"]["value"]
        assert float(looks) == pytest.approx(left, abs=6e-4)


def in_short(name: str, folder: Path = SHIPPED) -> list[float | None]:
    """Share of real faces called fake, share of fakes found and AUC of a source; None for missing figures."""
    metrics = read_card(folder).metrics
    unseen = metrics["unseen"]
    if any(name in unseen[kind] for kind in ("reals", "fakes")):
        found: list[dict[str, Any] | None] = [
            unseen["reals"].get(name, {}).get("called_fake"),
            unseen["fakes"].get(name, {}).get("recall"),
            unseen["twins"].get(name, {}).get("auc") or unseen["generators"].get(name, {}).get("auc_alike"),
        ]
    else:
        found = [metrics["test"][name].get(column) for column in ("false_accusation_rate", "recall_fake", "auc")]
    return [None if figure is None else figure["value"] for figure in found]


@pytest.mark.parametrize("start", IN_SHORT)
def test_table_of_the_readme_quotes_the_card(start: str) -> None:
    row = re.search(rf"^\| {re.escape(start)}.*$", README, re.MULTILINE)
    assert row
    figures = zip(in_short(IN_SHORT[start]), (".0%", ".0%", ".2f"), strict=True)
    assert cells_of(row[0])[1:] == ["–" if figure is None else format(figure, form) for figure, form in figures]


@pytest.mark.parametrize("start", IN_SHORT)
def test_table_of_the_second_model_quotes_its_card(start: str) -> None:
    row = re.search(rf"^\| {re.escape(start)}.*$", MEASURED.split("## The second model")[1], re.MULTILINE)
    assert row
    figures = in_short(IN_SHORT[start], SECOND)
    assert cells_of(row[0])[1:] == ["–" if figure is None else f"{figure:.3f}" for figure in figures]


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
        assert quoted in MEASURED


@pytest.mark.parametrize("text", [README, MEASURED], ids=["README", "measured"])
def test_sentences_on_verdicts_and_calibration_quote_the_card(text: str) -> None:
    metrics, text = read_card(SHIPPED).metrics, " ".join(text.split())
    reals = metrics["unseen"]["reals"].values()
    looks, undecided = ([source[key]["value"] for source in reals] for key in ("looks_fake", "inconclusive"))
    errors = [part["expected_calibration_error"]["value"] for part in metrics["test"].values() if part["fake"]]
    assert f"Looks fake for {min(looks):.0%} to {max(looks):.0%} of real faces" in text
    assert f"no verdict for {min(undecided):.0%} to {max(undecided):.0%}" in text
    assert f"off by {min(errors):.2f} to {max(errors):.2f} on average" in text


@pytest.mark.parametrize("size", FACE_SIZES)
def test_docs_quote_the_figures_of_small_faces(size: str) -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "face_size.json").read_text(encoding="utf-8"))["sizes"][size]
    figures = [
        *found["auc"].values(),
        *(found[name] for name in ("called_fake", "missed", "calibration_error", "changed")),
    ]
    cells = " | ".join(f"{figure:.3f}" for figure in figures)
    assert f"| {FACE_SIZES[size]} | {cells} |" in MEASURED


def test_docs_quote_the_figures_of_stability() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "stability.json").read_text(encoding="utf-8"))
    ours, stock = (f"{found['jaccard_of_top_five'][package]:.2f}" for package in ("ours", "stock"))
    assert f"Jaccard index {ours} on {found['faces']} test faces (stock {stock})" in MEASURED
    comma = f"{found['faces']} test yüzünde Jaccard indeksi {ours} (paketin kendisinde {stock})".replace(".", ",")
    assert comma in MEASURED_TURKISH


def test_docs_quote_the_figures_of_region_names() -> None:
    found = json.loads((ROOT / "benchmarks" / "results" / "region_names.json").read_text(encoding="utf-8"))
    former, maps = found["five_points"], TEXTS[ROOT / "docs" / "maps.md"]
    for name, row in (("face parser and landmarks", found), ("five landmarks alone, as before", former)):
        all_of_them, in_photo, *halves = (part["right"] for part in (row["all"], row["in_photo"], *row["by_half"]))
        cells = [f"{all_of_them:.1%}", f"{in_photo:.1%}", f"{halves[0]:.1%}", f"{halves[1]:.1%}"]
        assert f"| {name} | {' | '.join(cells)} |" in maps.replace("**", "")
    alone = [former["in_its_own_words"][part]["right"] for part in ("all", "in_photo")]
    assert f"it had {alone[0]:.1%} of all right, {alone[1]:.1%} of those in the photo" in maps


# Commands, links and code


@pytest.mark.parametrize("path", PAGES, ids=named)
def test_commands_and_links_exist(path: Path) -> None:
    assert set(re.findall(r"python -m model (\w+)", TEXTS[path])) <= set(COMMANDS)
    modules = re.findall(r"python[\d.]* -m ([\w.]+)", TEXTS[path])
    assert [module for module in modules if not find_spec(module.removesuffix(".NAME"))] == []
    assert [link for link in linked_from(path) if not link.exists()] == []


@pytest.mark.parametrize("paths", [TRANSLATED.keys(), TRANSLATED.values()], ids=["English", "Turkish"])
def test_pages_show_the_commands_for_making_the_shipped_model(paths: list[Path]) -> None:
    commands = set(re.findall(r"python -m model (\w+)", "".join(TEXTS[path] for path in paths)))
    assert {"train_paired", "evaluate", "calibrate", "convert"} <= commands


@pytest.mark.parametrize("text", [README, TURKISH], ids=["English", "Turkish"])
def test_readme_is_short(text: str) -> None:
    assert len(text.splitlines()) <= MOST_LINES


@pytest.mark.parametrize("number", [0, 1], ids=["English", "Turkish"])
def test_every_page_is_linked_from_the_readme(number: int) -> None:
    readme, *pages = (pair[number] for pair in TRANSLATED.items())
    assert {*pages, ROOT / "docs" / "architecture.md", ROOT / "CONTRIBUTING.md"} <= linked_from(readme)
    assert all(readme in linked_from(page) for page in pages)


def test_files_named_in_the_pages_exist() -> None:
    """Only files of our code; FILE and NAME are placeholders."""
    for path in PAGES:
        files = re.findall(r"\b((?:explain|model|tests)/[a-z\d_/]+\.(?:py|toml))\b", TEXTS[path])
        assert [file for file in files if not (ROOT / file).exists()] == [], named(path)


def test_docs_list_the_maps_that_the_server_supports() -> None:
    assert f"| maps with commas between them: {', '.join(METHODS)} |" in TEXTS[ROOT / "docs" / "interfaces.md"]


@pytest.mark.slow
def test_example_in_python_works(
    quick_detector: Detector, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    text = TEXTS[ROOT / "docs" / "use.md"]
    (code,) = (block for block in re.findall(r"```python\n(.*?)```", text, re.DOTALL) if "explain" in block)
    monkeypatch.setattr(analysis, "_first_detector", lambda: quick_detector)
    exec(code.replace("photo.jpg", str(ROOT / "examples" / "astronaut.jpg")), {})
    verdict, sentence = capsys.readouterr().out.splitlines()
    assert verdict.split()[0] in ("Fake", "Real", "Inconclusive")
    assert sentence.endswith(".")


# Turkish pages


def test_every_turkish_page_has_an_english_page() -> None:
    assert {*ROOT.glob("docs/tr/*.md"), ROOT / "README.tr.md"} == set(TRANSLATED.values())


@pytest.mark.parametrize("english", TRANSLATED, ids=named)
def test_turkish_page_has_the_same_code_pictures_and_sections(english: Path) -> None:
    """Comments may differ. After a change of one page, the other one must be changed too."""
    turkish = TRANSLATED[english]
    for pattern in (r"^```.*?^```$", r"^(#+) "):
        found = [re.findall(pattern, TEXTS[path], re.MULTILINE | re.DOTALL) for path in (english, turkish)]
        ours, theirs = ([re.sub(r"\s+# .*", "", part) for part in parts] for parts in found)
        assert ours == theirs
    ours, theirs = (
        [(path.parent / name).resolve() for name in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", TEXTS[path])]
        for path in (english, turkish)
    )
    assert ours == theirs
    assert turkish in linked_from(english) and english in linked_from(turkish)


@pytest.mark.parametrize("english", TRANSLATED, ids=named)
def test_turkish_tables_have_the_same_figures(english: Path) -> None:
    ours, theirs = (rows_of_figures(TEXTS[path]) for path in (english, TRANSLATED[english]))
    assert [re.sub(r"(\d+)%", r"%\1", row).replace(".", ",") for row in ours] == theirs


def test_every_table_of_figures_is_compared() -> None:
    assert len(rows_of_figures(README)) == len(IN_SHORT)
    assert len(rows_of_figures(MEASURED)) == len(ROWS) + len(UNSEEN) + len(IN_SHORT) + len(FACE_SIZES)
