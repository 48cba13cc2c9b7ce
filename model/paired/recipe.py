"""The composition of a batch in paired training."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """How many pairs and single pictures of each kind a batch contains.

    Attributes:
        twins: pairs of a fake and its real twin.
        singles: pictures of each class from every data set that has both classes and no twins.
        self_blended: pairs of a real photo and a self-blended fake made from its pixels.
        resynthesised: pairs of a real photo and its resynthesised twin.
        generated: pairs of a fake from a set without reals and a real photo from a set without fakes.
        mixed: share of the singles that are blended with another single of their data set, 0..1.
    """

    twins: int = 11
    singles: int = 6
    self_blended: int = 9
    resynthesised: int = 0
    generated: int = 0
    mixed: float = 0.5
