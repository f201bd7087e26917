"""What the digits of one number mean where the telephone system stands: its country's numbering plan.

Pure, and never raises on a text. phonenumbers has the plans; here is what it does not know: which numbers are
internal, how a number is dialled within its town, which plus was written by mistake, and what is left of a number
that says neither its country nor its town.
"""

from __future__ import annotations

import re

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


class Plan:
    """The plan of one place."""

    def __init__(self, country: str, area_code: str, extensions: str) -> None:
        """As for `Numbering`; raises ValueError if there is no such place, or the pattern is none."""
        metadata = phonenumbers.PhoneMetadata.metadata_for_region(country)
        if metadata is None:
            raise ValueError(f"country {country!r} is not known; expected a code of two letters such as RU")
        if area_code and not re.fullmatch("[0-9]{1,6}", area_code):
            raise ValueError(f"area code {area_code!r} is not a number of at most six digits")
        try:
            self._extension = re.compile(extensions, re.ASCII)
        except re.error as error:
            raise ValueError(f"extensions {extensions!r} is not a regular expression: {error}") from None
        self._country = country
        self._area_code = area_code
        self._plain = _plain(metadata)
        self.code = f"+{metadata.country_code}"
        """The country code after a plus."""
        self.trunk = metadata.national_prefix or ""
        """The trunk prefix, such as Russia's 8; empty if the country has none."""

    @property
    def example(self) -> str:
        """A number of this country as it is dialled there; empty if phonenumbers has none."""
        number = phonenumbers.example_number(self._country)
        return (
            notation.dialled(phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL))
            if number
            else ""
        )

    def internal(self, digits: str) -> bool:
        """Is this one of our own telephones?"""
        return len(digits) <= MOST_DIGITS and digits.isdigit() and self._extension.fullmatch(digits) is not None

    def incomplete(self, run: str) -> str:
        """The number as `~` and digits, if it says neither its country nor its town, and is none of this country's."""
        digits = self._without_stray_plus(notation.dialled(run), run)
        if not FEWEST_DIGITS <= len(digits) <= E164_DIGITS or digits.startswith(("+", "00")) or self.internal(digits):
            return ""
        groups = notation.groups(run)
        beginnings = ("".join(groups[:end]) for end in range(1, len(groups)))
        if any(len(beginning) >= WHOLE_DIGITS and self.valid(beginning) for beginning in beginnings):
            return ""  # a whole number, and what else?
        return f"~{digits}"

    def quickly(self, digits: str) -> str:
        """The whole number, where the digits' mere length tells it: ten times as fast as `whole`."""
        plain = self._plain.fullmatch(digits) if self._plain else None
        return self.code + plain[1] if plain else ""

    def whole(self, run: str) -> str:
        """The number in E.164, if it is not internal; or nothing."""
        digits = notation.dialled(run)
        if quick := self.quickly(digits):
            return quick
        if len(digits) > MOST_DIGITS or self.internal(digits):
            return ""
        digits = self._without_stray_plus(digits, run)
        if digits.startswith("00"):  # how trunks, and people, write a plus wherever they are
            return self._dialled(f"+{digits[2:]}")
        if self._only_plus_lacks(digits):
            return self._dialled(f"+{digits}")
        local = self._area_code and len(digits) in LOCAL_DIGITS and not digits.startswith(("+", self.trunk or "+"))
        return (local and self._dialled(f"{self.code}{self._area_code}{digits}")) or self._dialled(digits)

    def _only_plus_lacks(self, digits: str) -> bool:
        """In Germany 49171... is a number as trunks send it, not one of 0491, Leer: that would begin with a 0."""
        if not self.trunk or not digits.startswith(self.code[1:]):
            return False
        if len(digits) < WHOLE_DIGITS or not self.valid(f"+{digits}"):
            return False
        # Numbers of one length leave no room for a trunk prefix behind the country code.
        return self._plain is None or self._dialled(f"+{digits}") == f"+{digits}"

    def _without_stray_plus(self, digits: str, run: str) -> str:
        """Where 8 is the trunk prefix, `+8 495 ...` was meant to be `8 495 ...`; but `+84 95 ...` is Vietnam's."""
        if digits.startswith("+00"):
            return digits[1:]
        if not self.trunk or f"+{self.trunk}" == self.code or not digits.startswith(f"+{self.trunk}"):
            return digits
        first = notation.groups(run)[0]
        if int(first) in phonenumbers.COUNTRY_CODE_TO_REGION_CODE:
            return digits
        stray = first == self.trunk or (not self.valid(digits) and self._dialled(digits[1:]))
        return digits[1:] if stray else digits

    def _dialled(self, digits: str) -> str:
        """E.164, if such a number can exist, though its range be newer than our metadata."""
        number = self._parsed(digits)
        if number is None:
            return ""
        canonical = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        if len(canonical) > len("+") + E164_DIGITS or self._parsed(canonical) != number:
            return ""  # the latter where only one trunk prefix was taken away, as of +46 (0) 0246 9134
        if not canonical.startswith(self.code) or (digits.startswith("+") and not self._plain):
            return canonical if _possible(number) else ""
        if self._plain:
            believed = self._plain.fullmatch(canonical) is not None
        else:
            kind = phonenumbers.PhoneNumberType.FIXED_LINE_OR_MOBILE
            without_trunk = not canonical.startswith(self.code + self.trunk)  # else it is another country's
            believed = digits.startswith(self.trunk) and without_trunk and _possible(number, kind)
        return canonical if believed or phonenumbers.is_valid_number(number) else ""

    def valid(self, digits: str) -> bool:
        """Does phonenumbers know a range that it is in?"""
        number = self._parsed(digits)
        return number is not None and phonenumbers.is_valid_number(number)

    def _parsed(self, digits: str) -> phonenumbers.PhoneNumber | None:
        try:
            return phonenumbers.parse(digits, self._country)
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
