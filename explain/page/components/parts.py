"""The parts of the page by name, and the words that follow the language."""

from collections.abc import Callable, Mapping
from typing import Any

import gradio as gr

from explain.page.components.controls import READ
from explain.page.components.updates import Change, Updates
from model.i18n.catalogue import say


class Parts:
    """The parts of the page by name: what the handlers may read and change, and the words that follow the language."""

    def __init__(self) -> None:
        self.named: dict[str, Any] = {}
        self._words: dict[str, dict[str, Callable[[], Any]]] = {}

    def add(self, name: str, kind: Any, *args: Any, said: Mapping[str, Any] | None = None, **options: Any) -> Any:
        """Make a component and name it.

        Args:
            name: by which handlers know it, and its ``elem_id`` (with dashes).
            kind: a class of Gradio's.
            args: its positional arguments.
            said: properties that hold words: a key of the catalogue, or a function that says them.
            options: its other properties.
        """
        tellers = {prop: _teller(words) for prop, words in (said or {}).items()}
        spoken = {prop: tell() for prop, tell in tellers.items()}
        if kind not in (gr.State, gr.Timer):
            options.setdefault("elem_id", name.replace("_", "-"))
        self.named[name] = component = kind(*args, **spoken, **options)
        self._words[name] = tellers
        return component

    def spoken_with(self, updates: Updates) -> dict[Any, Any]:
        """Every component's words in the language spoken now, and the updates of a handler."""
        changes = {name: {prop: tell() for prop, tell in tellers.items()} for name, tellers in self._words.items()}
        for name, value in updates.items():
            changes[name] |= value if isinstance(value, Change) else {"value": value}
        return {self.named[name]: gr.update(**change) for name, change in changes.items() if change}

    def readable(self) -> set[Any]:
        """What handlers are told: the values of everything that holds one."""
        return {self.named[name] for name in READ}

    def asked(self, values: Mapping[Any, Any]) -> dict[str, Any]:
        """Values by component, as Gradio hands them over, by name."""
        return {name: values[self.named[name]] for name in READ}

    def changes(self, updates: Updates) -> dict[Any, Any]:
        """Updates by name, as Gradio takes them; it wants at least one."""
        if not updates:
            return {self.named["status"]: gr.skip()}
        return {
            self.named[name]: gr.update(**value) if isinstance(value, Change) else value
            for name, value in updates.items()
        }


def _teller(words_or_key: Any) -> Callable[[], Any]:
    return words_or_key if callable(words_or_key) else lambda: say(words_or_key)
