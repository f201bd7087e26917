"""exchange: every way in which a peer can fail has its own Trouble, and its own doubt."""

from __future__ import annotations

import asyncio
import gzip
import os
import socket
from pathlib import Path

import pytest

from agi_server.call import Doubt, Trouble
from agi_server.otrs import soap
from agi_server.otrs.attachments import Upload
from agi_server.otrs.exchange import Answer, Exchange, FileLost, TooLong
from tests.otrs.desk import GONE, NOT_HTTP
from tests.otrs.peer import Act, Peer, Request, endless, http, raw, recorded, reset, silent

MAX_ANSWER = 100_000
CUT = "OTRS's answer was cut short"


async def post(url: str, *, seconds: float = 10) -> Answer | Trouble:
    async with Exchange(url, connections=2, max_answer=MAX_ANSWER) as exchange:
        return await exchange.post(b"<question/>", {}, asyncio.get_running_loop().time() + seconds)


@pytest.mark.parametrize(
    ("act", "expected"),
    [
        (http(200, b"<answer/>"), Answer(200, b"<answer/>")),
        (http(200, b"x" * MAX_ANSWER), Answer(200, b"x" * MAX_ANSWER)),
        (raw(b"HTTP/1.0 500 No\r\n\r\nno length"), Answer(500, b"no length")),
        (http(200, b""), Answer(200, b"")),
        (http(404, b"<html>"), Answer(404, b"<html>")),
        (http(502, b"Bad Gateway"), Answer(502, b"Bad Gateway")),
        (recorded("103-empty-body"), Answer(411, b"Length Required")),
        (recorded("105-webservice-unknown"), Trouble(GONE, Doubt.RUNNING)),
        (recorded("301-webservice-unknown-cgi"), Trouble(GONE, Doubt.RUNNING)),
        (recorded("321-db-down-cgi"), Trouble(GONE, Doubt.RUNNING)),
        (recorded("320-db-down-modperl"), Trouble(NOT_HTTP, Doubt.ENDED)),
        (recorded("322-db-down-session"), Trouble(NOT_HTTP, Doubt.ENDED)),
        (raw(b"HTTP/1.1 20"), Trouble(GONE, Doubt.RUNNING)),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<answ"), Trouble(CUT, Doubt.ENDED)),
        (raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n<answ"), Trouble(CUT, Doubt.ENDED)),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n"), Trouble(NOT_HTTP, Doubt.ENDED)),
        (http(200, b"x" * (MAX_ANSWER + 1)), TooLong(f"OTRS answered more than {MAX_ANSWER} bytes", Doubt.ENDED)),
        (endless, TooLong(f"OTRS answered more than {MAX_ANSWER} bytes", Doubt.ENDED)),
        (reset, Trouble("the connection to OTRS broke before an answer", Doubt.RUNNING)),
        (http(302, b"", "Location: http://127.0.0.1:1/"), Answer(302, b"")),
        (http(200, gzip.compress(b"0" * 10**7), "Content-Encoding: gzip"), Answer(200, gzip.compress(b"0" * 10**7))),
    ],
)
async def test_what_a_peer_does(act: Act, expected: Answer | Trouble) -> None:
    async with Peer(act) as peer:
        assert await post(peer.url) == expected
        assert len(peer.requests) == 1


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (b"", Trouble("no answer from OTRS in time", Doubt.RUNNING)),
        (b"HTTP/1.1 200 OK\r\n", Trouble("no answer from OTRS in time", Doubt.RUNNING)),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n<", Trouble("OTRS's answer did not end in time", Doubt.ENDED)),
    ],
)
async def test_peer_that_falls_silent(first: bytes, expected: Trouble) -> None:
    async with Peer(silent(first)) as peer:
        assert await post(peer.url, seconds=0.2) == expected


async def test_refused_connection() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
        assert await post(f"http://127.0.0.1:{port}/") == Trouble(
            f"no connection to OTRS at 127.0.0.1:{port}: Connection refused"
        )


@pytest.mark.parametrize(
    ("url", "reason"),
    [
        ("http://a..b/", "no connection to OTRS: UnicodeError"),
        ("no url", "no connection to OTRS: InvalidUrlClientError"),
        ("ftp://127.0.0.1/", "no connection to OTRS: NonHttpUrlClientError"),
    ],
)
async def test_address_that_leads_nowhere(url: str, reason: str) -> None:
    assert await post(url) == Trouble(reason, Doubt.NONE)


async def test_host_without_an_address(monkeypatch: pytest.MonkeyPatch) -> None:
    async def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", unknown)
    assert await post("http://otrs.example/") == Trouble("the host otrs.example of OTRS has no address", Doubt.NONE)


async def test_no_tls_on_the_other_side() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 This is no TLS\r\n\r\n")
        writer.close()
        await writer.wait_closed()

    async with await asyncio.start_server(plain, "127.0.0.1", 0) as server:
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        assert await post(url) == Trouble("no TLS with OTRS: ClientConnectorSSLError", Doubt.NONE)


async def test_tls_that_does_not_begin_in_time() -> None:
    async with Peer(silent()) as peer:
        url = peer.url.replace("http:", "https:")
        assert await post(url, seconds=0.2) == Trouble("no connection to OTRS in time", Doubt.NONE)


async def test_not_open() -> None:
    exchange = Exchange("http://127.0.0.1:1/", connections=1, max_answer=1)
    assert await exchange.post(b"", {}, 0) == Trouble("the connection to OTRS is not open")
    async with exchange:
        pass
    assert await exchange.post(b"", {}, 0) == Trouble("the connection to OTRS is not open")


async def test_request_is_one_that_otrs_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    """Content-Length, since OTRS answers 411 to chunks; no proxy, no cookies, no encodings."""
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with (
        Peer(http(200, b"", "Set-Cookie: a=b")) as peer,
        Exchange(peer.url, connections=1, max_answer=1) as exchange,
    ):
        for _ in range(2):
            await exchange.post("<é/>".encode(), {"Content-Type": "text/xml"}, asyncio.get_running_loop().time() + 10)
    for request in peer.requests:
        head = request.head.lower()
        assert head.startswith(b"post /otrs/nph-genericinterface.pl/webservice/test http/1.1\r\n")
        assert b"\r\ncontent-length: 5\r\n" in head
        assert b"\r\ncontent-type: text/xml\r\n" in head
        assert b"\r\naccept-encoding: identity\r\n" in head
        assert b"\r\nconnection: close\r\n" in head
        assert b"cookie" not in head
        assert b"soapaction" not in head
        assert request.body == "<é/>".encode()


async def test_no_more_connections_than_agreed() -> None:
    release = asyncio.Event()
    at_a_time: list[int] = []
    busy = 0

    async def held(request: Request, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        busy += 1
        at_a_time.append(busy)
        await release.wait()
        busy -= 1
        await http(200, b"")(request, writer)

    async with Peer(held) as peer, Exchange(peer.url, connections=2, max_answer=1) as exchange:
        deadline = asyncio.get_running_loop().time() + 10
        posts = [asyncio.create_task(exchange.post(b"", {}, deadline)) for _ in range(5)]
        await peer.requests_are(2)
        release.set()
        assert await asyncio.gather(*posts) == [Answer(200, b"")] * 5
    assert max(at_a_time) == 2


async def test_waiting_for_a_connection_leaves_no_doubt() -> None:
    async with Peer(silent()) as peer, Exchange(peer.url, connections=1, max_answer=1) as exchange:
        deadline = asyncio.get_running_loop().time() + 0.3
        first = asyncio.create_task(exchange.post(b"", {}, deadline))
        await peer.requests_are(1)
        assert await exchange.post(b"", {}, deadline) == Trouble("no connection to OTRS in time", Doubt.NONE)
        assert await first == Trouble("no answer from OTRS in time", Doubt.RUNNING)


async def test_cancellation_is_not_swallowed() -> None:
    async with Peer(silent()) as peer, Exchange(peer.url, connections=1, max_answer=1) as exchange:
        post_task = asyncio.create_task(exchange.post(b"", {}, asyncio.get_running_loop().time() + 60))
        await peer.requests_are(1)
        post_task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await post_task


async def test_files_are_sent_with_their_length_told_before(tmp_path: Path) -> None:
    content = os.urandom(200_000)
    (tmp_path / "leaflet.pdf").write_bytes(content)
    parts = soap.parts(soap.build("TicketCreate", {"Content": soap.File(str(tmp_path / "leaflet.pdf"))}))
    async with (
        Peer(http(200, b"<answer/>")) as peer,
        Exchange(peer.url, connections=1, max_answer=MAX_ANSWER) as exchange,
    ):
        for _ in range(2):  # as after a new login
            answer = await exchange.post(parts, {"Content-Type": "text/xml"}, asyncio.get_running_loop().time() + 10)
            assert answer == Answer(200, b"<answer/>")
    for request in peer.requests:
        assert request.body == soap.build("TicketCreate", {"Content": content})
        assert f"content-length: {len(request.body)}\r\n" in request.head.decode().lower()
        assert b"transfer-encoding" not in request.head.lower()


async def test_file_that_is_gone_is_trouble_before_anything_is_sent(tmp_path: Path) -> None:
    parts: soap.Parts = (b"<", soap.File(str(tmp_path / "gone")), b">")
    async with (
        Peer(http(200, b"<answer/>")) as peer,
        Exchange(peer.url, connections=1, max_answer=MAX_ANSWER) as exchange,
    ):
        answer = await exchange.post(parts, {}, asyncio.get_running_loop().time() + 10)
    assert isinstance(answer, FileLost)
    assert answer.reason == "a file that goes with it can't be read: No such file or directory"
    assert answer.doubt is Doubt.NONE
    assert peer.requests == []


async def test_file_that_shrinks_while_it_is_sent_breaks_the_request_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "leaflet.pdf"
    path.write_bytes(b"12345678")
    opened = Upload.of

    async def shrunk(parts: soap.Parts) -> Upload:
        upload = await opened(parts)
        os.truncate(path, 4)
        return upload

    monkeypatch.setattr(Upload, "of", shrunk)
    async with (
        Peer(http(200, b"<answer/>")) as peer,
        Exchange(peer.url, connections=1, max_answer=MAX_ANSWER) as exchange,
    ):
        parts: soap.Parts = (b"<", soap.File(str(path)), b">")
        answer = await exchange.post(parts, {}, asyncio.get_running_loop().time() + 10)
    assert isinstance(answer, FileLost)
    assert answer.reason == "a file that goes with it has become shorter while it was sent"
    assert answer.doubt is Doubt.NONE
    assert peer.requests == []
