"""Finds what the description of a network alone shows to be wrong, before the long import."""

from pathlib import Path

from model.errors import NotRebuilt
from model.i18n.catalogue import Said
from model.legacy.graph import read_plan
from model.legacy.h5 import LegacyFile
from model.networks.plan import Plan

STAND_IN = "efficientnetb7_attention"  # of the thesis, for a file that does not describe its network
STAND_IN_NUMBERS = 64_601_082  # in all of its weights together
SPARE = 0.01  # of them: what a file may hold besides, such as states of random generators and the mask's fixed ones
RESULTS = ((2, "softmax"), (1, "sigmoid"))
KEEPS_CHANNELS = ("Activation", "Dropout", "Flatten", "Identity", "Softmax")  # Flatten: of a result without sides


def problem_described(file: LegacyFile, path: Path, lambda_divides: bool) -> Said | None:
    """Why a file can't be used, as far as its description and the number of its weights show; None if nothing does.

    Args:
        file: the open file.
        path: where it lies; its name stands in the sentence.
        lambda_divides: see ``model.legacy.graph.read_plan``.

    Raises:
        ArtifactError: if the description holds code.
    """
    try:
        if file.config is None:
            raise NotRebuilt(weights_alone(path))
        plan = read_plan(file.config, lambda_divides)
    except NotRebuilt as reason:
        if STAND_IN_NUMBERS <= file.size <= STAND_IN_NUMBERS * (1 + SPARE):
            return None  # the weights may fit the stand-in, which only the import can tell
        told = {"file": path.name, "reason": reason.args[0], "name": STAND_IN}
        return Said("network.other_size", **told, held=file.size, wanted=STAND_IN_NUMBERS)
    problem = result_problem(plan)
    return None if problem is None else Said("model.unusable", file=path.name, reason=problem)


def weights_alone(path: Path) -> Said:
    """What is said of a file without a description, with the call that saves one."""
    return Said("network.weights_alone", stem=path.stem.removesuffix(".weights"))


def result_problem(plan: Plan) -> Said | None:
    """Why the network's result is not the probability of two classes; None if it is, or only building it can tell."""
    last = plan.layers[plan.calls[plan.output - 1].layer] if plan.output else None
    count = _channels(plan, plan.output)
    if last is None or count is None:
        return None
    activation = "softmax" if last.kind == "Softmax" else last.arguments.get("activation")
    if (count, activation) in RESULTS:
        return None
    return Said("network.result", shape=str(count), activation=str(activation))


def _channels(plan: Plan, number: int) -> int | None:
    """How many channels the result of a call has, where its layer or those before it say so."""
    while number:
        call = plan.calls[number - 1]
        layer = plan.layers[call.layer]
        if layer.kind == "Dense":
            return layer.arguments.get("units")
        if layer.kind not in KEEPS_CHANNELS:
            return None
        number = call.inputs[0]
    return None
