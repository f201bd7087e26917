"""Each dialect on the stand-in of its age: told, found out, or not known, the ticket is made, found and added to."""

from __future__ import annotations

from contextlib import AsyncExitStack
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import permutations
from pathlib import Path

import pytest

from agi_server.call import Created, NotFound, Refused
from agi_server.helpdesk import Attachment, OpenTickets, Update
from agi_server.otrs.connector import Connector
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.rpc import Rpc
from agi_server.sandbox import Sandbox
from agi_server.sandbox.faults import CLOSED
from tests.otrs.desk import ticket

EACH = pytest.mark.parametrize("dialect", Dialect)
CALL = "1700000000.42"
ASKED = ticket(
    call_id=CALL,
    state="pending reminder",
    pending_time=timedelta(hours=2),
    dynamic_fields={"CallTopics": ("billing", "other")},
    article={
        "content_type": "text/plain; charset=utf-8",
        "attachments": (
            Attachment("call.txt", "text/plain; charset=utf-8", b"all"),
            Attachment("a.wav", "audio/x-wav", b"R"),
        ),
    },
)


@EACH
@pytest.mark.parametrize("how", ["told", "found out", "not known"])
@pytest.mark.parametrize("call_field", ["AsteriskUniqueID", ""])
async def test_ticket_is_made_and_found(tmp_path: Path, dialect: Dialect, how: str, call_field: str) -> None:
    began = datetime.now(UTC)
    told = dialect if how == "told" else None
    async with (
        Sandbox(tmp_path, dialect=dialect) as otrs,
        Connector(otrs.url, "agi-server", "sandbox", dialect=told, call_field=call_field) as connector,
    ):
        if how == "found out":
            assert (await connector.recognise())[0] is dialect
        assert await connector.rehearse(ASKED) is None
        if call_field:
            assert await connector.call_field_exists() is True
        assert await connector.find(CALL, began) == NotFound()
        opened = await connector.open(ASKED)
        assert isinstance(opened, Created), opened
        assert await connector.find(CALL, began) == opened
        assert await connector.find(CALL[:-1], began) == NotFound()
        wanted = OpenTickets(("pending reminder",), timedelta(minutes=5), ASKED.customer_user)
        assert await connector.find_open(wanted) == opened
        assert await connector.update(Update(opened.ticket_id, ("1.7",), ASKED.article)) == opened
        assert await connector.find_update(opened.ticket_id, "1.7") == opened
        made = await connector.ask(
            "TicketGet", {"TicketID": opened.ticket_id, "AllArticles": True, "Attachments": True}
        )
    assert isinstance(made, dict)
    [shown] = made["Ticket"]
    assert isinstance(shown, dict)
    assert len(shown["Article"]) == 2


@pytest.mark.parametrize(("before", "after"), list(permutations(Dialect, 2)))
async def test_another_otrs_answers_where_nobody_has_noticed(tmp_path: Path, before: Dialect, after: Dialect) -> None:
    async with AsyncExitStack() as connected:
        async with Sandbox(tmp_path / "before", dialect=before) as otrs:
            connector = await connected.enter_async_context(Connector(otrs.url, "agi-server", "sandbox"))
            await connector.recognise()
            assert isinstance(await connector.open(ASKED), Created)
        async with Sandbox(tmp_path / "after", dialect=after, port=otrs.port) as otrs:
            assert isinstance(await connector.open(ASKED), Created)
            [made] = otrs.tickets
    assert made.pending_until is not None
    assert len(made.articles[0].attachments) == 2


@pytest.mark.parametrize("dialect", ["3.1", "4"])
@pytest.mark.parametrize("call_field", ["AsteriskUniqueID", ""])
async def test_what_was_begun_over_rpc_is_found_if_it_is_whole(tmp_path: Path, dialect: str, call_field: str) -> None:
    began = datetime.now(UTC)
    async with (
        Sandbox(tmp_path, dialect=dialect) as otrs,
        Rpc(otrs.rpc_url, "agi-server", "sandbox") as rpc,
        Connector(otrs.url, "agi-server", "sandbox", dialect=Dialect(dialect), call_field=call_field) as connector,
    ):
        number = await rpc.reserve()
        assert isinstance(number, str)
        assert await connector.find(CALL, began, number) == NotFound()
        otrs.faults.add(CLOSED, "ArticleCreate")
        wanted = replace(ASKED, number=number)
        await rpc.open(wanted)
        half = await connector.find(CALL, began, number)
        assert isinstance(half, Refused)
        assert half.reason.startswith(f"OtherInterface: ticket {number} was begun over rpc.pl and has no article")
        whole = await rpc.open(wanted)
        assert isinstance(whole, Created)
        assert await connector.find(CALL, began, number) == whole
