"""How sure one can be that the number heard and the number typed are the same telephone's.

Pure. Two whole numbers are the same or they are not; only a number without its country code leaves
room for a guess, and the grade says how wide. A guess by the last digits counts only while one
customer alone could be meant: that is for the caller to see.
"""

from __future__ import annotations

import phonenumbers

from agi_server.call import Match
from agi_server.numbers import Number
from agi_server.plan import FEWEST_DIGITS, LOCAL_DIGITS


def likeness(heard: Number, typed: Number) -> Match | None:
    """The grade of likeness, the same whichever of the two is which; None if they are strangers."""
    if not heard or not typed:
        return None
    if heard == typed:
        return Match.EXACT
    if heard.whole and heard.text == typed.text:
        return Match.WITHOUT_EXTENSION
    if heard.whole and typed.incomplete:
        return _whole_and_incomplete(heard, typed.digits)
    if heard.incomplete and typed.whole:
        return _whole_and_incomplete(typed, heard.digits)
    if heard.incomplete and typed.incomplete:
        return _suffix(heard.digits, typed.digits)
    return None


def _whole_and_incomplete(whole: Number, digits: str) -> Match | None:
    return Match.NATIONAL if digits in _as_written_at_home(whole) else _suffix(whole.digits, digits)


def _suffix(one: str, other: str) -> Match | None:
    ends = one.endswith(other) or other.endswith(one)
    return Match.SUFFIX if ends and min(len(one), len(other)) >= FEWEST_DIGITS else None


def _as_written_at_home(whole: Number) -> set[str]:
    """A whole number without its country code, as its own country dials it; or without the plus only."""
    try:
        number = phonenumbers.parse(whole.text)
    except phonenumbers.NumberParseException:
        return set()
    region = phonenumbers.region_code_for_country_code(number.country_code or 0)
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True) or ""
    significant = phonenumbers.national_significant_number(number)
    usual = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.NATIONAL)
    written = {whole.digits, significant, trunk + significant, "".join(c for c in usual if c in "0123456789")}
    # Eight digits without a trunk prefix may as well be a local number of another country.
    return {digits for digits in written if len(digits) not in LOCAL_DIGITS or (trunk and digits.startswith(trunk))}
