"""Refuses ONNX files that could do more than judge a picture, before any runtime opens them.

Only the file is parsed. It runs in the process of ``model.onnx_models.apart``, because even that may exhaust memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from model.errors import ArtifactError
from model.i18n.catalogue import Message

if TYPE_CHECKING:
    import onnx

DOMAINS = {"", "ai.onnx", "ai.onnx.ml", "com.microsoft"}  # operators that ONNX Runtime itself has
LOOPS = {"Loop", "Scan"}  # the picture could decide how long they run
MOST_NODES = 100_000
MOST_NUMBERS = 1_000_000_000  # in one tensor
# Inputs of operators that decide how large the result is: from all, or from that position on.
GROWING = {"Expand": 1, "Tile": 1, "ConstantOfShape": 0, "Range": 0, "Resize": 1, "Upsample": 1, "Pad": 1, "OneHot": 1}
FORGETTING = {"Shape", "Size"}  # operators with a result that does not depend on the picture's values


def check_graph(path: Path) -> tuple[str, ...]:
    """Parse a file and refuse it if it is not safe to open.

    Returns:
        Names of the files beside it that hold its weights.

    Raises:
        ArtifactError: if it is no ONNX file; uses operators of others, loops, files outside its folder or impossible
            tensors; or if the size of its tensors depends on the picture's values.
    """
    import onnx
    from onnx import inliner

    try:
        model = onnx.load(str(path), load_external_data=False)
    except Exception as error:  # a damaged file can raise any error of protobuf
        raise ArtifactError(Message("onnx.no_onnx", file=path.name)) from error
    if not model.graph.node:
        raise ArtifactError(Message("onnx.no_onnx", file=path.name))
    own = {(function.domain, function.name) for function in model.functions}
    nodes = [*_nodes(model.graph), *(node for function in model.functions for node in _nodes(function))]
    if len(nodes) > MOST_NODES:
        raise ArtifactError(Message("onnx.too_many_nodes", file=path.name, limit=MOST_NODES))
    for node in nodes:
        if node.domain not in DOMAINS and (node.domain, node.op_type) not in own:
            operator = f"{node.domain}.{node.op_type}"[:100]
            raise ArtifactError(Message("onnx.custom", file=path.name, operator=operator))
        if node.op_type in LOOPS:
            raise ArtifactError(Message("onnx.loops", file=path.name, operator=node.op_type))
    outside = tuple(dict.fromkeys(_external(model, nodes, path)))
    whole = inliner.inline_local_functions(model) if own else model
    _refuse_growth(whole.graph, path.name)
    return outside


def _nodes(graph: onnx.GraphProto | onnx.FunctionProto) -> Iterator[onnx.NodeProto]:
    """All nodes, those of nested graphs included."""
    for node in graph.node:
        yield node
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                yield from _nodes(inner)


def _external(model: onnx.ModelProto, nodes: list[onnx.NodeProto], path: Path) -> Iterator[str]:
    """Check the tensors; the names of the files that hold some of them."""
    graphs = [model.graph, *(attribute.g for node in nodes for attribute in node.attribute)]
    of_nodes = [
        tensor for node in nodes for attribute in node.attribute for tensor in (attribute.t, *attribute.tensors)
    ]
    sparse = [part for graph in graphs for each in graph.sparse_initializer for part in (each.values, each.indices)]
    for tensor in [*(tensor for graph in graphs for tensor in graph.initializer), *of_nodes, *sparse]:
        count = math.prod(tensor.dims)
        if count > MOST_NUMBERS or any(size < 0 for size in tensor.dims):
            raise ArtifactError(Message("onnx.giant", file=path.name, count=count, limit=MOST_NUMBERS))
        for entry in tensor.external_data:
            if entry.key == "location":
                name = entry.value
                if Path(name).name != name or "\\" in name or name in ("", ".", ".."):
                    raise ArtifactError(Message("onnx.outside", file=path.name, name=repr(name)[:100]))
                yield name


def _refuse_growth(graph: onnx.GraphProto, file: str, known: frozenset[str] = frozenset()) -> None:
    """Refuse a graph in which values of the picture decide the size of a tensor.

    Args:
        graph: without calls of functions.
        file: its name.
        known: names of tensors of outer graphs that depend on the picture's values.
    """
    constants = {tensor.name for tensor in graph.initializer}
    of_picture = {*known, *(value.name for value in graph.input if value.name not in constants)}
    for node in graph.node:
        if node.op_type in GROWING and of_picture & set(node.input[GROWING[node.op_type] :]):
            raise ArtifactError(Message("onnx.grows", file=file, operator=node.op_type))
        inner = [graph for attribute in node.attribute for graph in (attribute.g, *attribute.graphs) if graph.node]
        for each in inner:
            _refuse_growth(each, file, frozenset(of_picture))
        if (of_picture & set(node.input) or inner) and node.op_type not in FORGETTING:
            of_picture.update(node.output)
