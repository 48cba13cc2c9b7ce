"""Opens an ONNX file in a process of its own, with limited memory and time, and says what it takes and gives.

``python -m model.onnx_models.apart FILE SIDE MEMORY SECONDS`` writes one line of JSON.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from model.apart import WATCH, Cancelled, command_of, limit_memory
from model.artifact.card import MASK
from model.artifact.preprocessing import LARGEST_INPUT
from model.detector.onnx_engine import BATCH, fitting, open_session
from model.detector.rollout import grid_of
from model.errors import ArtifactError, message_of, one_line
from model.i18n.catalogue import Message, as_data, from_data
from model.onnx_models.graph import check_graph
from model.parent import end_with_parent
from model.paths import ROOT

MEMORY = 6_000_000_000  # bytes of address space, beside three times the size of the file
SECONDS = 300  # a large network on a busy machine takes tens
MOST_CLASSES = 1000
ALIKE = 1e-3  # by how much answers may differ between batches
SHARES = 0.02  # by how much a token's attention may miss a sum of 1
END = ("Softmax", "Sigmoid")  # operators after which an output holds probabilities
PASSING = {"Identity", "Cast", "Squeeze", "Unsqueeze", "Reshape", "Flatten"}


class MissingWeights(Exception):
    """Files with weights are not beside the file.

    Attributes:
        names: theirs, without a path.
    """

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(", ".join(names))
        self.names = names


@dataclass(frozen=True)
class Facts:
    """What the network takes and gives.

    Attributes:
        layout: of its input, see ``model.artifact.interface``.
        side: of its input in pixels.
        one_at_a_time: whether it takes only single pictures.
        output: name of the output with the classes.
        count: of the columns in that output.
        ends_in: ``Softmax`` or ``Sigmoid`` if the output comes from such an operator, else empty.
        mask: name of an output with an attention mask, else empty.
        attentions: names of the outputs with attention matrices.
    """

    layout: str
    side: int
    one_at_a_time: bool
    output: str
    count: int
    ends_in: str
    mask: str = ""
    attentions: tuple[str, ...] = ()


def examine_apart(
    path: Path,
    side: int | None = None,
    memory: int = MEMORY,
    seconds: float = SECONDS,
    cancelled: Cancelled = lambda: False,
) -> Facts:
    """Check and run a file in a process of its own.

    Args:
        path: of a file that does not change during the call.
        side: of the input in pixels; None if only the network knows it.
        memory: bytes of address space for the process, beside three times the size of the file.
        seconds: that it may take.
        cancelled: called meanwhile; once it is true, the process is ended.

    Raises:
        ArtifactError: if the file is not safe, not a classifier of pictures, or needs more memory or time, or if it was
            cancelled.
        MissingWeights: if it names files with weights that are not beside it.
    """
    size = sum(file.stat().st_size for file in path.parent.iterdir() if file.is_file())
    limits = (memory + 3 * size, max(1, round(seconds)))
    arguments = (str(path.absolute()), str(side or 0), *map(str, limits))
    command = command_of("model.onnx_models.apart", *arguments)
    channels: dict[str, Any] = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.DEVNULL}
    with (
        subprocess.Popen(command, cwd=ROOT, start_new_session=True, **channels) as process,
        WATCH.over(process, seconds, cancelled),
    ):
        try:
            written, _ = process.communicate()
        finally:
            process.kill()  # if this function was interrupted
    try:
        kind, answer = json.loads(written.splitlines()[-1])
    except (IndexError, ValueError) as error:
        gigabytes = limits[0] / 1e9
        raise ArtifactError(Message("onnx.limits", file=path.name, memory=gigabytes, seconds=seconds)) from error
    if kind == "weights":
        raise MissingWeights(tuple(answer))
    if kind != "facts":
        raise ArtifactError(from_data(answer))
    return facts_of(answer)


def facts_of(data: Mapping[str, Any]) -> Facts:
    """``Facts`` from their JSON."""
    return Facts(**{**data, "attentions": tuple(data["attentions"])})


def examine(path: Path, side: int | None) -> Facts:
    """What a file takes and gives, after it has judged pictures of noise; see ``examine_apart``."""
    missing = tuple(name for name in check_graph(path) if not (path.parent / name).is_file())
    if missing:
        raise MissingWeights(missing)
    try:
        session = open_session(path)
    except Exception as error:  # ONNX Runtime's errors have no common class
        raise ArtifactError(Message("model.unusable", file=path.name, reason=_reason(error, path))) from error
    taken = _input_of(session, path.name)
    layout, own_side, fixed_batch = _shape_of(taken, path.name)
    if side and own_side and side != own_side:
        raise ArtifactError(Message("onnx.other_size", file=path.name, own=own_side, stated=side))
    side = own_side or side
    if not side:
        raise ArtifactError(Message("onnx.no_size", file=path.name))
    if side > LARGEST_INPUT:
        raise ArtifactError(Message("onnx.too_large_input", file=path.name, side=side, limit=LARGEST_INPUT))
    names = [output.name for output in session.get_outputs()]
    noise = np.random.default_rng(0).uniform(-1, 1, (BATCH, side, side, 3)).astype(np.float32)

    def run(pixels: NDArray[np.float32]) -> dict[str, NDArray[Any]]:
        return dict(zip(names, session.run(None, {taken.name: fitting(pixels, layout, taken.type)}), strict=True))

    try:
        first, second = run(noise[:1]), run(noise[1:2])
        outputs = _roles(first, path.name)
        again = run(noise[:1])
    except ArtifactError:
        raise
    except Exception as error:
        reason = _reason(error, path)
        raise ArtifactError(Message("onnx.not_run", file=path.name, side=side, reason=reason)) from error
    answers = [each[outputs["output"]].astype(np.float64) for each in (first, second, again)]
    if not all(np.isfinite(answer).all() for answer in answers):
        raise ArtifactError(Message("onnx.not_finite", file=path.name))
    if not np.allclose(answers[0], answers[2], atol=ALIKE):
        raise ArtifactError(Message("onnx.random", file=path.name))
    one_at_a_time = fixed_batch or not _takes_batches(lambda: run(noise)[outputs["output"]], answers[:2])
    count = int(answers[0].size)
    return Facts(layout, side, one_at_a_time, count=count, ends_in=_end_of(path, outputs["output"]), **outputs)


def _takes_batches(run_batch: Callable[[], NDArray[Any]], first: Sequence[NDArray[Any]]) -> bool:
    """Whether the answers to ``BATCH`` pictures at once begin with the answers to the same pictures one by one."""
    try:
        answers = run_batch()
    except Exception:  # it only claims to take several
        return False
    return len(answers) == BATCH and np.allclose(answers[: len(first)], np.concatenate(first), atol=ALIKE, rtol=ALIKE)


def _reason(error: Exception, path: Path) -> str:
    """What a library says, without the folder of the file: a visitor must not learn where a server keeps it."""
    return f"{one_line(Exception(str(error).replace(f'{path.parent}{os.sep}', '')))}."


def _input_of(session: Any, file: str) -> Any:
    inputs = session.get_inputs()
    if len(inputs) != 1 or inputs[0].type not in ("tensor(float)", "tensor(float16)") or len(inputs[0].shape) != 4:
        found = "; ".join(f"{each.name}: {each.type} {each.shape}"[:100] for each in inputs[:4])
        raise ArtifactError(Message("onnx.input", file=file, found=found))
    return inputs[0]


def _shape_of(taken: Any, file: str) -> tuple[str, int | None, bool]:
    """Layout, side (None if open), and whether the batch is fixed at one picture."""
    batch, *shape = (size if isinstance(size, int) else None for size in taken.shape)
    layout = "NHWC" if shape[2] == 3 and shape[0] != 3 else "NCHW"
    channels, height, width = shape if layout == "NCHW" else (shape[2], *shape[:2])
    if channels not in (3, None) or (height and width and height != width) or batch not in (1, None):
        raise ArtifactError(Message("onnx.input", file=file, found=f"{taken.name}: {taken.type} {taken.shape}"[:100]))
    return layout, height or width, batch == 1


def _roles(outputs: dict[str, NDArray[Any]], file: str) -> dict[str, Any]:
    """Which output holds the classes, a mask, or attention matrices, judged by names and shapes."""
    attentions = [name for name, values in outputs.items() if _is_attention(name, values)]
    masks = [name for name, values in outputs.items() if _is_mask(name, values)]
    rest = [
        name
        for name, values in outputs.items()
        if values.ndim in (1, 2) and len(values) == 1 and 1 <= values.size <= MOST_CLASSES
        if np.issubdtype(values.dtype, np.floating)
    ]
    named = [name for name in rest if name in ("logits", "probabilities", "probs", "output", "scores")]
    if not rest:
        shapes = "; ".join(f"{name[:40]}: {values.shape}" for name, values in list(outputs.items())[:4])
        raise ArtifactError(Message("onnx.output", file=file, found=shapes))
    attentions.sort(key=lambda name: [int(number) for number in re.findall(r"\d+", name)[-1:]])
    return {"output": (named or rest)[0], "mask": masks[0] if masks else "", "attentions": tuple(attentions)}


def _is_attention(name: str, values: NDArray[Any]) -> bool:
    square = values.ndim in (4, 5) and values.shape[-1] == values.shape[-2]
    if not square or MASK not in name.lower() or grid_of(values.shape[-1]) is None:
        return False
    return bool(values.min() >= 0 and np.allclose(values.sum(axis=-1), 1, atol=SHARES))  # a square mask has other sums


def _is_mask(name: str, values: NDArray[Any]) -> bool:
    one_channel = values.ndim == 3 or (values.ndim == 4 and 1 in (values.shape[1], values.shape[3]))
    in_range = values.size > 1 and values.min() >= 0 and values.max() <= 1
    return name.lower().startswith(MASK) and one_channel and in_range and not _is_attention(name, values)


def _end_of(path: Path, output: str) -> str:
    """The operator of ``END`` that an output comes from; empty if it is another one."""
    import onnx

    graph = onnx.load(str(path), load_external_data=False).graph
    makers = {name: node for node in graph.node for name in node.output}
    while output in makers and makers[output].op_type in PASSING:
        output = makers[output].input[0]
    made_by = makers[output].op_type if output in makers else ""
    return made_by if made_by in END else ""


def limit(memory: int, seconds: int) -> None:
    """Bound this process; Windows has no such limits."""
    limit_memory(memory)
    with suppress(ImportError, ValueError, OSError):
        import resource

        resource.setrlimit(resource.RLIMIT_CPU, (8 * seconds, 8 * seconds))  # of all threads
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def main(file: str, side: str, memory: str, seconds: str) -> None:
    """Examine a file and write ``["facts", …]`` or ``["problem", message]``."""
    end_with_parent()
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # what libraries print must not mix with the answer
    limit(int(memory), int(seconds))
    try:
        answer = ["facts", asdict(examine(Path(file), int(side) or None))]
    except ArtifactError as error:
        answer = ["problem", as_data(message_of(error))]
    except MissingWeights as error:
        answer = ["weights", list(error.names)]
    except (MemoryError, RecursionError):
        return  # no answer: the parent process says that it was too much
    print(json.dumps(answer), file=out, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:5])
