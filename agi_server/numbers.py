"""A telephone number as heard from Asterisk, or as typed into OTRS, in the one form that is compared.

Pure, and never raises on a text. The form is E.164 (`+79161229624`), or the digits of an internal
extension (`201`), or what is left of a number that does not say its country or town (`~1229624`), or
empty: an empty form stands for "no number" and is never equal to anybody's. What extensions look like,
and which country and area a short number belongs to, is told by the administrator; all else is
phonenumbers' knowledge. Where numbers stand in a text is notation.py's, how alike two are likeness.py's.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

import phonenumbers

from agi_server import notation

E164_DIGITS = 15
MOST_DIGITS = 22
"""Of an international prefix such as 810, and the number behind it."""
LOCAL_DIGITS = range(5, 9)
"""The length of a number that is dialled within its town."""
FEWEST_DIGITS = 7
"""Of an incomplete number; fewer fit too many telephones. Next to words fewer are as likely a postal code."""
WHOLE_DIGITS = 9
"""With its area code a number has so many at least, nearly everywhere."""
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
    _extension: re.Pattern[str] = field(init=False, repr=False, compare=False)
    _plain: re.Pattern[str] | None = field(init=False, repr=False, compare=False)
    _code: str = field(init=False, repr=False, compare=False)
    """The country code after a plus."""
    _trunk: str = field(init=False, repr=False, compare=False)
    """The trunk prefix, such as Russia's 8; empty if the country has none."""

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
        object.__setattr__(self, "_code", f"+{metadata.country_code}")
        object.__setattr__(self, "_trunk", metadata.national_prefix or "")

    @property
    def example(self) -> str:
        """A number of this country as it is dialled there; empty if phonenumbers has none."""
        number = phonenumbers.example_number(self.country)
        return (
            notation.dialled(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
            if number
            else ""
        )

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
        if self._plain and (plain := self._plain.fullmatch(digits)) and text[-1] != ")":
            return (Number(self._code + plain[1]),)
        if notation.simple(text) and (whole := self._outside(text)):
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
            found = [Number(part) for part in parts] if all(map(self._internal, parts)) else []
        return tuple(dict.fromkeys(found))

    def _alone(self, text: str) -> Number:
        written = notation.only(text)
        if written is None:
            return Number()
        digits = notation.dialled(written.run)
        if self._internal(digits):
            return Number(digits)
        number = self._outside(written.run) or self._incomplete(written.run)
        return Number(number, written.extension) if number else Number()

    def _read(self, run: str, beside_words: bool) -> list[str]:
        """The numbers in digits and separators: one if it can be, else those between `/` or blanks."""
        parts = notation.parts(run)
        if len(parts) > 1 and self._several(parts):
            return [number for part in parts for number in self._read(part, beside_words)]
        if beside_words and run.isdigit() and len(run) < FEWEST_DIGITS:
            return []
        if whole := self._outside(run):
            return [whole]
        if len(parts) > 1 and self._apart(parts[0]):
            return [number for part in parts for number in self._read(part, beside_words)]
        if wholes := self._in_a_row(run.split()):
            return wholes
        incomplete = "" if beside_words else self._incomplete(run)
        return [incomplete] if incomplete else []

    def _in_a_row(self, words: list[str]) -> list[str]:
        """Whole numbers with nothing but blanks between them; none, if anything else is among them."""
        found: list[str] = []
        while words:
            for end in range(min(len(words), MOST_DIGITS), 0, -1):
                may_end = end == len(words) or self._may_begin(words[end])
                if may_end and (whole := self._outside(" ".join(words[:end]))):
                    break
            else:
                return []
            found.append(whole)
            words = words[end:]
        return found

    def _may_begin(self, word: str) -> bool:
        """May a number begin here, behind another one?"""
        return word.startswith(("+", "(", self._trunk or "+")) or notation.count(word) >= LOCAL_DIGITS.start

    def _several(self, parts: list[str]) -> bool:
        """Are the parts between strokes surely not one number's, as they are in `030/1234567`?"""
        if all(map(self._internal, parts)) or all(notation.count(part) >= FEWEST_DIGITS for part in parts):
            return True
        return notation.count(parts[0]) >= WHOLE_DIGITS and self._valid(notation.dialled(parts[0]))

    def _apart(self, part: str) -> bool:
        """May this be a number of its own, before a stroke? Then the next part is another, or a remark."""
        return notation.count(part) >= FEWEST_DIGITS or self._internal(part) or self._outside(part) != ""

    def _internal(self, digits: str) -> bool:
        return len(digits) <= MOST_DIGITS and digits.isdigit() and self._extension.fullmatch(digits) is not None

    def _incomplete(self, run: str) -> str:
        """A number that says neither its country nor its town, and is none of this country's."""
        digits = self._without_stray_plus(notation.dialled(run), run)
        if not FEWEST_DIGITS <= len(digits) <= E164_DIGITS or digits.startswith(("+", "00")) or self._internal(digits):
            return ""
        groups = notation.groups(run)
        beginnings = ("".join(groups[:end]) for end in range(1, len(groups)))
        if any(len(beginning) >= WHOLE_DIGITS and self._valid(beginning) for beginning in beginnings):
            return ""  # a whole number, and what else?
        return f"~{digits}"

    def _outside(self, run: str) -> str:
        """The canonical form of a number that is not internal."""
        digits = notation.dialled(run)
        if self._plain and (plain := self._plain.fullmatch(digits)):
            return self._code + plain[1]
        if len(digits) > MOST_DIGITS or self._internal(digits):
            return ""
        digits = self._without_stray_plus(digits, run)
        if digits.startswith("00"):  # how trunks, and people, write a plus wherever they are
            return self._dialled(f"+{digits[2:]}")
        if self._only_plus_lacks(digits):
            return self._dialled(f"+{digits}")
        local = self.area_code and len(digits) in LOCAL_DIGITS and not digits.startswith(("+", self._trunk or "+"))
        return (local and self._dialled(f"{self._code}{self.area_code}{digits}")) or self._dialled(digits)

    def _only_plus_lacks(self, digits: str) -> bool:
        """In Germany 49171... is a number as trunks send it, not one of 0491, Leer: that would begin with a 0."""
        if not self._trunk or not digits.startswith(self._code[1:]):
            return False
        if len(digits) < WHOLE_DIGITS or not self._valid(f"+{digits}"):
            return False
        # Numbers of one length leave no room for a trunk prefix behind the country code.
        return self._plain is None or self._dialled(f"+{digits}") == f"+{digits}"

    def _without_stray_plus(self, digits: str, run: str) -> str:
        """Where 8 is the trunk prefix, `+8 495 ...` was meant to be `8 495 ...`; but `+84 95 ...` is Vietnam's."""
        if digits.startswith("+00"):
            return digits[1:]
        if not self._trunk or f"+{self._trunk}" == self._code or not digits.startswith(f"+{self._trunk}"):
            return digits
        first = notation.groups(run)[0]
        if int(first) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits
        stray = first == self._trunk or (not self._valid(digits) and self._dialled(digits[1:]))
        return digits[1:] if stray else digits

    def _dialled(self, digits: str) -> str:
        """E.164, if such a number can exist, though its range be newer than our metadata."""
        number = self._parsed(digits)
        if number is None:
            return ""
        canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if len(canonical) > len("+") + E164_DIGITS or self._parsed(canonical) != number:
            return ""  # the latter where only one trunk prefix was taken away, as of +46 (0) 0246 9134
        if not canonical.startswith(self._code) or (digits.startswith("+") and not self._plain):
            return canonical if _possible(number) else ""
        if self._plain:
            believed = self._plain.fullmatch(canonical) is not None
        else:
            kind = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
            without_trunk = not canonical.startswith(self._code + self._trunk)  # else it is another country's
            believed = digits.startswith(self._trunk) and without_trunk and _possible(number, kind)
        return canonical if believed or phonenumbers.is_valid_number(number) else ""

    def _valid(self, digits: str) -> bool:
        number = self._parsed(digits)
        return number is not None and phonenumbers.is_valid_number(number)

    def _parsed(self, digits: str) -> phonenumbers.PhoneNumber | None:
        try:
            return phonenumbers.parse(digits, self.country)
        except phonenumbers.NumberParseException:
            return None


def _possible(number: phonenumbers.PhoneNumber, kind: int = phonenumbers.PhoneNumberType.UNKNOWN) -> bool:
    """Has it the length of such numbers in its country?"""
    reason = phonenumbers.is_possible_number_for_type_with_reason(number, kind)
    return reason == phonenumbers.ValidationResult.IS_POSSIBLE


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
