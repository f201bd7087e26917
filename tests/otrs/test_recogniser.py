"""recogniser: which OTRS it is, on each of the three as it was recorded, and on those that show nothing."""

from __future__ import annotations

import asyncio
import logging
from datetime import UTC, timedelta, timezone
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from agi_server.call import Created, Trouble
from agi_server.helpdesk import OpenTickets
from agi_server.otrs import recogniser
from agi_server.otrs.dialect import Dialect
from tests.otrs.desk import TICKET
from tests.otrs.peer import Act, http, recorded, reset, soap
from tests.otrs.scripted import CREATED, NOTHING, THE_TICKET, desk, hits, operations

TICKET_OF_6 = soap(
    "TicketGet",
    "<Ticket><TicketID>1</TicketID><Created>2026-11-22 14:59:58</Created><Age>3603</Age>"
    "<DynamicField><Name>ProcessManagementProcessID</Name><Value/></DynamicField></Ticket>",
)


def refused(operation: str, words: str) -> Act:
    code = f"<ErrorCode>{operation}.MissingParameter</ErrorCode>"
    return soap(operation, f"<Error>{code}<ErrorMessage>{operation}: {words}</ErrorMessage></Error>")


ARTICLE_FIRST = refused("TicketCreate", "Article parameter is missing or not valid!")
TICKET_FIRST = refused("TicketCreate", "Ticket parameter is missing or not valid!")
NO_TICKET_ID = refused("TicketGet", "TicketID parameter is missing!")
INVALID_ACTION = recorded("4/93-soapaction-op-only")
WRONG_ACTION = recorded("93-soapaction-op-only")


def of(folder: str, **more: list[Act]) -> dict[str, list[Act]]:
    return {"SessionCreate": [recorded(f"{folder}01-SessionCreate-ok")]} | more


@pytest.mark.parametrize(
    ("acts", "dialect", "asked"),
    [
        (
            of("", TicketSearch=[hits(1)], TicketGet=[TICKET_OF_6]),
            Dialect.V6,
            ["TicketSearch", "TicketGet"],
        ),
        (
            of("4/", TicketSearch=[hits(1)], TicketGet=[recorded("4/635-TicketGet-after-create")]),
            Dialect.V4,
            ["TicketSearch", "TicketGet"],
        ),
        (
            of("3.1/", TicketSearch=[hits(3, 2, 1)], TicketGet=[recorded("3.1/635-TicketGet-after-create")]),
            Dialect.V3_1,
            ["TicketSearch", "TicketGet"],
        ),
        (of("3.1/", TicketSearch=[NOTHING]), Dialect.V3_1, ["TicketSearch"]),
        (
            of("", TicketSearch=[hits(3, 2)], TicketGet=[recorded("3.1/635-TicketGet-after-create")]),
            Dialect.V3_1,
            ["TicketSearch", "TicketGet"],
        ),
        (of("", TicketSearch=[NOTHING], TicketCreate=[ARTICLE_FIRST]), Dialect.V6, ["TicketSearch", "TicketCreate"]),
        (
            of("4/", TicketSearch=[NOTHING], TicketCreate=[TICKET_FIRST], TicketGet=[INVALID_ACTION]),
            Dialect.V4,
            ["TicketSearch", "TicketCreate", "TicketGet"],
        ),
        (
            of("", TicketSearch=[NOTHING], TicketCreate=[TICKET_FIRST], TicketGet=[WRONG_ACTION]),
            None,
            ["TicketSearch", "TicketCreate", "TicketGet"],
        ),
        (
            of("", TicketSearch=[reset], TicketCreate=[reset], TicketGet=[NO_TICKET_ID]),
            None,
            ["TicketSearch", "TicketCreate", "TicketGet"],
        ),
        ({"SessionCreate": [reset]}, None, []),
    ],
)
async def test_which_it_is(acts: dict[str, list[Act]], dialect: Dialect | None, asked: list[str]) -> None:
    async with desk(acts) as (connector, peer):
        assert connector.dialect is None
        assert (await connector.recognise())[0] is dialect
        assert connector.dialect is dialect
        assert operations(peer) == ["SessionCreate", *asked]
        assert {operation for operation, _ in connector.requests} == {"SessionCreate"}


async def test_only_what_can_do_nothing_is_asked() -> None:
    acts = of("", TicketSearch=[NOTHING], TicketCreate=[TICKET_FIRST], TicketGet=[WRONG_ACTION])
    async with desk(acts) as (connector, peer):
        await connector.recognise()
    [search, create, get] = [request for request in peer.requests if request.operation != "SessionCreate"]
    assert search.values.keys() == {"SessionID", "Limit"}
    assert create.values.keys() == {"SessionID"}
    assert get.values.keys() == {"SessionID"}
    assert b'SOAPAction: "TicketGet"' in get.head
    assert b"SOAPAction" not in create.head


async def test_who_is_told_asks_nobody_before_a_call() -> None:
    async with desk({"TicketCreate": [CREATED]}, dialect=Dialect.V4) as (connector, peer):
        assert connector.dialect is Dialect.V4
        assert await connector.open(TICKET) == THE_TICKET
    assert operations(peer) == ["SessionCreate", "TicketCreate"]


async def test_3_1_is_known_before_its_first_ticket() -> None:
    acts = of("3.1/", TicketCreate=[recorded("3.1/10-TicketCreate-ok-userlogin")])
    async with desk(acts) as (connector, peer):
        assert isinstance(await connector.open(TICKET), Created)
        assert connector.dialect is Dialect.V3_1
    assert operations(peer) == ["SessionCreate", "TicketCreate"]
    ticket: Any = peer.requests[1].values["Ticket"]
    article: Any = peer.requests[1].values["Article"]
    assert ticket["Title"] == "Call from +79161229624 [1700000000.42]"
    assert "CustomerID" not in ticket
    assert "ArticleType" in article
    assert not {"CommunicationChannel", "IsVisibleForCustomer"} & article.keys()


async def test_3_1_stays_known_while_there_is_no_session() -> None:
    acts = of(
        "3.1/",
        SessionCreate=[recorded("3.1/01-SessionCreate-ok"), reset],
        TicketSearch=[hits(83)],
        TicketGet=[recorded("3.1/635-TicketGet-after-create"), recorded("135-TicketGet-bad-password")],
    )
    async with desk(acts) as (connector, _):
        await connector.recognise()
        assert isinstance(await connector.ask("TicketGet", {"TicketID": 1}), Trouble)
        assert connector.dialect is Dialect.V3_1


async def test_3_1_that_is_known_by_its_limit_stays_known() -> None:
    shows = recorded("3.1/635-TicketGet-after-create")
    async with desk(of("", TicketSearch=[hits(84, 83)], TicketGet=[shows])) as (connector, _):
        await connector.recognise()
        await connector.find_open(OpenTickets(("new",), timedelta(minutes=5), "ivanov"))
        assert connector.dialect is Dialect.V3_1


async def test_any_ticket_that_is_seen_tells() -> None:
    acts = of("4/", TicketSearch=[hits(85)], TicketGet=[recorded("4/635-TicketGet-after-create")])
    async with desk(acts) as (connector, _):
        await connector.find_open(OpenTickets(("new",), timedelta(minutes=5), "ivanov"))
        assert connector.dialect is Dialect.V4


async def test_login_that_fails_is_tried_less_and_less_often(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    enough = asyncio.Event()

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 7:
            enough.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(recogniser, "asyncio", SimpleNamespace(sleep=sleep, Lock=asyncio.Lock))
    async with desk({"SessionCreate": [recorded("02-SessionCreate-bad-password")]}, recognise=True) as (_, peer):
        await asyncio.wait_for(enough.wait(), 10)
    assert pauses == [5, 30, 60, 120, 240, 480, 600]
    assert operations(peer) == ["SessionCreate"] * 6


@pytest.mark.parametrize(
    ("folder", "acts", "zone"),
    [
        ("", {"TicketSearch": [hits(1)], "TicketGet": [TICKET_OF_6]}, timezone(timedelta(hours=4))),
        ("", {"TicketSearch": [NOTHING], "TicketCreate": [ARTICLE_FIRST]}, UTC),
        ("4/", {"TicketSearch": [hits(1)], "TicketGet": [recorded("4/635-TicketGet-after-create")]}, UTC),
    ],
)
async def test_time_zone(folder: str, acts: dict[str, list[Act]], zone: timezone) -> None:
    async with desk(of(folder, **acts)) as (connector, _):
        await connector.recognise()
        assert connector.zone == zone


async def test_time_zone_that_is_told() -> None:
    acts = of("", TicketSearch=[hits(1)], TicketGet=[TICKET_OF_6])
    async with desk(acts, zone=ZoneInfo("Asia/Tokyo")) as (connector, _):
        await connector.recognise()
        assert str(connector.zone) == "Asia/Tokyo"


async def test_it_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    acts = of("", TicketSearch=[hits(1)], TicketGet=[TICKET_OF_6])
    async with desk(acts) as (connector, _):
        await connector.recognise()
        await connector.recognise()
    assert [record.message for record in caplog.records if "answers" in record.message] == [
        "OTRS 6 or Znuny answers, in the time zone UTC+04:00"
    ]


def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    for pause in ("START_S", "PAUSE_S"):
        monkeypatch.setattr(recogniser, pause, 0.01)


class Said(logging.Handler):
    """What is logged, to be waited for."""

    def __init__(self) -> None:
        super().__init__()
        self.lines: asyncio.Queue[str] = asyncio.Queue()

    def emit(self, record: logging.LogRecord) -> None:
        if "answers, in the time zone" in record.getMessage():
            self.lines.put_nowait(record.getMessage())

    async def next(self) -> str:
        return await asyncio.wait_for(self.lines.get(), 10)

    def __enter__(self) -> Said:
        logging.getLogger("agi_server.otrs").addHandler(self)
        return self

    def __exit__(self, *_: object) -> None:
        logging.getLogger("agi_server.otrs").removeHandler(self)


async def test_asked_beside_the_calls_until_it_is_known_and_after_trouble(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    hurry(monkeypatch)
    caplog.set_level(logging.INFO)
    acts = of(
        "4/",
        TicketSearch=[hits(1)],
        TicketGet=[recorded("4/635-TicketGet-after-create"), TICKET_OF_6],
        TicketCreate=[http(503, b"upgrading"), CREATED],
    )
    with Said() as said:
        async with desk(acts, recognise=True) as (connector, peer):
            assert await said.next() == "OTRS 4 or 5 answers, in the time zone UTC"
            asked = len(peer.requests)
            assert isinstance(await connector.open(TICKET), Trouble)
            assert await said.next() == "OTRS 6 or Znuny answers, in the time zone UTC+04:00"
            assert await connector.open(TICKET) == THE_TICKET
    assert operations(peer)[asked:] == ["TicketCreate", "TicketSearch", "TicketGet", "TicketCreate"]


@pytest.mark.parametrize(
    ("acts", "told"),
    [
        (of("", TicketSearch=[NOTHING, hits(1)], TicketGet=[TICKET_OF_6], TicketCreate=[ARTICLE_FIRST]), None),
        (of("", TicketSearch=[hits(1)], TicketGet=[TICKET_OF_6]), Dialect.V4),
    ],
)
async def test_times_are_found_out_though_it_is_known_which_it_is(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, acts: dict[str, list[Act]], told: Dialect | None
) -> None:
    hurry(monkeypatch)
    caplog.set_level(logging.INFO)
    with Said() as said:
        async with desk(acts, recognise=True, dialect=told) as (connector, _):
            while await said.next() != "OTRS 6 or Znuny answers, in the time zone UTC+04:00":
                pass
            assert connector.zone == timezone(timedelta(hours=4))
            assert connector.dialect is (told or Dialect.V6)


async def test_asked_again_once_the_session_has_ended(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nobody rang while OTRS was away: that it is another one now nobody has seen."""
    hurry(monkeypatch)
    caplog.set_level(logging.INFO)
    ended = recorded("135-TicketGet-bad-password")
    shown = recorded("4/635-TicketGet-after-create")
    acts = of("4/", TicketSearch=[hits(1)], TicketGet=[shown, ended, TICKET_OF_6])
    with Said() as said:
        async with desk(acts, recognise=True) as (connector, _):
            assert await said.next() == "OTRS 4 or 5 answers, in the time zone UTC"
            await connector.ask("TicketGet", {"TicketID": 1})
            assert await said.next() == "OTRS 6 or Znuny answers, in the time zone UTC+04:00"
            assert connector.dialect is Dialect.V6


@pytest.mark.parametrize(("told", "channels"), [(None, [False, True, False]), (Dialect.V4, [False] * 3)])
async def test_all_are_spoken_to_after_trouble_until_it_is_known_again(
    told: Dialect | None, channels: list[bool]
) -> None:
    """An upgrade may have been the trouble, and without a channel 6 shows the article to the customer."""
    acts = of(
        "4/",
        TicketSearch=[hits(1)],
        TicketGet=[recorded("4/635-TicketGet-after-create")],
        TicketCreate=[http(503, b"upgrading"), CREATED],
    )
    async with desk(acts, dialect=told) as (connector, peer):
        await connector.recognise()
        assert isinstance(await connector.open(TICKET), Trouble)
        assert await connector.open(TICKET) == THE_TICKET
        await connector.recognise()
        assert await connector.open(TICKET) == THE_TICKET
    articles: list[Any] = [one.values["Article"] for one in peer.requests if one.operation == "TicketCreate"]
    assert ["CommunicationChannel" in article for article in articles] == channels
    assert all("ArticleType" in article for article in articles)
