"""The allowed users are read from a file or from an environment variable."""

from __future__ import annotations

from pathlib import Path

import pytest

from explain.interfaces.server.users import VARIABLE, UsersError, users_from


def test_everybody_is_allowed_if_no_users_are_configured(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    assert users_from(None) == ()


def test_users_are_the_lines_of_the_file_or_of_the_environment_variable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, "cem:x")
    file = tmp_path / "users"
    file.write_text("ann:a:b\n\nbob:ş\n", "utf-8")
    assert users_from(file) == ("ann:a:b", "bob:ş")
    assert users_from(None) == ("cem:x",)


@pytest.mark.parametrize("text", ["", "ann", "ann:", ":secret", "ann:x\nbob"])
def test_a_file_without_valid_users_is_refused(tmp_path: Path, text: str) -> None:
    file = tmp_path / "users"
    file.write_text(text)
    with pytest.raises(UsersError, match="USER:PASSWORD") as caught:
        users_from(file)
    assert "secret" not in str(caught.value)
    with pytest.raises(UsersError):
        users_from(tmp_path / "missing")
