"""Numbers: whatever a caller's phone sends and whatever people type has a canonical form, or none.

An input is the text in UTF-8, read by the numberings of three countries.
"""

from __future__ import annotations

import re

from agi_server.numbers import SHOWN_CHARACTERS, Numbering

NUMBERINGS = (
    Numbering("RU", "495"),
    Numbering("DE", "30", extensions=""),
    Numbering("IT", "", extensions=r"^0\d+|\d{3}$"),
)
_CANONICAL = re.compile(r"\+[1-9][0-9]{3,16}", re.ASCII)


def check(data: bytes) -> None:
    """All that holds of these bytes."""
    text = data.decode(errors="surrogateescape")
    for numbering in NUMBERINGS:
        check_heard(numbering, text)
        check_typed(numbering, text)


def check_heard(numbering: Numbering, text: str) -> None:
    """What is shown is fit to be shown; what is compared reads the same again, however it is spaced."""
    heard = numbering.heard(text)
    assert heard.number.isprintable()
    assert len(heard.number) <= SHOWN_CHARACTERS
    assert not heard.withheld or heard.number == ""
    assert numbering.heard(text, 0x20) == numbering.heard("", 0x60)
    _check_canonical(numbering, heard.canonical)
    if heard.canonical:
        assert numbering.heard(re.sub("[^0-9+]", "", heard.number)).canonical == heard.canonical
        assert numbering.heard(heard.number).canonical == heard.canonical


def check_typed(numbering: Numbering, text: str) -> None:
    """Each number once, in canonical form; a second number beside them takes none of them away."""
    found = numbering.typed(text)
    assert len(set(found)) == len(found)
    for canonical in found:
        assert canonical
        _check_canonical(numbering, canonical)
    if len(text) < 900:
        assert set(numbering.typed(f"{text}\n; +442079460958")) >= {number for number in found if number[0] == "+"}


def _check_canonical(numbering: Numbering, canonical: str) -> None:
    """Nothing, an extension's digits, or E.164; and reading it again changes nothing."""
    if canonical:
        internal = re.fullmatch(r"[0-9]{1,22}", canonical) and re.search(numbering.extensions, canonical)
        assert internal or _CANONICAL.fullmatch(canonical), canonical
        assert numbering.heard(canonical).canonical == canonical
        assert numbering.typed(canonical) == (canonical,)
