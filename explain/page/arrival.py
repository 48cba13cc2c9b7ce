"""How the page starts for a visitor: what its controls hold at first, and what a link or the browser asks for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from explain.examples import examples
from explain.page.components.controls import AT_FIRST, IN_LINKS, LIMITS, settings_from
from explain.page.components.updates import Updates, notice
from explain.page.links import from_link
from explain.settings import ALWAYS
from model.available import Models
from model.i18n.catalogue import LANGUAGES, say, speaking
from model.i18n.preferences import preferred_language


def arrival(models: Models, query: Mapping[str, str], accepted: str) -> Updates:
    """The visitor's language, with the settings and the example that a link names.

    Args:
        models: those to choose from.
        query: of the address.
        accepted: the browser's ``Accept-Language``.
    """
    language = query.get("lang", "")
    language = language if language in LANGUAGES else preferred_language(accepted)
    changes: Updates = {"language": language}
    with speaking(language):
        try:
            asked = from_link({name: query[name] for name in IN_LINKS if name in query})
            settings_from({**AT_FIRST, **asked})
            _check_controls(asked)
            if models.importing is not None and asked.get("model") == models.importing.name:
                del asked["model"]  # the page tells of the import
            if asked.get("model", models.first) not in models.names:
                raise ValueError(f"model={asked['model']}")
        except ValueError as error:
            return {**changes, "notice": notice(say("page.bad_link", problem=str(error)), "error")}
    chosen = [example for example in examples() if example.path.stem == query.get("example")]
    return {**changes, **asked, **({"photo": str(chosen[0].path)} if chosen else {})}


def _check_controls(asked: Mapping[str, Any]) -> None:
    """Whether the controls can hold what a link asks for; they are narrower than the settings.

    Raises:
        ValueError: if not; the message is that part of the link.
    """
    for name, (least, most) in LIMITS.items():
        if not least <= asked.get(name, least) <= most:
            raise ValueError(f"{name}={asked[name]}")
    for method in asked.get("further", ()):
        if method in ALWAYS:
            raise ValueError(f"further={method}")
