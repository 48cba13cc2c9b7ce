"""Tests of how pictures are divided into train, val and test."""

from __future__ import annotations

import logging
from collections import Counter
from pathlib import Path

import pytest

from model.data.layout import UNSPLIT, Example
from model.data.split import assign_splits, group_by_pattern, is_assigned, split_of_run, write_split
from model.errors import DatasetError


def make(path: str, label: str, split: str = UNSPLIT, dataset: str = "set", twin: str | None = None) -> Example:
    return Example(path, dataset, split, label, None, (), twin)


def folder(reals: int, fakes: int, dataset: str = "set") -> list[Example]:
    return [make(f"{dataset}/Fake/{n}.jpg", "Fake", dataset=dataset) for n in range(fakes)] + [
        make(f"{dataset}/Real/{n}.jpg", "Real", dataset=dataset) for n in range(reals)
    ]


def videos(count: int, frames: int) -> list[Example]:
    """Frames of ``count`` videos of each class; the number of frames differs between videos."""
    return [
        make(f"{label}/{label}{video}_frame{frame}.jpg", label)
        for label in ("Fake", "Real")
        for video in range(count)
        for frame in range(frames + video % 3)
    ]


def splits_by_path(examples: list[Example]) -> dict[str, str]:
    return {example.path: example.split for example in examples}


def test_shares_are_80_10_10_of_each_class_of_each_set() -> None:
    examples = folder(300, 100) + folder(50, 70, "other")
    counted = Counter((e.dataset, e.label, e.split) for e in assign_splits(examples, seed=0))
    assert counted == {
        **{("set", "Real", "train"): 240, ("set", "Real", "val"): 30, ("set", "Real", "test"): 30},
        **{("set", "Fake", "train"): 80, ("set", "Fake", "val"): 10, ("set", "Fake", "test"): 10},
        **{("other", "Real", "train"): 40, ("other", "Real", "val"): 5, ("other", "Real", "test"): 5},
        **{("other", "Fake", "train"): 56, ("other", "Fake", "val"): 7, ("other", "Fake", "test"): 7},
    }


def test_only_the_split_changes_and_the_order_stays() -> None:
    examples = folder(20, 20)
    found = assign_splits(examples, seed=0)
    assert [(e.path, e.label, e.dataset) for e in found] == [(e.path, e.label, e.dataset) for e in examples]


def test_split_depends_on_the_seed() -> None:
    examples = folder(100, 100)
    assert splits_by_path(assign_splits(examples, seed=4)) == splits_by_path(assign_splits(examples, seed=4))
    assert splits_by_path(assign_splits(examples, seed=4)) != splits_by_path(assign_splits(examples, seed=5))


def test_choice_of_sets_does_not_change_the_split() -> None:
    first, second = folder(40, 40), folder(40, 40, "other")
    together = splits_by_path(assign_splits(first + second, seed=1))
    assert splits_by_path(assign_splits(second, seed=1)).items() <= together.items()


def test_given_splits_stay() -> None:
    given = [make(f"{split}/{n}.jpg", "Real", split) for split in ("train", "val", "test") for n in range(3)]
    assert assign_splits(given, seed=0) == given


def test_training_pictures_become_val_where_there_is_none() -> None:
    given = [make(f"{split}/{n}.jpg", label, split) for split in ("train", "test") for n in range(90) for label in "RF"]
    given = [make(f"{e.label}{e.path}", e.label, e.split) for e in given]
    found = assign_splits(given, seed=0)
    assert Counter((e.label, e.split) for e in found) == {
        **{("R", "train"): 80, ("R", "val"): 10, ("R", "test"): 90},
        **{("F", "train"): 80, ("F", "val"): 10, ("F", "test"): 90},
    }
    assert all(e.split == "test" for e, before in zip(found, given, strict=True) if before.split == "test")


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_group_is_never_divided_between_splits(seed: int) -> None:
    examples = videos(30, 4)
    group_of = group_by_pattern(r"^(\w+)_frame")
    found = assign_splits(examples, seed, group_of)
    splits_of: dict[str, set[str]] = {}
    for example in found:
        splits_of.setdefault(group_of(example), set()).add(example.split)
    assert len(splits_of) == 60
    assert all(len(splits) == 1 for splits in splits_of.values())
    counted = Counter((e.label, e.split) for e in found)
    for label in ("Fake", "Real"):
        total = sum(counted[label, split] for split in ("train", "val", "test"))
        assert counted[label, "train"] / total == pytest.approx(0.8, abs=0.04)
        assert counted[label, "test"] / total == pytest.approx(0.1, abs=0.03)
    ungrouped = assign_splits(examples, seed)
    assert any(a.split != b.split for a, b in zip(found, ungrouped, strict=True)), (
        "without groups the split must differ"
    )


def test_groups_of_two_sets_that_share_a_name_are_two_groups() -> None:
    examples = folder(40, 40) + folder(55, 47, "other")
    found = assign_splits(examples, 0, lambda example: example.path.rsplit("/", 1)[1])
    splits_of: dict[str, set[str]] = {}
    for example in found:
        splits_of.setdefault(example.path.rsplit("/", 1)[1], set()).add(example.split)
    assert any(len(splits) == 2 for splits in splits_of.values())


def test_duplicates_and_twins_stay_together() -> None:
    examples = [
        *(make(f"Real/{n}.jpg", "Real") for n in range(60)),
        *(make(f"Fake/{n}.jpg", "Fake", twin=f"Real/{n}.jpg") for n in range(30)),
        *(make(f"Fake/{n}.jpg", "Fake") for n in range(30, 60)),
    ]
    duplicates = [(f"Fake/{n}.jpg", f"Real/{n + 1}.jpg", f"Fake/{n + 1}.jpg") for n in range(30, 58, 4)]
    found = splits_by_path(assign_splits(examples, 0, duplicates=[*duplicates, ("gone.jpg", "Real/0.jpg")]))
    assert all(found[f"Real/{n}.jpg"] == found[f"Fake/{n}.jpg"] for n in range(30))
    assert all(len({found[path] for path in paths}) == 1 for paths in duplicates)
    assert len({found[f"Fake/{n}.jpg"] for n in range(30)}) == 3


def test_duplicate_of_a_picture_with_a_split_gets_the_same_split() -> None:
    """Also if it is in another set: no test picture of any set is used for training."""
    given = [make(f"given/{split}.jpg", "Real", split, "given") for split in ("train", "val", "test")]
    examples = folder(20, 20) + given
    links = [(f"set/Real/{n}.jpg", f"given/{split}.jpg") for n, split in enumerate(("train", "val", "test"))]
    found = splits_by_path(assign_splits(examples, 0, duplicates=[*links, ("set/Real/0.jpg", "set/Fake/0.jpg")]))
    assert [found[f"set/Real/{n}.jpg"] for n in range(3)] == ["train", "val", "test"]
    assert found["set/Fake/0.jpg"] == "train"
    assert UNSPLIT not in found.values()


def test_too_few_pictures_are_refused() -> None:
    with pytest.raises(DatasetError, match=r"set has only 9 pictures or groups of Fake to share out.*at least 10"):
        assign_splits(folder(50, 9), seed=0)
    with pytest.raises(DatasetError, match="only 4 pictures or groups of Fake"):
        assign_splits(videos(4, 20), 0, group_by_pattern(r"^(\w+)_frame"))


def test_groups_of_too_different_sizes_are_refused() -> None:
    """Thirteen videos, most with both classes: among ten parts, one would be left with a single class."""
    frames = {0: (48, 32), 1: (16, 32), 2: (42, 28), 3: (38, 57), 4: (50, 50), 5: (0, 26), 6: (48, 72), 7: (58, 0)}
    frames |= {8: (48, 0), 9: (5, 10), 10: (23, 69), 11: (25, 50), 12: (0, 45)}
    examples = [
        make(f"{label}/{video}_{number}.jpg", label)
        for video, counts in frames.items()
        for label, count in zip(("Real", "Fake"), counts, strict=True)
        for number in range(count)
    ]
    with pytest.raises(DatasetError, match="set has groups too uneven to share out"):
        assign_splits(examples, 0, group_by_pattern(r"^(\d+)_"))


@pytest.mark.parametrize(
    ("pattern", "message"), [("(", "not a regular expression"), (r"\d+", "has no group: put round brackets")]
)
def test_pattern_that_names_no_group_is_refused(pattern: str, message: str) -> None:
    with pytest.raises(DatasetError, match=message):
        group_by_pattern(pattern)


def test_picture_that_the_pattern_does_not_match_is_its_own_group() -> None:
    group_of = group_by_pattern(r"^clip(\d+)")
    assert group_of(make("a/clip1_2.jpg", "Real")) == group_of(make("b/clip1_3.jpg", "Fake"))
    assert group_of(make("a/x.jpg", "Real")) != group_of(make("b/x.jpg", "Real"))


# The split of a run


def test_split_of_a_run_is_read_from_its_file(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    run = assign_splits(folder(20, 20), seed=0)
    write_split(tmp_path, run)
    drawn_otherwise = assign_splits(folder(20, 20), seed=1)
    assert splits_by_path(drawn_otherwise) != splits_by_path(run)
    with caplog.at_level(logging.WARNING):
        assert split_of_run(tmp_path, drawn_otherwise) == run
    assert not caplog.messages


def test_pictures_that_a_run_did_not_have_are_left_out_with_one_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    examples = folder(20, 20)
    write_split(tmp_path, assign_splits(examples[:35], seed=0))
    with caplog.at_level(logging.WARNING):
        found = split_of_run(tmp_path, assign_splits(examples, seed=1))
    assert [example.path for example in found] == [example.path for example in examples[:35]]
    assert caplog.messages == [f"5 pictures are left out: the split that {tmp_path} was trained on does not list them."]


def test_other_data_sets_keep_their_split(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    write_split(tmp_path, assign_splits(folder(20, 20), seed=0))
    others = assign_splits(folder(20, 20, "other"), seed=1)
    with caplog.at_level(logging.WARNING):
        assert split_of_run(tmp_path, others) == others
    assert caplog.messages == [f"{tmp_path} was trained on none of other, which keeps its split."]


def test_examples_keep_their_split_if_the_run_has_none(tmp_path: Path) -> None:
    examples = assign_splits(folder(20, 20), seed=0)
    assert split_of_run(tmp_path, examples) is examples


@pytest.mark.parametrize("text", ["a,b\n1,2\n", "path,split\nx.jpg,half\n", "path,split\nx.jpg\n", "\xff"])
def test_damaged_split_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "split.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(DatasetError, match=r"split\.csv (is no table|names a split)"):
        split_of_run(tmp_path, folder(1, 1))


@pytest.mark.parametrize(
    ("examples", "assigned"),
    [
        ([make("Train/Real/1.jpg", "Real", "train"), make("valid/Fake/1.jpg", "Fake", "val")], False),
        ([make("Real/1.jpg", "Real", "test")], False),  # a single class is always test data
        ([make("Real/1.jpg", "Real", "train")], True),
        ([make("train/Real/1.jpg", "Real", "val")], True),
    ],
)
def test_split_is_assigned_where_no_folder_names_it(examples: list[Example], assigned: bool) -> None:
    assert is_assigned(examples) is assigned
