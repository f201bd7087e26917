"""The texts that an administrator writes with names in them: read once, filled in for each call.

Pure. They are Jinja2 templates in a sandbox: a name that does not exist is an error and not an empty text,
nothing of Python's can be reached, what comes out is bounded. A value is never read as a template, whatever
the caller put into it. What does not work is a `FormError`, which says in which option.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from jinja2 import StrictUndefined, TemplateError
from jinja2 import Template as Jinja
from jinja2.sandbox import ImmutableSandboxedEnvironment

from agi_server.call import Call, Customer

TEXT_LIMIT = 64 * 1024
"""Characters that a template may give; a body of more is a template that ran away."""

Template: TypeAlias = Jinja | str
"""One that was read; a plain text, as most values are, stays one, for it needs no filling in."""


class FormError(Exception):
    """A template can't be read or filled in; says which option and why."""

    def __init__(self, option: str, words: str) -> None:
        super().__init__(f"{option}: {words}")
        self.option = option
        """By its whole name: `ticket.queue`, `routes item 2.ticket.queue`."""
        self.words = words


class Sandbox(ImmutableSandboxedEnvironment):
    """Jinja2's, which looks at most attributes for whether they change a container, or are a function's own."""

    def is_safe_attribute(self, obj: Any, attr: str, value: Any) -> bool:
        """The same as its own answer. Our facts are neither, so that one of its rules is enough; it is much quicker."""
        if isinstance(obj, _FACTS):
            return not attr.startswith("_")
        return super().is_safe_attribute(obj, attr, value)


_FACTS = (Call, Customer)


class Templates:
    """Reads templates that may use these functions."""

    def __init__(self, functions: Mapping[str, Callable[[str], str]] | None = None) -> None:
        self._environment = Sandbox(
            undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True, finalize=_finalize
        )
        self._environment.globals.update(functions or {})
        self._known: dict[str, Jinja] = {}
        """Routes share most of their texts with the form."""

    def read(self, option: str, text: str) -> Template:
        """The template in this option; raises FormError if it is none."""
        if not any(mark in text for mark in ("{{", "{%", "{#")):
            return text
        if text not in self._known:
            try:
                template = self._environment.from_string(text)
            except TemplateError as error:
                raise FormError(option, f"not a template: {error}") from error
            # Jinja2 copies these for each call; its ChainMap takes longer for that than a template to be filled in.
            template.globals = dict(template.globals)
            self._known[text] = template
        return self._known[text]


def fill_in(template: Template, option: str, names: Mapping[str, object]) -> str:
    """The text with these names' values in it; raises FormError if that fails."""
    if isinstance(template, str):
        return template
    pieces: list[str] = []
    length = 0
    try:
        for piece in template.generate(names):
            pieces.append(piece)
            length += len(piece)
            if length > TEXT_LIMIT:
                break
    except Exception as error:  # a template may raise whatever the values' own methods raise
        raise FormError(option, f"{error}" or type(error).__name__) from error
    if length > TEXT_LIMIT:
        raise FormError(option, f"gives more than {TEXT_LIMIT} characters")
    return "".join(pieces)


def _finalize(value: object) -> object:
    return "" if value is None else value
