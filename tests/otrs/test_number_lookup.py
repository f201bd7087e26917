"""Who is found by which number: grades, bounds, and that the index agrees with looking at each number in turn."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from agi_server.call import Match
from agi_server.likeness import likeness
from agi_server.numbers import Number
from agi_server.otrs.customer_table import Row
from agi_server.otrs.number_index import NumberIndex, open_index
from agi_server.otrs.number_lookup import CANDIDATES, NEIGHBOURS, NOTHING, Found
from tests.otrs.customer_user import MONDAY, SECOND

LAST = 2**63 - 1


def index_of(path: Path, *customers: str) -> NumberIndex:
    """Of customers who are called 1, 2, ..., the later the later changed; each has numbers with blanks between."""
    index = open_index(path, "settings", lambda row: [Number.of(text) for text in row.facts[1].split()])
    rows = [Row(id_, True, MONDAY + id_ * SECOND, (str(id_), text)) for id_, text in enumerate(customers, 1)]
    index.merge(rows, 0, LAST)
    index.reached(MONDAY)
    return index


def names(found: Found) -> tuple[Match, list[str]]:
    return found[0], [facts[0] for facts in found[1]]


DIRECTORY = (
    "+79161229624 +74951234567",
    "+74957770011",
    "+74957770011;ext=12",
    "+74957770011;ext=13 +74957770011;ext=14",
    "201",
    "~1234567",
    "~8121234567;ext=5",
    "~0301234999",
    "~301234999",
    "~8889900 ~4958889900",
    "~7654321;ext=1 ~7654321;ext=2",
    "~5554433",
    "+78125554433",
)


@pytest.fixture(name="index", scope="module")
def with_all_of_them(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NumberIndex]:
    with closing(index_of(tmp_path_factory.mktemp("index") / "customers.db", *DIRECTORY)) as index:
        yield index


@pytest.mark.parametrize(
    ("heard", "grade", "logins"),
    [
        ("+79161229624", Match.EXACT, "1"),
        ("+74951234567", Match.EXACT, "1"),
        ("+74957770011", Match.EXACT, "2"),
        ("+74957770011;ext=13", Match.EXACT, "4"),
        ("+74957770011;ext=99", Match.WITHOUT_EXTENSION, "4 3 2"),
        ("+79161229624;ext=1", Match.WITHOUT_EXTENSION, "1"),
        ("201", Match.EXACT, "5"),
        ("202", Match.NONE, ""),
        ("201;ext=1", Match.NONE, ""),
        ("~1234567", Match.EXACT, "6"),
        ("~9161229624", Match.NATIONAL, "1"),
        ("~89161229624", Match.NATIONAL, "1"),
        ("~89161229625", Match.NONE, ""),
        ("+49301234999", Match.NATIONAL, "9 8"),
        ("+43301234999", Match.NATIONAL, "9 8"),
        ("+78121234567", Match.NATIONAL, "7"),
        ("+79171234567", Match.SUFFIX, "6"),  # of the others with these digits nobody's is like it
        ("+74958889900", Match.NATIONAL, "10"),
        ("+74998889900", Match.SUFFIX, "10"),
        ("~8889900;ext=3", Match.SUFFIX, "10"),
        ("+74957654321", Match.SUFFIX, "11"),  # two of his, but one customer
        ("~7654321;ext=3", Match.SUFFIX, "11"),
        ("~15554433", Match.SUFFIX, "12"),
        ("+78125554433", Match.EXACT, "13"),
        ("~8125554433", Match.NATIONAL, "13"),
        ("~125554433", Match.NONE, ""),  # the end of one's, and another's is the end of it
        ("+79991112233", Match.NONE, ""),
        ("~0000000", Match.NONE, ""),
    ],
)
def test_the_best_grade_wins(index: NumberIndex, heard: str, grade: Match, logins: str) -> None:
    assert names(index.find(Number.of(heard))) == (grade, logins.split())


def test_no_number_is_nobody_s(index: NumberIndex) -> None:
    assert index.find(Number()) == NOTHING


def test_so_many_are_told_and_no_more(tmp_path: Path) -> None:
    number = "+74957770011"
    with closing(
        index_of(tmp_path / "index.db", number, *[f"{number};ext={n}" for n in range(CANDIDATES + 9)])
    ) as index:
        assert names(index.find(Number(number))) == (Match.EXACT, ["1"])
        grade, logins = names(index.find(Number(number, "9999")))
        assert (grade, len(logins), logins[0]) == (Match.WITHOUT_EXTENSION, CANDIDATES, f"{CANDIDATES + 10}")


def test_a_switchboard_s_many_customers_hide_nobody(tmp_path: Path) -> None:
    others = [f"+7495{digits}" for digits in ("7770011;ext=1", "7770011;ext=2")] * 500
    with closing(index_of(tmp_path / "index.db", *others, "~7770011")) as index:
        assert names(index.find(Number("+78127770011"))) == (Match.SUFFIX, ["1001"])


def test_a_guess_among_too_many_numbers_is_none(tmp_path: Path) -> None:
    few = [f"+49{area}7770011" for area in range(200, 200 + NEIGHBOURS - 1)]
    heard = Number("~997770011")  # nobody's but the last one's
    with closing(index_of(tmp_path / "few.db", *few, "~7770011")) as index:
        assert names(index.find(heard)) == (Match.SUFFIX, [str(NEIGHBOURS)])
    with closing(index_of(tmp_path / "more.db", *few, "+4910007770011", "~7770011")) as index:
        assert index.find(heard) == NOTHING


def test_when_everybody_has_the_same_last_digits(tmp_path: Path) -> None:
    crowd = [f"+{digits}7770011" for digits in range(1000, 3000)]
    with closing(index_of(tmp_path / "index.db", *crowd, "+9990007770011")) as index:
        assert names(index.find(Number("+9990007770011"))) == (Match.EXACT, ["2001"])
        assert index.find(Number("+9990017770011")) == NOTHING


SUBSCRIBERS = st.sampled_from(["1234567", "0123456", "7770011"])
WHOLE = st.builds("+{}{}{}".format, st.sampled_from([7, 49, 380]), st.sampled_from([495, 30, 812]), SUBSCRIBERS)
BEFORE = st.sampled_from(["", "495", "0495", "8495", "30", "030", "12", "95"])
LOCAL = st.builds("~{}{}".format, BEFORE, SUBSCRIBERS)
EXTENSIONS = st.sampled_from(["", "", ";ext=1", ";ext=22"])
NUMBERS = st.one_of(st.sampled_from(["201", "202"]), st.tuples(st.one_of(WHOLE, LOCAL), EXTENSIONS).map("".join))


@settings(deadline=None, max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(directory=st.lists(st.sets(NUMBERS, max_size=2).map(" ".join), max_size=5), heard=NUMBERS.map(Number.of))
def test_it_agrees_with_looking_at_each(tmp_path: Path, directory: list[str], heard: Number) -> None:
    """The index is a quicker way of grading each customer's numbers."""
    path = tmp_path / "any.db"
    path.unlink(missing_ok=True)
    graded = {}
    for login, texts in enumerate(directory, 1):
        if grades := [grade for text in texts.split() if (grade := likeness(heard, Number.of(text)))]:
            graded[str(login)] = min(grades, key=list(Match).index)
    best = min(graded.values(), key=list(Match).index, default=Match.NONE)
    logins = [login for login, grade in sorted(graded.items(), reverse=True) if grade is best]
    if best is Match.SUFFIX and len(logins) > 1:
        best, logins = Match.NONE, []
    with closing(index_of(path, *directory)) as index:
        assert names(index.find(heard)) == (best, logins)
