"""rpc.pl's messages: as recorded from 3.1, 4 and 6.5, cut at every byte, and anything at all."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from lxml import etree

from agi_server.call import Doubt, Trouble
from agi_server.otrs import rpc_messages
from agi_server.otrs.rpc_messages import NoMethod, Returned, pairs, plain, read
from agi_server.sandbox import rpc_wire
from tests.otrs.rpc_recorded import NAMES, answer, request

TYPE = "{http://www.w3.org/2001/XMLSchema-instance}type"

RECORDED: list[tuple[str, Returned]] = [
    ("3.1/200", ("2026112210000031",)),
    ("4/201", ("52",)),
    ("6/200", ("1303",)),
    ("3.1/209", ()),  # a number that is taken
    ("4/209", ()),
    ("3.1/210", ("4",)),
    ("3.1/211", (None,)),  # no such number: not the same as silence
    ("4/211", (None,)),
    ("3.1/213", ()),
    ("4/220", ()),  # a wrong password
    ("6/201", ()),
    ("6/323", ()),  # no database
    ("3.1/272", ("22",)),
    ("4/275", ()),
    ("3.1/277", ("22", "2026112210000282")),
    ("3.1/278", ("1",)),
    ("4/291", ("71",)),
    ("4/292", ()),
    ("4/313", ("2",)),
]


@pytest.mark.parametrize(("name", "expected"), RECORDED)
def test_recorded(name: str, expected: Returned) -> None:
    assert read(*answer(name)) == expected


@pytest.mark.parametrize("name", ["3.1/202", "4/202", "6/207"])
def test_a_recorded_ticket(name: str) -> None:
    returned = read(*answer(name))
    assert isinstance(returned, tuple)
    fields = pairs(returned)
    assert fields["Title"] == ["Звонок rpc" if name.startswith("6") else "Звонок от 89161229624"]
    assert re.fullmatch("2026112210[0-9]{6}", str(fields["TicketNumber"][0]))
    assert fields["StateType"] == ["new"]
    assert fields["ServiceID"] == [""]


def test_hashes_and_their_nils() -> None:
    assert pairs(("A", "1", "B", None, "C", "")) == {"A": ["1"], "B": [""], "C": [""]}
    assert pairs(("A", "1", "odd")) == {"A": ["1"]}
    assert pairs((None, "1", "", "2")) == {}
    assert pairs(()) == {}


@pytest.mark.parametrize(
    ("name", "reason", "doubt"),
    [
        ("3.1/247", "OTRS answered: No such Object NoObject!", Doubt.NONE),
        ("3.1/249", "OTRS answered 500: Application failed during request deserialization: no element", Doubt.NONE),
        ("4/252", "OTRS answered 500: SOAPAction shall match 'uri#method' if present", Doubt.NONE),
        ("6/302", "OTRS answered 404, not SOAP: 404 Not Found (is otrs.url right?)", Doubt.NONE),
    ],
)
def test_recorded_trouble(name: str, reason: str, doubt: Doubt) -> None:
    trouble = read(*answer(name))
    assert isinstance(trouble, Trouble)
    assert trouble.reason.startswith(reason)
    assert trouble.doubt is doubt


@pytest.mark.parametrize(("name", "method"), [("4/248", "NoSuchMethod"), ("6/206", "ArticleCreate")])
def test_a_method_that_this_version_has_not(name: str, method: str) -> None:
    missing = read(*answer(name))
    assert isinstance(missing, NoMethod)
    assert (missing.reason, missing.doubt) == (
        f"this OTRS has no {method} in its rpc.pl: see otrs.interface",
        Doubt.NONE,
    )


def soap(content: str) -> bytes:
    return (
        '<soap:Envelope xmlns:soap="http://schemas.xmlsoap.org/soap/envelope/" '
        'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xmlns:xsd="http://www.w3.org/2001/XMLSchema">'
        f"<soap:Body>{content}</soap:Body></soap:Envelope>"
    ).encode()


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ('<DispatchResponse><a xsi:type="xsd:float">1700000000.40</a></DispatchResponse>', ("1700000000.40",)),
        ('<DispatchResponse><a xsi:type="xsd:base64Binary">no, not base64</a></DispatchResponse>', ("no, not base64",)),
        ('<DispatchResponse><a xsi:type="xsd:base64Binary">0JbQ\nsg==</a></DispatchResponse>', ("Жв",)),
        ('<DispatchResponse><a xsi:type="xsd:base64Binary">/w==</a></DispatchResponse>', ("\ufffd",)),
        ("<DispatchResponse><a><b>1</b></a><c/></DispatchResponse>", ("", "")),
        ('<DispatchResponse><a xsi:nil="1"/><b>x</b></DispatchResponse>', (None, "x")),
        (
            "<soap:Fault><faultstring>DBI died</faultstring></soap:Fault>",
            Trouble("OTRS answered 500: DBI died", Doubt.ENDED),
        ),
        ("<soap:Fault/>", Trouble("OTRS answered 500: a Fault without words", Doubt.ENDED)),
        ("<Other/>", Trouble("OTRS answered 500 with Other to Dispatch", Doubt.ENDED)),
    ],
)
def test_answers_that_were_not_recorded(content: str, expected: object) -> None:
    assert read(500, soap(content)) == expected


@pytest.mark.parametrize("name", NAMES)
def test_every_recording_is_something(name: str) -> None:
    status, body = answer(name)
    assert isinstance(read(status, body), Trouble if status != 200 or b"No such Object" in body else tuple)


@pytest.mark.parametrize("name", ["3.1/201", "4/211", "4/209", "3.1/248", "4/247"])
def test_cut_at_every_byte_it_is_trouble(name: str) -> None:
    status, body = answer(name)
    assert all(isinstance(read(status, body[:length]), Trouble) for length in range(len(body)))


@given(st.integers(0, 999), st.binary(max_size=200) | st.text(max_size=200).map(lambda text: soap(text)))
def test_no_bytes_make_it_raise(status: int, body: bytes) -> None:
    assert isinstance(read(status, body), tuple | Trouble)


def values(body: bytes) -> list[tuple[str, str]]:
    """Types and texts of a request, by their places."""
    return [(child.get(TYPE, ""), child.text or "") for child in etree.fromstring(body)[0][0]]


def test_a_request_is_the_recorded_one() -> None:
    parameters: dict[str, Any] = {
        "Title": "Звонок от 89161229624",
        "Queue": "Raw",
        "Lock": "unlock",
        "Priority": "2 low",
        "State": "new",
        "CustomerID": "ACME",
        "CustomerUser": "ivanov",
        "OwnerID": 1,
        "UserID": 1,
        "TN": "2026112210000031",
    }
    ours = rpc_messages.build("soapuser", "soap-secret", "TicketObject", "TicketCreate", parameters)
    action, recorded = request("3.1/208")
    assert values(ours) == values(recorded)
    assert action == rpc_messages.ACTION


def test_arrays() -> None:
    built = rpc_messages.build("u", "p", "TicketObject", "TicketSearch", {"States": ("new", "open"), "IDs": [1, 2]})
    call = rpc_wire.parse(built, rpc_messages.ACTION)
    assert call.parameters == {"States": ["new", "open"], "IDs": ["1", "2"]}
    _, recorded = request("4/281")
    assert rpc_wire.parse(recorded, "").parameters["StateType"] == ["open", "new"]


@given(
    st.text(max_size=50), st.text(max_size=50), st.dictionaries(st.text(max_size=9), st.text(max_size=50), max_size=5)
)
def test_whatever_is_sent_arrives(user: str, password: str, parameters: dict[str, str]) -> None:
    built = rpc_messages.build(user, password, "TicketObject", "TicketCreate", dict(parameters))
    call = rpc_wire.parse(built, rpc_messages.ACTION)
    assert (call.user, call.password) == (plain(user), plain(password))
    assert call.parameters == {plain(name): plain(value) for name, value in parameters.items()}


def test_what_no_table_of_otrs_5_holds() -> None:
    assert plain("a\N{TELEPHONE RECEIVER}\x00b\ufffe") == "a\ufffd\ufffdb\ufffd"


@given(st.lists(st.none() | st.text(st.characters(exclude_categories=["Cs", "Cc"], max_codepoint=0xFFFD), max_size=30)))
def test_what_the_stand_in_returns_is_what_was_stored(returned: list[str | None]) -> None:
    answered = rpc_wire.returned(returned)
    assert read(answered.status, answered.body) == tuple(returned)
