"""Which calls a person looks for: by number, name or ticket, and where they came in.

Decided twice, with one result: `holds` tells it of an entry, `clauses` spare SQLite the most of those
that it would not. Letters match whatever their case, in Cyrillic too, and ё is е; numbers match
however they are written.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from agi_server.journal.records import Entry, calls

LONGEST = 100
"""Characters of what is looked for."""
NATIONAL = 10
"""Of a longer number only the last digits count: +7 and 8 are the same then."""
_NUMBER = re.compile(r"(?!\d{9,}\.\d+$)[\d\s()+./~#-]+")
"""As people write one; not Asterisk's unique id, which is seconds, a dot and a number."""
_LIKE = str.maketrans({"%": "!%", "_": "!_", "!": "!!"})


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call must have to be shown; empty: whatever."""

    text: str = ""
    dialled: str = ""
    queue: str = ""

    @property
    def words(self) -> tuple[str, ...]:
        """What is looked for, each of them: one number, or words."""
        text = self.text[:LONGEST]
        digits = re.sub(r"[^0-9]", "", text)
        if len(digits) >= 3 and _NUMBER.fullmatch(text):
            return (digits,)
        return tuple(_plain(word).removeprefix("#") for word in text.split())

    def holds(self, entry: Entry) -> bool:
        """Is this call wanted?"""
        if self.dialled not in ("", entry.call.dialled) or self.queue not in ("", entry.queue):
            return False
        said = _plain("\n".join(_said_of(entry)))
        return all(word in said or _number(word) in said for word in self.words)

    def clauses(self) -> list[sa.ColumnElement[bool]]:
        """What all the rows have that are wanted; not all that have it are."""
        found = [_like(calls.c.call, _escaped(self.dialled))] if self.dialled else []
        if self.queue:
            found.append(calls.c.queue == self.queue)
        for word in self.words:
            text = (calls.c.ticket_number, calls.c.unique_id)
            within = [_like(column, word.translate(_LIKE)) for column in text]
            kept = (calls.c.call, calls.c.recognition)
            found.append(sa.or_(*within, *(_like(column, _escaped(_number(word))) for column in kept)))
        return found


def _said_of(entry: Entry) -> list[str]:
    """The texts in which is searched; a number that was withheld is not found out so."""
    call = entry.call
    numbers = () if call.withheld else (call.number, call.canonical, call.lookup)
    said = [call.number, re.sub(r"[^0-9\n]", "", "\n".join(numbers)), call.name, call.unique_id]
    if entry.ticket is not None:
        said.append(entry.ticket.ticket_number)
    for one in entry.recognition.candidates if entry.recognition else ():
        said += [one.login, one.name, one.company, one.customer_id]
    return said


def _plain(text: str) -> str:
    """Small letters, one for each: `_letter` has to find the same."""
    return "".join(c.lower() if c.lower().upper() == c else c for c in text).replace("ё", "е")


def _number(word: str) -> str:
    """A whole number without its country code or trunk prefix; other words as they are."""
    return word[-NATIONAL:] if len(word) == NATIONAL + 1 and word.isdecimal() else word


def _like(column: sa.ColumnElement[Any], pattern: str) -> sa.ColumnElement[bool]:
    return column.like(f"%{pattern}%", escape="!")


def _escaped(text: str) -> str:
    """A pattern for the text within JSON, where all but ASCII is written `\\u0438`, in whatever case."""
    return "".join(map(_letter, text))


def _letter(letter: str) -> str:
    """A pattern for it in either case; LIKE itself sees to ASCII's. What the cases differ in is `_`, one character."""
    cases = {letter, letter.lower(), letter.upper()} | (set("еёЕЁ") if letter in "еёЕЁ" else set())
    forms = [json.dumps(case)[1:-1] for case in cases]
    if len({len(form) for form in forms}) > 1:
        return "%"
    columns = zip(*forms, strict=True)
    return "".join(one[0].translate(_LIKE) if len({c.lower() for c in one}) == 1 else "_" for one in columns)
