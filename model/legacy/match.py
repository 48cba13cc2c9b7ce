"""Loads weights from a file without a description of its network, by whole layers only."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from model.legacy.h5 import Weight

SEEDS = ("seed_generator", "seed_generator_state", "StateVar")  # state of layers that only act in training
Signature = frozenset[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Report:
    """Which weights of a file were loaded.

    Attributes:
        matched: count of the loaded arrays.
        by_order: loaded arrays that were matched by their layer's kind, shape and position, not by name.
        missing: the network's weights that are not in the file.
        unused: the file's arrays that are not in the network.
        notes: further sentences for the owner.
    """

    matched: int = 0
    by_order: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The report in words."""
        sentences = [f"{self.matched} weights were loaded.", *self.notes]
        for names, fate in (
            (self.by_order, "were recognised by their shape and place alone"),
            (self.missing, "are missing in the file"),
            (self.unused, "were in the file but have no place in the network"),
        ):
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                sentences.append(f"{len(names)} weights {fate}: {', '.join(names[:5])}{more}.")
        return sentences


@dataclass(frozen=True)
class _Stored:
    """A layer of the file: the groups around it, its own name, and its arrays by variable."""

    scopes: tuple[str, ...]
    name: str
    weights: dict[str, Weight]

    @property
    def kind(self) -> str:
        """The name without its number, such as ``conv2d`` for ``conv2d_10``."""
        return _natural(self.name)[0]

    @property
    def signature(self) -> Signature:
        return frozenset((variable, weight.shape) for variable, weight in self.weights.items())


@dataclass(frozen=True)
class _Target:
    """A layer of the network and its variables by name, or by number if the file numbers them."""

    layer: layers.Layer
    variables: dict[str, keras.Variable]

    @property
    def kind(self) -> str:
        """Keras's default name for a layer of this class, such as ``conv2d``."""
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(self.layer).__name__)
        return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()

    @property
    def is_unnamed(self) -> bool:
        """Whether Keras chose the name; its number then depends on the layers that were built before."""
        return re.fullmatch(rf"{self.kind}(_\d+)?", self.layer.name) is not None

    @property
    def signature(self) -> Signature:
        return frozenset((name, tuple(variable.shape)) for name, variable in self.variables.items())


Pairs = list[tuple[_Target, _Stored]]


def load_by_shape(network: keras.Model, weights: Sequence[Weight]) -> Report:
    """Load weights into the layers that they fit: whole layers only, and only if the match is unique.

    A layer with a chosen name gets the weights of that name. Other layers are matched by kind and position: the third
    convolution gets the third convolution's weights. The rest get weights of their shape that fit no other layer.
    Keras 3's own weights files number variables and name layers by kind, so only kind and position are used there.

    If weights are missing, the network stays partly loaded: the report lists them.
    """
    usable = [weight for weight in weights if not {*weight.scopes, weight.variable} & set(SEEDS)]
    numbered = bool(usable) and all(weight.variable.isdigit() for weight in usable)
    stored, targets = _stored(usable, numbered), _targets(network, numbered)
    if numbered:
        pairs = _by_place(targets, stored)
    else:
        pairs = _by_name(targets, stored)
        for match in (_by_kind, _match_unique):
            pairs += match(*_unmatched(targets, stored, pairs))
    by_order, matched = [], 0
    for target, source in pairs:
        for variable, weight in source.weights.items():
            target.variables[variable].assign(weight.read())
            matched += 1
            place = f"{target.layer.name}/{target.variables[variable].name}"
            if (source.name, variable) != (target.layer.name, _plain(target.variables[variable].name)):
                by_order.append(f"{weight.name} as {place}")
        if isinstance(target.layer, layers.Normalization):
            target.layer.finalize_state()  # it computes with constants made of its weights
    missing_layers, unused_layers = _unmatched(targets, stored, pairs)
    missing = tuple(
        f"{target.layer.name}/{variable.name}" for target in missing_layers for variable in target.variables.values()
    )
    unused = tuple(weight.name for layer in unused_layers for weight in layer.weights.values())
    return Report(matched, tuple(by_order), missing, unused)


def repeats_the_mask(weight: Weight) -> bool:
    """Whether this is the thesis's fixed kernel of ones, which only repeats the mask over the channels."""
    return len(weight.shape) == 4 and weight.shape[:3] == (1, 1, 1) and bool((weight.read() == 1).all())


def _stored(weights: Iterable[Weight], numbered: bool) -> list[_Stored]:
    """The layers of a file, sorted by name and number; if variables are ``numbered``, nested networks come first."""
    found: dict[tuple[str, ...], dict[str, Weight]] = defaultdict(dict)
    for weight in weights:
        found[weight.scopes][_plain(weight.variable)] = weight
    layers_found = [_Stored(scopes, scopes[-1] if scopes else "", arrays) for scopes, arrays in found.items()]
    if not numbered:
        return sorted(layers_found, key=lambda layer: _natural(layer.name))
    outermost = min((len(layer.scopes) for layer in layers_found), default=0)
    return sorted(
        layers_found, key=lambda layer: (len(layer.scopes) == outermost, [_natural(scope) for scope in layer.scopes])
    )


def _targets(network: keras.Model, numbered: bool) -> list[_Target]:
    return [
        _Target(
            layer, {str(i) if numbered else _plain(variable.name): variable for i, variable in enumerate(layer.weights)}
        )
        for layer in _flat(network)
        if layer.weights
    ]


def _by_name(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers with a chosen name, matched to the layer of that name in the file."""
    named = [target for target in targets if not target.is_unnamed]
    return _single_fits(named, stored, lambda target, source: source.name == target.layer.name)


def _match_unique(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers with shapes that occur once in the network and once in the file."""
    pairs = _single_fits(targets, stored, lambda target, source: True)
    return [(target, source) for target, source in pairs if sum(other is source for _, other in pairs) == 1]


def _single_fits(
    targets: Sequence[_Target], stored: Sequence[_Stored], fits: Callable[[_Target, _Stored], bool]
) -> Pairs:
    pairs = []
    for target in targets:
        fitting = [source for source in stored if source.signature == target.signature and fits(target, source)]
        if len(fitting) == 1:
            pairs.append((target, fitting[0]))
    return pairs


def _by_kind(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers with default names, by kind in order, if network and file have the same shapes in the same order."""
    pairs: Pairs = []
    for kind in dict.fromkeys(target.kind for target in targets):
        in_network = [target for target in targets if target.kind == kind and target.is_unnamed]
        in_file = [source for source in stored if source.kind == kind]
        fits = [target.signature for target in in_network] == [source.signature for source in in_file]
        pairs += zip(in_network, in_file, strict=True) if fits else []
    return pairs


def _by_place(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers by kind in order. The file does not say whether a nested network comes before the layers around it.

    Usually it does, because it is the backbone. If both orders fit equally many layers but differ, none is matched.
    """
    outermost = min((len(layer.scopes) for layer in stored), default=0)
    outside_first = sorted(stored, key=lambda layer: len(layer.scopes) != outermost)
    pairs, others = _match_in_order(targets, stored), _match_in_order(targets, outside_first)
    if len(others) > len(pairs):
        return others
    if len(others) == len(pairs) and any(a is not b for (_, a), (_, b) in zip(pairs, others, strict=True)):
        return []
    return pairs


def _match_in_order(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    by_kind: dict[str, list[_Stored]] = defaultdict(list)
    for source in stored:
        by_kind[source.kind].append(source)
    next_of_kind = {kind: iter(layers_of_kind) for kind, layers_of_kind in by_kind.items()}
    pairs = [(target, next(next_of_kind.get(target.kind, iter(())), None)) for target in targets]
    return [(target, source) for target, source in pairs if source is not None and source.signature == target.signature]


def _unmatched(
    targets: Sequence[_Target], stored: Sequence[_Stored], pairs: Pairs
) -> tuple[list[_Target], list[_Stored]]:
    """The layers of the network and of the file that have no match yet."""
    done, used = {id(target) for target, _ in pairs}, {id(source) for _, source in pairs}
    unmatched = [target for target in targets if id(target) not in done]
    return unmatched, [source for source in stored if id(source) not in used]


def _plain(variable: str) -> str:
    """A variable's name in Keras 3; Keras 2 wrote ``depthwise_kernel`` for ``kernel``."""
    return variable.removeprefix("depthwise_")


def _natural(name: str) -> tuple[str, int]:
    """A sort key that puts ``conv2d_10`` after ``conv2d_2``, and ``conv2d`` before both."""
    number = re.search(r"_(\d{1,9})$", name)
    return (name[: number.start()], int(number[1])) if number else (name, 0)


def _flat(network: keras.Model) -> Iterator[layers.Layer]:
    for layer in network.layers:
        yield from _flat(layer) if isinstance(layer, keras.Model) else (layer,)
