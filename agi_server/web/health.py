"""How the house is, in words for the person on duty.

Pure but for reading what each room says of itself. A part is well or it is not; the page shows both
as words, never by colour alone.
"""

from __future__ import annotations

from dataclasses import dataclass

from agi_server.journal import State
from agi_server.journal.reading import Figures
from agi_server.web.house import House
from agi_server.web.words import Words


@dataclass(frozen=True, slots=True)
class Part:
    """One part of the house."""

    name: str
    """Of a text."""
    well: bool
    words: str
    detail: str = ""


def parts(house: House, figures: Figures | None, words: Words) -> list[Part]:
    """The parts in the order in which a call goes through them; `figures` are the journal's, if it can be read."""
    return [_listener(house, words), _customers(house, words), _otrs(house, words), _journal(house, figures, words)]


def _listener(house: House, words: Words) -> Part:
    well = house.server.listening
    sessions = words.fill("listener_sessions", sessions=house.server.sessions) if well and house.server.sessions else ""
    return Part("listener", well, words["listener_ok" if well else "listener_trouble"], sessions)


def _customers(house: House, words: Words) -> Part:
    status = house.customers.status()
    number = words.number(status.customers)
    if status.trouble is not None:
        detail = words.fill("customers_detail", words=status.trouble)
        if status.age_s is None:
            return Part("customers", False, words.fill("customers_stale", number=number), detail)
        minutes = max(1, round(status.age_s / 60))
        return Part("customers", False, words.fill("customers_trouble", number=number, minutes=minutes), detail)
    return Part(
        "customers", True, words.fill("customers_ok" if status.complete else "customers_loading", number=number)
    )


def _otrs(house: House, words: Words) -> Part:
    well = not house.delivery.troubled
    return Part("otrs", well, words["otrs_ok" if well else "otrs_trouble"])


def _journal(house: House, figures: Figures | None, words: Words) -> Part:
    failing = house.journal.failing
    if failing is None and figures is not None:
        waiting = figures.open[State.WAITING] + figures.open[State.SENDING]
        return Part("journal", True, words.fill("journal_ok", waiting=waiting, parked=figures.open[State.PARKED]))
    said = failing or "?"
    if house.intake.unkept:
        return Part("journal", False, words.fill("journal_unkept", unkept=house.intake.unkept, words=said))
    return Part("journal", False, words.fill("journal_trouble", words=said))
