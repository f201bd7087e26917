"""How people and machines write telephone numbers, whatever the country.

Pure, and linear in the text's length. Finds in a text the places where numbers stand, with the
extensions behind them, and takes addresses such as `tel:` apart. Nothing here knows which digits are
a number, or whose: that is numbers.py's.
"""

from __future__ import annotations

import re
import unicodedata
from typing import NamedTuple

SHOWN_CHARACTERS = 80
"""PJSIP cuts a number to 79 bytes; longer ones come from chan_sip, and are not numbers."""
EXTENSION_DIGITS = 9
BRACKETED_DIGITS = 5
"""More digits in brackets at the end are not an extension, but the number's own."""

_SEPARATORS = r"\s().~/‐‑‒–—―−-"
_LABEL = (
    r"доб(?:ав[^\W\d_]{0,8})?|доп(?:олн[^\W\d_]{0,8})?|дод(?:атк[^\W\d_]{0,8})?|внутр[^\W\d_]{0,8}|вн"
    r"|ext(?:n|ension)?|dw|durchwahl|poste"
)
_BEHIND = (  # each repetition bounded, so that no text takes long
    rf"(?:[\s(),;:]{{0,8}}(?:{_LABEL})[\s.:=]{{0,8}}|[\s(),]{{0,8}}[#xх][\s.]{{0,8}})"
    rf"([0-9]{{1,{EXTENSION_DIGITS}}})(?![0-9])"
)
_PIECE = re.compile(rf"((?:\+[\s(]*)?[0-9](?:[{_SEPARATORS}]*[0-9])*)(?:{_BEHIND})?", re.IGNORECASE)
_SIMPLE = re.compile(r"[(+]{0,2}[0-9](?:[ ()-]{0,2}[0-9]){8,20}")
_ALONE = re.compile(rf"([\s(]*\+?[0-9{_SEPARATORS}]+?)(?:{_BEHIND}\)?)?", re.IGNORECASE)
_DATE = re.compile(
    r"(?<![0-9./-])"
    r"(?:(?:0?[1-9]|[12][0-9]|3[01])([./-])(?:0?[1-9]|[12][0-9]|3[01])\1(?:19|20)[0-9]{2}"
    r"|(?:19|20)[0-9]{2}([./-])(?:0?[1-9]|1[0-2])\2(?:0?[1-9]|[12][0-9]|3[01]))"
    r"(?![0-9]|[./-][0-9])"
)
_PARAMETERS = r"(?:;[a-z][a-z0-9-]*(?:=[^\s,;<>@]*)?)*"
_ADDRESS = re.compile(
    rf"\b(tel|sips?):([^\s,;<>@]*)({_PARAMETERS})(@[^\s,;<>]*)?{_PARAMETERS}", re.IGNORECASE | re.ASCII
)
_MAIL = re.compile(r"(?<![^\s,;<>])([^\s,;<>@]*)@[^\s,;<>]*")
_TIME = re.compile(r"(?<![0-9:])(?:[01]?[0-9]|2[0-4]):[0-5][0-9](?![0-9:])")
_WORD = re.compile(r"[^\W\d_]+")
_PHONE_WORD = re.compile(
    rf"тел(?:ефон)?|(?:моб|сот|раб|дом|гор)[^\W\d_]{{0,8}}|факс|или|и|і|та|або|{_LABEL}|x|х"
    r"|tel(?:efon|ephone)?|phone|mob(?:ile?)?|cell|handy|work|office|home|privat|fax|and|or|und|oder|et|ou",
    re.IGNORECASE,
)
"""Says no more of the number beside it than that it is one."""
_DIGITS = re.compile(r"[0-9]+")
_NOT_DIALLED = re.compile(r"[^0-9+]+")
_RARE = str.maketrans("[]{}_", "()()-")
"""What stands for brackets, and for the stroke between groups of digits."""
_UNSEEN = re.compile("[\u00ad\u200b-\u200f\u202a-\u202e\u2060\ufeff]+")


class Written(NamedTuple):
    """A number as it was written."""

    run: str
    """Digits and separators, perhaps after a plus."""
    extension: str = ""


def dialled(run: str) -> str:
    """Its digits, and the plus before them."""
    return _NOT_DIALLED.sub("", run)


def count(run: str) -> int:
    """How many digits it has."""
    return len(_NOT_DIALLED.sub("", run).lstrip("+"))


def groups(run: str) -> list[str]:
    """The digits that stand together."""
    return _DIGITS.findall(run)


def parts(run: str) -> list[str]:
    """What stands between strokes."""
    return [part.strip() for part in run.split("/")]


def simple(text: str) -> bool:
    """Is it one number as most are written, that neither can be a date nor has anything behind it?"""
    return _SIMPLE.fullmatch(text) is not None


def tidied(text: str) -> str:
    """A field that people fill as they like, without what holds digits and is no number: mail, hosts, dates, hours."""
    if ":" in text:
        text = _ADDRESS.sub(_addressed, text)
    if not text.isascii():
        text = _UNSEEN.sub("", unicodedata.normalize("NFKC", text))
    text = _MAIL.sub(_without_host, ";".join(text.splitlines()).translate(_RARE))
    return _DATE.sub(";", _TIME.sub(";", text))


def written(text: str) -> list[Written]:
    """What may be numbers in a field that was tidied."""
    return [_bracket_taken_off(match, text) for match in _PIECE.finditer(text)]


def only(text: str) -> Written | None:
    """The one number that a text consists of."""
    found = _ALONE.fullmatch(text)
    return Written(found[1], found[2] or "") if found else None


def beside_words(text: str) -> bool:
    """Do words stand beside the numbers that may make them something else, such as a passport's?"""
    return "@" in text or any(not _PHONE_WORD.fullmatch(word) for word in _WORD.findall(text))


def has_words(text: str) -> bool:
    """Does it say anything but digits?"""
    return "@" in text or any(character.isalpha() for character in text)


def shown(text: str) -> str:
    """On one line, without what cannot be seen; full-width digits become digits."""
    text = text[:SHOWN_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:SHOWN_CHARACTERS]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return " ".join(text.split())


def from_address(text: str) -> str:
    """The number in a `tel:`, `sip:` or `sips:` address, with its extension; any other text as it is."""
    found = _ADDRESS.fullmatch(text.strip("<> "))
    return _addressed(found) if found else text


def _addressed(found: re.Match[str]) -> str:
    """A local number comes with the `phone-context` before it, where that is the beginning of numbers (RFC 3966)."""
    scheme, number, parameters, host = found.groups()
    if not host and scheme.lower() != "tel":
        return ""  # a host, and nobody there
    values = {name.lower(): value for name, _, value in (one.partition("=") for one in parameters.split(";"))}
    context, extension = values.get("phone-context", ""), values.get("ext")
    if context.startswith("+") and not number.startswith("+"):
        number = context + number
    return f"{number};ext={extension}" if extension else number


def _without_host(match: re.Match[str]) -> str:
    """Who has a number for his name at that host has it elsewhere, too."""
    return "@" if has_words(match[1]) else f"{match[1]}@"


def _bracket_taken_off(match: re.Match[str], text: str) -> Written:
    """`123-45-67 (12)` is number and extension, `123-45-67 (2 lines)` a number; so is `+46 (0) 8 12`."""
    run, extension = match[1], match[2] or ""
    number, bracket, inside = run.rpartition("(")
    if extension or not bracket or len(inside) > BRACKETED_DIGITS or not inside.isdigit():
        return Written(run, extension)
    if len(dialled(number)) < BRACKETED_DIGITS:
        return Written(run)
    return Written(number, inside if text.startswith(")", match.end(1)) else "")
