"""Tests of log lines: they name the request, but no photo, file or address."""

from __future__ import annotations

import json
import logging
from pathlib import Path

import pytest

from explain.service.logs import REQUEST, JsonLines, without_names


def line_of(message: str, *values: object, error: BaseException | None = None, **extra: object) -> dict[str, object]:
    info = None if error is None else (type(error), error, error.__traceback__)
    record = logging.LogRecord("a", logging.INFO, __file__, 1, message, values, info)
    vars(record).update(extra)
    text = JsonLines().format(record)
    assert "\n" not in text
    found: dict[str, object] = json.loads(text)
    return found


def test_line_has_the_request_and_its_facts() -> None:
    token = REQUEST.set("abc")
    line = line_of("request", status=200, seconds=0.1)
    REQUEST.reset(token)
    assert (line["request"], line["status"], line["message"], line["level"]) == ("abc", 200, "request", "info")
    assert "request" not in line_of("start")


@pytest.mark.parametrize(
    "private",
    [
        *("/home/ann/face.jpg", "C:\\Users\\ann\\face.jpg", "/tmp/x/whyfake-1/ann/face.jpg"),
        *("https://example.org/ann?face", "data:image/png;base64,annannann", "192.168.1.7:5000", "2001:db8:1:2:3::1"),
    ],
)
def test_paths_and_addresses_are_left_out(private: str) -> None:
    text = without_names(f"No answer for {private} today.")
    assert text == "No answer for … today." and "ann" not in text


def test_a_traceback_keeps_only_the_names_of_source_files() -> None:
    try:
        Path("/home/ann/face.jpg").read_bytes()
    except OSError as error:
        line = line_of("A request failed.", error=error)
    assert line["error"] == "FileNotFoundError"
    assert "test_logs.py" in str(line["traceback"]) and "ann" not in str(line["traceback"])


def test_an_ordinary_sentence_stays_unchanged() -> None:
    sentence = 'A photo among many could not be judged: 3/4 of 12:30:05, "x/y".'
    assert without_names(sentence) == sentence
