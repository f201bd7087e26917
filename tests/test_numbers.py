"""Numbers as callers send them and as people type them, against their one canonical form."""

from __future__ import annotations

import csv
import time
from pathlib import Path

import phonenumbers
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from agi_server.numbers import Heard, Numbering

MOSCOW = Numbering("RU", "495")
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
    ("89161229624;ext=12", ""),
    ("+", ""),
    ("()", ""),
    ("9" * 79, ""),
]

TYPED = [
    ("", ()),
    ("нет", ()),
    ("-", ()),
    ("8 495 123-45-67", ("+74951234567",)),
    ("(812) 309 11 22", ("+78123091122",)),
    ("8.8152.45.67.89", ("+78152456789",)),
    ("моб. 8 903 100-20-30", ("+79031002030",)),
    ("Tel: +49 (0)171 123456-7 (mobil)", ("+491711234567",)),
    ("+49 171/1234567", ("+491711234567",)),
    ("+33 1 42 68 53 00", ("+33142685300",)),
    ("+1 (212) 555-0147", ("+12125550147",)),
    ("123-45-67", ("+74951234567",)),
    ("8 (495) 777-00-11, 8 (495) 777-00-12", ("+74957770011", "+74957770012")),
    ("8 (495) 777-00-11; 777-00-12", ("+74957770011", "+74957770012")),
    ("84957770011/84957770012", ("+74957770011", "+74957770012")),
    ("8 495 777-00-11/12", ("+74957770011",)),
    ("84957770011 84957770012", ("+74957770011", "+74957770012")),
    ("+74957770011+74957770012", ("+74957770011", "+74957770012")),
    ("8 495 777-00-11 или 777-00-12", ("+74957770011", "+74957770012")),
    ("89161229624, +7 916 122-96-24", ("+79161229624",)),
    ("8 495 123-45-67 доб. 201", ("+74951234567",)),
    ("8 495 123-45-67 #201", ("+74951234567",)),
    ("8 495 123-45-67, 201", ("+74951234567",)),
    ("123-45-67/201", ("+74951234567",)),
    ("201", ("201",)),
    (" 201 ", ("201",)),
    ("201, 4507", ("201", "4507")),
    ("комната 305", ()),
    ("доб. 201", ()),
    ("8 495 777-00-11 5 12", ()),
    ("8 495 1234567 8 495 7654321", ()),
    ("1" * 1001, ()),
    ("89161229624" + " " * 1000, ("+79161229624",)),
    ("тел. 89161229624" + " " * 1000, ()),
]


@pytest.mark.parametrize("text", ONE_NUMBER)
def test_all_spellings_are_one_number(text: str) -> None:
    assert MOSCOW.heard(text).canonical == "+79161229624"
    assert MOSCOW.typed(text) == ("+79161229624",)


@pytest.mark.parametrize(("raw", "canonical"), HEARD)
def test_heard(raw: str, canonical: str) -> None:
    assert MOSCOW.heard(raw) == Heard(raw, canonical, withheld=False)


@pytest.mark.parametrize(("text", "numbers"), TYPED)
def test_typed(text: str, numbers: tuple[str, ...]) -> None:
    assert MOSCOW.typed(text) == numbers


def test_each_number_of_the_stand_in_s_customers_is_read() -> None:
    with CUSTOMERS_FILE.open(encoding="utf-8", newline="") as file:
        fields = [row[column] for row in csv.DictReader(file) for column in ("phone", "mobile")]
    unread = [field for field in fields if field and not MOSCOW.typed(field)]
    assert len(fields) > 20
    assert unread == []


@pytest.mark.parametrize("presentation", [0x20, 0x21, 0x23, 0x40, 0x43, 0x60])
def test_a_withheld_number_is_neither_shown_nor_compared(presentation: int) -> None:
    assert MOSCOW.heard("+79161229624", presentation) == Heard("", "", withheld=True)


@pytest.mark.parametrize("presentation", [0, 1, 2, 3])
def test_screening_is_not_withholding(presentation: int) -> None:
    assert MOSCOW.heard("201", presentation) == Heard("201", "201", withheld=False)


@pytest.mark.parametrize("word", ["anonymous", "Anonymous", "restricted", "PRIVATE", " withheld "])
def test_words_for_a_withheld_number(word: str) -> None:
    assert MOSCOW.heard(word) == Heard("", "", withheld=True)


@pytest.mark.parametrize("word", ["", "unknown", "UNKNOWN", "s", " \t\n", "\x00\x1b", "\ud800"])
def test_words_for_no_number(word: str) -> None:
    assert MOSCOW.heard(word) == Heard("", "", withheld=False)


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


def test_without_an_area_code_a_local_number_is_nobody_s() -> None:
    assert Numbering("RU").heard("1234567").canonical == ""


def test_without_extensions_short_numbers_are_nobody_s() -> None:
    numbering = Numbering("RU", "495", extensions="")
    assert numbering.heard("201").canonical == ""
    assert numbering.typed("201") == ()
    assert numbering.heard("()").canonical == ""


@pytest.mark.parametrize(
    ("country", "area_code", "text", "canonical"),
    [
        ("DE", "30", "0171 1234567", "+491711234567"),
        ("DE", "30", "12345678", "+493012345678"),
        ("DE", "30", "030/12345678", "+493012345678"),
        ("DE", "", "0049 30 12345678", "+493012345678"),
        ("US", "212", "555-0147", "+12125550147"),
        ("US", "212", "1 (212) 555-0147", "+12125550147"),
        ("US", "", "011 49 30 12345678", "+493012345678"),
        ("GB", "", "020 7946 0958", "+442079460958"),
        ("FR", "", "01 42 68 53 00", "+33142685300"),
        ("KZ", "", "8 701 123 45 67", "+77011234567"),
        ("IT", "", "06 1234 5678", "+390612345678"),
    ],
)
def test_other_countries(country: str, area_code: str, text: str, canonical: str) -> None:
    numbering = Numbering(country, area_code)
    assert numbering.heard(text).canonical == canonical
    assert numbering.typed(text) == (canonical,)


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
def test_settings_that_cannot_be(arguments: dict[str, str], words: str) -> None:
    with pytest.raises(ValueError) as refused:  # noqa: PT011 - the words are compared below
        Numbering(**arguments)
    assert str(refused.value) == words


def test_numberings_of_the_same_settings_are_equal() -> None:
    assert Numbering("RU", "495") == MOSCOW
    assert Numbering("RU", "812") != MOSCOW


DIALLED = st.from_regex(r"\+?[0-9]{1,16}", fullmatch=True)
RUSSIAN = st.from_regex(r"(\+7|8|7|810|)[0-9]{9,11}", fullmatch=True)


@pytest.mark.parametrize("country", ["RU", "KZ", "US", "FR"])
@given(digits=DIALLED | RUSSIAN)
@example(digits="81012345678")
@example(digits="8101234567")
@example(digits="81037529123456")
def test_the_fast_path_agrees_with_phonenumbers(country: str, digits: str) -> None:
    numbering = Numbering(country, extensions="")
    if digits.startswith("00"):
        return  # read as a plus everywhere, whatever the country's own prefix
    try:
        number = phonenumbers.parse(digits, country)
    except phonenumbers.NumberParseException:
        expected, sure = "", True
    else:
        expected = phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)
        sure = phonenumbers.is_valid_number(number)
    canonical = numbering.heard(digits).canonical
    assert canonical == expected or (canonical == "" and not sure)
    assert numbering.typed(digits) == ((canonical,) if canonical else ())


NEARLY_NUMBERS = st.text(alphabet="0123456789+ ()-./~,;доб#x\n\u00a0\uff11", max_size=200)


@given(text=st.text(st.characters()) | NEARLY_NUMBERS, presentation=st.integers())
def test_no_text_is_too_much(text: str, presentation: int) -> None:
    heard = MOSCOW.heard(text, presentation)
    assert heard.number.isprintable()
    assert len(heard.number) <= 80
    for canonical in (heard.canonical, *MOSCOW.typed(text)):
        assert canonical.isascii()
        assert canonical.removeprefix("+").isdigit() or canonical == heard.canonical == ""


@given(text=st.text(st.characters()) | NEARLY_NUMBERS)
def test_what_was_read_reads_the_same_again(text: str) -> None:
    for canonical in MOSCOW.typed(text):
        assert MOSCOW.heard(canonical).canonical == canonical
        assert MOSCOW.typed(canonical) == (canonical,)


@pytest.mark.parametrize(
    "text", ["1" * 10**6, "1 " * 500, "+ " * 500, "1(((((((((" * 100, "/1234567" * 125, "８" * 1000, "(" * 1000]
)
def test_long_texts_are_read_in_bounded_time(text: str) -> None:
    began = time.process_time()
    MOSCOW.typed(text)
    MOSCOW.heard(text)
    assert time.process_time() - began < 0.25  # some milliseconds; quadratic growth would take minutes
