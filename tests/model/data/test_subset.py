"""Tests of drawing a part of the pictures: as many of each class as asked, the same ones for the same seed."""

from __future__ import annotations

from collections import Counter

from model.data.layout import Example
from model.data.split import draw

EXAMPLES = [
    Example(f"{name}/{split}/{label}/{number}.png", name, split, label, None, ())
    for name in ("a", "b")
    for split in ("train", "val", "test")
    for label in ("Fake", "Real")
    for number in range(9)
]


def test_every_class_of_every_set_gives_as_many_as_asked() -> None:
    drawn = draw(EXAMPLES, {"train": 5, "val": 0, "test": 20}, 0)
    counts = Counter((example.dataset, example.split, example.label) for example in drawn)
    expected = {"train": 5, "test": 9}
    assert counts == {(n, s, c): count for s, count in expected.items() for n in "ab" for c in ("Fake", "Real")}
    assert drawn == [example for example in EXAMPLES if example in drawn], "the order stays"


def test_split_without_a_number_stays_whole() -> None:
    drawn = draw(EXAMPLES, {"train": 1}, 0)
    assert Counter(example.split for example in drawn) == {"train": 4, "val": 36, "test": 36}


def test_seed_decides_and_more_contain_fewer() -> None:
    few, same, other, more = (
        {example.path for example in draw(EXAMPLES, {"train": count, "val": 0, "test": 0}, seed)}
        for count, seed in ((4, 0), (4, 0), (4, 1), (6, 0))
    )
    assert few == same != other and few < more


def test_a_set_more_changes_nothing_of_the_first() -> None:
    alone = draw([example for example in EXAMPLES if example.dataset == "a"], {"train": 3}, 0)
    both = draw(EXAMPLES, {"train": 3}, 0)
    assert alone == [example for example in both if example.dataset == "a"]
