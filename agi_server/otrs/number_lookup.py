"""Who has the number most like the caller's: the reading side of the number index.

Numbers lie there by their digits backwards, so that those with the same last digits are neighbours.
The caller's own number is looked for first, which a look at one place answers; only where nobody has
it are its neighbours graded. Their number is bounded, and so is that of the customers who are told.
"""

from __future__ import annotations

import json
import sqlite3

from agi_server.call import Match
from agi_server.likeness import likeness
from agi_server.numbers import Number
from agi_server.plan import FEWEST_DIGITS

CANDIDATES = 1000
"""So many customers on one number are told; a switchboard's may be thousands'. Some milliseconds for all of them."""
NEIGHBOURS = 50
"""So many different numbers with the same last digits are graded; among a million customers few share seven."""

_OWN = "SELECT id FROM numbers WHERE tail = ? AND extension = ?"
_OF = "SELECT id FROM numbers WHERE tail IN ({})"
_CUSTOMERS = "SELECT facts FROM customers WHERE id IN ({}) ORDER BY changed DESC, id DESC LIMIT ?"
# From one number to the next that is another, however many customers share it.
_NEIGHBOURS = """
WITH RECURSIVE neighbours(tail) AS (
    SELECT min(tail) FROM numbers WHERE tail >= :first AND tail < :end
    UNION ALL
    SELECT (SELECT min(tail) FROM numbers WHERE tail > neighbours.tail AND tail < :end)
    FROM neighbours WHERE tail IS NOT NULL LIMIT :most
)
SELECT tail, (SELECT min(extension) FROM numbers WHERE tail = neighbours.tail) FROM neighbours WHERE tail IS NOT NULL
"""
_BEHIND_ALL = "\x7f"
"""Sorted behind all characters of a number."""

Found = tuple[Match, list[tuple[str, ...]]]
"""A grade and the facts of the customers it is about, the one changed last first."""
NOTHING: Found = (Match.NONE, [])


def find(index: sqlite3.Connection, heard: Number) -> Found:
    """The customers with the best grade of likeness. A guess by the last digits counts for one customer alone."""
    if own := _customers(index, _OWN, heard.tail, heard.extension):
        return Match.EXACT, own
    if not (heard.whole or heard.incomplete):
        return NOTHING
    neighbours, all_of_them = _neighbours(index, heard)
    grades = {tail: likeness(heard, Number(tail[::-1], extension)) for tail, extension in neighbours}
    best = min((grade for grade in grades.values() if grade), key=list(Match).index, default=Match.NONE)
    tails = [tail for tail, grade in grades.items() if grade is best]
    found = _customers(index, _OF.format(", ".join("?" * len(tails))), *tails)
    if not found or (best is Match.SUFFIX and (len(found) > 1 or not all_of_them)):
        return NOTHING
    return best, found


def _neighbours(index: sqlite3.Connection, heard: Number) -> tuple[list[tuple[str, str]], bool]:
    """The numbers with the same last digits, each with one of its extensions; and whether these are all."""
    first = heard.tail[:FEWEST_DIGITS]
    bounds = {"first": first, "end": first + _BEHIND_ALL, "most": NEIGHBOURS + 1}
    found = index.execute(_NEIGHBOURS, bounds).fetchall()
    return found[:NEIGHBOURS], len(found) <= NEIGHBOURS


def _customers(index: sqlite3.Connection, ids: str, *values: str) -> list[tuple[str, ...]]:
    rows = index.execute(_CUSTOMERS.format(ids), (*values, CANDIDATES)).fetchall()
    return [tuple(json.loads(facts)) for (facts,) in rows]
