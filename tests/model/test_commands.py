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
# Modules that the product runs in a separate process.
NOT_COMMANDS = {"model.legacy.check", "model.legacy.apart", "model.onnx_models.apart", "model.photos.worker"}
NOT_COMMANDS |= {"model.clips.worker"}

# Prints the help of every command in a new interpreter, and reports as JSON which heavy packages each one loaded.
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


def test_every_command_module_is_listed_and_has_no_other_entry_point() -> None:
    assert modules_with("typer.Argument(") == {target.split(":")[0] for target, _ in COMMANDS.values()}
    assert modules_with('\nif __name__ == "__main__":') == NOT_COMMANDS | {"model.__main__"}


@pytest.mark.parametrize("name", COMMANDS)
def test_listed_function_exists(name: str) -> None:
    assert callable(resolve_name(COMMANDS[name][0]))


def test_help_lists_every_command_with_its_description() -> None:
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
def test_expected_error_of_a_command_is_one_sentence(tmp_path: Path) -> None:
    ended = shell("evaluate", tmp_path / "nothing", tmp_path)
    assert (ended.returncode, ended.stderr) == (1, "Error: nothing is no model folder: it has no card.json.\n")


def test_unknown_command_or_option_ends_with_code_2(command: Callable[..., tuple[int, str, str]]) -> None:
    for words in (["trian"], ["train", "--no-such-option"]):
        code, _, err = command(*words)
        assert code == 2 and "No such" in err


def run_in_new_interpreter(program: str, **environment: str) -> subprocess.CompletedProcess[str]:
    kept = {name: value for name, value in os.environ.items() if name != "TF_CPP_MIN_LOG_LEVEL"}
    command = [sys.executable, "-W", "ignore", "-c", program]
    return subprocess.run(
        command, cwd=ROOT, env=kept | environment, capture_output=True, text=True, timeout=120, check=True
    )


def test_tensorflow_errors_are_shown_and_a_given_log_level_is_kept() -> None:
    program = "import os, model; print(os.environ['TF_CPP_MIN_LOG_LEVEL'])"
    assert int(run_in_new_interpreter(program).stdout) < 3  # 3 would hide errors
    assert run_in_new_interpreter(program, TF_CPP_MIN_LOG_LEVEL="0").stdout == "0\n"


def test_messages_of_a_failing_import_are_shown() -> None:
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
    assert run_in_new_interpreter(program).stderr == "the reason\nafterwards\n"
