"""Tests of imports: no TensorFlow before a verdict, no Gradio outside the page, no network access."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[1]

# Runs in a new interpreter and prints its results as one line of JSON. Network access is counted and refused:
# a library might catch the error.
PROGRAM = """
import ipaddress, json, socket, sys

attempts, loaded = [], {}
LOCAL_NAMES = {"localhost", "", None}

def is_local(host):
    if isinstance(host, bytes):
        host = host.decode()
    if host in LOCAL_NAMES:
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified

def guard(owner, name, host_of):
    original = getattr(owner, name)
    def guarded(*arguments, **options):
        host = host_of(*arguments)
        if not is_local(host):
            attempts.append([name, str(host)])
            raise OSError("this test allows no network")
        return original(*arguments, **options)
    setattr(owner, name, guarded)

def host_of_address(_, *arguments):
    address = arguments[-1]
    return address[0] if isinstance(address, tuple) else None  # a Unix socket stays on this machine

for name in ("connect", "connect_ex", "sendto"):
    guard(socket.socket, name, host_of_address)
for name in ("getaddrinfo", "gethostbyname"):
    guard(socket, name, lambda host, *_: host)

def heavy():
    return sorted(name for name in ("tensorflow", "keras", "torch", "jax") if name in sys.modules)

import app
from explain.settings import LIKELIER
loaded["import"] = heavy()
from explain.interfaces.gradio_api import GradioEndpoints
from explain.page.layout import build_page
from explain.service.service import Service
from model.available import Models, available_models
models = Models(available_models())
build_page(models)
loaded["page"] = heavy()
programs, settings = GradioEndpoints(Service(models)), (LIKELIER, 10, 100, 8, False, False)
def analysed(trust):
    more = ([], trust, True, "slic", "mean")
    return list(programs.analyze_photo("examples/astronaut.jpg", *settings, models.first, *more))
answers = analysed(trust=False)
loaded["analysis"] = heavy()
from tests.support.worlds import QuickDetector
models.get = lambda name, quick=QuickDetector(): quick  # trust asks a network thousands of times
assert analysed(trust=True)[-1][0]["trust"]
loaded["trust"] = heavy()
seen = list(attempts)

for probe in (lambda: socket.create_connection(("192.0.2.1", 80), 1), lambda: socket.getaddrinfo("example.com", 80),
              lambda: socket.socket().connect(("192.0.2.1", 80))):
    try:
        probe()
    except OSError:
        pass
final, lime, attention, further = answers[-1]
print(json.dumps({"loaded": loaded, "attempts": seen, "probes": len(attempts) - len(seen), "steps": len(answers),
                  "complete": final["complete"], "maps": sorted(final["attributions"]),
                  "pictures": [lime is not None, attention is not None]}))
"""


@pytest.fixture(scope="module")
def page_process() -> dict[str, Any]:
    """The results of a process that imports the app, builds the page and analyses one photo completely."""
    command = [sys.executable, "-W", "ignore", "-c", PROGRAM]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=240)
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.splitlines()[-1])


@pytest.mark.slow
def test_analysis_is_complete(page_process: dict[str, Any]) -> None:
    """Otherwise the tests below would not test a complete analysis."""
    assert page_process["complete"] and page_process["steps"] > 1
    assert page_process["maps"] == ["attention", "lime"]
    assert page_process["pictures"] == [True, True]


@pytest.mark.slow
@pytest.mark.parametrize("stage", ["import", "page", "analysis", "trust"])
def test_tensorflow_and_keras_are_not_loaded(page_process: dict[str, Any], stage: str) -> None:
    assert page_process["loaded"][stage] == []


@pytest.mark.slow
def test_page_does_not_use_the_network(page_process: dict[str, Any]) -> None:
    assert page_process["probes"] == 3, "the guard must notice every attempt"
    assert page_process["attempts"] == []


def imported_packages(path: Path) -> set[str]:
    """Top-level packages that a file imports, also inside its functions."""
    packages = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            packages |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            packages.add(path.parent.name if node.level else str(node.module).split(".")[0])
    return packages


def sources(folder: str) -> list[Path]:
    found = sorted((ROOT / folder).rglob("*.py"))
    assert len(found) > 5
    return found


@pytest.mark.slow
def test_model_imports_neither_explain_nor_the_page() -> None:
    assert [path for path in sources("model") if imported_packages(path) & {"explain", "gradio", "app"}] == []


@pytest.mark.slow
def test_only_the_page_imports_gradio() -> None:
    for path in sources("explain"):
        is_of_page = ROOT / "explain" / "page" in path.parents
        assert not imported_packages(path) & ({"app"} if is_of_page else {"gradio", "app"}), path


def test_imports_are_found_everywhere_in_a_file(tmp_path: Path) -> None:
    source = "import a.b, c as d\ndef f():\n    from e.f import g\n    if f:\n        import h\nfrom . import i\n"
    (tmp_path / "source.py").write_text(source)
    assert imported_packages(tmp_path / "source.py") == {"a", "c", "e", "h", tmp_path.name}
