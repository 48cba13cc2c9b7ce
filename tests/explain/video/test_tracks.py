"""Tests of face tracking: faces that cross keep their tracks, and a cut ends all tracks."""

from __future__ import annotations

import numpy as np
import pytest

from explain.video.tracks import MIN_OVERLAP, MOST_MISSED, PATIENCE_S, Box, Tracker, overlap


def test_overlap_is_intersection_over_union() -> None:
    first = np.array([0.0, 0, 10, 10])
    assert overlap(first, first) == 1
    assert overlap(first, np.array([5.0, 0, 10, 10])) == pytest.approx(50 / 150)
    assert overlap(first, np.array([10.0, 0, 10, 10])) == 0


@pytest.mark.parametrize("order", [1, -1])
def test_two_faces_that_cross_keep_their_tracks(order: int) -> None:
    """One face moves right by 12 pixels per frame, the other one left; in the middle their boxes overlap."""
    tracker, heights = Tracker(), dict[int, set[int]]()
    for number in range(21):
        boxes = [(12 * number, 0, 60, 60), (240 - 12 * number, 6, 60, 60)][::order]
        for track, box in zip(tracker.follow(boxes, number / 10), boxes, strict=True):
            heights.setdefault(track, set()).add(box[1])
    assert sorted(map(sorted, heights.values())) == [[0], [6]]


def test_two_faces_that_cross_keep_their_tracks_with_uneven_times() -> None:
    tracker, times = Tracker(), np.cumsum([0, 0.1, 0.3, 0.1, 0.2, 0.1, 0.3, 0.1, 0.2, 0.2, 0.3])
    for time in times:
        boxes = [(round(100 * time), 0, 60, 60), (round(190 - 100 * time), 6, 60, 60)]
        assert tracker.follow(boxes, float(time)) == [0, 1]


def test_a_cut_ends_all_tracks() -> None:
    tracker = Tracker()
    assert tracker.follow([(0, 0, 50, 50)], 0.0) == [0]
    assert tracker.follow([(0, 0, 50, 50)], 1.0, after_cut=True) == [1]


def test_a_face_may_be_missed_in_a_few_frames() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    for missed in range(MOST_MISSED):
        assert tracker.follow([], 1.0 + missed) == []
    assert tracker.follow([(0, 0, 50, 50)], 5.0) == [0]
    for missed in range(MOST_MISSED + 1):
        tracker.follow([], 6.0 + missed)
    assert tracker.follow([(0, 0, 50, 50)], 10.0) == [1]


@pytest.mark.parametrize(("gap", "same_track"), [(PATIENCE_S, True), (PATIENCE_S + 0.1, False)])
def test_a_face_may_be_missed_for_a_second_at_any_frame_rate(gap: float, same_track: bool) -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    for number in range(1, MOST_MISSED + 5):
        assert tracker.follow([], number / 25) == []
    assert tracker.follow([(0, 0, 50, 50)], gap) == [0 if same_track else 1]


def test_two_faces_keep_their_tracks_when_one_passes_behind_the_other() -> None:
    """Both move by 100 pixels per second; while their boxes overlap, only the front face is found."""
    tracker, numbers = Tracker(), dict[str, set[int]](front=set(), behind=set())
    for seconds in np.arange(0, 2.4, 0.08):
        front, behind = (round(100 * seconds), 0, 60, 60), (round(230 - 100 * seconds), 6, 60, 60)
        boxes = {"front": front} if abs(front[0] - behind[0]) < 30 else {"front": front, "behind": behind}
        for name, number in zip(boxes, tracker.follow([*boxes.values()], float(seconds)), strict=True):
            numbers[name].add(number)
    assert numbers == {"front": {0}, "behind": {1}}


def test_a_new_face_beside_a_missed_one_gets_a_new_track() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    tracker.follow([], 0.2)
    assert tracker.follow([(45, 0, 50, 50)], 0.4) == [1]
    assert tracker.follow([(2, 0, 50, 50), (45, 0, 50, 50)], 0.6) == [0, 1]


def test_each_detection_resets_the_count_of_misses() -> None:
    tracker, box, seconds = Tracker(), (0, 0, 50, 50), 0.0
    for _ in range(3):
        assert tracker.follow([box], seconds) == [0]
        for _ in range(MOST_MISSED):
            seconds += 1
            tracker.follow([], seconds)
        seconds += 1


def test_a_predicted_width_below_zero_is_not_an_error() -> None:
    """The width falls from 30 to 10 pixels in a second; at that rate the next width would be negative."""
    tracker = Tracker()
    assert tracker.follow([(0, 0, 30, 10)], 0.0) == tracker.follow([(5, 0, 10, 10)], 1.0) == [0]
    assert len(tracker.follow([(5, 0, 10, 10)], 2.0)) == 1


def test_a_face_keeps_its_track_when_two_frames_have_the_same_time() -> None:
    tracker = Tracker()
    for seconds in (0.0, 0.0, 1.0):
        assert tracker.follow([(0, 0, 50, 50)], seconds) == [0]


@pytest.mark.parametrize("missed", range(MOST_MISSED + 1))
@pytest.mark.parametrize("last", [(40, 0, 50, 50), (30, 10, 50, 50), (60, 0, 60, 60)])
def test_a_face_that_stops_or_turns_while_it_is_missed_keeps_its_track(last: Box, missed: int) -> None:
    """It moved right by 20 pixels per frame and grew; the position that its movement predicts is too far."""
    tracker = Tracker()
    assert [tracker.follow([box], time) for time, box in enumerate([(0, 0, 40, 40), (20, 0, 50, 50)])] == [[0], [0]]
    for number in range(missed):
        tracker.follow([], 2.0 + number)
    assert tracker.follow([last], 2.0 + missed) == [0]


@pytest.mark.parametrize("order", [1, -1])
def test_the_face_that_continues_its_movement_keeps_the_track(order: int) -> None:
    """One face moves right; another face appears at its previous position."""
    tracker = Tracker()
    for number in range(3):
        assert tracker.follow([(25 * number, 0, 50, 50)], number / 10) == [0]
    boxes = [(75, 0, 50, 50), (50, 0, 50, 50)][::order]
    assert tracker.follow(boxes, 0.3) == [0, 1][::order]


def test_a_face_that_jumps_gets_a_new_track() -> None:
    tracker = Tracker()
    tracker.follow([(0, 0, 50, 50)], 0.0)
    shift = 40
    assert overlap(np.array([0.0, 0, 50, 50]), np.array([shift, 0.0, 50, 50])) < MIN_OVERLAP
    assert tracker.follow([(shift, 0, 50, 50)], 1.0) == [1]
