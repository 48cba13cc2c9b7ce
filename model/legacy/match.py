"""Finds the places of weights that come without a description of their network: layer by layer, or not at all."""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass

import keras
from keras import layers

from model.legacy.h5 import Weight

SEEDS = ("seed_generator", "seed_generator_state", "StateVar")  # of layers that matter to a training alone
Signature = frozenset[tuple[str, tuple[int, ...]]]


@dataclass(frozen=True)
class Report:
    """What of a file found its place.

    Attributes:
        matched: arrays loaded.
        by_order: those of them that only their layer's kind, shape and place identified.
        missing: weights of the network that the file does not hold.
        unused: arrays of the file that the network has no place for.
        notes: further sentences for the owner.
    """

    matched: int = 0
    by_order: tuple[str, ...] = ()
    missing: tuple[str, ...] = ()
    unused: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def sentences(self) -> list[str]:
        """The report in words."""
        said = [f"{self.matched} weights were loaded.", *self.notes]
        for names, what in (
            (self.by_order, "were recognised by their shape and place alone"),
            (self.missing, "are missing in the file"),
            (self.unused, "were in the file but have no place in the network"),
        ):
            if names:
                more = f" and {len(names) - 5} more" if len(names) > 5 else ""
                said.append(f"{len(names)} weights {what}: {', '.join(names[:5])}{more}.")
        return said


@dataclass(frozen=True)
class _Stored:
    """A layer of the file: the groups that it lies in, its own name, and its arrays by variable."""

    scopes: tuple[str, ...]
    name: str
    weights: dict[str, Weight]

    @property
    def kind(self) -> str:
        """As ``conv2d`` of ``conv2d_10``."""
        return _natural(self.name)[0]

    @property
    def signature(self) -> Signature:
        return frozenset((variable, weight.shape) for variable, weight in self.weights.items())


@dataclass(frozen=True)
class _Target:
    """A layer of the network and its variables by name, or by number where the file numbers them."""

    layer: layers.Layer
    variables: dict[str, keras.Variable]

    @property
    def kind(self) -> str:
        """As Keras calls a layer of this class that nobody has named: ``conv2d``."""
        words = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", type(self.layer).__name__)
        return re.sub(r"([a-z])([A-Z])", r"\1_\2", words).lower()

    @property
    def is_unnamed(self) -> bool:
        """Whether the name is one that Keras gave, whose number depends on what was built before."""
        return re.fullmatch(rf"{self.kind}(_\d+)?", self.layer.name) is not None

    @property
    def signature(self) -> Signature:
        return frozenset((name, tuple(variable.shape)) for name, variable in self.variables.items())


Pairs = list[tuple[_Target, _Stored]]


def load_by_shape(network: keras.Model, weights: Sequence[Weight]) -> Report:
    """Load weights into a network whose layers they fit: whole layers only, and only where nothing else fits.

    A layer that somebody named takes the weights of that name. Others take those of their kind and place: the third
    convolution the third convolution's. What is left takes weights of its shape that no other layer could take. Keras
    3's own weights files number their variables and name their layers by kind, so there only kind and place count.

    A network that misses any is left half loaded: the report says which.
    """
    held = [weight for weight in weights if not {*weight.scopes, weight.variable} & set(SEEDS)]
    numbered = bool(held) and all(weight.variable.isdigit() for weight in held)
    stored, targets = _stored(held, numbered), _targets(network, numbered)
    if numbered:
        pairs = _by_place(targets, stored)
    else:
        pairs = _by_name(targets, stored)
        for match in (_by_kind, _alone):
            pairs += match(*_left(targets, stored, pairs))
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
    missing_layers, spare = _left(targets, stored, pairs)
    missing = tuple(
        f"{one.layer.name}/{variable.name}" for one in missing_layers for variable in one.variables.values()
    )
    unused = tuple(weight.name for one in spare for weight in one.weights.values())
    return Report(matched, tuple(by_order), missing, unused)


def repeats_the_mask(weight: Weight) -> bool:
    """Whether these are the thesis's fixed ones, which repeat the mask over the channels and change nothing else."""
    return len(weight.shape) == 4 and weight.shape[:3] == (1, 1, 1) and bool((weight.read() == 1).all())


def _stored(weights: Iterable[Weight], numbered: bool) -> list[_Stored]:
    """The layers of a file by number; where numbers begin again in every network, nested networks first."""
    found: dict[tuple[str, ...], dict[str, Weight]] = defaultdict(dict)
    for weight in weights:
        found[weight.scopes][_plain(weight.variable)] = weight
    whole = [_Stored(scopes, scopes[-1] if scopes else "", held) for scopes, held in found.items()]
    if not numbered:
        return sorted(whole, key=lambda one: _natural(one.name))
    outermost = min((len(one.scopes) for one in whole), default=0)
    return sorted(whole, key=lambda one: (len(one.scopes) == outermost, [_natural(scope) for scope in one.scopes]))


def _targets(network: keras.Model, numbered: bool) -> list[_Target]:
    return [
        _Target(layer, {str(i) if numbered else _plain(held.name): held for i, held in enumerate(layer.weights)})
        for layer in _flat(network)
        if layer.weights
    ]


def _by_name(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers that somebody named, with the one of that name in the file."""
    named = [target for target in targets if not target.is_unnamed]
    return _only(named, stored, lambda target, one: one.name == target.layer.name)


def _alone(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers of a shape that one layer of the network and one of the file have."""
    pairs = _only(targets, stored, lambda target, one: True)
    return [(target, one) for target, one in pairs if sum(other is one for _, other in pairs) == 1]


def _only(targets: Sequence[_Target], stored: Sequence[_Stored], fits: Callable[[_Target, _Stored], bool]) -> Pairs:
    pairs = []
    for target in targets:
        fitting = [one for one in stored if one.signature == target.signature and fits(target, one)]
        if len(fitting) == 1:
            pairs.append((target, fitting[0]))
    return pairs


def _by_kind(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers that nobody named, kind by kind in the order of their numbers, where there are as many on both sides."""
    pairs: Pairs = []
    for kind in dict.fromkeys(target.kind for target in targets):
        ours = [target for target in targets if target.kind == kind and target.is_unnamed]
        theirs = [one for one in stored if one.kind == kind]
        fits = [target.signature for target in ours] == [one.signature for one in theirs]
        pairs += zip(ours, theirs, strict=True) if fits else []
    return pairs


def _by_place(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    """Layers kind by kind in order. The file does not tell whether a nested network comes before the layers around it.

    Mostly it does, being the backbone. Where the other order fits as well, nothing tells which is right.
    """
    outermost = min((len(one.scopes) for one in stored), default=0)
    outside_first = sorted(stored, key=lambda one: len(one.scopes) != outermost)
    pairs, others = _in_turn(targets, stored), _in_turn(targets, outside_first)
    if len(others) > len(pairs):
        return others
    if len(others) == len(pairs) and any(one is not other for (_, one), (_, other) in zip(pairs, others, strict=True)):
        return []
    return pairs


def _in_turn(targets: Sequence[_Target], stored: Sequence[_Stored]) -> Pairs:
    waiting: dict[str, list[_Stored]] = defaultdict(list)
    for one in stored:
        waiting[one.kind].append(one)
    turns = {kind: iter(held) for kind, held in waiting.items()}
    pairs = [(target, next(turns.get(target.kind, iter(())), None)) for target in targets]
    return [(target, one) for target, one in pairs if one is not None and one.signature == target.signature]


def _left(targets: Sequence[_Target], stored: Sequence[_Stored], pairs: Pairs) -> tuple[list[_Target], list[_Stored]]:
    """What has found no place yet, of the network and of the file."""
    done, used = {id(target) for target, _ in pairs}, {id(one) for _, one in pairs}
    return [one for one in targets if id(one) not in done], [one for one in stored if id(one) not in used]


def _plain(variable: str) -> str:
    """A variable's name as it is called today: Keras 2 wrote ``depthwise_kernel``."""
    return variable.removeprefix("depthwise_")


def _natural(name: str) -> tuple[str, int]:
    """A key that puts ``conv2d_10`` after ``conv2d_2``, and ``conv2d`` before both."""
    number = re.search(r"_(\d{1,9})$", name)
    return (name[: number.start()], int(number[1])) if number else (name, 0)


def _flat(network: keras.Model) -> Iterator[layers.Layer]:
    for layer in network.layers:
        yield from _flat(layer) if isinstance(layer, keras.Model) else (layer,)
