"""Which route decides about a call: tables, no loop."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_server.call import NOBODY, Call, Customer, Ending, Match, Recognition
from agi_server.rules import Numbers, Route, first_match, never_reached

MOSCOW = ZoneInfo("Europe/Moscow")
TOKYO = ZoneInfo("Asia/Tokyo")
MONDAY, TUESDAY, FRIDAY, SATURDAY, SUNDAY = 0, 1, 4, 5, 6

CALL = Call(
    unique_id="1.1",
    time=datetime(2026, 11, 20, 19, 30, tzinfo=UTC),  # Friday, 22:30 in Moscow
    number="8 (916) 122-96-24",
    canonical="+79161229624",
    lookup="+79161229624",
    dialled="4509",
    dnid="84956693308",
    context="from-trunk",
    arguments=("vip", "de"),
)
INTERNAL = replace(CALL, number="201", canonical="201", lookup="201")
WITHHELD = replace(CALL, number="", canonical="", lookup="", withheld=True)
TRUSTED = replace(WITHHELD, canonical="+79161229624", lookup="+79161229624")
"""Withheld, and matched all the same."""
IVANOV = Customer("ivanov", "ROMASHKA")
PETROVA = Customer("petrova", "ROMASHKA")
KNOWN = Recognition(Match.NATIONAL, IVANOV, (IVANOV,), Match.NATIONAL)
SHARED = Recognition(Match.SEVERAL, IVANOV, (IVANOV, PETROVA), Match.SUFFIX)
STRANGERS = Recognition(Match.SEVERAL, None, (IVANOV, Customer("sidorov", "VASILEK")), Match.EXACT)


def fits(call: Call = CALL, recognition: Recognition = NOBODY, **conditions: Any) -> bool:
    return first_match([Route("routes item 1", **conditions)], call, recognition, MOSCOW) is not None


@pytest.mark.parametrize(
    ("conditions", "call", "recognition", "holds"),
    [
        ({}, CALL, NOBODY, True),
        ({}, WITHHELD, KNOWN, True),
        # The number called: the extension, or what the trunk says
        ({"dialled": ("4509",)}, CALL, NOBODY, True),
        ({"dialled": ("4510", "84956693308")}, CALL, NOBODY, True),
        ({"dialled": ("_45XX",)}, CALL, NOBODY, True),
        ({"dialled": ("_8495.",)}, CALL, NOBODY, True),
        ({"dialled": ("450", "45091", "_46XX")}, CALL, NOBODY, False),
        ({"dialled": ("_!", "_.")}, replace(CALL, dialled="", dnid=""), NOBODY, False),
        # Context and arguments
        ({"contexts": ("from-internal", "from-trunk")}, CALL, NOBODY, True),
        ({"contexts": ("from-trunk-2",)}, CALL, NOBODY, False),
        ({"arguments": ("de",)}, CALL, NOBODY, True),
        ({"arguments": ("fr", "vip")}, CALL, NOBODY, True),
        ({"arguments": ("d",)}, CALL, NOBODY, False),
        ({"arguments": ("vip",)}, replace(CALL, arguments=()), NOBODY, False),
        # The caller's number: as heard, whole, and its digits
        ({"callers": ("8 (916) 122-96-24",)}, CALL, NOBODY, True),
        ({"callers": ("+79161229624",)}, CALL, NOBODY, True),
        ({"callers": ("79161229624",)}, CALL, NOBODY, True),
        ({"callers": ("_+7916XXXXXXX",)}, CALL, NOBODY, True),
        ({"callers": ("_7916.",)}, CALL, NOBODY, True),
        ({"callers": ("_2XX",)}, INTERNAL, NOBODY, True),
        ({"callers": ("9161229624", "_8916.", "_+7916")}, CALL, NOBODY, False),
        ({"callers": ("_!", "_.", "")}, replace(CALL, number="", canonical=""), NOBODY, False),
        ({"callers": ("+79161229624", "_!")}, WITHHELD, NOBODY, False),
        ({"callers": ("+79161229624", "_!")}, TRUSTED, KNOWN, False),
        # Who he is
        ({"customer_ids": ("VASILEK", "ROMASHKA")}, CALL, KNOWN, True),
        ({"customer_ids": ("ROMASHKA",)}, CALL, SHARED, True),
        ({"customer_ids": ("ROMASHKA",)}, TRUSTED, KNOWN, True),
        ({"customer_ids": ("ROMASHKA",)}, CALL, STRANGERS, False),
        ({"customer_ids": ("ROMASHKA", "")}, CALL, NOBODY, False),
        ({"customer_ids": ("romashka",)}, CALL, KNOWN, False),
        # How well he is known
        ({"matches": {Match.NATIONAL, Match.EXACT}}, CALL, KNOWN, True),
        ({"matches": {Match.SEVERAL}}, CALL, SHARED, True),
        ({"matches": {Match.SUFFIX}}, CALL, SHARED, True),
        ({"matches": {Match.NONE}}, CALL, NOBODY, True),
        ({"matches": {Match.NONE}}, CALL, STRANGERS, False),
        ({"matches": {Match.EXACT}}, CALL, KNOWN, False),
        # Does he hide his number?
        ({"withheld": True}, WITHHELD, NOBODY, True),
        ({"withheld": True}, CALL, NOBODY, False),
        ({"withheld": False}, CALL, NOBODY, True),
        ({"withheld": False}, WITHHELD, NOBODY, False),
        # All have to hold
        ({"dialled": ("4509",), "contexts": ("from-trunk",), "customer_ids": ("ROMASHKA",)}, CALL, KNOWN, True),
        ({"dialled": ("4509",), "contexts": ("from-trunk",), "customer_ids": ("ROMASHKA",)}, CALL, NOBODY, False),
        ({"dialled": ("4509",), "contexts": ("elsewhere",), "customer_ids": ("ROMASHKA",)}, CALL, KNOWN, False),
    ],
)  # fmt: skip
def test_conditions(conditions: dict[str, Any], call: Call, recognition: Recognition, holds: bool) -> None:
    if "matches" in conditions:
        conditions = {**conditions, "matches": frozenset(conditions["matches"])}
    assert fits(call, recognition, **conditions) == holds


OFFICE = (time(9), time(18))
NIGHT = (time(22), time(6))


@pytest.mark.parametrize(
    ("at", "weekdays", "hours", "time_zone", "holds"),
    [
        # Times in UTC; Moscow is three hours ahead
        ("2026-11-20 06:00:00", (), (OFFICE,), None, True),
        ("2026-11-20 05:59:59", (), (OFFICE,), None, False),
        ("2026-11-20 14:59:59", (), (OFFICE,), None, True),
        ("2026-11-20 15:00:00", (), (OFFICE,), None, False),
        ("2026-11-20 19:00:00", (), (NIGHT,), None, True),
        ("2026-11-20 18:59:59", (), (NIGHT,), None, False),
        ("2026-11-21 02:59:59", (), (NIGHT,), None, True),
        ("2026-11-21 03:00:00", (), (NIGHT,), None, False),
        ("2026-11-20 21:00:00", (), (NIGHT,), None, True),
        ("2026-11-20 06:00:00", (), (NIGHT, OFFICE), None, True),
        ("2026-11-20 16:00:00", (), (NIGHT, OFFICE), None, False),
        ("2026-11-20 12:34:56", (), ((time(0), time(0)),), None, True),
        ("2026-11-20 20:59:59", (), ((time(18), time(0)),), None, True),
        ("2026-11-20 21:00:00", (), ((time(18), time(0)),), None, False),
        ("2026-11-20 12:00:00", (FRIDAY,), (), None, True),
        ("2026-11-20 12:00:00", (SATURDAY, SUNDAY), (), None, False),
        ("2026-11-20 21:00:00", (FRIDAY,), (), None, False),
        ("2026-11-20 21:00:00", (SATURDAY,), (), None, True),
        # The small hours belong to the day that they are on
        ("2026-11-20 20:00:00", (FRIDAY,), (NIGHT,), None, True),
        ("2026-11-20 23:00:00", (FRIDAY,), (NIGHT,), None, False),
        ("2026-11-20 23:00:00", (SATURDAY,), (NIGHT,), None, True),
        ("2026-11-20 06:00:00", (SATURDAY,), (OFFICE,), None, False),
        # A route's own time zone
        ("2026-11-20 00:00:00", (FRIDAY,), (OFFICE,), TOKYO, True),
        ("2026-11-20 15:00:00", (FRIDAY,), (), TOKYO, False),
        ("2026-11-20 06:00:00", (), (OFFICE,), ZoneInfo("America/New_York"), False),
        # The night in which clocks go back has two hours between 2 and 3
        ("2026-10-25 00:30:00", (), ((time(2), time(3)),), ZoneInfo("Europe/Berlin"), True),
        ("2026-10-25 01:30:00", (), ((time(2), time(3)),), ZoneInfo("Europe/Berlin"), True),
        ("2026-10-25 02:30:00", (), ((time(2), time(3)),), ZoneInfo("Europe/Berlin"), False),
    ],
)  # fmt: skip
def test_days_and_hours(
    at: str, weekdays: tuple[int, ...], hours: tuple[tuple[time, time], ...], time_zone: ZoneInfo | None, holds: bool
) -> None:
    call = replace(CALL, time=datetime.fromisoformat(f"{at}+00:00"))
    assert fits(call, weekdays=frozenset(weekdays), hours=hours, time_zone=time_zone) == holds


def test_without_a_time_zone_the_machines_own_counts() -> None:
    local = CALL.time.astimezone()
    end = time(local.hour + 1) if local.hour < 23 else time(0)
    route = Route("r", weekdays=frozenset({local.weekday()}), hours=((time(local.hour), end),))
    assert first_match([route], CALL, NOBODY, None) is route


@pytest.mark.parametrize(
    ("pattern", "those", "not_those"),
    [
        ("_45XX", ["4500", "4599"], ["450", "45000", "45a0", "_45XX", "45XX"]),
        ("_ZX", ["10", "99"], ["00", "1"]),
        ("_NX", ["20", "99"], ["19", "02"]),
        ("_nxz", ["201", "299"], ["101", "200"]),
        ("_[1-35]0", ["10", "30", "50"], ["40", "-0", "00"]),
        ("_[*#]1", ["*1", "#1"], ["11"]),
        ("_[^1]0", ["^0", "10"], ["20"]),
        ("_[3-1]0", [], ["30", "10", "20"]),
        ("_[2-2]0", ["20"], ["10", "-0"]),
        ("_[]0", [], ["0", "]0"]),
        ("_[1", ["[1"], ["1"]),
        ("_8.", ["80", "8 (916)", "8\n1"], ["8", "90"]),
        ("_8!", ["8", "80", "8x"], ["9"]),
        ("_.", ["1", "abc"], [""]),
        ("_8.5", ["81"], ["8"]),
        ("_8-9 1", ["891"], ["8-9 1"]),
        ("_+7916.", ["+79161"], ["79161", "++79161"]),
        ("_a.c", ["ab", "axc"], ["a"]),
        ("_(1)", ["(1)"], ["1"]),
        ("_", [], ["1", "_"]),
        ("4XX", ["4XX"], ["400", "4xx"]),
        ("4.", ["4."], ["40"]),
    ],
)
def test_patterns_are_those_of_the_dialplan(pattern: str, those: list[str], not_those: list[str]) -> None:
    numbers = Numbers([pattern])
    assert [text for text in those if not numbers.have(text)] == []
    assert [text for text in not_those if numbers.have(text)] == []


@settings(deadline=1000)
@given(st.text("_XZN.![]-+^(?*\\1a ", max_size=60), st.text("0123456789+XZ*\\^", max_size=200))
def test_no_pattern_breaks_or_takes_its_time(pattern: str, number: str) -> None:
    Numbers([f"_{pattern}"]).have(number * 20)


def test_the_first_that_fits_decides() -> None:
    routes = [
        Route("routes item 1", dialled=("4510",)),
        Route("routes item 2", callers=("_+7916.",), ending=Ending.REJECTED),
        Route("routes item 3", dialled=("4509",)),
        Route("routes item 4"),
    ]
    foreign = replace(CALL, number="+4930123456", canonical="+4930123456")
    decides = [
        first_match(routes, call, NOBODY, MOSCOW)
        for call in (CALL, foreign, WITHHELD, replace(foreign, dialled="4511"))
    ]
    assert [route.name[-1] for route in decides if route] == ["2", "3", "3", "4"]
    assert first_match(routes[:2], foreign, NOBODY, MOSCOW) is None
    assert first_match([], CALL, NOBODY, MOSCOW) is None


@pytest.mark.parametrize(
    ("conditions", "kinds", "all_of_them"),
    [
        ({}, "known, shared, strangers, unknown, withheld", True),
        ({"withheld": True}, "withheld", True),
        ({"withheld": False}, "known, shared, strangers, unknown", True),
        ({"matches": frozenset({Match.NONE})}, "unknown, withheld", True),
        ({"matches": frozenset({Match.SEVERAL, Match.NATIONAL})}, "known, shared, strangers", True),
        ({"matches": frozenset({Match.EXACT}), "withheld": False}, "strangers", True),
        ({"customer_ids": ("X",)}, "known, shared", False),
        ({"callers": ("1",)}, "known, shared, strangers, unknown", False),
        ({"dialled": ("1",)}, "known, shared, strangers, unknown, withheld", False),
        ({"contexts": ("x",), "withheld": True}, "withheld", False),
        ({"arguments": ("x",), "withheld": True}, "withheld", False),
        ({"weekdays": frozenset({MONDAY}), "withheld": True}, "withheld", False),
        ({"hours": (OFFICE,), "withheld": True}, "withheld", False),
    ],
)
def test_kinds_of_callers_that_a_route_can_fit(conditions: dict[str, Any], kinds: str, all_of_them: bool) -> None:
    route = Route("routes item 1", **conditions)
    callers = {
        "known": (CALL, KNOWN),
        "shared": (CALL, SHARED),
        "strangers": (CALL, STRANGERS),
        "unknown": (CALL, NOBODY),
        "withheld": (WITHHELD, NOBODY),
    }
    assert ", ".join(kind for kind, caller in callers.items() if route.fits_kind(*caller)) == kinds
    assert route.takes_all_of_a_kind == all_of_them


@pytest.mark.parametrize(
    ("earlier", "later", "taken"),
    [
        ({}, {}, True),
        ({}, {"dialled": ("4509",), "withheld": True}, True),
        ({"dialled": ("4509",)}, {}, False),
        ({"dialled": ("4509", "4510")}, {"dialled": ("4510",), "callers": ("201",)}, True),
        ({"dialled": ("4509",)}, {"dialled": ("4509", "4510")}, False),
        ({"withheld": True}, {"withheld": True, "contexts": ("x",)}, True),
        ({"withheld": True}, {"withheld": False}, False),
        ({"withheld": False}, {}, False),
        ({"matches": frozenset({Match.NONE, Match.SEVERAL})}, {"matches": frozenset({Match.NONE})}, True),
        ({"weekdays": frozenset({FRIDAY, SATURDAY})}, {"weekdays": frozenset({FRIDAY}), "hours": (OFFICE,)}, True),
        ({"hours": (OFFICE,)}, {"hours": (OFFICE,), "time_zone": TOKYO}, False),
        ({"dialled": ("4509",), "time_zone": TOKYO}, {"dialled": ("4509",), "hours": (OFFICE,)}, True),
        ({"arguments": ("vip",)}, {"customer_ids": ("vip",)}, False),
    ],
)
def test_a_route_that_is_never_reached(earlier: dict[str, Any], later: dict[str, Any], taken: bool) -> None:
    first, second = Route("routes item 1", **earlier), Route("routes item 2", **later)
    assert never_reached([first, second]) == ([(second, first)] if taken else [])


def test_a_route_is_told_once_however_many_take_its_calls() -> None:
    routes = [Route(f"routes item {number}", dialled=("4509",)) for number in (1, 2, 3)]
    assert [(route.name[-1], taker.name[-1]) for route, taker in never_reached(routes)] == [("2", "1"), ("3", "1")]
