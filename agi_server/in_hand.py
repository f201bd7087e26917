"""The calls in hand: which task tries each of them, who has a place, and whose turn it is.

A place is held as long as OTRS may be asked, a turn until what came of it is on disk. Where repeated calls are added
to open tickets (`repeat`), calls from one number take turns, so that the second sees the ticket of the first. (Who
rings on two phones at the same moment may get two tickets.) What is tried, and when, is `delivery`'s.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from agi_server.call import Call, Recognition
from agi_server.journal import Entry, JournalError, number_of

Attempt = asyncio.Task[Entry | None]


@dataclass(slots=True, eq=False)
class Live:
    """A call whose caller is on the line, from the moment that we hear of it."""

    call: Call
    who: asyncio.Future[Recognition]
    """Who rings; whoever is not known in time is a stranger."""
    kept: asyncio.Future[Entry | JournalError]
    """Its entry, once that is on disk; or why it can't be kept."""
    left: asyncio.Future[Entry | None]
    """Its entry as the attempt leaves it: of a ticket as soon as OTRS has made it, while that goes on disk.

    None of a call that could not be kept.
    """
    attempt: Attempt = field(init=False)
    """Ends when that is on disk, too."""

    def ended(self, attempt: Attempt) -> None:
        """What it left is known now at the latest."""
        if self.left.done():
            return
        if attempt.cancelled():
            self.left.cancel()
        elif error := attempt.exception():
            self.left.set_exception(error)
        else:
            self.left.set_result(attempt.result())


@dataclass(slots=True, eq=False)
class Hand:
    """One of the calls in hand."""

    task: Attempt
    in_place: bool
    """It has one of the places."""
    number: str
    """By which it takes turns; empty: it waits for nobody."""
    left: asyncio.Future[Entry | None] | None
    """Of a live call."""


class InHand:
    """All of them, by the ids of their entries."""

    def __init__(self, places: int, freed: Callable[[], None], *, take_turns: bool) -> None:
        """`freed` is called when a place has become free."""
        self._places = asyncio.Semaphore(places)
        self._freed = freed
        self._take_turns = take_turns
        self._hands: dict[int, Hand] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        """By number; each lives as long as a call is in its turn or waits for it."""

    def get(self, entry_id: int) -> Hand | None:
        """What holds it; None: nobody tries it now."""
        return self._hands.get(entry_id)

    def take(self, entry: Entry, task: Attempt, live: Live | None, *, in_place: bool) -> None:
        """This task tries it from now on; `in_place`: in a place that has been taken for it."""
        number = number_of(entry.call) if self._take_turns else ""
        self._hands[entry.id] = Hand(task, in_place, number, None if live is None else live.left)

    def let_go(self, entry_id: int) -> None:
        """It is not tried any more."""
        self._give_back(self._hands.pop(entry_id))

    def made(self, left: Entry) -> None:
        """OTRS has its ticket or its article: who waits for that need not wait for the disk as well."""
        hand = self._hands.get(left.id)
        if hand is None:
            return
        if hand.left is not None and not hand.left.done():
            hand.left.set_result(left)
        if hand.task is asyncio.current_task():  # else another call's article is about this one, too: it may ask yet
            self._give_back(hand)

    @property
    def full(self) -> bool:
        """Is no place free, or somebody waiting for one?"""
        return self._places.locked()

    async def place(self, entry: Entry | None = None) -> None:
        """Wait for a place, and take it, for a call in hand or one that will be."""
        await self._places.acquire()
        if entry is not None:
            self._hands[entry.id].in_place = True

    def leave_place(self) -> None:
        """Of a call that does not come in hand after all."""
        self._places.release()
        self._freed()

    def _give_back(self, hand: Hand) -> None:
        if hand.in_place:
            hand.in_place = False
            self.leave_place()

    def turn(self, entry: Entry) -> asyncio.Lock:
        """Held while this call is tried: the others from its number wait."""
        hand = self._hands[entry.id]
        return self._turns.setdefault(hand.number, asyncio.Lock()) if hand.number else asyncio.Lock()

    @property
    def ids(self) -> Collection[int]:
        """Of their entries; changes with them."""
        return self._hands.keys()

    @property
    def numbers(self) -> set[str]:
        """Whose turn it is, or who waits for it."""
        return {hand.number for hand in self._hands.values() if hand.number}

    @property
    def tasks(self) -> set[Attempt]:
        """That are at work."""
        return {hand.task for hand in self._hands.values()}
