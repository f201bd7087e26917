"""Numbers: whatever a caller's phone sends and whatever people type is a number in the form that is compared, or none.

An input is the text in UTF-8, read by the numberings of four countries.
"""

from __future__ import annotations

import re

import phonenumbers

from agi_server.call import Match
from agi_server.likeness import likeness
from agi_server.notation import SHOWN_CHARACTERS
from agi_server.numbers import Number, Numbering

NUMBERINGS = (
    Numbering("RU", "495"),
    Numbering("DE", "30", extensions=""),
    Numbering("IT", "", extensions=r"^0\d+|\d{3}$"),
    Numbering("BY", "17"),
)
_WHOLE = re.compile(r"\+[1-9][0-9]{3,14}", re.ASCII)
_INCOMPLETE = re.compile(r"~[0-9]{7,15}", re.ASCII)
_INTERNAL = re.compile(r"[0-9]{1,22}", re.ASCII)
ANOTHER = "+442079460958"


def check(data: bytes) -> None:
    """All that holds of these bytes."""
    text = data.decode(errors="surrogateescape")
    for numbering in NUMBERINGS:
        check_heard(numbering, text)
        check_typed(numbering, text)


def check_heard(numbering: Numbering, text: str) -> None:
    """What is shown is fit to be shown; what is compared reads the same again."""
    heard = numbering.heard(text)
    assert heard.number.isprintable()
    assert len(heard.number) <= SHOWN_CHARACTERS
    assert not heard.withheld or heard.number == ""
    assert numbering.heard(text, 0x20) == numbering.heard("", 0x60)
    number = Number.of(heard.lookup)
    assert str(number) == heard.lookup
    assert heard.canonical == ("" if number.incomplete else number.text)
    _check_number(numbering, number)
    if number:
        again = numbering.heard(heard.number)
        assert (again.canonical, again.lookup) == (heard.canonical, heard.lookup)


def check_typed(numbering: Numbering, text: str) -> None:
    """Each number once, in its form; a second number beside them takes none of the whole ones away."""
    found = numbering.typed(text)
    assert len(set(found)) == len(found)
    for number in found:
        assert number
        assert likeness(number, number) == Match.EXACT
        _check_number(numbering, number)
    if len(text) < 900:
        beside = numbering.typed(f"{text}\n; {ANOTHER}")
        assert {number for number in found if number.whole} <= set(beside)


def _check_number(numbering: Numbering, number: Number) -> None:
    """None, or one of the three kinds; and reading it again changes nothing."""
    if not number:
        assert number == Number()
        return
    assert Number.of(str(number)) == number
    if number.whole:
        assert _WHOLE.fullmatch(number.text), number
    elif number.incomplete:
        assert _INCOMPLETE.fullmatch(number.text), number
    else:
        assert not number.extension
        assert _INTERNAL.fullmatch(number.text), number
        assert re.search(numbering.extensions, number.text)
    if number.whole and _may_be_stray(numbering, number):
        return
    assert numbering.typed(str(number)) == (number,)
    if not number.incomplete:
        assert numbering.heard(str(number)).lookup == str(number)


def _may_be_stray(numbering: Numbering, number: Number) -> bool:
    """Is it none that is in use, so that without blanks its plus may stand before a trunk prefix?"""
    if numbering.country not in ("RU", "BY") or not number.text.startswith("+8"):
        return False
    return not phonenumbers.is_valid_number(phonenumbers.parse(number.text))
