"""A telephone number as heard from Asterisk, or as typed into OTRS, in the one form that is compared.

Pure, and never raises on a text. The form is E.164 (`+79161229624`), or the digits of an internal
extension (`201`), or what is left of a number that does not say its country or town (`~1229624`), or
empty: an empty form stands for "no number" and is never equal to anybody's. What extensions look like,
and which country and area a short number belongs to, is told by the administrator. What the digits of one
number mean is plan.py's duty, where numbers stand in a text notation.py's, how alike two are likeness.py's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from agi_server import notation
from agi_server.plan import FEWEST_DIGITS, LOCAL_DIGITS, MOST_DIGITS, WHOLE_DIGITS, Plan

TYPED_CHARACTERS = 1000
"""OTRS's number columns hold 150."""

PRESENTATION_RESTRICTED = 0x60
"""The bits of `agi_callingpres` that say: restricted (0x20) or not available (0x40)."""
WITHHELD_WORDS = frozenset({"anonymous", "private", "restricted", "withheld"})
ABSENT_WORDS = frozenset({"", "s", "unavailable", "unknown"})

_NUMBER = re.compile(r"(\+[0-9]{4,15}|~[0-9]{7,15}|[0-9]{1,22})(?:;ext=([0-9]{1,9}))?", re.ASCII)


@dataclass(frozen=True, slots=True)
class Number:
    """A number in the form that is compared."""

    text: str = ""
    """Whole: `+79161229624`; internal: `201`; incomplete: `~1229624`, the digits as they were written; or none."""
    extension: str = ""
    """Digits to be dialled after it was answered, behind a whole or an incomplete number."""

    @classmethod
    def of(cls, string: str) -> Number:
        """Reads back what `str` made; of anything else no number."""
        found = _NUMBER.fullmatch(string)
        return cls(found[1], found[2] or "") if found else cls()

    def __str__(self) -> str:
        return f"{self.text};ext={self.extension}" if self.extension else self.text

    def __bool__(self) -> bool:
        return bool(self.text)

    @property
    def whole(self) -> bool:
        """With its country code: no other telephone in the world has it."""
        return self.text.startswith("+")

    @property
    def incomplete(self) -> bool:
        """As it is dialled in some town or country, which it does not say."""
        return self.text.startswith("~")

    @property
    def digits(self) -> str:
        return self.text.lstrip("+~")

    @property
    def tail(self) -> str:
        """The text backwards: sorted so, numbers with the same last digits are neighbours."""
        return self.text[::-1]


@dataclass(frozen=True, slots=True)
class Heard:
    """The caller's number as Asterisk gave it."""

    number: str
    """Fit to be shown; empty if there is none or the caller withheld it."""
    canonical: str
    """The whole or internal number; empty if this is none that one can believe."""
    lookup: str
    """What the customer is looked up by, a `Number` as text; empty: he is not."""
    withheld: bool
    """The caller did not want his number to be seen."""


@dataclass(frozen=True)
class Numbering:
    """How numbers are written and dialled where the telephone system stands."""

    country: str = "RU"
    """Region whose numbers come without a country code (ISO 3166)."""
    area_code: str = ""
    """Put before a local number; empty if there are none."""
    extensions: str = r"^[1-9]\d{2,3}$"
    """What an internal number looks like, as a regular expression on all of its digits."""
    match_withheld: bool = field(default=False, repr=False)
    """Look up a number that the trunk delivers though the caller withheld it. It is never shown."""
    _plan: Plan = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_plan", Plan(self.country, self.area_code, self.extensions))

    @property
    def example(self) -> str:
        """A number of this country as it is dialled there; empty if phonenumbers has none."""
        return self._plan.example

    def heard(self, raw: str, presentation: int = 0) -> Heard:
        """The number of a caller, from `agi_callerid` and `agi_callingpres`."""
        restricted = bool(presentation & PRESENTATION_RESTRICTED)
        if restricted and not self.match_withheld:
            return Heard("", "", "", withheld=True)
        shown = notation.from_address(notation.shown(raw))
        word = shown.lower()
        if word in WITHHELD_WORDS or word in ABSENT_WORDS:
            return Heard("", "", "", withheld=restricted or word in WITHHELD_WORDS)
        number = self._alone(shown) if len(raw) <= notation.SHOWN_CHARACTERS else Number()
        canonical = "" if number.incomplete else number.text
        return Heard("" if restricted else shown, canonical, str(number), withheld=restricted)

    def typed(self, text: str) -> tuple[Number, ...]:
        """The numbers in a field that people fill as they like, each once, in their order."""
        digits = text.replace(" ", "").replace("-", "").replace("(", "").replace(")", "").replace(".", "")
        if (quick := self._plan.quickly(digits)) and text[-1] != ")":
            return (Number(quick),)
        if notation.simple(text) and (whole := self._plan.whole(text)):
            return (Number(whole),)
        if not text or len(text) > TYPED_CHARACTERS:
            return ()
        text = notation.tidied(text)
        beside_words = notation.beside_words(text)
        pieces = notation.written(text)
        found = [Number(one, piece.extension) for piece in pieces for one in self._read(piece.run, beside_words)]
        if not found and not notation.has_words(text):
            # Next to a number, or to words (a room, a company's extension), three digits are not
            # one of our own telephones.
            parts = [part for piece in pieces for part in notation.parts(piece.run)]
            found = [Number(part) for part in parts] if all(map(self._plan.internal, parts)) else []
        return tuple(dict.fromkeys(found))

    def _alone(self, text: str) -> Number:
        written = notation.only(text)
        if written is None:
            return Number()
        digits = notation.dialled(written.run)
        if self._plan.internal(digits):
            return Number(digits)
        number = self._plan.whole(written.run) or self._plan.incomplete(written.run)
        return Number(number, written.extension) if number else Number()

    def _read(self, run: str, beside_words: bool) -> list[str]:
        """The numbers in digits and separators: one if it can be, else those between `/` or blanks."""
        parts = notation.parts(run)
        if len(parts) > 1 and self._several(parts):
            return [number for part in parts for number in self._read(part, beside_words)]
        if beside_words and run.isdigit() and len(run) < FEWEST_DIGITS:
            return []
        if whole := self._plan.whole(run):
            return [whole]
        if len(parts) > 1 and self._apart(parts[0]):
            return [number for part in parts for number in self._read(part, beside_words)]
        if wholes := self._in_a_row(run.split()):
            return wholes
        incomplete = "" if beside_words else self._plan.incomplete(run)
        return [incomplete] if incomplete else []

    def _in_a_row(self, words: list[str]) -> list[str]:
        """Whole numbers with nothing but blanks between them; none, if anything else is among them."""
        found: list[str] = []
        while words:
            for end in range(min(len(words), MOST_DIGITS), 0, -1):
                may_end = end == len(words) or self._may_begin(words[end])
                if may_end and (whole := self._plan.whole(" ".join(words[:end]))):
                    break
            else:
                return []
            found.append(whole)
            words = words[end:]
        return found

    def _may_begin(self, word: str) -> bool:
        """May a number begin here, behind another one?"""
        return word.startswith(("+", "(", self._plan.trunk or "+")) or notation.count(word) >= LOCAL_DIGITS.start

    def _several(self, parts: list[str]) -> bool:
        """Are the parts between strokes surely not one number's, as they are in `030/1234567`?"""
        if all(map(self._plan.internal, parts)) or all(notation.count(part) >= FEWEST_DIGITS for part in parts):
            return True
        return notation.count(parts[0]) >= WHOLE_DIGITS and self._plan.valid(notation.dialled(parts[0]))

    def _apart(self, part: str) -> bool:
        """May this be a number of its own, before a stroke? Then the next part is another, or a remark."""
        return notation.count(part) >= FEWEST_DIGITS or self._plan.internal(part) or self._plan.whole(part) != ""
