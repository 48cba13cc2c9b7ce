"""Finds problems in a network's description, before the slow import."""

from pathlib import Path

from model.errors import NotRebuilt
from model.i18n.catalogue import Message
from model.legacy.graph import read_plan
from model.legacy.h5 import LegacyFile
from model.networks.plan import Plan

STAND_IN = "efficientnetb7_attention"  # of the thesis, for a file that does not describe its network
STAND_IN_NUMBERS = 64_601_082  # count of numbers in all its weights
SPARE = 0.01  # share of extra numbers that a file may hold, such as states of random generators and the fixed mask
RESULTS = ((2, "softmax"), (1, "sigmoid"))
KEEPS_CHANNELS = ("Activation", "Dropout", "Flatten", "Identity", "Softmax")  # Flatten: only at size 1 x 1


def problem_described(file: LegacyFile, path: Path, lambda_divides: bool) -> Message | None:
    """Why a file can't be used, judged by its description and the number of its weights; None if no problem shows.

    Args:
        file: the open file.
        path: the file's path; the message contains its name.
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
            return None  # the weights may fit the stand-in; only the import shows that
        details = {"file": path.name, "reason": reason.args[0], "name": STAND_IN}
        return Message("network.other_size", **details, held=file.size, wanted=STAND_IN_NUMBERS)
    problem = result_problem(plan)
    return None if problem is None else Message("model.unusable", file=path.name, reason=problem)


def weights_alone(path: Path) -> Message:
    """The message for a file that holds only weights; it names the call that saves the description, too."""
    return Message("network.weights_alone", stem=path.stem.removesuffix(".weights"))


def result_problem(plan: Plan) -> Message | None:
    """Why the network's result is not the probability of two classes; None if it is, or if only building shows it."""
    last = plan.layers[plan.calls[plan.output - 1].layer] if plan.output else None
    count = _channels(plan, plan.output)
    if last is None or count is None:
        return None
    activation = "softmax" if last.kind == "Softmax" else last.arguments.get("activation")
    if (count, activation) in RESULTS:
        return None
    return Message("network.result", shape=str(count), activation=str(activation))


def _channels(plan: Plan, number: int) -> int | None:
    """The number of channels of a call's result, if its layer or those before it define it."""
    while number:
        call = plan.calls[number - 1]
        layer = plan.layers[call.layer]
        if layer.kind == "Dense":
            return layer.arguments.get("units")
        if layer.kind not in KEEPS_CHANNELS:
            return None
        number = call.inputs[0]
    return None
