"""Tests of ``python -m model``: it lists and runs every command, and its help loads nothing heavy."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from pkgutil import resolve_name

import pytest
from typer.testing import CliRunner

from model.__main__ import COMMANDS, group
from model.paths import SHIPPED

ROOT = Path(__file__).parents[2]
HEAVY = ["keras", "tensorflow", "sklearn", "scipy", "matplotlib", "seaborn", "plotly", "pandas", "optuna", "imagehash"]
# Run by the product in a process of its own.
NOT_COMMANDS = {"model.legacy.check", "model.legacy.apart", "model.onnx_models.apart", "model.photos.worker"}
NOT_COMMANDS |= {"model.clips.worker"}

# Asks for help in a fresh interpreter, and prints as JSON which heavy packages each request loaded.
PROGRAM = """
import contextlib, io, json, sys
from model.__main__ import group
loaded = {}
for words in json.loads(sys.argv[1]):
    with contextlib.redirect_stdout(io.StringIO()) as printed, contextlib.suppress(SystemExit):
        group()(words, prog_name="python -m model")
    new = [name for name in json.loads(sys.argv[2]) if name in sys.modules]
    loaded[" ".join(words)] = [new, " ".join(words[:-1]) in printed.getvalue() and "Usage" in printed.getvalue()]
print(json.dumps(loaded))
"""


@pytest.mark.slow
def test_help_of_no_command_loads_a_heavy_package() -> None:
    requests = [["--help"], *([name, "--help"] for name in COMMANDS)]
    command = [sys.executable, "-c", PROGRAM, json.dumps(requests), json.dumps(HEAVY)]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120, check=True)
    loaded = json.loads(ended.stdout)
    assert loaded == {" ".join(words): [[], True] for words in requests}


def modules_with(text: str) -> set[str]:
    """Names of the modules of ``model`` that contain a text."""
    paths = [path for path in (ROOT / "model").rglob("*.py") if text in path.read_text(encoding="utf-8")]
    return {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in paths}


def test_every_module_that_is_a_command_is_listed_and_has_no_other_way_in() -> None:
    assert modules_with("typer.Argument(") == {target.split(":")[0] for target, _ in COMMANDS.values()}
    assert modules_with('\nif __name__ == "__main__":') == NOT_COMMANDS | {"model.__main__"}


@pytest.mark.parametrize("name", COMMANDS)
def test_listed_function_exists(name: str) -> None:
    assert callable(resolve_name(COMMANDS[name][0]))


def test_list_names_every_command_with_its_line() -> None:
    output = CliRunner().invoke(group(), ["--help"], env={"COLUMNS": "200"}).stdout
    for name, (_, about) in COMMANDS.items():
        assert any(name in line and about in line for line in output.splitlines()), name


def test_arguments_reach_the_command(tmp_path: Path) -> None:
    out = tmp_path / "card.md"
    ended = CliRunner().invoke(group(), ["model_card", str(SHIPPED), "--out", str(out)])
    assert ended.exit_code == 0 and out.read_text().startswith("# Model card: lite_attention")


def shell(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "model", *map(str, arguments)]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)


@pytest.mark.slow
def test_foreseen_error_of_a_command_is_one_sentence(tmp_path: Path) -> None:
    ended = shell("evaluate", tmp_path / "nothing", tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "Error: nothing is no model folder: it has no card.json.\n")


def test_unknown_command_or_option_ends_with_code_2(command: Callable[..., tuple[int, str, str]]) -> None:
    for words in (["trian"], ["train", "--no-such-option"]):
        code, _, err = command(*words)
        assert code == 2 and "No such" in err


def start_apart(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=120, check=True
    )


def test_errors_of_tensorflow_are_shown_and_a_level_that_was_set_stays() -> None:
    program = "import os, model; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert int(start_apart(program).stdout) < 3  # 3 would hide errors
    assert start_apart(program, TF_CPP_MIN_LOG_LEVEL="0").stdout == "0\n"


def test_what_a_failing_import_says_is_shown() -> None:
    program = """
import os
from model.quiet import standard_error_aside
with standard_error_aside():
    os.write(2, b"harmless\\n")
try:
    with standard_error_aside():
        os.write(2, b"the reason\\n")
        raise ImportError
except ImportError:
    os.write(2, b"afterwards\\n")
"""
    assert start_apart(program).stderr == "the reason\nafterwards\n"
