"""Tests of the template environment and of the table that every page and report shares."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from jinja2 import UndefinedError

from model.html.environment import environment
from tests.support.html import read

SCRIPT = "<script>alert('1')</script>"


def rendered(tmp_path: Path, source: str, **values: Any) -> str:
    (tmp_path / "sample.html").write_text(source, "utf-8")
    return environment(tmp_path).get_template("sample.html").render(values)


def table(*arguments: Any, **options: Any) -> str:
    return str(environment().get_template("macros.html").module.table(*arguments, **options))  # type: ignore[attr-defined]


def test_every_value_is_escaped_once(tmp_path: Path) -> None:
    source = '{% macro cell(x) %}<td title="{{ x }}">{{ x }}</td>{% endmacro %}{{ cell(text) }}'
    reader = read(rendered(tmp_path, source, text=SCRIPT))
    assert reader.tags == {"td"} and reader.words == SCRIPT


@pytest.mark.parametrize("source", ["{{ missing }}", "{% if missing %}{% endif %}", "{{ there.missing }}"])
def test_missing_value_is_an_error(source: str, tmp_path: Path) -> None:
    with pytest.raises(UndefinedError, match="missing"):
        rendered(tmp_path, source, there={})


def test_line_breaks_in_a_template_leave_no_space_between_tags(tmp_path: Path) -> None:
    layout = "<ul>\n  {% for x in (1, 2) %}\n  <li>{{ x }}</li>\n  {% endfor %}\n</ul>\n"
    source = f"{layout}<p>two\nwords <b>{{{{ 3 }}}}</b> {{{{ 4 }}}}</p>"
    assert rendered(tmp_path, source) == "<ul><li>1</li><li>2</li></ul><p>two\nwords <b>3</b> 4</p>"


def test_cells_repeat_the_title_of_their_column() -> None:
    html = table(("", "P(Fake)"), [("left eye", SCRIPT)], current=0, caption="Regions")
    assert "<caption>Regions</caption><thead><tr><td></td>" in html and '<tr aria-current="true">' in html
    assert '<th scope="row">left eye</th><td data-label="P(Fake)"><span>' in html
    assert read(html).words.endswith(SCRIPT)


def test_table_titles_are_optional_and_any_column_may_hold_the_row_heading() -> None:
    html = table((), [(7, "mouth", 0.5)], heading=1, kind="pairs")
    assert html == (
        '<table class="pairs"><tbody><tr><td>7</td><th scope="row">mouth</th><td>0.5</td></tr></tbody></table>'
    )
    assert "data-label" not in table(("a", "b"), [("c", "d")], labels=False)
