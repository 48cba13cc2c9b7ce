"""What a batch of a paired training is made of."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """What a batch is made of, in pictures.

    Attributes:
        twins: fakes with their real twins, twice that many pictures.
        singles: pictures of each class from every data set that has both classes and no twins.
        self_blended: real photos beside a fake made of their own pixels, twice that many pictures.
        resynthesised: real photos beside their resynthesised twin, twice that many pictures.
        generated: fakes of sets that hold fakes alone beside a real photo of a set that holds reals alone, twice that
            many pictures.
        mixed: share of the singles that are blended with another of their data set.
    """

    twins: int = 11
    singles: int = 6
    self_blended: int = 9
    resynthesised: int = 0
    generated: int = 0
    mixed: float = 0.5
