"""The pages over HTTP, without a browser: who gets what, with which headers, and what a form may do."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from pydantic import SecretStr

from agi_server.journal import JournalError, State
from agi_server.sandbox import Sandbox
from agi_server.web import live
from agi_server.web.access import WRONG_AT_MOST
from tests.web.scene import REASON, Scene

TOKEN = "a long token"
PERSONAL = ["/", "/events", "/next", "/calls/1", "/readyz", "/metrics"]
FORMS = ["/calls/1/retry", "/calls/1/drop", "/parked/retry"]
BROWSER = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with Sandbox(tmp_path) as otrs:
        scene = Scene(otrs, tmp_path)
        async with scene.open():
            yield scene


@pytest.fixture
async def guarded(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that asks for a token."""
    async with Sandbox(tmp_path) as otrs:
        scene = Scene(otrs, tmp_path)
        async with scene.open(web={"port": 0, "token": SecretStr(TOKEN)}):
            yield scene


@asynccontextmanager
async def asked(
    scene: Scene, path: str, method: str = "GET", form: dict[str, str] | None = None, /, **headers: str
) -> AsyncIterator[aiohttp.ClientResponse]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    async with (
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(20)) as session,
        session.request(
            method, scene.url.rstrip("/") + path, data=form, headers=named, allow_redirects=False
        ) as answer,
    ):
        yield answer


async def text_of(scene: Scene, path: str = "/", **headers: str) -> str:
    async with asked(scene, path, **headers) as answer:
        return await answer.text()


async def form_token(scene: Scene, **headers: str) -> str:
    found = re.search(r'name="form_token" value="([0-9a-f]+)"', await text_of(scene, **headers))
    assert found is not None
    return found[1]


async def sent(scene: Scene, path: str, form: dict[str, str], **headers: str) -> tuple[int, str]:
    """A form, as the page's script sends it."""
    async with asked(scene, path, "POST", form, Accept="application/json", **headers) as answer:
        text = await answer.text()
        return answer.status, json.loads(text)["said"] if text.startswith("{") else text


class Events:
    """One stream, read event by event."""

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer

    async def next(self, name: str) -> dict[str, Any]:
        """The next event of this name; its id is in it too."""
        async with asyncio.timeout(10):
            while True:
                fields: dict[str, str] = {}
                while line := (await self._answer.content.readline()).decode().rstrip("\n"):
                    field, _, value = line.partition(": ")
                    fields[field] = value
                if fields.get("event") == name:
                    return {**json.loads(fields["data"]), "cursor": fields.get("id")}
                assert fields, "the stream has ended"


@pytest.mark.parametrize("path", [*PERSONAL, "/healthz", "/static/page.css", "/nothing"])
async def test_no_page_may_be_kept_framed_or_scripted_by_others(scene: Scene, path: str) -> None:
    await scene.call()
    async with asked(scene, path) as answer:
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Cache-Control"] == ("no-cache" if path.startswith("/static") else "no-store")
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "Server" not in answer.headers


async def test_pages_name_no_address_outside_of_the_house(scene: Scene) -> None:
    await scene.call()
    otrs = scene.otrs.url.partition("/otrs/")[0]
    for path in ("/", "/calls/1", "/next", "/static/page.css", "/static/page.js"):
        found = re.findall(r"(?:https?:)?//[\w.-]+[^\s\"')]*", await text_of(scene, path))
        assert [address for address in found if not address.startswith(otrs)] == [] or path.endswith(".js"), path
    assert "http" not in await text_of(scene, "/static/page.js")


async def test_what_callers_chose_is_escaped_wherever_it_stands(scene: Scene) -> None:
    evil = "\"'><script>alert(1)</script>"
    await scene.parked("8 812 444-33-22", evil)
    for path in ("/", "/calls/1", "/?q=" + evil):
        text = await text_of(scene, path)
        assert "<script>alert" not in text
        assert "&lt;script&gt;alert(1)" in text
    async with asked(scene, "/events?cursor=0") as answer:
        told = await Events(answer).next("call")
    for piece in (told["line"], told["parked"]):
        assert "<script>" not in piece
        assert "&lt;script&gt;alert(1)" in piece


@pytest.mark.parametrize("path", PERSONAL)
async def test_nothing_is_shown_without_the_token(guarded: Scene, path: str) -> None:
    await guarded.call()
    for headers in ({}, {"Authorization": "Bearer another"}, {"Cookie": "agi-server=99999999999.00"}):
        async with asked(guarded, path, **headers) as answer:
            assert answer.status == 401
            assert "Иван" not in await answer.text()
    async with asked(guarded, path, Authorization=f"Bearer {TOKEN}") as answer:
        assert answer.status == 200


@pytest.mark.parametrize("path", FORMS)
async def test_nothing_is_done_without_the_token(guarded: Scene, path: str) -> None:
    await guarded.parked()
    assert (await sent(guarded, path, {"why": "no"}))[0] == 401
    assert (await guarded.app.journal.counts())[State.PARKED] == 1


async def test_a_browser_is_led_to_the_form_and_back(guarded: Scene) -> None:
    async with asked(guarded, "/?dialled=4510", **BROWSER) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login?back=/?dialled%3D4510")
    async with asked(guarded, "/login?back=%2F%3Fdialled%3D4510", **BROWSER) as answer:
        assert 'name="back" value="/?dialled=4510"' in await answer.text()
    async with asked(guarded, "/login", "POST", {"token": TOKEN, "back": "/?dialled=4510"}) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/?dialled=4510")
        cookie = answer.headers["Set-Cookie"]
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert TOKEN not in cookie
    async with asked(guarded, "/", Cookie=cookie.partition(";")[0]) as answer:
        assert answer.status == 200


async def test_over_https_the_cookie_stays_there(guarded: Scene) -> None:
    async with asked(guarded, "/login", "POST", {"token": TOKEN}, X_Forwarded_Proto="https") as answer:
        assert "Secure" in answer.headers["Set-Cookie"].split("; ")


@pytest.mark.parametrize(
    "back", ["//evil.example.org", "https://evil.example.org", "/\\evil", "/calls/1", "", "/?" + "x" * 600, "/?a\nb: c"]
)
async def test_the_login_leads_nowhere_else(guarded: Scene, back: str) -> None:
    async with asked(guarded, "/login", "POST", {"token": TOKEN, "back": back}) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")


async def test_guessing_the_token_is_slow(guarded: Scene) -> None:
    for _ in range(WRONG_AT_MOST):
        async with asked(guarded, "/login", "POST", {"token": "a guess"}) as answer:
            assert answer.status == 403
    async with asked(guarded, "/login", "POST", {"token": TOKEN}) as answer:
        assert answer.status == 429
        assert "Too many wrong tokens" in await answer.text()
        assert "Set-Cookie" not in answer.headers
    assert "wait a minute" in await text_of(guarded, "/readyz", Authorization=f"Bearer {TOKEN}")
    assert await text_of(guarded, "/healthz") == "ok\n"


async def test_logging_out_forgets_the_cookie_and_needs_our_own_form(guarded: Scene) -> None:
    async with asked(guarded, "/login", "POST", {"token": TOKEN}) as answer:
        cookie = answer.headers["Set-Cookie"].partition(";")[0]
    async with asked(guarded, "/logout", "POST", {"form_token": "another"}, Cookie=cookie) as answer:
        assert answer.status == 403
    form = {"form_token": await form_token(guarded, Cookie=cookie)}
    async with asked(guarded, "/logout", "POST", form, Cookie=cookie) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/login")
        assert "Max-Age=0" in answer.headers["Set-Cookie"]


async def test_without_a_token_there_is_no_login(scene: Scene) -> None:
    async with asked(scene, "/login") as answer:
        assert answer.status == 404


@pytest.mark.parametrize("path", PERSONAL)
async def test_a_web_site_whose_name_leads_here_sees_nothing(scene: Scene, path: str) -> None:
    async with asked(scene, path, Host=f"evil.example.org:{scene.web_port}") as answer:
        assert answer.status == 421
        assert "Иван" not in await answer.text()


async def test_a_proxys_user_is_named_and_his_decisions_with_him(tmp_path: Path) -> None:
    async with Sandbox(tmp_path) as otrs:
        scene = Scene(otrs, tmp_path)
        proxies = (ip_network("127.0.0.0/8"),)
        async with scene.open(web={"port": 0, "user_header": "X-Forwarded-User", "trusted_proxies": proxies}):
            await scene.parked()
            async with asked(scene, "/", **BROWSER) as answer:
                assert answer.status == 401
            anna = {"X_Forwarded_User": "anna"}
            assert "<bdi>anna</bdi>" in await text_of(scene, **anna)
            form = {"form_token": await form_token(scene, **anna), "why": "a test"}
            assert (await sent(scene, "/calls/1/drop", form, X_Forwarded_User="boris"))[0] == 403
            assert await sent(scene, "/calls/1/drop", form, **anna) == (200, "The call is dropped.")
            [entry] = await scene.app.journal.entries([State.DROPPED], scene.app._clock().min.replace(year=2000))
            assert entry.reason == "a test (anna)"


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize(
    "headers",
    [{"Sec_Fetch_Site": "cross-site"}, {"Sec_Fetch_Site": "same-site"}, {"Origin": "http://evil.example.org"}],
    ids=str,
)
async def test_another_sites_form_does_nothing(scene: Scene, path: str, headers: dict[str, str]) -> None:
    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "no"}
    status, said = await sent(scene, path, form, **headers)
    assert (status, "Reload it" in said) == (403, True)
    assert (await scene.app.journal.counts())[State.PARKED] == 1


@pytest.mark.parametrize("path", FORMS)
@pytest.mark.parametrize("given", ["", "0" * 64, "я"])
async def test_a_form_without_its_token_does_nothing(scene: Scene, path: str, given: str) -> None:
    await scene.parked()
    assert (await sent(scene, path, {"form_token": given, "why": "no"}))[0] == 403
    assert (await sent(scene, path, {"why": "no"}))[0] == 403
    assert (await scene.app.journal.counts())[State.PARKED] == 1


async def test_decisions_are_not_links(scene: Scene) -> None:
    await scene.parked()
    for path in FORMS:
        async with asked(scene, path) as answer:
            assert answer.status == 405


async def test_without_script_a_form_leads_back_to_the_list(scene: Scene) -> None:
    await scene.parked()
    form = {"form_token": await form_token(scene)}
    async with asked(scene, "/calls/1/retry", "POST", form, **BROWSER) as answer:
        assert (answer.status, answer.headers["Location"]) == (303, "/")
    async with asked(scene, "/calls/99/retry", "POST", form, **BROWSER) as answer:
        assert answer.status == 404
        assert "no such call" in await answer.text()


async def test_a_decision_that_comes_too_late_says_so(scene: Scene) -> None:
    await scene.call()
    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "too late"}
    assert await sent(scene, "/calls/1/retry", form) == (
        409,
        "Too late: this call is neither waiting nor parked any more.",
    )
    assert (await sent(scene, "/calls/1/drop", form))[0] == 409
    assert (await sent(scene, "/calls/99/drop", form))[0] == 404


@pytest.mark.parametrize("why", ["", "  ", "\n"])
async def test_dropping_needs_a_reason(scene: Scene, why: str) -> None:
    await scene.parked()
    status, said = await sent(scene, "/calls/1/drop", {"form_token": await form_token(scene), "why": why})
    assert (status, "needs a reason" in said) == (400, True)
    assert (await scene.app.journal.counts())[State.PARKED] == 1


async def test_a_reason_is_one_line_of_bounded_length(scene: Scene) -> None:
    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "a\r\nb" + "x" * 2000}
    assert (await sent(scene, "/calls/1/drop", form))[0] == 200
    entry = await scene.app.journal.get("1795323819.1")
    assert entry is not None
    assert entry.reason.startswith("a bxx")
    assert len(entry.reason) == 500


async def test_a_form_of_any_size_is_not_read(scene: Scene) -> None:
    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "x" * 100_000}
    assert (await sent(scene, "/calls/1/drop", form))[0] == 413


async def test_a_form_that_does_not_come_is_not_waited_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.web.visit.FORM_LIMIT", 0.1)
    form = "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: 10"
    reader, writer = await asyncio.open_connection("127.0.0.1", scene.web_port)
    try:
        writer.write(f"POST /parked/retry HTTP/1.1\r\nHost: localhost\r\n{form}\r\n\r\n".encode())
        async with asyncio.timeout(10):
            assert b" 408 " in await reader.readline()
    finally:
        writer.close()
        await writer.wait_closed()


GET = "GET / HTTP/1.1\r\n"
FORM = "POST /login HTTP/1.1\r\nHost: localhost\r\n"


@pytest.mark.parametrize(
    ("said", "status"),
    [
        ("GARBAGE\r\n\r\n", 400),
        (f"{GET}\r\n", 400),
        (f"{GET}Host: localhost\r\nHost: elsewhere\r\n\r\n", 400),
        (f"{GET}Host: localhost\r\nX: {'a' * 9000}\r\n\r\n", 400),
        (f"{FORM}Content-Length: -4\r\n\r\n", 400),
        (f"{FORM}Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\nxx", 400),
        (f"{FORM}Content-Type: multipart/form-data\r\nContent-Length: 2\r\n\r\nxx", 403),
        (f"{FORM}Content-Type: application/x-www-form-urlencoded; charset=x\r\nContent-Length: 2\r\n\r\nxx", 403),
    ],
)
async def test_whatever_strangers_send_is_no_error_of_ours(
    said: str, status: int, guarded: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", guarded.web_port)
    writer.write(said.encode())
    async with asyncio.timeout(10):
        assert f" {status} ".encode() in await reader.readline()
    writer.close()
    await writer.wait_closed()
    assert [record.getMessage() for record in caplog.records if record.levelname == "ERROR"] == []


async def test_the_head_of_a_stream_is_no_stream(scene: Scene) -> None:
    async with asked(scene, "/events", "HEAD") as answer:
        assert answer.status == 405


async def test_a_journal_that_cannot_be_written_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def full(*_: object) -> None:
        raise JournalError("disk full")

    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "no"}
    monkeypatch.setattr(scene.app.journal, "_do", full)
    for path in FORMS:
        assert await sent(scene, path, form) == (503, "The journal could not be written: disk full")


async def test_a_journal_that_does_not_answer_keeps_nobody_waiting(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    await scene.parked()
    form = {"form_token": await form_token(scene), "why": "no"}
    hang = threading.Event()
    stuck = asyncio.create_task(scene.app.journal._do(lambda _: hang.wait(30)))
    stuck_too = asyncio.create_task(scene.app.web._reading._ask(lambda _: hang.wait(30)))
    monkeypatch.setattr("agi_server.web.actions.LIMIT", 0.1)
    for path in FORMS:
        status, said = await sent(scene, path, form)
        assert (status, "does not answer" in said) == (503, True)
    monkeypatch.setattr("agi_server.journal.reading.LIMIT", 0.1)
    assert "no answer within 0.1 s" in await text_of(scene)
    hang.set()
    await asyncio.gather(stuck, stuck_too)


async def test_a_journal_that_cannot_be_read_is_told(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    async def gone(*_: object) -> None:
        raise JournalError("disk gone")

    monkeypatch.setattr(scene.app.web._reading, "_ask", gone)
    for path in ("/", "/calls/1"):
        async with asked(scene, path) as answer:
            assert answer.status == 503
            assert "The calls can&#39;t be shown: disk gone" in await answer.text()


async def test_calls_that_are_long_gone_have_no_page(scene: Scene) -> None:
    async with asked(scene, "/calls/99") as answer:
        assert answer.status == 404
    async with asked(scene, "/calls/" + "9" * 20) as answer:
        assert answer.status == 404


async def test_older_calls_are_on_pages_of_their_own(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.web.page.SHOWN", 2)
    for _ in range(5):
        await scene.call(dialled="4510")
    seen, path = [], "/?dialled=4510"
    while path:
        text = await text_of(scene, path)
        seen += re.findall(r'<tr id="call-(\d+)"', text)
        found = re.search(r'<p class="older"><a href="([^"]+)"', text)
        path = found[1].replace("&amp;", "&") if found else ""
        assert ("data-events" in text) == (len(seen) == 2)
    assert seen == ["5", "4", "3", "2", "1"]


@pytest.mark.parametrize("query", ["before=x", "before=-1", "before=" + "9" * 30, "before=%C2%B2", "x=y", "q=%FF"])
async def test_a_query_that_makes_no_sense_is_not_there(scene: Scene, query: str) -> None:
    await scene.call()
    async with asked(scene, f"/?{query}") as answer:
        assert answer.status == 200


async def test_a_stream_begins_with_the_forms_token_and_the_health(scene: Scene) -> None:
    async with asked(scene, "/events?cursor=0") as answer:
        assert answer.headers["Content-Type"] == "text/event-stream"
        events = Events(answer)
        assert (await events.next("hello"))["form_token"] == await form_token_of(scene)
        told = await events.next("health")
        assert "OTRS" in told["parts"]
        assert told["parked"] == 0


async def form_token_of(scene: Scene) -> str:
    await scene.parked()
    return await form_token(scene)


async def test_a_stream_goes_on_where_the_browser_left_it(scene: Scene) -> None:
    await scene.call("89161229624")
    async with asked(scene, "/events?cursor=0") as answer:
        first = await Events(answer).next("call")
    await scene.call("84956693308")
    async with asked(scene, "/events?cursor=0", Last_Event_ID=str(first["cursor"])) as answer:
        second = await Events(answer).next("call")
    assert (first["id"], second["id"]) == (1, 2)


async def test_a_call_that_is_not_of_the_filter_is_told_without_its_line(scene: Scene) -> None:
    async with asked(scene, "/events?cursor=0&dialled=4510") as answer:
        events = Events(answer)
        await scene.parked(dialled="4509")
        told = await events.next("call")
        while not told["parked"]:
            told = await events.next("call")
    assert told["line"] == ""
    assert REASON in told["parked"].replace("&gt;", ">")


async def test_a_break_that_was_too_long_or_another_journal_reloads_the_page(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with asked(scene, "/events?cursor=99999") as answer:
        await Events(answer).next("reload")
    for _ in range(2):
        await scene.call()
    monkeypatch.setattr("agi_server.journal.reading.MOST_CHANGES", 2)
    async with asked(scene, "/events?cursor=0") as answer:
        await Events(answer).next("reload")


async def test_so_many_pages_may_be_open(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live, "MOST_STREAMS", 1)
    async with asked(scene, "/events") as first:
        await Events(first).next("hello")
        async with asked(scene, "/events") as second:
            assert second.status == 503


async def test_a_crowd_of_connections_is_not_let_in(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.web.connections.MOST", 1)
    async with asked(scene, "/events") as first:
        await Events(first).next("hello")
        with pytest.raises(aiohttp.ClientError):
            await text_of(scene)
        monkeypatch.undo()
        assert "agi-server" in await text_of(scene)


async def test_a_stream_ends_after_a_while_and_shows_that_it_lives(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live, "LONGEST", 0.5)
    monkeypatch.setattr(live, "SILENCE", 0.1)
    async with asked(scene, "/events") as answer, asyncio.timeout(10):
        assert b"event: alive\n" in await answer.content.read()


async def test_the_house_is_left_at_once_though_pages_are_open(scene: Scene) -> None:
    async with asked(scene, "/events") as answer:
        await Events(answer).next("hello")
        async with asyncio.timeout(5):
            await scene.app.web.stop()
            await answer.content.read()


async def test_nobody_asks_the_journal_while_no_page_is_open(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    feed = scene.app.web._feed
    feed._pause = 0.01
    async with asked(scene, "/events") as answer:
        await Events(answer).next("health")
        assert feed._looking is not None
    async with asyncio.timeout(10):
        while feed._looking is not None:
            await asyncio.wait([feed._looking])
