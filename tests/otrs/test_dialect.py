"""dialect: which answers of the recordings tell which OTRS it is, and that no others do."""

from __future__ import annotations

import pytest

from agi_server.call import Trouble
from agi_server.otrs import soap
from agi_server.otrs.dialect import WAYS, Dialect, by_action, by_empty_creation, by_limit, by_session, by_ticket
from tests.otrs.recorded import NAMES, answer, is_http

GENERATIONS = [("", Dialect.V6), ("4/", Dialect.V4), ("3.1/", Dialect.V3_1)]


def read(name: str) -> soap.Fields:
    fields = soap.read(name.rpartition("/")[2].split("-")[1], *answer(name))
    assert isinstance(fields, dict)
    return fields


@pytest.mark.parametrize(("folder", "dialect"), GENERATIONS)
def test_session(folder: str, dialect: Dialect) -> None:
    token = soap.text(read(f"{folder}01-SessionCreate-ok"), "SessionID")
    assert by_session(token) == (dialect if dialect is Dialect.V3_1 else None)


@pytest.mark.parametrize("token", ["", "10", "1098ab4a17c10b6d6efffe6152683369fZ", "98ab4a17c10b6d6efffe6152683369f1"])
def test_what_is_no_session_of_3_1(token: str) -> None:
    assert by_session(token) is None


@pytest.mark.parametrize("folder", ["3.1/", "4/"])
def test_limit(folder: str) -> None:
    hits = soap.texts(read(f"{folder}634-TicketSearch-limit-1"), "TicketID")
    assert by_limit(len(hits), 1) is (Dialect.V3_1 if folder == "3.1/" else None)


@pytest.mark.parametrize(
    ("words", "dialect"),
    [
        ("TicketCreate: Article parameter is missing or not valid!", Dialect.V6),
        ("TicketCreate: Ticket parameter is missing or not valid!", None),
    ],
)
def test_empty_creation(words: str, dialect: Dialect | None) -> None:
    fields = f"<Error><ErrorCode>TicketCreate.MissingParameter</ErrorCode><ErrorMessage>{words}</ErrorMessage></Error>"
    body = f"<Envelope><Body><TicketCreateResponse>{fields}</TicketCreateResponse></Body></Envelope>"
    assert by_empty_creation(soap.read("TicketCreate", 200, body.encode())) is dialect


@pytest.mark.parametrize("folder", ["4/", "3.1/"])
def test_ticket_comes_first_before_6(folder: str) -> None:
    assert by_empty_creation(soap.read("TicketCreate", *answer(f"{folder}52-TicketCreate-no-ticket"))) is None


@pytest.mark.parametrize(("folder", "dialect"), [("", None), ("4/", Dialect.V4), ("3.1/", Dialect.V4)])
def test_action(folder: str, dialect: Dialect | None) -> None:
    """3.1 says the same, but is known by then."""
    assert by_action(soap.read("TicketCreate", *answer(f"{folder}93-soapaction-op-only"))) is dialect


@pytest.mark.parametrize("judge", [by_empty_creation, by_action])
def test_other_answers_tell_nothing(judge: object) -> None:
    assert callable(judge)
    assert judge(Trouble("no answer from OTRS in time")) is None
    assert judge({}) is None
    for name in (name for name in NAMES if is_http(name) and "93-" not in name):
        judged = judge(soap.read("TicketCreate", *answer(name)))
        assert judged is None or "Article parameter is missing" in answer(name)[1].decode("utf-8", "replace"), name


@pytest.mark.parametrize(
    ("name", "dialect"),
    [
        ("131-TicketGet-articles-dynamicfields", Dialect.V6),
        ("4/635-TicketGet-after-create", Dialect.V4),
        ("4/130-TicketGet-ok", Dialect.V4),
        ("130-TicketGet-ok", None),  # without dynamic fields; something may have been left out
    ],
)
def test_ticket(name: str, dialect: Dialect | None) -> None:
    [ticket] = soap.records(read(name), "Ticket")
    assert by_ticket(ticket) is dialect


def test_ticket_without_anything() -> None:
    assert by_ticket({}) is None


def test_what_all_understand() -> None:
    """What is not known to be refused by anybody is what is said while nobody is known."""
    unknown, known = WAYS[None], [WAYS[dialect] for dialect in Dialect]
    assert unknown.difference == all(way.difference for way in known)
    assert unknown.empty_values == all(way.empty_values for way in known)
    assert unknown.hyphen == all(way.hyphen for way in known)
    assert unknown.fields_by_name == any(way.fields_by_name for way in known)
    assert unknown.fields_flat == any(way.fields_flat for way in known)


@pytest.mark.parametrize("dialect", Dialect)
def test_every_dialect_has_a_name_for_people(dialect: Dialect) -> None:
    assert dialect.product.startswith(f"OTRS {dialect}")
