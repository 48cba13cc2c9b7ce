"""What a user may ask of an analysis, checked once for page, API and command line."""

from collections.abc import Iterable
from dataclasses import dataclass

from explain.maps.registry import METHODS
from explain.regions.hiding import AUTO, HIDES, TOKENS
from explain.regions.superpixels import MAX_COUNT, MIN_COUNT
from explain.regions.superpixels import METHODS as SEGMENTATIONS
from model.i18n.catalogue import Said

MIN_SAMPLES, MAX_SAMPLES = 100, 5000
TARGETS = ("Fake", "Real")
HIDES_ASKED = (AUTO, *HIDES, TOKENS)
LIKELIER = "likelier"
ALWAYS = ("attention", "lime")  # maps that every visitor sees; the others are made when asked for


class SettingsError(ValueError):
    """A setting is out of range; the message names it, the value and what is allowed."""


@dataclass(frozen=True)
class Settings:
    """What to explain and how.

    Attributes:
        target: class that the maps explain, ``Fake`` or ``Real``; None for the likelier one.
        methods: maps to make, of ``explain.maps.registry.METHODS``.
        trust: measure how far each map can be trusted.
        robustness: ask about the face after common changes: JPEG, blur, noise, brightness, parts covered.
        flip: look for the smallest set of regions whose hiding turns the verdict.
        hidden: regions to hide for a what-if, by number.
        superpixels: about how many regions to cut the face into, 2..400.
        samples: perturbed crops that LIME asks the model about at the most, 100..5000; it stops when its map has
            converged.
        segmentation: how to cut, one of ``explain.regions.superpixels.METHODS``.
        hide: what a hidden region looks like, one of ``HIDES_ASKED``; ``auto`` leaves the region's tokens out where the
            model can do without them, and shows its mean colour elsewhere.
        seed: decides everything drawn at random.
        smooth_attention: interpolate the attention mask between its cells.
        face: which face to analyse, 0 for the largest.
        whole_picture: analyse the photo's central square when no face is found, because the user asked to.

    Raises:
        SettingsError: if a value is none of these.
    """

    target: str | None = None
    methods: tuple[str, ...] = ("attention", "lime")
    trust: bool = False
    robustness: bool = True
    flip: bool = False
    hidden: tuple[int, ...] = ()
    superpixels: int = 30
    samples: int = 1200
    segmentation: str = "slic"
    hide: str = AUTO
    seed: int = 0
    smooth_attention: bool = False
    face: int = 0
    whole_picture: bool = False

    def __post_init__(self) -> None:
        if self.target not in (*TARGETS, None):
            raise SettingsError(Said("refused.target", value=self.target))
        for name in self.methods:
            _require_one_of("methods", name, METHODS)
        _require_range("superpixels", self.superpixels, MIN_COUNT, MAX_COUNT)
        _require_range("samples", self.samples, MIN_SAMPLES, MAX_SAMPLES)
        _require_range("seed", self.seed, 0, 2**32 - 1)
        _require_one_of("segmentation", self.segmentation, SEGMENTATIONS)
        _require_one_of("hide", self.hide, HIDES_ASKED)


def _require_range(name: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise SettingsError(Said("refused.range", name=name, low=low, high=high, value=value))


def _require_one_of(name: str, value: str, allowed: Iterable[str]) -> None:
    if value not in allowed:
        raise SettingsError(Said("refused.choice", name=name, allowed=", ".join(allowed), value=value))
