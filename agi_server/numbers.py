"""A telephone number as heard from Asterisk, or as typed into OTRS, in the one form that is compared.

Pure, and never raises on a text. The form is E.164 (`+79161229624`), or the digits of an internal
extension (`201`), or empty: an empty form stands for "no number" and is never equal to anybody's.
What extensions look like, and which country and area a short number belongs to, is told by the
administrator; all else is phonenumbers' knowledge. How alike two numbers are is not decided here.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass, field

import phonenumbers

SHOWN_CHARACTERS = 80
"""PJSIP cuts a number to 79 bytes; longer ones come from chan_sip, and are not numbers."""
TYPED_CHARACTERS = 1000
"""OTRS's number columns hold 150."""
MOST_DIGITS = 22
"""E.164 allows 15; before them a plus or an international prefix such as 810."""
LOCAL_DIGITS = range(5, 9)
"""The length of a number that is dialled within its town."""

PRESENTATION_RESTRICTED = 0x60
"""The bits of `agi_callingpres` that say: restricted (0x20) or not available (0x40)."""
WITHHELD_WORDS = frozenset({"anonymous", "private", "restricted", "withheld"})
ABSENT_WORDS = frozenset({"", "s", "unknown"})

_SEPARATORS = r"\s().~/‐‑‒–—―−-"
_SPELLED = re.compile(rf"\+?[0-9{_SEPARATORS}]+")
_RUN = re.compile(rf"(?:\+[\s(]*)?[0-9](?:[{_SEPARATORS}]*[0-9])*")
_NOT_DIALLED = re.compile(r"[^0-9+]+")
_PUNCTUATION = str.maketrans("", "", " \u00a0().-")


_NUMBER = re.compile(r"(\+[0-9]{4,17}|~[0-9]{7,15}|[0-9]{1,22})(?:;ext=([0-9]{1,9}))?", re.ASCII)


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
    _extension: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _plain: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _country_code: str = field(init=False, repr=False, compare=False)
    _trunk: str | None = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(self.country)
        if metadata is None:
            raise ValueError(f"country {self.country!r} is not known; expected a code of two letters such as RU")
        if self.area_code and not re.fullmatch("[0-9]{1,6}", self.area_code):
            raise ValueError(f"area code {self.area_code!r} is not a number of at most six digits")
        try:
            extension = re.compile(self.extensions, re.ASCII)
        except re.error as error:
            raise ValueError(f"extensions {self.extensions!r} is not a regular expression: {error}") from None
        object.__setattr__(self, "_extension", extension)
        object.__setattr__(self, "_plain", _plain(metadata))
        object.__setattr__(self, "_country_code", str(metadata.country_code))
        object.__setattr__(self, "_trunk", metadata.national_prefix)

    def heard(self, raw: str, presentation: int = 0) -> Heard:
        """The number of a caller, from `agi_callerid` and `agi_callingpres`."""
        if presentation & PRESENTATION_RESTRICTED:
            return Heard("", "", "", withheld=True)
        shown = _shown(raw)
        word = shown.lower()
        if word in WITHHELD_WORDS or word in ABSENT_WORDS:
            return Heard("", "", "", withheld=word in WITHHELD_WORDS)
        if len(raw) > SHOWN_CHARACTERS or not _SPELLED.fullmatch(shown):
            return Heard(shown, "", "", withheld=False)
        digits = _NOT_DIALLED.sub("", shown)
        canonical = digits if self._internal(digits) else self._outside(digits)
        return Heard(shown, canonical, canonical, withheld=False)

    def typed(self, text: str) -> tuple[Number, ...]:
        """The numbers in a field that people fill as they like, each once, in their order."""
        if self._plain and (plain := self._plain.fullmatch(text.translate(_PUNCTUATION))):
            return (Number(f"+{self._country_code}{plain[1]}"),)
        if len(text) > TYPED_CHARACTERS:
            return ()
        if not text.isascii():
            text = unicodedata.normalize("NFKC", text)
        runs = _RUN.findall(text)
        found = [number for run in runs for number in self._read(run)]
        if not found and not any(character.isalpha() for character in text):
            # Next to a whole number, or to words (a room, a company's extension), three digits
            # are not one of our own telephones.
            found = [run for run in runs if self._internal(run)]
        return tuple(Number(one) for one in dict.fromkeys(found))

    def _read(self, run: str) -> list[str]:
        """The numbers in digits and separators: one if it can be, else those between `/` or blanks."""
        if whole := self._outside(_NOT_DIALLED.sub("", run)):
            return [whole]
        by_stroke = "/" in run
        parts = [self._outside(_NOT_DIALLED.sub("", part)) for part in (run.split("/") if by_stroke else run.split())]
        # `123-45-67/68` is one number and a remark; but a blank parts numbers only if each is one.
        return [part for part in parts if part] if by_stroke or all(parts) else []

    def _internal(self, digits: str) -> bool:
        return len(digits) <= MOST_DIGITS and self._extension.fullmatch(digits) is not None

    def _outside(self, digits: str) -> str:
        """The canonical form of a number that is not internal: digits, perhaps after a plus."""
        if self._plain and (plain := self._plain.fullmatch(digits)):
            return f"+{self._country_code}{plain[1]}"
        if len(digits) > MOST_DIGITS or self._internal(digits):
            return ""
        if digits.startswith("00"):  # how trunks, and people, write a plus wherever they are
            return self._dialled(f"+{digits[2:]}")
        local = self.area_code and len(digits) in LOCAL_DIGITS and not digits.startswith(("+", self._trunk or "+"))
        return (local and self._dialled(self.area_code + digits)) or self._dialled(digits)

    def _dialled(self, digits: str) -> str:
        """E.164, if such a number can exist, though its range be newer than our metadata."""
        number = self._parsed(digits)
        if number is None:
            return ""
        canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if self._parsed(canonical) != number:
            return ""  # only one trunk prefix was taken away, as of +46 (0) 0246 9134
        if self._plain and canonical.startswith(f"+{self._country_code}"):
            believed = self._plain.fullmatch(canonical) is not None or phonenumbers.is_valid_number(number)
        else:
            possible = phonenumbers.is_possible_number_with_reason(number)
            believed = possible == phonenumbers.ValidationResult.IS_POSSIBLE
        return canonical if believed else ""

    def _parsed(self, digits: str) -> phonenumbers.PhoneNumber | None:
        try:
            return phonenumbers.parse(digits, self.country)
        except phonenumbers.NumberParseException:
            return None


def _shown(raw: str) -> str:
    """On one line, without what cannot be seen; full-width digits become digits."""
    text = raw[:SHOWN_CHARACTERS]
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)[:SHOWN_CHARACTERS]
    if not text.isprintable():
        text = "".join(c if c.isprintable() else " " if c.isspace() else "" for c in text)
    return " ".join(text.split())


def _plain(metadata: phonenumbers.PhoneMetadata) -> re.Pattern[str] | None:
    """A country's numbers in plain digits, where their length tells how they were written.

    Ten times as fast as phonenumbers, and of the same opinion (a test compares them): it makes a
    load of a million customers short. None for countries with numbers of many lengths.
    """
    code, trunk, national = str(metadata.country_code), metadata.national_prefix, metadata.general_desc
    if national is None or metadata.national_prefix_for_parsing != trunk:
        return None
    shortest, *longer = national.possible_length
    if any(length <= shortest + len(code) for length in longer):
        return None
    before = rf"\+?{code}|{trunk}" if trunk else rf"\+?{code}"
    number = rf"(?=(?:{national.national_number_pattern})$)([0-9]{{{shortest}}})"
    return re.compile(rf"(?!{metadata.international_prefix})(?:{before})?{number}", re.ASCII)
