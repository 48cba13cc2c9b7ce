"""The README quotes the figures that the shipped model's card holds, and commands that exist."""

import re
from importlib.util import find_spec
from pathlib import Path

from model.artifact import SHIPPED, read_card

ROOT = Path(__file__).resolve().parent.parent
README = (ROOT / "README.md").read_text("utf-8")
ROWS = {"DFDC": "dfdc", "StyleGAN": "ffhq_stylegan", "CIPLAB": "ciplab", "UTKFace": "utkface"}
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


def test_commands_and_links_exist() -> None:
    modules = set(re.findall(r"python -m ([\w.]+)", README))
    assert {"model.train_paired", "model.evaluate", "model.calibrate", "model.convert_backbone"} <= modules
    assert all(find_spec(module) for module in modules)
    links = re.findall(r"\]\(([^)#:]+)\)", README)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []
