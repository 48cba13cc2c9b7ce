"""Tests of the start of the page: the visitor's language, the settings of a link, and notices about invalid links."""

from __future__ import annotations

from typing import Any

import pytest

from explain.examples import examples
from explain.page.arrival import arrival
from explain.page.components.controls import AT_FIRST
from explain.page.components.updates import Updates, visible
from model.available import MODEL_FOLDER, FoundModel, Models
from model.i18n.preferences import by_preference, preferred_language
from model.paths import SHIPPED


@pytest.fixture(scope="module")
def models() -> Models:
    return Models([FoundModel("lite_attention", SHIPPED, MODEL_FOLDER)])


def arrive(models: Models, accepted: str = "", **query: str) -> Updates:
    return arrival(models, query, accepted)


@pytest.fixture(autouse=True)
def no_opening_example(monkeypatch: pytest.MonkeyPatch) -> None:
    """The page opens without an example, unless a test names one."""
    monkeypatch.setattr("explain.page.arrival.opening_example", lambda detector: None)


def test_address_without_a_query_sets_only_the_language(models: Models) -> None:
    assert arrive(models) == {"language": "en"}
    assert arrive(models, "tr-TR,tr;q=0.9,en;q=0.5") == {"language": "tr"}


def test_page_opens_with_an_example_unless_a_link_changes_settings(
    models: Models, monkeypatch: pytest.MonkeyPatch
) -> None:
    opening, another = examples()[:2]
    monkeypatch.setattr("explain.page.arrival.opening_example", lambda detector: opening)
    models.get(models.first)
    example_shown = {"photo": str(opening.path), "placeholder": visible(False)}
    assert arrive(models) == {"language": "en", **example_shown}
    assert arrive(models, lang="tr") == {"language": "tr", **example_shown}
    assert "photo" not in arrive(models, superpixels="40")
    assert arrive(models, example=another.path.stem)["photo"] == str(another.path)
    monkeypatch.setattr(models, "is_open", lambda name: False)
    assert "photo" not in arrive(models), "the page must not wait until the model is opened"


@pytest.mark.parametrize(
    ("header", "language"),
    [("", "en"), ("de, tr;q=0.8, en;q=0.3", "tr"), ("en-GB, tr;q=0.9", "en"), ("tr;q=0, en", "en"), ("x;q=high", "en")],
)
def test_language_is_read_from_the_header(header: str, language: str) -> None:
    assert preferred_language(header) == language


def test_values_of_a_header_are_sorted_by_preference() -> None:
    assert by_preference("a;q=0.1, B, c;q=0.5, d;q=0") == ["b", "c", "a"]


def test_link_overrides_the_language_of_the_browser(models: Models) -> None:
    found = arrive(models, "tr", lang="en", superpixels="40", smooth="1", further="rise,occlusion")
    assert found == {"language": "en", "superpixels": 40, "smooth": True, "further": ["rise", "occlusion"]}
    assert arrive(models, "tr", lang="klingon")["language"] == "tr"


def test_link_can_name_an_example_but_no_other_file(models: Models) -> None:
    chosen = examples()[1].path
    assert arrive(models, example=chosen.stem)["photo"] == str(chosen)
    assert "photo" not in arrive(models, example="../README")


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("samples", "many", "samples=many"),
        ("samples", "7", "samples"),
        ("model", "other", "model=other"),
        ("superpixels", "-3", "superpixels=-3"),
        ("superpixels", "5", "superpixels=5"),
        ("superpixels", "200", "superpixels=200"),
        ("superpixels", "999", "superpixels=999"),
        ("shown", "0", "shown=0"),
        ("shown", "51", "shown=51"),
        ("further", "lime", "further=lime"),
        ("further", "horoscope", "horoscope"),
        ("target", "Fish", "Fish"),
    ],
)
def test_invalid_value_in_a_link_gives_a_notice_and_changes_no_setting(
    models: Models, name: str, value: str, expected: str
) -> None:
    found: dict[str, Any] = arrive(models, **{name: value})
    assert set(found) == {"language", "notice", "refused"}
    assert expected in found["notice"]["value"] and "invalid literal" not in found["notice"]["value"]


def test_link_can_set_every_initial_control_value(models: Models) -> None:
    link = {name: ",".join(value) if isinstance(value, list) else str(value) for name, value in AT_FIRST.items()}
    link |= {"smooth": "0", "trust": "0", "robustness": "0"}
    assert arrive(models, **link) == {"language": "en", **AT_FIRST}
