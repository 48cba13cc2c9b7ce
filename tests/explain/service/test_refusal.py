"""Tests of errors that become one sentence."""

from __future__ import annotations

import errno

import pytest

from explain.service.refusal import Refused, is_disk_full, refusing_in


def full() -> OSError:
    return OSError(errno.ENOSPC, "No space left on device", "/srv/photos/me.jpg")


def test_full_disk_is_said_and_logged_without_the_file(caplog: pytest.LogCaptureFixture) -> None:
    with pytest.raises(Refused, match="diski dolu"), refusing_in("tr"):
        raise full()
    assert "full" in caplog.text and "me.jpg" not in caplog.text and "Traceback" not in caplog.text


def test_full_disk_is_known_by_what_led_to_an_error() -> None:
    try:
        try:
            raise full()
        except OSError as error:
            raise ValueError("array([[1, 2]])") from error
    except ValueError as error:
        assert is_disk_full(error)
    assert not is_disk_full(OSError(errno.EACCES, "Permission denied")) and not is_disk_full(ValueError())
