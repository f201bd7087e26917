"""What only the stand-in has: its address, forced expiry, the store seen from a test, the agent's pages."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path

import aiohttp
import pytest

from agi_server.sandbox import Sandbox, connector
from agi_server.sandbox import tickets as store
from agi_server.sandbox.otrs import HOST
from tests.contract.requests import call_field, created, creation, found
from tests.contract.wire import Server, envelope, http

HOSTILE = '<script>alert("1")</script>{{ 7 * 7 }}&'


async def test_expired_sessions_are_refused_and_the_next_one_is_good(sandbox: Sandbox, otrs: Server) -> None:
    first = (await otrs.call("SessionCreate", {})).text("SessionID")
    sandbox.expire_sessions()
    second = (await otrs.call("SessionCreate", {})).text("SessionID")

    async def error_of(session: str) -> str:
        return (await otrs.send(http(envelope("TicketCreate", {"SessionID": session, **creation()})))).error[0]

    assert await error_of(first) == "TicketCreate.AuthFail"
    assert await error_of(second) == ""
    assert len(sandbox.tickets) == 1


async def test_the_newest_sessions_are_kept(otrs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connector, "SESSIONS_KEPT", 1)
    sessions = [(await otrs.call("SessionCreate", {})).text("SessionID") for _ in range(2)]

    searches = [await otrs.send(http(envelope("TicketSearch", {"SessionID": session}))) for session in sessions]
    assert [answer.error[0] for answer in searches] == ["TicketSearch.AuthFail", ""]


async def test_its_address_answers_an_http_client(sandbox: Sandbox, otrs: Server) -> None:
    sent = envelope("TicketCreate", {"UserLogin": otrs.user, "Password": otrs.password, **creation()})

    async with aiohttp.ClientSession() as session, session.post(sandbox.url, data=sent.encode()) as answer:
        assert answer.status == 200
        assert "<TicketNumber>" in await answer.text()
        assert answer.headers["Connection"] == "close"


async def test_a_client_that_dies_in_the_middle_of_a_request_is_no_error(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async with Sandbox(tmp_path) as sandbox:
        reader, writer = await asyncio.open_connection(HOST, sandbox.port)
        path = sandbox.url.removeprefix(f"http://{HOST}:{sandbox.port}")
        head = f"POST {path} HTTP/1.1\r\nHost: otrs\r\nContent-Length: 99\r\nExpect: 100-continue\r\n\r\n"
        writer.write(head.encode() + b"<")
        await writer.drain()
        await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), 10)  # its body is awaited now
        writer.close()
    assert caplog.messages == []
    assert sandbox.received("") == 0


async def test_tickets_of_a_call(sandbox: Sandbox, otrs: Server) -> None:
    ticket_id = await created(otrs, DynamicField=call_field("1.1"))
    await created(otrs, DynamicField=call_field("2.2"))

    (ticket,) = sandbox.tickets_of("1.1")
    assert str(ticket.id) == ticket_id
    assert ticket.articles[0].history_type == "PhoneCallCustomer"
    assert sandbox.tickets_of("3.3") == []
    assert len(sandbox.tickets) == 2


async def test_the_call_field_can_be_missing(tmp_path: Path) -> None:
    async with Sandbox(tmp_path, password="pass", dynamic_fields=()) as sandbox:
        otrs = Server("stand-in", sandbox.port, "agi-server", "pass")

        answer = await otrs.call("TicketCreate", creation(DynamicField=call_field("1.1")))

        assert answer.error == (
            "TicketCreate.InvalidParameter",
            "TicketCreate: DynamicField->Name parameter is invalid!",
        )
        assert await found(otrs, DynamicField={"Name": "AsteriskUniqueID", "Equals": "1.1"}) == ["1"]


async def test_time_windows_follow_the_clock(tmp_path: Path) -> None:
    clock = datetime(2026, 11, 22, 4, 22, 43, tzinfo=UTC)
    sandbox = Sandbox(tmp_path, password="pass", now=lambda: clock)
    async with sandbox:
        otrs = Server("stand-in", sandbox.port, "agi-server", "pass")
        first = await created(otrs)
        clock += timedelta(minutes=10)
        second = await created(otrs)

        assert await found(otrs) == [second, first, "1"]
        assert await found(otrs, TicketCreateTimeNewerMinutes="9") == [second]
        assert await found(otrs, TicketCreateTimeOlderMinutes="9") == [first, "1"]
        assert await found(otrs, TicketCreateTimeNewerDate="2026-11-22 04:30:00") == [second]


@pytest.mark.parametrize(
    ("counter", "number"),
    [(1266, "2026112210012662"), (1267, "2026112210012671"), (1268, "2026112210012681"), (1269, "2026112210012699")],
)
def test_numbers_are_those_that_a_real_one_gave(counter: int, number: str) -> None:
    assert store.ticket_number(datetime(2026, 11, 22, tzinfo=UTC), counter) == number


async def test_the_newest_tickets_are_kept(sandbox: Sandbox, otrs: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "KEPT", 2)
    made = [await created(otrs) for _ in range(3)]

    assert sorted(await found(otrs)) == made[1:]


async def test_a_taken_port_is_an_error_and_leaves_nothing_open(sandbox: Sandbox, tmp_path: Path) -> None:
    with pytest.raises(OSError, match="address already in use"):
        async with Sandbox(tmp_path / "other", port=sandbox.port):
            pass


async def page(sandbox: Sandbox, path: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{sandbox.port}{path}") as answer:
        return answer.status, await answer.text()


async def test_a_ticket_s_page_escapes_what_the_caller_chose(sandbox: Sandbox, otrs: Server) -> None:
    hostile = {"Subject": HOSTILE, "Body": HOSTILE}
    ticket_id = await created(otrs, ticket={"Title": HOSTILE}, article=hostile, DynamicField=call_field(HOSTILE))
    address = sandbox.zoom_url.replace("{{ ticket_id }}", ticket_id)
    number = sandbox.tickets[0].number

    for path in (
        address.partition(str(sandbox.port))[2],
        f"/otrs/index.pl?Action=AgentTicketZoom;TicketNumber={number}",
    ):
        status, html = await page(sandbox, path)

        assert status == 200
        assert "<script" not in html
        assert html.count("&lt;script&gt;alert(&#34;1&#34;)&lt;/script&gt;{{ 7 * 7 }}&amp;") == 4
        for shown in (number, "HelpDesk", "new", "3 normal", "ivanov", "ROMASHKA", "AsteriskUniqueID"):
            assert shown in html
        assert "http" not in html


async def test_a_ticket_s_page_shows_what_else_it_has(sandbox: Sandbox, otrs: Server) -> None:
    later = {"Year": "2030", "Month": "1", "Day": "2", "Hour": "3", "Minute": "4"}
    ticket_id = await created(
        otrs,
        ticket={
            "State": "pending reminder",
            "PendingTime": later,
            "Service": "Telephony",
            "SLA": "Within the hour",
        },
        DynamicField={"Name": "CallTopics", "Value": ["billing", "other"]},
        Attachment={"Filename": f"{HOSTILE}.txt", "ContentType": "text/plain", "Content": "aGk="},
    )

    _, html = await page(sandbox, f"/otrs/index.pl?Action=AgentTicketZoom;TicketID={ticket_id}")

    for shown in (
        "2030-01-02 03:04:00 UTC",
        "Telephony, Within the hour",
        "billing, other",
        ".txt (text/plain, 2 bytes)",
    ):
        assert shown in html
    assert "<script" not in html


async def test_the_list_shows_the_newest_first(sandbox: Sandbox, otrs: Server) -> None:
    await created(otrs, ticket={"Title": "first"})
    await created(otrs, ticket={"Title": f"second {HOSTILE}"})

    for path in ("/", "/otrs/index.pl", "/otrs/index.pl?Action=AgentDashboard"):
        status, html = await page(sandbox, path)

        assert status == 200
        assert "<script" not in html
        assert html.index("second") < html.index("first") < html.index("Znuny says hi!")
        assert 'href="/otrs/index.pl?Action=AgentTicketZoom;TicketID=3"' in html


@pytest.mark.parametrize("which", ["TicketID=99", "TicketID=x", "TicketNumber=1", "TicketID=", ""])
async def test_a_ticket_that_is_not_there(sandbox: Sandbox, which: str) -> None:
    status, html = await page(sandbox, f"/otrs/index.pl?Action=AgentTicketZoom;{which}")

    assert status == 404
    assert "There is no such ticket" in html
