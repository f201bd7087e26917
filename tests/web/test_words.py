"""Both languages say everything, and the browser chooses."""

from __future__ import annotations

import re
from datetime import datetime
from string import Formatter

import pytest

from agi_server.web import words
from agi_server.web.views import HERE
from agi_server.web.words import ENGLISH, LANGUAGES, RUSSIAN, words_for


def names_in(text: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(text) if name}


def test_every_text_is_there_in_both_languages_with_the_same_values_in_it() -> None:
    assert list(RUSSIAN) == list(ENGLISH)
    for name, text in ENGLISH.items():
        assert names_in(RUSSIAN[name]) == names_in(text), name
        assert bool(RUSSIAN[name]) == bool(text), name
        assert RUSSIAN[name] != text or name in ("otrs", "listener", "match_none", "by"), name


def test_no_text_is_there_that_nobody_says() -> None:
    package = "\n".join(
        path.read_text(encoding="utf-8") for path in HERE.rglob("*.*") if path.suffix in (".py", ".html")
    )
    said = package.replace((HERE / "words.py").read_text(encoding="utf-8"), "")
    built = ("match_", "event_")  # of these the second half comes from elsewhere
    unsaid = [name for name in ENGLISH if not name.startswith(built) and not re.search(rf"""["']{name}["']""", said)]
    assert unsaid == ["months"]


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("", "en"),
        ("ru", "ru"),
        ("ru-RU,ru;q=0.9,en;q=0.8", "ru"),
        ("en-GB,en;q=0.9,ru;q=0.8", "en"),
        ("de, ru;q=0.5, en;q=0.4", "ru"),
        ("de,fr;q=0.5", "en"),
        ("ru;q=0", "en"),
        ("ru;q=0, en;q=0", "en"),
        ("*", "en"),
        ("RU", "ru"),
        ("ru;q=two, en", "en"),
        (",,;;ru", "en"),
        ("x" * 10_000, "en"),
    ],
)
def test_the_browser_chooses_the_language(header: str, language: str) -> None:
    assert words_for(header)["language"] == language


def test_dates_and_numbers() -> None:
    assert LANGUAGES["en"].date(datetime(2026, 5, 1)) == "1 May"  # noqa: DTZ001 -- a day is a day
    assert LANGUAGES["ru"].date(datetime(2026, 11, 22)) == "22 ноя"  # noqa: DTZ001
    assert LANGUAGES["en"].number(1234567) == "1 234 567"
    assert len(words.ENGLISH["months"].split()) == len(words.RUSSIAN["months"].split()) == 12
