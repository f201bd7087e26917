"""Who may ask, and what never becomes a request: sessions, logins, broken XML, wrong doors."""

from __future__ import annotations

import pytest

from tests.contract.requests import creation
from tests.contract.wire import PATH, Server, envelope, http


async def test_a_session_stands_for_the_login(otrs: Server) -> None:
    session = (await otrs.call("SessionCreate", {})).text("SessionID")

    for operation, node in (("TicketCreate", creation()), ("TicketSearch", {"Limit": "1"})):
        answer = await otrs.send(http(envelope(operation, {"SessionID": session, **node})))
        assert answer.error == ("", "")
        assert answer.texts("TicketID")


DEAD = {"SessionID": "0123456789abcdef0123456789abcdef", "TicketID": "1", **creation()}


@pytest.mark.parametrize(
    ("operation", "words"),
    [
        ("TicketCreate", "User could not be authenticated!"),
        ("TicketUpdate", "User could not be authenticated!"),
        ("TicketGet", "Authorization failing!"),
        ("TicketSearch", "Authorization failing!"),
    ],
)
async def test_a_dead_session_is_refused_even_with_a_good_login(otrs: Server, operation: str, words: str) -> None:
    for answer in (await otrs.send(http(envelope(operation, DEAD))), await otrs.call(operation, DEAD)):
        assert answer.error == (f"{operation}.AuthFail", f"{operation}: {words}")


@pytest.mark.parametrize(
    ("operation", "code", "words"),
    [
        ("SessionCreate", "MissingParameter", "The request is empty!"),
        ("TicketCreate", "MissingParameter", "UserLogin, CustomerUserLogin or SessionID is required!"),
        ("TicketUpdate", "EmptyRequest", "The request data is invalid!"),
        ("TicketGet", "AuthFail", "Authorization failing!"),
        ("TicketSearch", "AuthFail", "Authorization failing!"),
    ],
)
async def test_an_empty_request_is_refused(otrs: Server, operation: str, code: str, words: str) -> None:
    answer = await otrs.send(http(envelope(operation, {})))

    assert answer.error == (f"{operation}.{code}", f"{operation}: {words}")


@pytest.mark.parametrize("control", ["\x00", "\x01", "\x0b", "\x1f", "\ufffe", "\uffff"])
async def test_what_xml_forbids_is_never_stored(otrs: Server, control: str) -> None:
    sent = envelope("TicketCreate", {"UserLogin": otrs.user, "Password": otrs.password, **creation()})

    answer = await otrs.send(http(sent.replace("перезвонить", control)))

    assert answer.head[:2] == ["HTTP/1.1 500 Internal Server Error", "Content-Type: text/plain; charset=UTF-8"]
    assert answer.body.startswith("Error deserializing message:\n")


@pytest.mark.parametrize("body", ["text", "<a>", envelope("TicketGet", {})[:-1]])
async def test_what_is_not_xml(otrs: Server, body: str) -> None:
    answer = await otrs.send(http(body))

    assert answer.head[0] == "HTTP/1.1 500 Internal Server Error"
    assert answer.body.startswith("Error deserializing message:\n")


@pytest.mark.parametrize("body", ["<a/>", "<a><Header>1</Header></a>", "<Envelope><Body/></Envelope>"])
async def test_xml_without_a_request_in_it(otrs: Server, body: str) -> None:
    answer = await otrs.send(http(body))

    assert answer.head[0] == "HTTP/1.1 500 Internal Server Error"
    assert answer.body == "Got no result body from deserialized content"


@pytest.mark.parametrize("request_", [http("", method="GET"), http(""), http("", headers='SOAPAction: "x"\r\n')])
async def test_a_request_without_a_body_is_411(otrs: Server, request_: bytes) -> None:
    answer = await otrs.send(request_)

    assert answer.head[0] == "HTTP/1.1 411 Length Required"
    assert answer.body == "Length Required"


@pytest.mark.parametrize("method", ["POST", "GET"])
async def test_an_unknown_web_service_says_nothing(otrs: Server, method: str) -> None:
    body = "<x/>" if method == "POST" else ""
    assert (await otrs.send(http(body, path=PATH.replace("SOAP", "REST"), method=method))).raw == b""
