"""Makes the folder that a Hugging Face Space, or a container engine, needs: ``python -m docs.space FOLDER``."""

import os
import re
import shutil
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Annotated

import typer

ROOT = Path(__file__).resolve().parent.parent
# The files that the page needs; .dockerignore lists the same. Only our files of model/: others there are the user's.
RUNS = (
    *("app.py", "requirements.txt", "requirements.lock", "LICENSE"),
    *("explain/**/*.py", "explain/**/*.css", "explain/**/*.html", "explain/**/*.js"),
    *("examples/*", "examples/results/*"),
    *("model/**/*.py", "model/html/templates/*", "model/i18n/texts/*/*.toml"),
    *(f"model/weights/{name}/*" for name in ("lite_attention", "clip_attention", "lite_and_clip", "face_parser")),
)
OWN_MODEL = ("model/*.h5", "model/*.hdf5", "model/*.pkl", "model/card.json")
FOR_DOCKER = ("Dockerfile", ".dockerignore")
LFS = "filter=lfs diff=lfs merge=lfs -text"
PICTURE = re.compile(r"!\[[^\]]*\]\(([^)#:]+)\)")
LINK = re.compile(r"(?<!!)\[([^\]]+)\]\(([^)#:]+)\)")
GRADIO_KEYS = re.compile(r"^(sdk_version|python_version|app_file): .*\n", re.MULTILINE)


def main(
    out: Annotated[Path, typer.Argument(help="Folder to make; an existing one must be empty.")],
    docker: Annotated[
        bool, typer.Option("--docker", help="For a Docker Space or `docker build`, not for a Gradio Space.")
    ] = False,
    own_model: Annotated[bool, typer.Option("--own-model", help="Also copy your Keras file in model/.")] = False,
) -> None:
    """Copy the files that the page needs into a folder that can be uploaded or built."""
    if out.exists() and any(out.iterdir()):
        raise typer.BadParameter(f"{out} is not empty; delete it, or name another folder.")
    names = make_tree(out, [*RUNS, *(FOR_DOCKER if docker else ()), *(OWN_MODEL if own_model else ())], docker)
    size = sum((out / name).stat().st_size for name in names)
    typer.echo(f"{len(names)} files with {size / 1e6:.1f} MB are in {out}.")


def make_tree(out: Path, patterns: Sequence[str], docker: bool = False) -> list[str]:
    """Copy the files that the patterns find, add the README with its pictures and the list for Git LFS.

    Args:
        out: folder to fill.
        patterns: of paths below the checkout.
        docker: whether the README's front matter is that of a Docker Space.

    Returns:
        The files of the tree by their paths in it, sorted.
    """
    readme = (ROOT / "README.md").read_text("utf-8")
    found = [path for pattern in [*patterns, *PICTURE.findall(readme)] for path in ROOT.glob(pattern)]
    names = sorted({path.relative_to(ROOT).as_posix() for path in found if path.is_file()})
    for name in names:
        (out / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, out / name)
    written = {
        "README.md": readme_for(readme, names, docker),
        ".gitattributes": "".join(f"{pattern} {LFS}\n" for pattern in binary_patterns(out / name for name in names)),
    }
    for name, text in written.items():
        (out / name).write_text(text, "utf-8")
    return sorted([*names, *written])


def binary_patterns(files: Iterable[Path]) -> list[str]:
    """Patterns such as ``*.png`` of the files that Git calls binary; the Hub takes those only through LFS or Xet."""
    return sorted({f"*{path.suffix}" for path in files if b"\0" in path.read_bytes()[:8000]})


def readme_for(readme: str, names: Sequence[str], docker: bool) -> str:
    """The README of the tree; links to files outside the tree become plain text."""
    readme = LINK.sub(lambda link: link[0] if link[2] in {*names, "README.md"} else link[1], readme)
    if not docker:
        return readme
    matter, rest = readme.removeprefix("---\n").split("---\n", 1)
    matter = GRADIO_KEYS.sub("", matter).replace("sdk: gradio\n", "sdk: docker\napp_port: 7860\n")
    return f"---\n{matter}---\n{rest}"


def space_environment(home: Path, port: int) -> dict[str, str]:
    """The variables that Spaces sets for ``python app.py``; of this environment only PATH."""
    return {
        "PATH": os.environ["PATH"],
        "HOME": str(home),
        "SYSTEM": "spaces",
        "SPACE_ID": "someone/whyfake",
        "SPACE_HOST": "someone-whyfake.hf.space",
        "SPACE_AUTHOR_NAME": "someone",
        "SPACE_REPO_NAME": "whyfake",
        "GRADIO_SERVER_NAME": "0.0.0.0",
        "GRADIO_SERVER_PORT": str(port),
        "GRADIO_NUM_PORTS": "1",
        "GRADIO_SSR_MODE": "True",
        "GRADIO_THEME": "huggingface",
        "GRADIO_ALLOW_FLAGGING": "never",
    }


if __name__ == "__main__":
    typer.run(main)
