"""Where numbers stand in a text, and what stands behind and beside them."""

from __future__ import annotations

import pytest

from agi_server import notation
from agi_server.notation import Written

FIELDS = [
    ("", []),
    ("нет", []),
    ("12", [Written("12")]),
    ("8 495 123-45-67", [Written("8 495 123-45-67")]),
    ("(495) 123-45-67.", [Written("495) 123-45-67")]),
    ("+ (7) 495/1", [Written("+ (7) 495/1")]),
    ("1+2", [Written("1"), Written("+2")]),
    ("1, 2; 3 или 4\n5|6", [Written(digit) for digit in "123456"]),
    ("1234567 доб. 12", [Written("1234567", "12")]),
    ("1234567 (доб. 12)", [Written("1234567", "12")]),
    ("1234567х12", [Written("1234567", "12")]),
    ("1234567 (12)", [Written("1234567 ", "12")]),
    ("1234567(12345)", [Written("1234567", "12345")]),
    ("1234567(123456)", [Written("1234567(123456")]),
    ("1234 (12)", [Written("1234 (12")]),
    ("1234567 (12", [Written("1234567 ")]),
    ("1234567 (2 линии)", [Written("1234567 ")]),
    ("1234567, #12", [Written("1234567", "12")]),
    ("1234567 доп. 12", [Written("1234567", "12")]),
    ("[+7 916] 122_96_24", [Written("+7 916) 122-96-24")]),
    ("ivan.1234567@mail.example, 7654321@pbx.example", [Written("7654321")]),
    ("с 9:00 до 18:00 1234567", [Written("1234567")]),
    ("1234567 (12) 3", [Written("1234567 (12) 3")]),
    ("1234567 доб. 1234567890", [Written("1234567"), Written("1234567890")]),
    ("1234567 добрый 12", [Written("1234567"), Written("12")]),
    ("1234567" + " " * 9 + "доб. 12", [Written("1234567"), Written("12")]),
    ("31.12.2024", []),
    ("12/31/2024", []),
    ("32.12.2024 1.32.1999", [Written("32.12.2024 1.32.1999")]),
    ("1.1.2024/2024-1-1", [Written("1.1.2024/2024-1-1")]),
    ("1.1.2024, 2024-01-31", []),
    ("030.12.2024", [Written("030.12.2024")]),
    ("12.05.20245", [Written("12.05.20245")]),
    ("1234567@10.0.0.1:5060, 2", [Written("1234567"), Written("2")]),
    ("tel:1;ext=2 sip:3@4;user=5, sips:6", [Written("1", "2"), Written("3")]),
    ("x@sip:1", []),
    ("１２\u200b３", [Written("123")]),
]

ADDRESSES = [
    ("+79161229624", "+79161229624"),
    ("tel:+79161229624", "+79161229624"),
    ("<tel:+79161229624>", "+79161229624"),
    ("SIPS:201@pbx.example.org:5061;transport=tls", "201"),
    ("sip:+79161229624;npdi;ext=12@pbx.example.org", "+79161229624;ext=12"),
    ("tel:1229624;Phone-Context=+7916", "+79161229624"),
    ("tel:+79161229624;phone-context=+7", "+79161229624"),
    ("tel:1229624;phone-context=example.org", "1229624"),
    ("tel:1229624;ext=", "1229624"),
    ("sip:pbx.example.org", ""),
    ("tel: 1229624", "tel: 1229624"),
    ("http://example.org/1", "http://example.org/1"),
]

LONELY = ["", "1", "тел. 1", "Моб.: 1 или 2", "tel 1 und 2, Fax 3", "1 доб. 2 внутр. 3", "1 x 2", "1х2"]
ACCOMPANIED = ["паспорт 1", "1 Иван", "тел. 1 (Иван)", "1@2", "телепорт 1"]


@pytest.mark.parametrize(("text", "numbers"), FIELDS)
def test_the_numbers_in_a_field(text: str, numbers: list[Written]) -> None:
    assert notation.written(notation.tidied(text)) == numbers


@pytest.mark.parametrize(("text", "number"), ADDRESSES)
def test_the_number_in_an_address(text: str, number: str) -> None:
    assert notation.from_address(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("12", Written("12")),
        ("(12) 3/4", Written("(12) 3/4")),
        ("+12;ext=3", Written("+12", "3")),
        ("+12 (доб. 3)", Written("+12", "3")),
        ("", None),
        ("12, 3", None),
        ("12a", None),
        ("*12#", None),
        ("12 ext", None),
    ],
)
def test_the_only_number(text: str, number: Written | None) -> None:
    assert notation.only(text) == number


@pytest.mark.parametrize(
    ("text", "simple"),
    [
        ("89161229624", True),
        ("(+7 916) 122-96-24", True),
        ("+46 (0) 8 123 456 78", True),
        ("12.05.2024", False),
        ("12-05-2024", False),
        ("8 495 123-45-67 (12)", False),
        ("84951234567/68", False),
        ("8 495 123-45-67, 12", False),
        (" 89161229624", False),
        ("1" * 22, False),
    ],
)
def test_most_numbers_are_simple(text: str, simple: bool) -> None:
    assert notation.simple(text) is simple


@pytest.mark.parametrize("text", LONELY)
def test_words_that_say_only_that_it_is_a_number(text: str) -> None:
    assert not notation.beside_words(text)


@pytest.mark.parametrize("text", ACCOMPANIED)
def test_words_that_may_make_it_something_else(text: str) -> None:
    assert notation.beside_words(text)


@pytest.mark.parametrize(("text", "words"), [("", False), ("+7 (495)", False), ("доб.", True), ("1@2", True)])
def test_a_text_has_words(text: str, words: bool) -> None:
    assert notation.has_words(text) is words


def test_parts_of_a_number() -> None:
    run = "+7 (495) 123 / 4"
    assert notation.dialled(run) == "+74951234"
    assert notation.count(run) == 8
    assert notation.groups(run) == ["7", "495", "123", "4"]
    assert notation.parts(run) == ["+7 (495) 123", "4"]
