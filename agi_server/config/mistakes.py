"""A mistake in the configuration, and how it is put in words.

One mistake is one line: where, which option, what was found, what was expected. What an error
repeats of the file is bounded and printable; whether it may repeat a value at all is the
business of the value's kind.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from agi_server.logs import printable

LONGEST_SHOWN = 60
"""Characters of a wrong value that an error repeats."""

Place: TypeAlias = tuple[str | int, ...]
"""Where a value stands: ("fastagi", "allow", 0)."""


@dataclass(frozen=True, slots=True)
class Mistake:
    """One thing that an administrator has to mend."""

    line: int
    """From 1; 0: the file as a whole."""
    option: str
    words: str


class ConfigError(Exception):
    """The configuration can't be used; its text is all mistakes, one a line."""

    def __init__(self, path: Path, mistakes: list[Mistake]) -> None:
        self.mistakes = sorted(mistakes, key=lambda mistake: mistake.line)
        name = printable(str(path))
        super().__init__("\n".join(_sentence(name, mistake) for mistake in self.mistakes))


def _sentence(name: str, mistake: Mistake) -> str:
    where = f"{name}:{mistake.line}" if mistake.line else name
    return ": ".join(part for part in (where, mistake.option, mistake.words) if part)


def label(place: Place) -> str:
    """The place in words: `fastagi.allow item 2`."""
    words = ""
    for part in place:
        words += f" item {part + 1}" if isinstance(part, int) else f".{shown_name(part)}"
    return words[1:]


def shown_name(name: str) -> str:
    """An option's name as an error repeats it; not what follows, which may be `password:SECRET` without a space."""
    if not name:
        return "''"
    known = re.match(r"[\w-]{0,40}", name)
    return name if known and known[0] == name else f"{known[0] if known else ''}…"


def quoted(text: str) -> str:
    """The text as an error repeats it: one line, bounded."""
    cut = text if len(text) <= LONGEST_SHOWN else text[: LONGEST_SHOWN - 1] + "…"
    return f"'{printable(cut)}'"


def nearest(name: str, known: Iterable[str]) -> str:
    """' (did you mean ...?)', or nothing."""
    near = difflib.get_close_matches(name.lower(), list(known), n=1)
    return f" (did you mean '{near[0]}'?)" if near else ""
