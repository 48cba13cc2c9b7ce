"""The options of an analysis: type, limits, default and text of each, declared once for all interfaces."""

from typing import Annotated, Any

from pydantic import Field, GetCoreSchemaHandler, TypeAdapter, ValidationError, model_validator
from pydantic.dataclasses import dataclass
from pydantic.fields import FieldInfo
from pydantic_core import ArgsKwargs, core_schema

from explain.maps.registry import METHODS
from explain.regions.hiding import AUTO, HIDES, TOKENS
from explain.regions.superpixels import MAX_COUNT, MIN_COUNT
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from model.errors import SettingsError
from model.i18n.catalogue import Message, language_of_environment, languages, translate, use_language

MIN_SAMPLES, MAX_SAMPLES = 100, 5000
TARGETS = ("Fake", "Real")
HIDE_CHOICES = (AUTO, *HIDES, TOKENS)
LIKELIER = "likelier"
MOST_IN_JSON = 2**53  # beyond it, JavaScript has no exact whole numbers
SHOWN = 8  # regions of a map that are drawn and listed, if the caller does not choose their number
DEFAULT_MAPS = tuple(name for name, method in METHODS.items() if method.by_default)  # the others only on request


class OneOf:
    """The names that an option may have, as a pydantic annotation of ``str``."""

    def __init__(self, *names: str) -> None:
        self.names = names

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> core_schema.CoreSchema:
        return core_schema.literal_schema(list(self.names))


@dataclass(frozen=True)
class Settings:
    """What to explain and how.

    Attributes:
        target: class that the maps explain, ``Fake`` or ``Real``; None for the likelier one.
        methods: maps to make, of ``explain.maps.registry.METHODS``.
        trust: whether to measure how far each map can be trusted.
        robustness: whether to predict the face after common changes, such as JPEG, blur or covered parts.
        flip: whether to find the smallest set of regions that flips the verdict when hidden.
        hidden: regions to hide for a what-if, by number.
        superpixels: about how many regions to cut the face into.
        samples: most perturbed crops that LIME predicts; it stops when its map has converged.
        segmentation: how to cut, one of ``explain.regions.superpixels.METHODS``.
        hide: what a hidden region looks like, one of ``HIDE_CHOICES``; ``auto`` leaves out the region's tokens if the
            model supports that, and shows its mean colour otherwise.
        seed: decides everything drawn at random.
        smooth_attention: whether to interpolate the attention mask between its cells.
        face: which face to analyse, 0 for the largest.
        whole_picture: whether to analyse the photo's central square if no face is found.

    Raises:
        SettingsError: if a value is none of these.
    """

    target: Annotated[str, OneOf(*TARGETS)] | None = None
    methods: tuple[Annotated[str, OneOf(*METHODS)], ...] = DEFAULT_MAPS
    trust: bool = False
    robustness: bool = True
    flip: bool = False
    hidden: tuple[int, ...] = ()
    superpixels: Annotated[int, Field(ge=MIN_COUNT, le=MAX_COUNT)] = 30
    samples: Annotated[int, Field(ge=MIN_SAMPLES, le=MAX_SAMPLES)] = 1200
    segmentation: Annotated[str, OneOf(*SEGMENTATIONS)] = "slic"
    hide: Annotated[str, OneOf(*HIDE_CHOICES)] = AUTO
    seed: Annotated[int, Field(ge=0, le=2**32 - 1)] = 0
    smooth_attention: bool = False
    face: int = 0
    whole_picture: bool = False

    @property
    def verdict_alone(self) -> bool:
        """Whether only the verdict is requested: then neither regions nor the file's origin are needed."""
        return not (self.methods or self.robustness or self.trust or self.flip or self.hidden)

    @model_validator(mode="wrap")
    @classmethod
    def _refuse(cls, values: ArgsKwargs, handler: Any) -> Any:
        """Replace pydantic's error by a sentence for the user."""
        try:
            return handler(values)
        except ValidationError as error:
            problem = error.errors(include_url=False)[0]
            raise _refusal(str(problem["loc"][0]), problem["input"]) from error


VERDICT_ALONE = Settings(methods=(), robustness=False)
# JSON Schema of each option: type, default, minimum and maximum, enum.
SCHEMA: dict[str, dict[str, Any]] = TypeAdapter(Settings).json_schema()["properties"]


def limits_of(name: str) -> dict[str, Any]:
    """The limits of an option: ``minimum`` and ``maximum``, ``enum``, or ``items`` with an ``enum``."""
    option = SCHEMA[name]
    (kind, *_) = option.get("anyOf", [option])  # an optional one also allows null
    return {key: kind[key] for key in ("minimum", "maximum", "enum", "items") if key in kind}


def text_of(name: str) -> str:
    """The meaning of an option, in the current language."""
    limits = limits_of(name)
    names = ", ".join(_names(limits))
    return translate(f"command.{name}", names=names, least=limits.get("minimum"), most=limits.get("maximum"))


def option_help(name: str) -> str:
    """The meaning of an option in the environment's language, for a command's help."""
    with use_language(language_of_environment()):
        return text_of(name)


def names_in(text: str) -> tuple[str, ...]:
    """The names in a text with commas between them, each once."""
    return tuple(dict.fromkeys(filter(None, map(str.strip, text.split(",")))))


def described(name: str) -> FieldInfo:
    """An option for a schema: its text and its limits; only ``Settings`` checks them."""
    return Field(description=text_of(name), json_schema_extra=limits_of(name))


def whole_number(name: str, value: Any) -> int:
    """A number that a program sent for an option; digits after the point are left out.

    Args:
        name: of the option, for the message.
        value: anything.

    Raises:
        SettingsError: if it is no finite number, or one that JSON does not carry.
    """
    try:
        number = int(value)
        if abs(number) <= MOST_IN_JSON:
            return number
    except (TypeError, ValueError, OverflowError):  # the last two: nan, infinity and other text
        pass
    shown = str(value)[:100].encode(errors="backslashreplace").decode()
    raise _refusal(name, shown) if name in SCHEMA else SettingsError(Message("refused.kind", name=name, value=shown))


def _names(limits: dict[str, Any]) -> list[str]:
    """The allowed names of an option or of its items; empty if it has no names."""
    names: list[str] = limits.get("items", limits).get("enum", [])
    return names


def _refusal(name: str, value: Any) -> SettingsError:
    limits = limits_of(name)
    if name == "target":
        return SettingsError(Message("refused.target", value=value))
    if "minimum" in limits:
        low, high = limits["minimum"], limits["maximum"]
        return SettingsError(Message("refused.range", name=name, low=low, high=high, value=value))
    if names := _names(limits):
        return SettingsError(Message("refused.choice", name=name, allowed=", ".join(names), value=value))
    return SettingsError(Message("refused.kind", name=name, value=value))


def known_language(name: str) -> str:
    """The same name, if it is a key of ``languages``.

    Raises:
        SettingsError: if not.
    """
    if name not in languages():
        raise SettingsError(Message("interfaces.language", name=name, known=", ".join(languages())))
    return name
