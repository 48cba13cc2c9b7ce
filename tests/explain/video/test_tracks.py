"""Tests of following faces: two that cross keep their tracks, a cut ends all."""

from __future__ import annotations

import numpy as np
import pytest

from explain.video.tracks import MIN_OVERLAP, MOST_MISSED, PATIENCE_S, Box, Tracker, overlap


def test_overlap_is_that_of_areas() -> None:
    first = np.array([0.0, 0, 10, 10])
    assert overlap(first, first) == 1
    assert overlap(first, np.array([5.0, 0, 10, 10])) == pytest.approx(50 / 150)
    assert overlap(first, np.array([10.0, 0, 10, 10])) == 0


@pytest.mark.parametrize("order", [1, -1])
def test_two_faces_that_cross_keep_their_tracks(order: int) -> None:
    """One goes right by 12 pixels per frame, the other left; in the middle their boxes lie on each other."""
    tracker, heights = Tracker(), dict[int, set[int]]()
    for number in range(21):
        boxes = [(12 * number, 0, 60, 60), (240 - 12 * number, 6, 60, 60)][::order]
        for track, box in zip(tracker.follow(boxes, number / 10), boxes, strict=True):
            heights.setdefault(track, set()).add(box[1])
    assert sorted(map(sorted, heights.values())) == [[0], [6]]


def test_crossing_also_works_with_uneven_times() -> None:
    tracker, times = Tracker(), np.cumsum([0, 0.1, 0.3, 0.1, 0.2, 0.1, 0.3, 0.1, 0.2, 0.2, 0.3])
    for time in times:
        boxes = [(round(100 * time), 0, 60, 60), (round(190 - 100 * time), 6, 60, 60)]
        assert tracker.follow(boxes, float(time)) == [0, 1]


def test_a_cut_ends_all_tracks() -> None:
    tracker = Tracker()
    assert tracker.follow([(0, 0, 50, 50)], 0.0) == [0]
    assert tracker.follow([(0, 0, 50, 50)], 1.0, after_cut=True) == [1]


def test_a_face_may_be_missed_for_a_moment() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    for missed in range(MOST_MISSED):
        assert tracker.follow([], 1.0 + missed) == []
    assert tracker.follow([(0, 0, 50, 50)], 5.0) == [0]
    for missed in range(MOST_MISSED + 1):
        tracker.follow([], 6.0 + missed)
    assert tracker.follow([(0, 0, 50, 50)], 10.0) == [1]


@pytest.mark.parametrize(("gap", "same"), [(PATIENCE_S, True), (PATIENCE_S + 0.1, False)])
def test_a_face_may_be_missed_for_a_second_however_many_frames_are_judged(gap: float, same: bool) -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    for number in range(1, MOST_MISSED + 5):
        assert tracker.follow([], number / 25) == []
    assert tracker.follow([(0, 0, 50, 50)], gap) == [0 if same else 1]


def test_a_face_that_passes_behind_another_one_stays_one_and_they_stay_two() -> None:
    """Both go by 100 pixels per second; where their boxes overlap, only the one in front is found."""
    tracker, numbers = Tracker(), dict[str, set[int]](front=set(), behind=set())
    for seconds in np.arange(0, 2.4, 0.08):
        front, behind = (round(100 * seconds), 0, 60, 60), (round(230 - 100 * seconds), 6, 60, 60)
        boxes = {"front": front} if abs(front[0] - behind[0]) < 30 else {"front": front, "behind": behind}
        for name, number in zip(boxes, tracker.follow([*boxes.values()], float(seconds)), strict=True):
            numbers[name].add(number)
    assert numbers == {"front": {0}, "behind": {1}}


def test_another_face_beside_a_missed_one_is_another() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    tracker.follow([], 0.2)
    assert tracker.follow([(45, 0, 50, 50)], 0.4) == [1]
    assert tracker.follow([(2, 0, 50, 50), (45, 0, 50, 50)], 0.6) == [0, 1]


def test_each_return_starts_the_count_of_misses_again() -> None:
    tracker, box, seconds = Tracker(), (0, 0, 50, 50), 0.0
    for _ in range(3):
        assert tracker.follow([box], seconds) == [0]
        for _ in range(MOST_MISSED):
            seconds += 1
            tracker.follow([], seconds)
        seconds += 1


def test_a_face_that_seems_to_shrink_to_nothing_is_no_error() -> None:
    """From 30 pixels of width to 10 in a second: in the next one, as many fewer would be less than none."""
    tracker = Tracker()
    assert tracker.follow([(0, 0, 30, 10)], 0.0) == tracker.follow([(5, 0, 10, 10)], 1.0) == [0]
    assert len(tracker.follow([(5, 0, 10, 10)], 2.0)) == 1


def test_two_frames_of_one_time_are_no_movement() -> None:
    tracker = Tracker()
    for seconds in (0.0, 0.0, 1.0):
        assert tracker.follow([(0, 0, 50, 50)], seconds) == [0]


@pytest.mark.parametrize("missed", range(MOST_MISSED + 1))
@pytest.mark.parametrize("last", [(40, 0, 50, 50), (30, 10, 50, 50), (60, 0, 60, 60)])
def test_a_face_that_stops_or_turns_while_it_is_missed_stays_one(last: Box, missed: int) -> None:
    """It came from the left, 20 pixels per frame, and grew; its movement alone would take it past its next place."""
    tracker = Tracker()
    assert [tracker.follow([box], time) for time, box in enumerate([(0, 0, 40, 40), (20, 0, 50, 50)])] == [[0], [0]]
    for number in range(missed):
        tracker.follow([], 2.0 + number)
    assert tracker.follow([last], 2.0 + missed) == [0]


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_faces_the_one_that_went_on_as_before_is_followed_first(order: int) -> None:
    """One goes right; another one appears where it was."""
    tracker = Tracker()
    for number in range(3):
        assert tracker.follow([(25 * number, 0, 50, 50)], number / 10) == [0]
    boxes = [(75, 0, 50, 50), (50, 0, 50, 50)][::order]
    assert tracker.follow(boxes, 0.3) == [0, 1][::order]


def test_a_jump_is_another_face() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    shift = 40
    assert overlap(np.array([0.0, 0, 50, 50]), np.array([shift, 0.0, 50, 50])) < MIN_OVERLAP
    assert tracker.follow([(shift, 0, 50, 50)], 1.0) == [1]
