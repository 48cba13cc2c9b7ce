"""Describes the inputs and outputs of an ONNX network, so that they can be read as Fake and Real."""

from dataclasses import dataclass

from model.errors import FieldError
from model.i18n.catalogue import Message

LAYOUTS = ("NCHW", "NHWC")
LOGITS, PROBABILITIES = "logits", "probabilities"


@dataclass(frozen=True)
class Interface:
    """What an ONNX network takes and gives.

    Attributes:
        layout: axes of the input, ``NCHW`` or ``NHWC``.
        output: name of the output with the classes, ``(N, K)`` or ``(N,)``.
        answers: whether that output holds ``logits`` or ``probabilities``.
        classes: ``Fake`` or ``Real`` for each of its K columns; columns of one class are summed. For a single column,
            the class that a high value means.
        one_at_a_time: whether the network takes only batches of one picture.
        mask: name of the output with an attention mask, ``(N, h, w)`` with an axis of one channel anywhere; or empty.
        attentions: names of the outputs with a transformer's attention matrices, from the first layer to the last.

    Raises:
        FieldError: if a field has a wrong value.
    """

    layout: str
    output: str
    answers: str
    classes: tuple[str, ...]
    one_at_a_time: bool = False
    mask: str = ""
    attentions: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        for name in ("classes", "attentions"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        texts = (self.output, self.mask, *self.classes, *self.attentions)
        sides = {"Fake", "Real"}
        if (
            self.layout not in LAYOUTS
            or self.answers not in (LOGITS, PROBABILITIES)
            or not all(isinstance(text, str) for text in texts)
            or not (set(self.classes) == sides or (len(self.classes) == 1 and self.classes[0] in sides))
        ):
            raise FieldError(Message("model.field.onnx", value=str(self)[:300]))
