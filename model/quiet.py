"""Hides what native libraries write past Python, such as the log of TensorFlow while it is imported."""

import importlib.util
import os
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.abc import MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType

PACKAGE = "tensorflow"


class QuietImport(MetaPathFinder):
    """Import hook that redirects standard error during the first import of TensorFlow.

    Its log level does not help: the native library writes some lines before it reads ``TF_CPP_MIN_LOG_LEVEL``.
    """

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        if name != PACKAGE:
            return None
        sys.meta_path.remove(self)
        spec = importlib.util.find_spec(name)
        if spec is not None and spec.loader is not None:
            load = spec.loader.exec_module

            def load_quietly(module: ModuleType) -> None:
                with standard_error_aside():
                    load(module)

            spec.loader.exec_module = load_quietly  # type: ignore[method-assign]
        return spec


@contextmanager
def standard_error_aside() -> Iterator[None]:
    """Redirect file descriptor 2 to a temporary file; write its content to standard error if the body fails."""
    with tempfile.TemporaryFile() as kept:
        before = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            yield
        except BaseException:
            os.dup2(before, 2)
            kept.seek(0)
            os.write(2, kept.read())
            raise
        finally:
            os.dup2(before, 2)
            os.close(before)


def import_tensorflow_quietly() -> None:
    """Hide TensorFlow's log at its import, unless ``TF_CPP_MIN_LOG_LEVEL`` is set."""
    if "TF_CPP_MIN_LOG_LEVEL" not in os.environ:
        os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"  # for log lines after the import; errors are still shown
        sys.meta_path.insert(0, QuietImport())
