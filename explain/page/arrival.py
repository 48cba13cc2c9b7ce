"""The state of the page for a new visitor: initial controls, or those of a link, and the browser's language."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from starlette.requests import Request
from starlette.types import ASGIApp, Receive, Scope, Send

from explain.examples import examples
from explain.page.components.controls import AT_FIRST, IN_LINKS, LIMITS, settings_from
from explain.page.components.updates import Updates, notice, visible
from explain.page.detectors.second import NONE
from explain.page.links import LinkError, from_link
from explain.service.shipped import opening_example
from explain.settings import DEFAULT_MAPS
from model.available import Models
from model.errors import UserError
from model.i18n.catalogue import Message, languages, use_language
from model.i18n.preferences import preferred_language


def language_for(query: Mapping[str, str], accepted: str) -> str:
    """The language of a link's query; else that of the browser's ``Accept-Language``."""
    language = query.get("lang", "")
    return language if language in languages() else preferred_language(accepted)


class InVisitorsLanguage:
    """ASGI middleware that sends the page in the visitor's language, so that no other one is seen before."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or scope["path"] != "/":
            await self.app(scope, receive, send)
            return
        request = Request(scope)
        with use_language(language_for(request.query_params, request.headers.get("accept-language", ""))):
            await self.app(scope, receive, send)


def arrival(models: Models, query: Mapping[str, str], accepted: str) -> Updates:
    """The visitor's language, and the settings and the example of a link.

    Args:
        models: the available ones.
        query: the address's query.
        accepted: the browser's ``Accept-Language``.
    """
    language = language_for(query, accepted)
    changes: Updates = {"language": language}
    with use_language(language):
        try:
            controls = from_link({name: query[name] for name in IN_LINKS if name in query})
            _check_controls(controls)
            settings_from({**AT_FIRST, **controls})
            if models.importing is not None and controls.get("model") == models.importing.name:
                del controls["model"]  # the page shows the import
            for name in ("model", "second"):
                if controls.get(name, models.first) not in (*models.names, *([NONE] if name == "second" else [])):
                    raise LinkError(f"{name}={controls[name]}")
        except UserError as error:
            refused = Message("page.bad_link", problem=error.args[0])
            return {**changes, "notice": notice(str(refused), "error"), "refused": refused}
    chosen = [example.path for example in examples() if example.path.stem == query.get("example")]
    if not query.keys() - {"lang"} and models.is_open(models.first):
        opening = opening_example(models.get(models.first))  # a visitor sees at once what a result looks like
        chosen = [] if opening is None else [opening.path]
    # The placeholder goes before the verdict comes, which would push it down.
    photo: Updates = {"photo": str(chosen[0]), "placeholder": visible(False)} if chosen else {}
    return {**changes, **controls, **photo}


def _check_controls(controls: Mapping[str, Any]) -> None:
    """Check that the controls can hold a link's values; their limits are narrower than those of the settings.

    Raises:
        LinkError: if they can't.
    """
    for name, (least, most) in LIMITS.items():
        if not least <= controls.get(name, least) <= most:
            raise LinkError(f"{name}={controls[name]}")
    for method in controls.get("further", ()):
        if method in DEFAULT_MAPS:
            raise LinkError(f"further={method}")
