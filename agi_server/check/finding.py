"""What a check found out, in one line."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found out about one thing."""

    good: bool | None
    """None: it can't be known."""
    subject: str
    """The option that it is about."""
    words: str
    hint: str = ""
    """What mends it."""

    def __str__(self) -> str:
        mark = {True: "ok  ", False: "FAIL", None: "?   "}[self.good]
        return f"{mark} {self.subject}: {self.words}{f' -- {self.hint}' if self.hint else ''}"
