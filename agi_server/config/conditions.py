"""What the conditions of a route may hold: numbers and patterns, grades, days of the week, hours.

Like `values`. Each condition is one text or a list of them, of which one has to fit; an empty list could
mean every call or none, and is a mistake. What would never fit (a pattern without its _, a number with
spaces in it) is told rather than taken.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import time
from typing import Any

from pydantic import GetCoreSchemaHandler
from pydantic_core import CoreSchema, core_schema

from agi_server.call import Match
from agi_server.config.mistakes import nearest
from agi_server.config.values import Kind, Unfit, bounded, one_of


@dataclass(frozen=True, slots=True)
class OneOrMore:
    """An option that is one text or a list of them; the kind reads each, `gather` makes the option's value of all."""

    kind: Kind
    gather: Callable[[list[Any]], object] = tuple

    def __get_pydantic_core_schema__(self, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        items = core_schema.list_schema(core_schema.no_info_plain_validator_function(self.kind.take), min_length=1)
        return core_schema.no_info_wrap_validator_function(self._take, items)

    def _take(self, value: object, items: Callable[[object], list[Any]]) -> object:
        if isinstance(value, dict):
            raise Unfit
        if isinstance(value, str):
            value = [value]
        return self.gather(items(value)) if isinstance(value, list) else value


_PIECE = re.compile(r"[XZN]|\[(?P<set>[^\]]*)\]|[A-Za-z0-9*#+_ -]", re.IGNORECASE)
_IN_SET = re.compile(r"([0-9]-[0-9]|[A-Z]-[A-Z]|[a-z]-[a-z]|[A-Za-z0-9*#+])+")
_SEEMS_PATTERN = re.compile(r"(?=.*[0-9])(?=.*[XZN\]!.])[0-9XZN+\[\]-]+[.!]?")
_SEPARATED = re.compile(r"(?=.*[0-9])(?=.*[ ()./-])[0-9 +()./-]+")


def _number(text: str) -> str:
    if text.startswith("_"):
        return _pattern(bounded(text))
    if _SEEMS_PATTERN.fullmatch(text):
        raise Unfit("a _ before a pattern, such as _45XX")
    if _SEPARATED.fullmatch(text):
        raise Unfit("a number without separators; of several numbers a list or a pattern")
    if not text or not text.isprintable() or " " in text:
        raise Unfit
    return bounded(text)


def _pattern(text: str) -> str:
    """A pattern as Asterisk's pbx.c reads it, but for what it silently takes for something else."""
    body = re.sub(r"[.!]\Z", "", text[1:])
    at = 0
    while at < len(body):
        piece = _PIECE.match(body, at)
        if piece is None:
            raise Unfit(_WRONG_IN_PATTERN.get(body[at], ""))
        if piece["set"] is not None and not _ascending(piece["set"]):
            raise Unfit("digits or ascending ranges between [ and ], such as [1-5]")
        at = piece.end()
    if not text[1:].strip("- "):
        raise Unfit
    return text


_WRONG_IN_PATTERN = {
    "[": "a pattern with a ] for every [",
    "]": "a pattern with a [ for every ]",
    ".": "a pattern with . or ! at its end only",
    "!": "a pattern with . or ! at its end only",
}


def _ascending(characters: str) -> bool:
    ranges = re.findall(r"(.)-(.)", characters)
    return bool(_IN_SET.fullmatch(characters)) and all(first <= last for first, last in ranges)


NUMBER = Kind("a number, or a pattern of Asterisk's dialplan such as _4XXX, _79X. or _[1-5]Z", _number)


def _grade(text: str) -> Match:
    _GRADE.read(text)
    return Match(text)


_GRADE = one_of(*Match)
GRADE = Kind(_GRADE.words, _grade)

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_NAMES = {name: number for number, day in enumerate(_DAYS) for name in (day[:3], day)}


def _weekdays(text: str) -> frozenset[int]:
    days: set[int] = set()
    for span in text.split(","):
        first, dash, last = (part.strip() for part in span.partition("-"))
        start, end = _weekday(first), _weekday(last if dash else first)
        days |= {(start + more) % 7 for more in range((end - start) % 7 + 1)}
    return frozenset(days)


def _weekday(name: str) -> int:
    if name.lower() not in _NAMES:
        near = nearest(name, [day[:3] for day in _DAYS]) or nearest(name, _DAYS)
        raise Unfit(_WEEKDAYS + near if near else "")
    return _NAMES[name.lower()]


_WEEKDAYS = "days of the week such as mon-fri or sat,sun"
WEEKDAYS = Kind(_WEEKDAYS, _weekdays)


def all_days(read: Iterable[frozenset[int]]) -> frozenset[int]:
    """The days of all the texts."""
    return frozenset().union(*read)


Span = tuple[time, time]


def _hours(text: str) -> tuple[Span, ...]:
    return tuple(_span(span.strip()) for span in text.split(","))


def _span(text: str) -> Span:
    clock = r"([01]?[0-9]|2[0-3]):([0-5][0-9])"
    found = re.fullmatch(rf"{clock} ?- ?(?:{clock}|24:00)", text)
    if found is None:
        raise Unfit
    start, end = time(int(found[1]), int(found[2])), time(int(found[3] or 0), int(found[4] or 0))
    if start == end and found[3]:
        raise Unfit("two different times; the whole day is 00:00-24:00")
    return start, end


HOURS = Kind("hours such as 09:00-18:00, or 22:00-06:00 for a night", _hours)


def all_hours(read: Iterable[tuple[Span, ...]]) -> tuple[Span, ...]:
    """The hours of all the texts."""
    return tuple(span for spans in read for span in spans)
