"""The parts of the page by name, and their texts, which follow the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from explain.page.components.controls import READ
from explain.page.components.updates import Change, Updates
from model.i18n.catalogue import language, translate


class Text(str):
    """A text of the page that can be translated again.

    ``gr.I18n`` is no alternative: it uses the browser's language, but a visitor of this page may choose another one.
    """

    write: Callable[[], str]


def text(source: str | Callable[[], str]) -> Text:
    """A text of the page in the current language.

    Args:
        source: a key of the catalogue, or a function that writes the text.
    """
    write = source if callable(source) else lambda: translate(source)
    written = Text(write())
    written.write = write
    return written


class Parts(dict[str, Any]):
    """The page's components by name: the handlers read and change them."""

    def readable(self) -> set[Any]:
        """The components with values for the handlers."""
        return {self[name] for name in READ}

    def controls(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """The values by name, from Gradio's values by component."""
        return {name: values[self[name]] for name in READ}

    def changes(self, updates: Updates) -> dict[Any, Any]:
        """Updates for Gradio, from updates by name; Gradio needs at least one."""
        if not updates:
            return {self["status"]: gr.skip()}
        return {
            self[name]: gr.update(**value) if isinstance(value, Change) else value for name, value in updates.items()
        }

    def in_config(self, config: Mapping[str, Any]) -> dict[str, Any]:
        """The configuration that the browser makes the page from, with every text in the current language."""
        changed = {component._id: _texts_of(component) for component in self.values()}
        changed[self["language"]._id]["value"] = language()
        components = [
            {**entry, "props": {**entry["props"], **changed[entry["id"]]}} if changed.get(entry["id"]) else entry
            for entry in config["components"]
        ]
        return {**config, "components": components}

    def translated(self, updates: Updates) -> dict[Any, Any]:
        """Every text of the components in the current language, and the updates of a handler."""
        changes = {name: _texts_of(component) for name, component in self.items()}
        for name, value in updates.items():
            changes[name] |= value if isinstance(value, Change) else {"value": value}
        return {self[name]: gr.update(**change) for name, change in changes.items() if change}


def _texts_of(component: Any) -> dict[str, Any]:
    """The properties of a component that hold texts, in the current language."""
    return {name: _translated(value) for name, value in component.constructor_args.items() if _holds_text(value)}


def _holds_text(value: Any) -> bool:
    return isinstance(value, Text) or (isinstance(value, list | tuple) and any(map(_holds_text, value)))


def _translated(value: Any) -> Any:
    if isinstance(value, Text):
        return value.write()
    return type(value)(map(_translated, value)) if isinstance(value, list | tuple) else value
