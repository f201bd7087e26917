"""Numbers as callers send them and as people type them, against their one canonical form."""

from __future__ import annotations

import csv
import time
from pathlib import Path
from typing import Any

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi_server.numbers import Heard, Number, Numbering

MOSCOW = Numbering("RU", "495")
NOWHERE = Numbering("RU")
CUSTOMERS_FILE = Path(__file__).parents[1] / "agi_server" / "sandbox" / "customers.csv"

ONE_NUMBER = [
    "89161229624",
    "+7 (916) 122-96-24",
    "8-916-122-96-24",
    "9161229624",
    "79161229624",
    "+79161229624",
    "8 (916) 122 96 24",
    "8.916.122.96.24",
    "007 916 122 96 24",
    "8~10~7 916 122 96 24",
    "+7\u00a0916\u00a0122‑96‑24",
    "８９１６１２２９６２４",
    "+7 (8) 916 122-96-24",
    "+8 916 122-96-24",
    "+8 (916) 122-96-24",
    "+89161229624",
    "+007 916 122 96 24",
    "+8 10 7 916 122 96 24",
    "(+7 916) 122-96-24",
    "sip:+79161229624@192.168.100.200:5060;user=phone",
    "<sips:89161229624@pbx.example.org>",
    "sip:89161229624;phone-context=+7@pbx.example.org",
    "tel:+7-916-122-96-24",
    "TEL:+7(916)122-96-24;isub=12345;user=phone",
    "tel:122-96-24;phone-context=+7916",
]

HEARD = [
    ("4951234567", "+74951234567"),
    ("1234567", "+74951234567"),
    ("123-45-67", "+74951234567"),
    ("8123091133", "+78123091133"),  # St Petersburg's code begins with the trunk prefix
    ("88001000000", "+78001000000"),
    ("77011234567", "+77011234567"),  # Kazakhstan shares the country code
    ("810375291234567", "+375291234567"),
    ("+49171123456", "+49171123456"),  # no number of Germany's plan, but nor is it ours to know
    ("0049171123456", "+49171123456"),
    ("+12125550147", "+12125550147"),
    ("201", "201"),
    ("4507", "4507"),
    ("+201", ""),
    ("02", ""),
    ("83001234567", "+73001234567"),  # a code that nobody has, so far
    ("0073001234567", "+73001234567"),
    ("(0171) 123-45/6", ""),  # no Russian number begins with 0
    ("12345", ""),
    ("+49 171", ""),
    ("+1234567", ""),
    ("+46 (0) 0246 9134", ""),  # which trunk prefix belongs to the number?
    ("*31#49 171", ""),
    ("Alice.B", ""),
    ("7916ALICE", ""),
    ("1800FLOWERS", ""),
    ("+", ""),
    ("()", ""),
    ("9" * 79, ""),
]

INCOMPLETE = [
    ("(0171) 123-45/6", "~0171123456"),  # no Russian number begins with 0
    ("375291234567", "~375291234567"),
    ("12125550147", "~12125550147"),
    ("375 29 123 45 67", "~375291234567"),
    ("123-45-67", "~1234567"),
    ("030/1234567", "~0301234567"),
]

NO_NUMBER = ["8 495 777-00-11 5 12", "84951234567-12", "+8612345", "00123456789", "+49 171", "123456", "1" * 16]

WITH_EXTENSION = [
    "8 495 123-45-67 доб. 12",
    "8 495 123-45-67 доб12",
    "8 (495) 123-45-67, доб.12",
    "8 (495) 123-45-67 (доб. 12)",
    "8(495)1234567добавочный 12",
    "8 495 123-45-67;\nдоб. 12",
    "8 495 123-45-67 вн. 12",
    "8 495 123-45-67 внутр. 12",
    "8 495 123-45-67 внутренний: 12",
    "8 495 123-45-67 дод. 12",
    "+7 495 123-45-67 ext 12",
    "+7 495 123-45-67, Ext. 12",
    "+7 495 123-45-67 extension 12",
    "+74951234567;ext=12",
    "tel:+74951234567;ext=12",
    "+74951234567x12",
    "+7 495 123-45-67 X 12",
    "(495 123-45-67) x12",
    "+74951234567#12",
    "+7 495 123-45-67 # 12",
    "+7 495 123-45-67, #12",
    "8 495 123-45-67 доп. 12",
    "8 495 123-45-67 (12)",
    "123-45-67 (12)",
    "+7 495 123-45-67 DW 12",
    "+7 495 123-45-67 poste 12",
]

TYPED = [
    ("", []),
    ("нет", []),
    ("-", []),
    ("Anonymous", []),
    ("8 495 123-45-67", ["+74951234567"]),
    ("(495) 123-45-67", ["+74951234567"]),
    ("(812) 309 11 22", ["+78123091122"]),
    ("8.8152.45.67.89", ["+78152456789"]),
    ("123-45-67", ["+74951234567"]),
    ("моб. 8 903 100-20-30", ["+79031002030"]),
    ("8 903 100-20-30 WhatsApp", ["+79031002030"]),
    ("\u202a+7 903\u200b 100‑20‑30\u202c", ["+79031002030"]),
    ("Tel: +49 (0)171 123456-7 (mobil)", ["+491711234567"]),
    ("+49 171/1234567", ["+491711234567"]),
    ("+46 (0) 8 123 456 78", ["+46812345678"]),
    ("+33 1 42 68 53 00", ["+33142685300"]),
    ("+1 (212) 555-0147", ["+12125550147"]),
    # The trunk prefix after a plus
    ("+8 495 123-45-67", ["+74951234567"]),
    ("+8(812)309-11-22", ["+78123091122"]),
    ("+8-800-100-00-00", ["+78001000000"]),
    ("+88001000000", ["+78001000000"]),
    ("+8 10 375 29 123-45-67", ["+375291234567"]),
    ("+84951234567", ["+84951234567"]),
    ("+84 95 123 45 67", ["+84951234567"]),
    ("+8495 123-45-67", ["+84951234567"]),
    ("+86 10 1234 5678", ["+861012345678"]),
    # Several
    ("8 (495) 777-00-11, 8 (495) 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 (495) 777-00-11; 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 (495) 777-00-11\n777-00-12", ["+74957770011", "+74957770012"]),
    ("8 (495) 777-00-11\r\n8 (495) 777-00-12", ["+74957770011", "+74957770012"]),
    ("84957770011/84957770012", ["+74957770011", "+74957770012"]),
    ("777-00-11 / 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 495 777-00-11/12", ["+74957770011"]),
    ("8 495 777-00-11 (2 линии)", ["+74957770011"]),
    ("84957770011 84957770012", ["+74957770011", "+74957770012"]),
    ("8 495 1234567 8 495 7654321", ["+74951234567", "+74957654321"]),
    ("8 (495) 777 86 24  (495) 777-00-12", ["+74957778624", "+74957770012"]),
    ("8 495 777-00-11 – 8 916 122-96-24", ["+74957770011", "+79161229624"]),
    ("+74957770011+74957770012", ["+74957770011", "+74957770012"]),
    ("8 495 777-00-11 или 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 495 777-00-11 or 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 495 777-00-11 und 777-00-12", ["+74957770011", "+74957770012"]),
    ("8 495 777-00-11 або 777-00-12", ["+74957770011", "+74957770012"]),
    ("89161229624, +7 916 122-96-24", ["+79161229624"]),
    ("Tel:84957770011;84957770012", ["+74957770011", "+74957770012"]),
    ("sip:84957770011@pbx.example.org:5060;user=phone, tel:777-00-12;ext=1", ["+74957770011", "+74957770012;ext=1"]),
    # Extensions, ours and others'
    ("8 495 123-45-67 доб. 12, 8 495 123-45-67", ["+74951234567;ext=12", "+74951234567"]),
    ("8 495 777-00-11 (12), 8 916 122-96-24 (мама)", ["+74957770011;ext=12", "+79161229624"]),
    ("777-00-11 (123)", ["+74957770011;ext=123"]),
    ("8 495 777-00-11 доб. 2234567890", ["+74957770011", "~2234567890"]),
    ("8 495 777-00-11 внешний 12", ["+74957770011"]),
    ("8 495 123-45-67, 201", ["+74951234567"]),
    ("123-45-67/201", ["+74951234567"]),
    ("201/123-45-67", ["+74951234567"]),
    ("201", ["201"]),
    (" 201 ", ["201"]),
    ("201, 4507", ["201", "4507"]),
    ("201 / 4507", ["201", "4507"]),
    ("комната 305", []),
    ("доб. 201", []),
    ("201@firm.example.org", []),
    ("8,916,122,96,24", []),
    ("ivan7770011@firm.example.org", []),
    # Not sure to be numbers
    ("8 495 777-00-11 5 12", []),
    ("8 495 777-00-11-12", []),
    ("84957770011-12", []),
    ("12.05.2024", []),
    ("12.05.2024 8 916 122-96-24", ["+79161229624"]),
    ("2024-05-12 14:30", []),
    ("302000 г. Орёл", []),
    ("101000, Москва, тел. 777-00-11", ["+74957770011"]),
    ("р/с 40702810900000012345", []),
    ("1" * 1001, []),
    ("89161229624" + " " * 1000, ["+79161229624"]),
    ("тел. 89161229624" + " " * 1000, []),
]

TYPED_INCOMPLETE = [
    ("1229624", ["~1229624"]),
    ("тел. 122-96-24", ["~1229624"]),
    ("моб. 122-96-24 или 122-96-25", ["~1229624", "~1229625"]),
    ("122-96-24, 8 916 122-96-24", ["~1229624", "+79161229624"]),
    ("122-96-24 доб. 12", ["~1229624;ext=12"]),
    ("122-96-24 (12)", ["~1229624;ext=12"]),
    ("122-96-24/122-96-25", ["~1229624", "~1229625"]),
    ("122-96-24/25", ["~1229624"]),
    ("030/1234567", ["~0301234567"]),
    ("(0171) 1234567", ["~01711234567"]),
    ("(212) 555-0147", ["~2125550147"]),
    ("375 29 123 45 67", ["~375291234567"]),
    ("4917112345678", ["~4917112345678"]),
    ("122-96-24 Иван", []),
    ("паспорт 2209 1234567", []),
    ("ИНН 770708389312", []),
    ("10115 Berlin, 030 1234567", []),
    ("12345-6789 NY", []),
    ("1229624@firm.example.org", []),
    ("12.05.2024", []),
    ("2024-05-12", []),
    ("05/12/2024", []),
    ("1.5.2024 - 31.12.2024", []),
    ("302000", []),
    ("112", ["112"]),
    ("01", []),
    ("201/4507", ["201", "4507"]),
    ("+1234567", []),
    ("001234567", []),
    ("1" * 15, ["~" + "1" * 15]),
    ("1" * 16, []),
    ("40702810900000012345", []),
]

WITH_AREA_CODE = {
    ("RU", "4862"): ("+74862123456", ["12-34-56", "123456", "8 (4862) 12-34-56", "+7 4862 123456"]),
    ("DE", "30"): (
        "+493012345678",
        ["1234-5678", "030/12345678", "(030) 12345678", "+49 (0)30 12345678", "0049 30 12345678", "493012345678"],
    ),
    ("US", "212"): (
        "+12125550147",
        ["555-0147", "212-555-0147", "(212) 555-0147", "1 (212) 555-0147", "+1.212.555.0147", "0012125550147"],
    ),
    ("GB", "20"): (
        "+442079460958",
        ["7946 0958", "020 7946 0958", "(020) 79460958", "+44 (0)20 7946 0958", "00442079460958", "442079460958"],
    ),
    ("KZ", "727"): (
        "+77272345678",
        ["234-56-78", "8 (727) 234-56-78", "+7 727 2345678", "77272345678", "7272345678", "+8 (727) 234-56-78"],
    ),
    ("BY", "17"): (
        "+375172345678",
        ["234-56-78", "8 (017) 234-56-78", "8 017 2345678", "+375 17 234-56-78", "375172345678", "+8 (017) 234-56-78"],
    ),
    ("UA", "44"): (
        "+380442345678",
        ["234-56-78", "(044) 234-56-78", "0442345678", "+38 (044) 234-56-78", "38 044 234-56-78", "380442345678"],
    ),
}

ELSEWHERE = [
    ("DE", "3012345678", "+493012345678"),
    ("DE", "+0 30 12345678", "+493012345678"),
    ("DE", "+0049 30 12345678", "+493012345678"),
    ("DE", "0171 1234567", "+491711234567"),
    ("DE", "491711234567", "+491711234567"),
    ("DE", "0171-1234567", "+491711234567"),
    ("DE", "08912345", "+498912345"),
    ("US", "011 49 30 12345678", "+493012345678"),
    ("GB", "07700 900123", "+447700900123"),  # a range for films, which nobody has
    ("FR", "01 42 68 53 00", "+33142685300"),
    ("FR", "06.12.34.56.78", "+33612345678"),
    ("FR", "+33 (0)1 42 68 53 00", "+33142685300"),
    ("FR", "00 33 1 42 68 53 00", "+33142685300"),
    ("FR", "33142685300", "+33142685300"),
    ("KZ", "8 701 123 45 67", "+77011234567"),
    ("KZ", "8 10 49 30 12345678", "+493012345678"),
    ("KZ", "8 495 123-45-67", "+74951234567"),
    ("KZ", "74951234567", "+74951234567"),
    ("BY", "80291234567", "+375291234567"),
    ("BY", "8 10 7 916 122-96-24", "+79161229624"),
    ("UA", "050 123 45 67", "+380501234567"),
    ("UA", "0 50 123 45 67", "+380501234567"),
    ("IT", "06 1234 5678", "+390612345678"),
]


@pytest.mark.parametrize("text", ONE_NUMBER)
def test_all_spellings_are_one_number(text: str) -> None:
    assert MOSCOW.heard(text).canonical == "+79161229624"
    assert MOSCOW.typed(text) == (Number("+79161229624"),)


@pytest.mark.parametrize(("raw", "canonical"), HEARD)
def test_heard(raw: str, canonical: str) -> None:
    heard = MOSCOW.heard(raw)
    assert (heard.number, heard.canonical, heard.withheld) == (raw, canonical, False)
    assert heard.lookup == canonical or heard.lookup.startswith("~")


@pytest.mark.parametrize(("raw", "lookup"), INCOMPLETE)
def test_heard_incompletely(raw: str, lookup: str) -> None:
    assert NOWHERE.heard(raw) == Heard(raw, "", lookup, withheld=False)


@pytest.mark.parametrize("raw", NO_NUMBER)
def test_heard_and_no_number(raw: str) -> None:
    assert NOWHERE.heard(raw) == Heard(raw, "", "", withheld=False)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("84951234567;ext=12", "84951234567;ext=12"),
        ("84951234567 доб. 12", "84951234567 доб. 12"),
        ("tel:+74951234567;isub=7;ext=12", "+74951234567;ext=12"),
        ("sip:84951234567;ext=12@pbx.example.org;user=phone", "84951234567;ext=12"),
    ],
)
def test_heard_with_an_extension(raw: str, shown: str) -> None:
    assert MOSCOW.heard(raw) == Heard(shown, "+74951234567", "+74951234567;ext=12", withheld=False)


@pytest.mark.parametrize(
    ("raw", "heard"),
    [
        ("sip:201@pbx.example.org", Heard("201", "201", "201", withheld=False)),
        ("sip:alice@pbx.example.org", Heard("alice", "", "", withheld=False)),
        ("sip:anonymous@anonymous.invalid", Heard("", "", "", withheld=True)),
        ("sip:192.168.100.200", Heard("", "", "", withheld=False)),
        ("sip:@pbx.example.org", Heard("", "", "", withheld=False)),
        ("tel:", Heard("", "", "", withheld=False)),
    ],
)
def test_heard_in_an_address(raw: str, heard: Heard) -> None:
    assert MOSCOW.heard(raw) == heard


def typed(numbering: Numbering, text: str) -> list[str]:
    return [str(number) for number in numbering.typed(text)]


@pytest.mark.parametrize(("text", "numbers"), TYPED)
def test_typed(text: str, numbers: list[str]) -> None:
    assert typed(MOSCOW, text) == numbers


@pytest.mark.parametrize("text", WITH_EXTENSION)
def test_typed_with_an_extension(text: str) -> None:
    assert MOSCOW.typed(text) == (Number("+74951234567", "12"),)


@pytest.mark.parametrize(("text", "numbers"), TYPED_INCOMPLETE)
def test_typed_incompletely(text: str, numbers: list[str]) -> None:
    assert typed(NOWHERE, text) == numbers


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("+79161229624", Number("+79161229624")),
        ("+74951234567;ext=12", Number("+74951234567", "12")),
        ("201", Number("201")),
        ("~1229624", Number("~1229624")),
        ("~1229624;ext=12", Number("~1229624", "12")),
    ],
)
def test_a_number_as_text_and_back(text: str, number: Number) -> None:
    assert Number.of(text) == number
    assert str(number) == text
    assert number


@pytest.mark.parametrize(
    "text", ["", "x", "+", "+79161229624 ", "~122962", "1" * 23, "٢٠١", "+74951234567;ext=", ";ext=12", "201\n"]
)
def test_no_number_from_any_other_text(text: str) -> None:
    assert Number.of(text) == Number()
    assert not Number.of(text)


@pytest.mark.parametrize(
    ("text", "whole", "incomplete", "digits", "tail"),
    [
        ("+79161229624", True, False, "79161229624", "42692216197+"),
        ("~1229624", False, True, "1229624", "4269221~"),
        ("201", False, False, "201", "102"),
        ("", False, False, "", ""),
    ],
)
def test_kinds_of_numbers(text: str, whole: bool, incomplete: bool, digits: str, tail: str) -> None:
    number = Number.of(text)
    assert (number.whole, number.incomplete, number.digits, number.tail) == (whole, incomplete, digits, tail)


def test_each_number_of_the_stand_in_s_customers_is_read() -> None:
    with CUSTOMERS_FILE.open(encoding="utf-8", newline="") as file:
        fields = [row[column] for row in csv.DictReader(file) for column in ("phone", "mobile")]
    unread = [field for field in fields if field and not MOSCOW.typed(field)]
    assert len(fields) > 20
    assert unread == []


@pytest.mark.parametrize("presentation", [0x20, 0x21, 0x23, 0x40, 0x43, 0x60])
def test_a_withheld_number_is_neither_shown_nor_compared(presentation: int) -> None:
    assert MOSCOW.heard("+79161229624", presentation) == Heard("", "", "", withheld=True)


@pytest.mark.parametrize("presentation", [0x20, 0x23, 0x43])
def test_a_withheld_number_is_looked_up_only_where_that_is_wanted(presentation: int) -> None:
    numbering = Numbering("RU", "495", match_withheld=True)
    assert numbering.heard("89161229624", presentation) == Heard("", "+79161229624", "+79161229624", withheld=True)
    assert numbering.heard("Anonymous", presentation) == Heard("", "", "", withheld=True)
    assert numbering.heard("", presentation) == Heard("", "", "", withheld=True)
    assert numbering.heard("Alice", presentation) == Heard("", "", "", withheld=True)


def test_what_is_matched_changes_no_number() -> None:
    """The index of customers is kept under the numbering's name."""
    assert repr(Numbering("RU", "495", match_withheld=True)) == repr(MOSCOW)


@pytest.mark.parametrize("presentation", [0, 1, 2, 3])
def test_screening_is_not_withholding(presentation: int) -> None:
    assert MOSCOW.heard("201", presentation) == Heard("201", "201", "201", withheld=False)


@pytest.mark.parametrize("word", ["anonymous", "Anonymous", "restricted", "PRIVATE", " withheld "])
def test_words_for_a_withheld_number(word: str) -> None:
    assert MOSCOW.heard(word) == Heard("", "", "", withheld=True)


@pytest.mark.parametrize("word", ["", "unknown", "UNKNOWN", "unavailable", "s", " \t\n", "\x00\x1b", "\ud800"])
def test_words_for_no_number(word: str) -> None:
    assert MOSCOW.heard(word) == Heard("", "", "", withheld=False)


@pytest.mark.parametrize(
    ("raw", "shown"),
    [
        ("8916\r\n1229624", "8916 1229624"),
        ("8916\x1b[31m122", "8916[31m122"),
        ("\u202e8916", "8916"),
        ("89\udcff16", "8916"),
        ("Zoë", "Zoë"),
        ("x" * 300, "x" * 80),
        ("ﷺ" * 60, "صلى الله عليه وسلم" * 4 + "صلى الله"),
    ],
)
def test_the_number_is_fit_to_be_shown(raw: str, shown: str) -> None:
    assert MOSCOW.heard(raw).number == shown


def test_a_number_too_long_is_not_believed_in_part() -> None:
    assert MOSCOW.heard("89161229624" + " " * 80).canonical == ""


def test_without_extensions_short_numbers_are_nobody_s() -> None:
    numbering = Numbering("RU", "495", extensions="")
    assert numbering.heard("201").lookup == ""
    assert numbering.typed("201") == ()
    assert numbering.heard("()").lookup == ""


def test_extensions_are_told_apart_before_numbers() -> None:
    numbering = Numbering("RU", "495", extensions=r"^\d{7}$")
    assert numbering.heard("1234567") == Heard("1234567", "1234567", "1234567", withheld=False)
    assert typed(numbering, "1234567") == ["1234567"]
    assert typed(numbering, "1234567/7654321") == ["1234567", "7654321"]


@pytest.mark.parametrize(
    ("country", "area_code", "text", "canonical"),
    [
        (country, area_code, text, canonical)
        for (country, area_code), (canonical, texts) in WITH_AREA_CODE.items()
        for text in texts
    ],
)
def test_countries_with_area_codes(country: str, area_code: str, text: str, canonical: str) -> None:
    numbering = Numbering(country, area_code)
    assert typed(numbering, text) == [canonical]
    assert numbering.heard(text).canonical == canonical


@pytest.mark.parametrize(
    ("country", "area_code", "text", "numbers"),
    [
        ("RU", "4862", "12-34-56/57", ["+74862123456"]),
        ("DE", "30", "030 12345678/79", ["+493012345678"]),
        ("DE", "30", "030 / 12 34 56-0", ["+49301234560"]),
        ("DE", "30", "+49 30 123456/0171 1234567", ["+4930123456", "+491711234567"]),
        ("DE", "30", "1234567/7654321", ["+49301234567", "+49307654321"]),
        ("DE", "30", "1234567 7654321", ["+49301234567", "+49307654321"]),
        ("DE", "30", "4507/4508", ["4507", "4508"]),
        ("DE", "6131", "06131/123456", ["+496131123456"]),
    ],
)
def test_strokes_and_blanks(country: str, area_code: str, text: str, numbers: list[str]) -> None:
    assert typed(Numbering(country, area_code), text) == numbers


@pytest.mark.parametrize("country", ["GB", "UA", "FR"])
def test_a_trunk_prefix_is_in_no_whole_number(country: str) -> None:
    numbering = Numbering(country)
    assert numbering.heard("030 106427") == Heard("030 106427", "", "~030106427", withheld=False)  # of Berlin
    assert typed(numbering, "030 106427") == ["~030106427"]


@pytest.mark.parametrize(("country", "text", "canonical"), ELSEWHERE)
def test_countries(country: str, text: str, canonical: str) -> None:
    numbering = Numbering(country)
    assert numbering.heard(text).canonical == canonical
    assert typed(numbering, text) == [canonical]


@pytest.mark.parametrize(
    ("country", "text", "lookup"),
    [
        ("BY", "8 916 122-96-24", "~89161229624"),  # as in Russia; Belarus has numbers with 8 as well
        ("BY", "+8 495 123-45-67", "~84951234567"),
        ("DE", "8 495 123-45-67", "~84951234567"),
        ("US", "0171 1234567", "~01711234567"),
        ("GB", "8 495 123-45-67", "~84951234567"),
        ("FR", "8 495 123-45-67", "~84951234567"),
        ("UA", "8 050 123-45-67", "~80501234567"),
    ],
)
def test_a_neighbour_s_number_as_he_writes_it(country: str, text: str, lookup: str) -> None:
    numbering = Numbering(country)
    assert numbering.heard(text) == Heard(text, "", lookup, withheld=False)
    assert typed(numbering, text) == [lookup]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"country": "XX"}, "country 'XX' is not known; expected a code of two letters such as RU"),
        ({"country": "ru"}, "country 'ru' is not known; expected a code of two letters such as RU"),
        ({"area_code": "(495)"}, "area code '(495)' is not a number of at most six digits"),
        (
            {"extensions": "[1-"},
            "extensions '[1-' is not a regular expression: unterminated character set at position 0",
        ),
    ],
)
def test_settings_that_cannot_be(arguments: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the words are compared below
        Numbering(**arguments)
    assert str(refused.value) == words


def test_numberings_of_the_same_settings_are_equal() -> None:
    assert Numbering("RU", "495") == MOSCOW
    assert Numbering("RU", "812") != MOSCOW


DIALLED = st.from_regex(r"\+?[0-9]{1,15}", fullmatch=True)
RUSSIAN = st.from_regex(r"(\+7|8|7|810|)[0-9]{9,11}", fullmatch=True)


@pytest.mark.parametrize(("country", "trunk"), [("RU", "8"), ("KZ", "8"), ("US", "1"), ("FR", "0")])
@given(digits=DIALLED | RUSSIAN)
@example(digits="81012345678")
@example(digits="8101234567")
@example(digits="81037529123456")
@example(digits="+89161229624")
@example(digits="+8000000000")
@example(digits="79161229624")
@example(digits="789000000000")
def test_the_fast_path_agrees_with_phonenumbers(country: str, trunk: str, digits: str) -> None:
    numbering = Numbering(country, extensions="")
    if digits.startswith(("00", "+00")):
        return  # read as a plus everywhere, whatever the country's own prefix
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        expected, sure = "", True
    else:
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        sure = phonenumbers.is_valid_number(number)
    canonical = numbering.heard(digits).canonical
    if canonical and digits.startswith(f"+{trunk}") and not (expected and sure):
        assert canonical in (expected, numbering.heard(digits[1:]).canonical)
    elif not sure and canonical == f"+{digits}" != expected:  # all that it lacked was the plus
        assert phonenumbers.is_valid_number(phonenumbers.parse(canonical))
    else:
        assert canonical == expected or (canonical == "" and not sure)
    assert [number.text for number in numbering.typed(digits) if number.whole] == ([canonical] if canonical else [])


NEARLY_NUMBERS = st.text(alphabet="0123456789+ ()-./~,;доб#x\n\u00a0\uff11", max_size=200)


@given(text=st.text(st.characters()) | NEARLY_NUMBERS, presentation=st.integers())
def test_no_text_is_too_much(text: str, presentation: int) -> None:
    heard = MOSCOW.heard(text, presentation)
    assert heard.number.isprintable()
    assert len(heard.number) <= 80
    for number in (Number.of(heard.lookup), *MOSCOW.typed(text)):
        assert Number.of(str(number)) == number
        assert number.digits.isascii()
        assert number.digits.isdigit() or not heard.lookup


@given(text=st.text(st.characters()) | NEARLY_NUMBERS)
def test_what_was_read_reads_the_same_again(text: str) -> None:
    for number in MOSCOW.typed(text):
        assert MOSCOW.heard(number.digits if number.incomplete else str(number)).lookup in (str(number), number.text)
        assert MOSCOW.typed(str(number)) == (number,)


@pytest.mark.parametrize(
    "text",
    ["1" * 10**6, "1 " * 500, "+ " * 500, "1(((((((((" * 100, "/1234567" * 125, "８" * 1000]
    + ["12345678доб" * 90, "1 x" * 333, "1#" * 500, "1доб      " * 100, "1.1.20" * 166, "@" * 1000, "доб" * 333]
    + ["sip:" + ";=" * 498, "tel:" + "1" * 900, "8 495 777 00 11 " * 62, "1/1234567" * 111, "\n" * 1000]
    + [separator * 10_000 for separator in " .,;:-/()+~#x@\t\u00a0\u2013\u0301доб"]
    + [f"1{separator}" * 500 for separator in " .,;:-/()+~#x@\t\u00a0\u2013\u0301доб"],
    ids=lambda text: f"{text[:10]!r}*{len(text)}",
)
def test_long_texts_are_read_in_bounded_time(text: str) -> None:
    began = time.process_time()
    MOSCOW.typed(text)
    MOSCOW.heard(text)
    assert time.process_time() - began < 0.25  # some milliseconds; quadratic growth would take minutes
