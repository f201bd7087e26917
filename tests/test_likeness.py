"""How alike two numbers are: each grade, and the strangers who only look alike."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agi_server.call import Match
from agi_server.likeness import likeness
from agi_server.numbers import Number

ALIKE = [
    ("+79161229624", "+79161229624", Match.EXACT),
    ("+79161229624;ext=12", "+79161229624;ext=12", Match.EXACT),
    ("201", "201", Match.EXACT),
    ("~1229624", "~1229624", Match.EXACT),
    ("+79161229624", "+79161229624;ext=12", Match.WITHOUT_EXTENSION),
    ("+79161229624;ext=13", "+79161229624;ext=12", Match.WITHOUT_EXTENSION),
    # The whole number, and what is dialled in its country
    ("+79161229624", "~89161229624", Match.NATIONAL),
    ("+79161229624", "~9161229624", Match.NATIONAL),
    ("+79161229624;ext=12", "~89161229624", Match.NATIONAL),
    ("+375291234567", "~80291234567", Match.NATIONAL),
    ("+375291234567", "~291234567", Match.NATIONAL),
    ("+491711234567", "~01711234567", Match.NATIONAL),
    ("+498912345", "~08912345", Match.NATIONAL),
    ("+12125550147", "~2125550147", Match.NATIONAL),
    ("+12125550147", "~12125550147", Match.NATIONAL),
    ("+442079460958", "~02079460958", Match.NATIONAL),
    ("+33142685300", "~0142685300", Match.NATIONAL),
    ("+390612345678", "~0612345678", Match.NATIONAL),
    ("+5491123456789", "~0111523456789", Match.NATIONAL),  # an Argentine mobile telephone
    ("+8613812345678", "~13812345678", Match.NATIONAL),
    # Only the plus is missing: so trunks send foreign numbers
    ("+375291234567", "~375291234567", Match.NATIONAL),
    # The last digits
    ("+79161229624", "~1229624", Match.SUFFIX),
    ("+79161229624", "~61229624", Match.SUFFIX),
    ("+4722334455", "~22334455", Match.SUFFIX),  # national in Norway, local in Berlin
    ("~1229624", "~1229624;ext=12", Match.SUFFIX),
    ("~1229624", "~89161229624", Match.SUFFIX),
    ("+5491123456789", "~23456789", Match.SUFFIX),
    ("+380501234567", "~80501234567", Match.SUFFIX),
]

STRANGERS = [
    ("", ""),
    ("", "+79161229624"),
    ("", "~1229624"),
    ("+79161229624", "+79161229625"),
    ("+74951234567", "+78121234567"),
    ("+375291234567", "+7375291234567"),
    ("+79161229624", "9624"),
    ("201", "4201"),
    ("201", "~4951201"),
    ("1229624", "~1229624"),  # where extensions have seven digits
    ("+79161229624", "1229624"),
    ("+79161229624", "~1229625"),
    ("+79161229624", "~09161229624"),
    ("+491711234567", "~81711234567"),
    ("~1229624", "~1229625"),
    ("~81229624", "~91229624"),
]


@pytest.mark.parametrize(("one", "other", "grade"), ALIKE)
def test_alike(one: str, other: str, grade: Match) -> None:
    assert likeness(Number.of(one), Number.of(other)) == grade
    assert likeness(Number.of(other), Number.of(one)) == grade


@pytest.mark.parametrize(("one", "other"), STRANGERS)
def test_strangers(one: str, other: str) -> None:
    assert likeness(Number.of(one), Number.of(other)) is None
    assert likeness(Number.of(other), Number.of(one)) is None


def test_too_few_digits_are_no_likeness() -> None:
    """No such number is made; but the index may hold what another version made."""
    assert likeness(Number("~229624"), Number("+79161229624")) is None
    assert likeness(Number("~229624"), Number("~1229624")) is None


def test_a_country_that_nobody_knows_has_last_digits_only() -> None:
    assert likeness(Number("+9991234567890"), Number("~1234567890")) == Match.SUFFIX
    assert likeness(Number("+0001234567890"), Number("~1234567890")) == Match.SUFFIX


SHORT_OR_LONG = st.text("0123456789", min_size=1, max_size=17)
LONG = st.text("0123456789", min_size=7, max_size=15)
"""As all whole and incomplete ones are."""
FEW_ENDS = st.sampled_from(["1229624", "89161229624", "9161229624", "79161229624", "01711234567", "491711234567"])
NUMBERS = st.builds(
    Number,
    SHORT_OR_LONG | st.builds(str.__add__, st.sampled_from(["+", "~"]), LONG | FEW_ENDS),
    st.sampled_from(["", "1", "12"]),
)


@given(one=NUMBERS, other=NUMBERS)
def test_likeness_is_mutual(one: Number, other: Number) -> None:
    assert likeness(one, other) == likeness(other, one)


@given(number=NUMBERS)
def test_every_number_is_like_itself(number: Number) -> None:
    assert likeness(number, number) == Match.EXACT


@given(one=NUMBERS, other=NUMBERS)
def test_only_what_is_incomplete_leaves_room_for_guesses(one: Number, other: Number) -> None:
    grade = likeness(one, other)
    if one.text != other.text and not (one.incomplete or other.incomplete):
        assert grade is None
    if grade in (Match.NATIONAL, Match.SUFFIX):
        assert one.incomplete or other.incomplete
        assert min(len(one.digits), len(other.digits)) >= 7


@given(one=st.text(), other=st.text())
def test_no_text_is_too_much(one: str, other: str) -> None:
    likeness(Number(one), Number(other))
    assert likeness(Number.of(one), Number.of(other)) is None or Number.of(one).digits
