"""How sure one can be that the number heard and the number typed are the same telephone's.

Pure. Two whole numbers are the same or they are not; only a number without its country code leaves
room for a guess, and the grade says how wide. A guess by the last digits counts only while one
customer alone could be meant: that is for the caller to see.
"""

from __future__ import annotations

import phonenumbers

from agi_server.call import Match
from agi_server.numbers import Number

FEWEST_DIGITS = 7
"""With fewer last digits in common two numbers are strangers."""


def likeness(heard: Number, typed: Number) -> Match | None:
    """The grade of likeness, the same whichever of the two is which; None if they are strangers."""
    if not heard or not typed:
        return None
    if heard.text == typed.text:
        if heard.extension == typed.extension:
            return Match.EXACT
        return Match.SUFFIX if heard.incomplete else Match.WITHOUT_EXTENSION
    if heard.incomplete and typed.whole and heard.digits in _as_written_at_home(typed):
        return Match.NATIONAL
    if typed.incomplete and heard.whole and typed.digits in _as_written_at_home(heard):
        return Match.NATIONAL
    if not (heard.incomplete or typed.incomplete) or min(len(heard.digits), len(typed.digits)) < FEWEST_DIGITS:
        return None
    if heard.digits.endswith(typed.digits) or typed.digits.endswith(heard.digits):
        return Match.SUFFIX
    return None


def _as_written_at_home(number: Number) -> set[str]:
    """A whole number without its country code: with its country's trunk prefix, and without."""
    try:
        parsed = phonenumbers.parse(number.text)
    except phonenumbers.NumberParseException:
        return set()
    national = phonenumbers.national_significant_number(parsed)
    region = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    trunk = phonenumbers.ndd_prefix_for_region(region, strip_non_digits=True)
    return {national, f"{trunk or ''}{national}"}
