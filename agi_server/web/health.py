"""How the house is, in words for the person on duty.

Pure but for `facts_of`, which asks each room. A part is well or it is not; the page says so in words and by
a sign, never by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from agi_server.journal import State
from agi_server.journal.reading import Figures
from agi_server.otrs.follower import Status
from agi_server.web.house import House
from agi_server.web.words import Words


@dataclass(frozen=True, slots=True)
class Facts:
    """What the rooms say of themselves."""

    listening: bool
    sessions: int
    customers: Status
    otrs_troubled: bool
    figures: Figures | None
    """The journal's; None if it can't be read."""
    journal_failing: str | None
    unkept: int
    """Calls in memory only."""


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the house."""

    name: str
    """Of a text."""
    well: bool
    words: str
    detail: str = ""


def facts_of(house: House, figures: Figures | None) -> Facts:
    """As it is now."""
    return Facts(
        house.server.listening,
        house.server.sessions,
        house.customers.status(),
        house.delivery.otrs_fails,
        figures,
        house.journal.failing,
        house.intake.unkept,
    )


def parts(facts: Facts, words: Words) -> list[Part]:
    """The parts, in the order in which a call goes through them."""
    return [_listener(facts, words), _customers(facts.customers, words), _otrs(facts, words), _journal(facts, words)]


def _listener(facts: Facts, words: Words) -> Part:
    if not facts.listening:
        return Part("listener", False, words["listener_trouble"])
    sessions = words.fill("listener_sessions", sessions=facts.sessions) if facts.sessions else ""
    return Part("listener", True, words["listener_ok"], sessions)


def _customers(status: Status, words: Words) -> Part:
    number = words.number(status.customers)
    if status.trouble is None:
        return Part("customers", True, words.fill("customers_ok", number=number))
    detail = words.fill("customers_detail", words=status.trouble)
    if status.age_s is None:
        return Part("customers", False, words.fill("customers_stale", number=number), detail)
    minutes = max(1, round(status.age_s / 60))
    return Part("customers", False, words.fill("customers_trouble", number=number, minutes=minutes), detail)


def _otrs(facts: Facts, words: Words) -> Part:
    return Part("otrs", not facts.otrs_troubled, words["otrs_trouble" if facts.otrs_troubled else "otrs_ok"])


def _journal(facts: Facts, words: Words) -> Part:
    figures, failing = facts.figures, facts.journal_failing
    if figures is not None and failing is None and not facts.unkept:
        waiting = figures.open[State.WAITING] + figures.open[State.SENDING]
        return Part("journal", True, words.fill("journal_ok", waiting=waiting, parked=figures.open[State.PARKED]))
    name = "journal_unkept" if facts.unkept else "journal_trouble"
    return Part("journal", False, words.fill(name, unkept=facts.unkept), failing or "")
