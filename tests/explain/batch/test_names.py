"""Tests of file names: how they are shown, and which files are accepted or skipped."""

from __future__ import annotations

import pytest

from explain.batch.names import MAX_NAME, is_other_archive, is_picture, is_zip, on_one_line, safe_name

FAMILY, SCOTLAND = "👨\u200d👩\u200d👧", "\U0001f3f4\U000e0067\U000e0062\U000e0073\U000e0063\U000e0074\U000e007f"


@pytest.mark.parametrize(
    ("name", "safe"),
    [
        ("../../etc/passwd.jpg", "etc/passwd.jpg"),
        ("/root/a.jpg", "root/a.jpg"),
        ("..\\..\\windows\\a.jpg", "windows/a.jpg"),
        ("a\r\nb\x00.jpg", "a??b?.jpg"),
        ("a\u2028b\u2029.jpg", "a?b?.jpg"),
        ("\x1b[2Ja.jpg", "?[2Ja.jpg"),
        ("photo\u202egpj.exe", "photo?gpj.exe"),
        ("a\U000e0061b.jpg", "a?b.jpg"),
        ("I\u0307stanbul ğ.jpg", "İstanbul ğ.jpg"),
        ("..", "?"),
    ],
)
def test_names_are_safe_to_show(name: str, safe: str) -> None:
    assert safe_name(name) == safe


@pytest.mark.parametrize("name", [f"{FAMILY}.jpg", f"{SCOTLAND}.jpg", "❤️.jpg", "क्\u200cष.jpg", "\U0001faea.jpg"])
def test_emoji_and_words_stay_whole(name: str) -> None:
    assert safe_name(name) == name


def test_undecodable_bytes_in_names_stay_distinct() -> None:
    first, second = (safe_name(name.decode("utf-8", "surrogateescape")) for name in (b"\xff.jpg", b"\xfe.jpg"))
    assert (first, second) == ("%FF.jpg", "%FE.jpg")


def test_long_name_keeps_its_end_and_stays_unique() -> None:
    ending = "x" * 200 + ".jpg"
    names = [safe_name(f"{number}{ending}") for number in range(100)]
    assert len(set(names)) == 100
    assert all(len(name) == MAX_NAME and name.startswith("…") and name.endswith("x" * 100 + ".jpg") for name in names)
    assert safe_name("a" * MAX_NAME) == "a" * MAX_NAME


def test_path_on_one_line_keeps_its_folders() -> None:
    assert on_one_line("../a/\x1bb\n.jpg") == "../a/?b?.jpg"


@pytest.mark.parametrize(
    ("head", "known"),
    [
        (b"\xff\xd8\xff\xe0\0\x10JFIF", True),
        (b"RIFF\x24\0\0\0WEBPVP8 ", True),
        (b"RIFF\x24\0\0\0WAVEfmt ", False),
        (b"BM\x36\0\x0c\0\0\0\0\0", True),
        (b"BM is the abbreviation", False),
        (b"\0\0\0\x1cftypavif", True),
        (b"\0\0\0\x18ftypheic", True),
        (b"\0\0\0\x18ftypmp42", False),
        (b"II*\0\x08\0\0\0", True),
        (b"<html>", False),
        (b"", False),
    ],
)
def test_a_picture_is_known_by_its_content(head: bytes, known: bool) -> None:
    assert is_picture(head) is known


def test_content_decides_what_is_an_archive() -> None:
    jpeg, packed = b"\xff\xd8\xff\xe0", b"PK\x03\x04"
    assert is_zip("photos.jpg", packed) and is_zip("damaged.zip", b"") and not is_zip("photo.zip", jpeg)
    assert is_other_archive("photos.rar", b"Rar!") and not is_other_archive("photo.rar", jpeg)
    assert is_zip("photos.rar", packed) and not is_other_archive("photos.rar", packed)
