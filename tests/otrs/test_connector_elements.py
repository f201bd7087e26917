"""connector: files, pending times and dialects on their way to OTRS, and what an administrator asks it himself."""

from __future__ import annotations

import os
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agi_server.call import NotFound, Refused
from agi_server.helpdesk import Attachment, Update
from agi_server.otrs.attachments import Upload
from agi_server.otrs.dialect import Dialect
from agi_server.otrs.soap import Parts
from tests.otrs.desk import TICKET, ticket
from tests.otrs.peer import Act, http, recorded, soap
from tests.otrs.recorded import answer
from tests.otrs.scripted import (
    CREATED,
    DEAD_SESSION,
    NO_ACCESS,
    NOW,
    PASSWORD,
    SESSION,
    THE_TICKET,
    USER,
    desk,
    hits,
    operations,
)

UPDATED = soap(
    "TicketUpdate",
    "<ArticleID>1295</ArticleID><TicketID>1261</TicketID><TicketNumber>2026112210012662</TicketNumber>",
)
LEAFLET = Attachment("leaflet.txt", "text/plain; charset=utf8", b"opening hours")


async def test_ticket_goes_with_its_files(tmp_path: Path) -> None:
    (tmp_path / "map.png").write_bytes(b"map")
    files = (LEAFLET, Attachment("map.png", "image/png", file=str(tmp_path / "map.png")))
    async with desk({"TicketCreate": [DEAD_SESSION, CREATED]}) as (connector, peer):
        assert await connector.open(ticket(article={"attachments": files})) == THE_TICKET
    assert [request.values["Attachment"] for request in peer.requests if request.operation == "TicketCreate"] == [
        [
            {"Content": "b3BlbmluZyBob3Vycw==", "ContentType": "text/plain; charset=utf8", "Filename": "leaflet.txt"},
            {"Content": "bWFw", "ContentType": "image/png", "Filename": "map.png"},
        ]
    ] * 2


async def test_file_that_is_gone_costs_nobody_the_ticket(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    files = (Attachment("map.png", "image/png", file=str(tmp_path / "map.png")), LEAFLET)
    line = "map.png could not be attached: No such file or directory"
    async with desk({"TicketCreate": [CREATED], "TicketUpdate": [UPDATED]}) as (connector, peer):
        assert await connector.open(ticket(article={"attachments": files})) == THE_TICKET
        article = replace(TICKET.article, attachments=files)
        assert await connector.update(Update("1261", ("1.1",), article)) == THE_TICKET
    for request in peer.requests[1:]:
        sent: Any = request.values
        assert sent["Article"]["Body"] == f"{TICKET.article.body}\n\n{line}"
        assert sent["Attachment"]["Filename"] == "leaflet.txt"
    assert caplog.messages == [f"TicketCreate: {line}", f"TicketUpdate: {line}"]


async def test_file_that_is_lost_on_its_way_costs_nobody_the_ticket(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "map.png"
    path.write_bytes(b"map")
    opened = Upload.of

    async def shrunk(parts: Parts) -> Upload:
        upload = await opened(parts)
        os.truncate(path, 1)
        return upload

    monkeypatch.setattr(Upload, "of", shrunk)
    async with desk({"TicketCreate": [CREATED]}) as (connector, peer):
        picture = Attachment("map.png", "image/png", file=str(path))
        assert await connector.open(ticket(article={"attachments": (picture,)})) == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketCreate"]
    sent: Any = peer.requests[-1].values
    assert sent["Article"]["Body"].endswith("a file that goes with it has become shorter while it was sent")
    assert "Attachment" not in sent


@pytest.mark.parametrize(
    ("act", "words"),
    [
        (recorded("3.1/16-TicketCreate-ok-attachment"), "TicketCreate: Attahcment->ContentType is invalid!"),
        (http(413, b"Payload Too Large"), "OTRS takes no request as long as this"),
        (None, "Attachment->leaflet.txt: 'text' is no type of a file, as text/plain is"),
    ],
)
async def test_file_that_is_refused_costs_nobody_the_ticket(act: Act | None, words: str) -> None:
    """Whether it is OTRS who refuses it, or we ourselves."""
    leaflet = LEAFLET if act else replace(LEAFLET, content_type="text")
    async with desk({"TicketCreate": [act, CREATED] if act else [CREATED]}) as (connector, peer):
        assert await connector.open(ticket(article={"attachments": (leaflet,)})) == THE_TICKET
    sent: Any = peer.requests[-1].values
    assert sent["Article"]["Body"].endswith(f"\n\nleaflet.txt could not be attached: {words}")
    assert "Attachment" not in sent


@pytest.mark.parametrize(
    ("changes", "words", "about"),
    [
        (
            {"state": "pending reminder"},
            "Ticket->PendingTime: it is needed with the state 'pending reminder'", "pending_time",
        ),
        ({"sla": "Gold"}, "Ticket->SLA: only together with Service", "sla"),
        ({"queue": 0}, "Ticket->QueueID: an ID is expected, not 0", "queue"),
        ({"article": {"time_unit": "ten"}}, "Article->TimeUnit: a number is expected, not 'ten'", "time_unit"),
    ],
)  # fmt: skip
async def test_ticket_that_can_t_be_right_does_not_leave(changes: dict[str, Any], words: str, about: str) -> None:
    async with desk({}) as (connector, peer):
        refused = await connector.open(ticket(**changes))
        assert refused == Refused("NotSent", words)
        assert isinstance(refused, Refused)
        assert refused.about == about
        assert await connector.rehearse(ticket(**changes)) == refused
    assert operations(peer) == ["SessionCreate"]


PENDING: dict[str, Any] = {"state": "pending reminder", "pending_time": timedelta(minutes=90)}


@pytest.mark.parametrize(
    ("dialect", "zone", "sent"),
    [
        (Dialect.V6, None, {"Diff": "90"}),
        (Dialect.V4, None, {"Year": "2026", "Month": "11", "Day": "22", "Hour": "13", "Minute": "30"}),
        (None, ZoneInfo("Asia/Tokyo"), {"Year": "2026", "Month": "11", "Day": "22", "Hour": "22", "Minute": "30"}),
    ],
)
async def test_pending_time(dialect: Dialect | None, zone: ZoneInfo | None, sent: dict[str, str]) -> None:
    async with desk({"TicketCreate": [CREATED]}, dialect=dialect, zone=zone) as (connector, peer):
        assert await connector.open(ticket(**PENDING)) == THE_TICKET
    values: Any = peer.requests[-1].values
    assert values["Ticket"]["PendingTime"] == sent


async def test_3_1_is_searched_by_titles_only() -> None:
    acts = {
        "SessionCreate": [recorded("3.1/01-SessionCreate-ok")],
        "TicketSearch": [recorded("3.1/633-TicketSearch-title-none")],
    }
    async with desk(acts) as (connector, peer):
        assert await connector.find("1700000000.42", NOW) == NotFound()
    assert operations(peer) == ["SessionCreate", "TicketSearch"]
    assert peer.requests[1].values == {
        "SessionID": "1098ab4a17c10b6d6efffe6152683369f1", "Title": "*[1700000000.42]*", "Limit": "10",
    }  # fmt: skip


@pytest.mark.parametrize(("name", "expected"), [("AsteriskUniqueID", True), ("NoSuchField", False)])
async def test_field_of_3_1_is_seen_in_a_ticket(name: str, *, expected: bool) -> None:
    acts = {
        "SessionCreate": [recorded("3.1/01-SessionCreate-ok")],
        "TicketSearch": [hits(83)],
        "TicketGet": [recorded("3.1/635-TicketGet-after-create")],
    }
    async with desk(acts, call_field=name) as (connector, _):
        assert await connector.call_field_exists() is expected


async def test_anything_can_be_asked() -> None:
    acts = {"TicketSearch": [hits(1, 2)], "TicketGet": [recorded("133-TicketGet-unknown")]}
    seen: list[tuple[str, bytes]] = []
    async with desk(acts, witness=lambda what, content: seen.append((what, content))) as (connector, peer):
        assert await connector.ask("TicketSearch", {"QueueIDs": [5], "Limit": 2}) == {"TicketID": ["1", "2"]}
        assert await connector.ask("TicketGet", {"TicketID": 99}) == NO_ACCESS
        refused = await connector.ask("TicketGet", {"TicketNumber": "1"})
        assert isinstance(refused, Refused)
        assert (refused.code, refused.about) == ("NotSent", "TicketNumber")
    assert operations(peer) == ["SessionCreate", "TicketSearch", "TicketGet"]
    assert peer.requests[1].values == {"SessionID": SESSION, "QueueIDs": "5", "Limit": "2"}
    assert [what for what, _ in seen] == ["request", "response"] * 3
    assert [content for what, content in seen if what == "request"] == [request.body for request in peer.requests]
    assert seen[1][1] == answer("01-SessionCreate-ok")[1]


@pytest.mark.parametrize(
    ("operation", "given", "sent"),
    [
        ("SessionCreate", {}, {"UserLogin": USER, "Password": PASSWORD}),
        ("SessionCreate", {"UserLogin": "a", "Password": "b"}, {"UserLogin": "a", "Password": "b"}),
        (
            "TicketCreate",
            {"CustomerUserLogin": "a", "Password": "b"},
            {"CustomerUserLogin": "a", "Password": "b"},
        ),
        ("TicketCreate", {"SessionID": "x"}, {"SessionID": "x"}),
    ],
)
async def test_who_brings_a_login_needs_no_session(operation: str, given: dict[str, str], sent: dict[str, str]) -> None:
    async with desk({"TicketCreate": [CREATED]}) as (connector, peer):
        assert isinstance(await connector.ask(operation, given), dict)
    assert [request.values for request in peer.requests] == [sent]


async def test_who_is_not_let_in_can_ask_nothing() -> None:
    async with desk({"SessionCreate": [recorded("02-SessionCreate-bad-password")]}) as (connector, _):
        assert await connector.ask("TicketGet", {"TicketID": 1}) == Refused(
            "SessionCreate.AuthFail", "SessionCreate: Authorization failing!"
        )
