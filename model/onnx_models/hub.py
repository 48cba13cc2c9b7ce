"""Downloads a model of the Hugging Face Hub into the Hub's own cache: only the files that are needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path, PurePosixPath
from typing import Any

from model.errors import ArtifactError, message_of
from model.i18n.catalogue import Message
from model.onnx_models.config import CONFIG, PREPROCESSOR

MAX_BYTES = 2_500_000_000  # of all files together
SECONDS = 20  # to answer what a repository holds
ENDPOINT, CACHE = "HF_ENDPOINT", "HF_HUB_CACHE"  # the Hub's own environment variables
DESCRIBING = ("card.json", CONFIG, PREPROCESSOR)
USUAL = ("onnx/model.onnx", "model.onnx")

Notify = Callable[[Message], None]


def fetch(repository: str, revision: str | None, notify: Notify = lambda message: None) -> Path:
    """The ONNX file of a repository, in the Hub's cache beside the files that describe it.

    Without a connection, the files of an earlier download are used.

    Args:
        repository: ``OWNER/NAME``.
        revision: a branch, a tag or a commit; None for the main branch.
        notify: called before a download.

    Raises:
        ArtifactError: if there is no such model, it has no single ONNX file, it is too large, or the Hub can't be
            reached.
    """
    from huggingface_hub import HfApi, errors, hf_hub_download

    endpoint, cache = os.environ.get(ENDPOINT), os.environ.get(CACHE)
    try:
        info = HfApi(endpoint=endpoint).model_info(repository, revision=revision, files_metadata=True, timeout=SECONDS)
        sizes = {file.rfilename: file.size or 0 for file in info.siblings or ()}
        names = _wanted(sizes, repository)
        if (size := sum(sizes[name] for name in names)) > MAX_BYTES:
            raise ArtifactError(Message("onnx.too_large", file=repository, size=size / 1e9, limit=MAX_BYTES / 1e9))
        notify(Message("onnx.downloading", repository=repository, size=size / 1e6))
        # Not the commit: the cache keeps which one a branch meant, and answers for it without a connection.
        options: dict[str, Any] = {"revision": revision, "endpoint": endpoint, "cache_dir": cache}
        options["tqdm_class"] = _bounded(repository)
        onnx, *_ = [hf_hub_download(repository, name, **options) for name in names]
        return Path(onnx)
    except errors.GatedRepoError as error:
        raise ArtifactError(Message("onnx.gated", repository=repository)) from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError, errors.EntryNotFoundError) as error:
        raise ArtifactError(Message("onnx.no_repository", repository=f"{repository}@{revision or 'main'}")) from error
    except ArtifactError:
        raise
    except Exception as error:  # offline in one of many ways; which, the libraries do not promise
        kept = _kept(repository, revision, cache)
        if kept is None:
            details = {"repository": repository, "reason": message_of(error)}
            raise ArtifactError(Message("onnx.offline", **details)) from error
        return kept


def _bounded(repository: str) -> type[Any]:
    """A progress bar that ends the download of one file beyond ``MAX_BYTES``: a server may send more than it said."""
    from huggingface_hub.utils import tqdm

    class Bounded(tqdm):
        received = 0

        def update(self, n: float | None = 1) -> bool | None:
            self.received += int(n or 0)
            if self.received > MAX_BYTES:
                size, limit = self.received / 1e9, MAX_BYTES / 1e9
                raise ArtifactError(Message("onnx.too_large", file=repository, size=size, limit=limit))
            return super().update(n)

    return Bounded


def _wanted(sizes: Mapping[str, int], repository: str) -> list[str]:
    """The files to download, the ONNX file first."""
    usual = [name for name in USUAL if name in sizes]
    found = usual[:1] or [name for name in sizes if PurePosixPath(name).suffix == ".onnx"]
    if not found:
        kind = "onnx.safetensors" if any(name.endswith((".safetensors", ".bin")) for name in sizes) else "onnx.nowhere"
        raise ArtifactError(Message(kind, folder=repository))
    if len(found) > 1:
        raise ArtifactError(Message("onnx.several", folder=repository, files=", ".join(found[:5])))
    onnx = found[0]
    weights = [name for name in sizes if name.startswith(onnx) and name != onnx]
    return [onnx, *weights, *(name for name in DESCRIBING if name in sizes)]


def _kept(repository: str, revision: str | None, cache: str | None) -> Path | None:
    """The ONNX file of an earlier download; None if there is none."""
    from huggingface_hub import try_to_load_from_cache

    for name in USUAL:
        found = try_to_load_from_cache(repository, name, cache_dir=cache, revision=revision)
        if isinstance(found, str):
            return Path(found)
    return None
