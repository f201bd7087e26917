"""Which of the configured routes decides about a call: the first whose conditions all hold.

Pure. A condition that is not set holds for every call; one that has several values holds if one of
them does. Numbers may be patterns as in Asterisk's dialplan: `_79XXXXXXXXX`. Nobody is matched by
a number that he withheld, nor anything by one that is not there. What the route then sets is `ticket`'s business.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import time, tzinfo

from agi_server.call import Call, Ending, Match, Recognition

_CLASSES = {"X": "[0-9]", "Z": "[1-9]", "N": "[2-9]"}
_REST = {".": ".+", "!": ".*"}
"""One character or more, or none or more, whatever they are: nothing of a pattern counts behind them."""
_IGNORED = "- "
"""Between digits, for the reader's eye."""
_PIECE = re.compile(r"\[(?P<set>[^\]]*)\]|.", re.DOTALL)


@dataclass(frozen=True)
class Route:
    """One rule: its conditions, and what it makes of the calls that they hold for."""

    name: str
    """In the configuration's words: `routes item 2`."""
    dialled: tuple[str, ...] = ()
    contexts: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()
    callers: tuple[str, ...] = ()
    customer_ids: tuple[str, ...] = ()
    matches: frozenset[Match] = frozenset()
    withheld: bool | None = None
    weekdays: frozenset[int] = frozenset()
    """Monday is 0."""
    hours: tuple[tuple[time, time], ...] = ()
    """From, and up to but without; the second may be on the next day."""
    time_zone: tzinfo | None = None
    """Of weekdays and hours; None is the ticket's."""
    ticket: Mapping[str, object] = field(default_factory=dict)
    """Options of the form that it sets."""
    ending: Ending | None = None
    """`REJECTED` or `NO_TICKET`: there is no ticket."""
    _dialled: Numbers = field(init=False, repr=False, compare=False)
    _callers: Numbers = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_dialled", Numbers(self.dialled))
        object.__setattr__(self, "_callers", Numbers(self.callers))

    def fits(self, call: Call, recognition: Recognition, time_zone: tzinfo | None) -> bool:
        """Do all of its conditions hold? `time_zone` is the ticket's; None is the machine's own."""
        customer = recognition.customer
        return (
            self.fits_kind(call, recognition)
            and (not self.dialled or self._dialled.have(call.dialled, call.dnid))
            and (not self.contexts or call.context in self.contexts)
            and (not self.arguments or not set(self.arguments).isdisjoint(call.arguments))
            and (not self.callers or self._callers.have(call.number, call.canonical, call.digits))
            and (not self.customer_ids or (customer is not None and customer.customer_id in self.customer_ids))
            and self._fits_time(call, time_zone)
        )

    def fits_kind(self, call: Call, recognition: Recognition) -> bool:
        """Can it fit a caller of this kind: as well known as this one, and hiding his number or not?"""
        return (
            (not self.matches or not self.matches.isdisjoint((recognition.match, recognition.grade)))
            and self.withheld in (None, call.withheld)
            and not (self.callers and call.withheld)
            and not (self.customer_ids and recognition.customer is None)
        )

    @property
    def takes_all_of_a_kind(self) -> bool:
        """Does it fit all callers of a kind that it can fit?"""
        return not any(
            (self.dialled, self.contexts, self.arguments, self.callers, self.customer_ids, self.weekdays, self.hours)
        )

    def covers(self, other: Route) -> bool:
        """Does it surely fit every call that the other one fits?"""
        same_clock = self.time_zone == other.time_zone
        return (
            all(
                not mine or (bool(theirs) and set(theirs) <= set(mine))
                for mine, theirs in zip(self._listed, other._listed, strict=True)
            )
            and self.withheld in (None, other.withheld)
            and (same_clock or not (self.weekdays or self.hours))
        )

    @property
    def _listed(self) -> Sequence[Collection[object]]:
        places = (self.dialled, self.contexts, self.arguments)
        return (*places, self.callers, self.customer_ids, self.matches, self.weekdays, self.hours)

    def _fits_time(self, call: Call, time_zone: tzinfo | None) -> bool:
        if not self.weekdays and not self.hours:
            return True
        local = call.time.astimezone(self.time_zone or time_zone)
        return (not self.weekdays or local.weekday() in self.weekdays) and (
            not self.hours or any(_within(local.time(), start, end) for start, end in self.hours)
        )


def first_match(
    routes: Iterable[Route], call: Call, recognition: Recognition, time_zone: tzinfo | None
) -> Route | None:
    """The route that decides about this call; None: the ticket is as the form has it."""
    return next((route for route in routes if route.fits(call, recognition, time_zone)), None)


def never_reached(routes: Sequence[Route]) -> list[tuple[Route, Route]]:
    """Routes that can decide about no call, each with an earlier one that takes all of its calls."""
    found = []
    for place, route in enumerate(routes):
        taker = next((earlier for earlier in routes[:place] if earlier.covers(route)), None)
        if taker is not None:
            found.append((route, taker))
    return found


class Numbers:
    """Numbers, and patterns of numbers, as an administrator lists them."""

    def __init__(self, listed: Iterable[str]) -> None:
        listed = tuple(listed)
        self._plain = frozenset(text for text in listed if not text.startswith("_"))
        self._patterns = tuple(_expression(text[1:]) for text in listed if text.startswith("_"))

    def have(self, *texts: str) -> bool:
        """Is one of these texts among them? An empty text never is."""
        return any(
            text and (text in self._plain or any(pattern.fullmatch(text) for pattern in self._patterns))
            for text in texts
        )


def _expression(pattern: str) -> re.Pattern[str]:
    """Asterisk's pattern (pbx.c) as a regular expression; at most one part of it repeats, and that is its last."""
    parts: list[str] = []
    for piece in _PIECE.finditer(pattern):
        text = piece[0]
        if text in _REST:
            parts.append(_REST[text])
            break
        if piece["set"] is not None:
            parts.append(_set(piece["set"]))
        elif text not in _IGNORED:
            parts.append(_CLASSES.get(text.upper()) or re.escape(text))
    return re.compile("".join(parts), re.DOTALL)


def _set(text: str) -> str:
    """One character of those between brackets: `1-5` is a range, and nothing else means anything."""
    parts = re.findall(r".-.|.", text, re.DOTALL)
    ranges = [f"{re.escape(part[0])}-{re.escape(part[2])}" for part in parts if len(part) == 3 and part[0] <= part[2]]
    single = [re.escape(part) for part in parts if len(part) == 1]
    return f"[{''.join(ranges + single)}]" if ranges or single else "(?!)"


def _within(now: time, start: time, end: time) -> bool:
    """An end that is not behind the start is on the next day."""
    return start <= now < end if start < end else now >= start or now < end
