"""Tests of drawing a subset: the given number of each class, and the same pictures for the same seed."""

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


def test_the_given_number_is_drawn_from_each_class_of_each_set() -> None:
    drawn = draw(EXAMPLES, {"train": 5, "val": 0, "test": 20}, 0)
    counts = Counter((example.dataset, example.split, example.label) for example in drawn)
    expected = {"train": 5, "test": 9}
    assert counts == {(n, s, c): count for s, count in expected.items() for n in "ab" for c in ("Fake", "Real")}
    assert drawn == [example for example in EXAMPLES if example in drawn], "the order stays"


def test_split_without_a_number_is_kept_completely() -> None:
    drawn = draw(EXAMPLES, {"train": 1}, 0)
    assert Counter(example.split for example in drawn) == {"train": 4, "val": 36, "test": 36}


def test_subset_depends_on_the_seed_and_a_larger_one_contains_a_smaller_one() -> None:
    few, same, different, more = (
        {example.path for example in draw(EXAMPLES, {"train": count, "val": 0, "test": 0}, seed)}
        for count, seed in ((4, 0), (4, 0), (4, 1), (6, 0))
    )
    assert few == same != different and few < more


def test_second_data_set_does_not_change_the_subset_of_the_first() -> None:
    alone = draw([example for example in EXAMPLES if example.dataset == "a"], {"train": 3}, 0)
    both = draw(EXAMPLES, {"train": 3}, 0)
    assert alone == [example for example in both if example.dataset == "a"]
