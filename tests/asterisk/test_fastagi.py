"""The listener on real sockets: calls, limits, and clients that nobody wants."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ipaddress
import logging
import socket
import struct
import weakref
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from agi_server.asterisk.agi import LocalError, Reply
from agi_server.asterisk.client import CallReport, Ending, place_call, request_block
from agi_server.asterisk.fastagi import FastAgiServer, Gone, Limits, Script, Session

LOOPBACK = [ipaddress.ip_network("127.0.0.1/32")]
BLOCK = request_block(number="89161229624", unique_id="1314075508.1094", query="queue=Raw")
LINGER = struct.pack("ii", 1, 0)


@pytest.fixture(autouse=True)
def no_tracebacks(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """Whatever a client does, it is not worth a traceback, nor a complaint of the event loop."""
    caplog.set_level(logging.DEBUG, "agi_server")
    yield
    allowed_here = "the script 'bug' failed"
    loud = [record for record in caplog.records if record.exc_info or record.name == "asyncio"]
    assert [record.getMessage() for record in loud if allowed_here not in record.getMessage()] == []


async def answered(session: Session) -> None:
    await session.set_variable("HELPDESK_STATUS", "created")


async def unknown(session: Session) -> None:
    await session.set_variable("HELPDESK_STATUS", "error")


@asynccontextmanager
async def listening(script: Script = answered, patience: float = 5.0, **limits: Any) -> AsyncIterator[FastAgiServer]:
    server = FastAgiServer({"ticket": script}, unknown=unknown, allow=LOOPBACK, limits=Limits(**limits))
    await server.start("127.0.0.1", 0)
    try:
        async with asyncio.timeout(20):
            yield server
    finally:
        await server.stop(patience)
    assert server.sessions == 0


async def call(server: FastAgiServer, **how: Any) -> CallReport:
    how = {"number": "89161229624", "unique_id": "1314075508.1094", "timeout": 10.0, **how}
    return await place_call("127.0.0.1", server.port, **how)


class Client:
    """A client that does what it likes."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    def send(self, data: bytes) -> None:
        self.writer.write(data)

    async def line(self) -> bytes:
        return await self.reader.readline()

    async def begin(self, block: bytes = BLOCK) -> None:
        """Send the block, and answer the barrier."""
        self.send(block)
        self.send(b"200 result=1 (%s)\n" % (await self.line()).split()[-1])

    async def closed(self) -> bytes:
        """What comes until the server has closed."""
        try:
            return await self.reader.read()
        except ConnectionError:
            return b""

    def reset(self) -> None:
        self.writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, LINGER)
        self.writer.transport.abort()


@asynccontextmanager
async def client(server: FastAgiServer, host: str = "127.0.0.1") -> AsyncIterator[Client]:
    reader, writer = await asyncio.open_connection("127.0.0.1", server.port, local_addr=(host, 0))
    try:
        yield Client(reader, writer)
    finally:
        writer.transport.abort()


async def until(true: Callable[[], bool]) -> None:
    """Wait for what happens on the other side of a socket, where no event of ours tells."""
    while not true():  # noqa: ASYNC110
        await asyncio.sleep(0.001)


async def test_a_call_gets_the_script_that_has_its_name() -> None:
    seen: list[Session] = []

    async def script(session: Session) -> None:
        seen.append(session)
        await answered(session)

    async with listening(script) as server:
        report = await call(server, query="queue=Raw", arguments=["one"])
        assert report.outcome is Ending.SUCCESS
        assert report.variables == {"HELPDESK_STATUS": "created"}
        [session] = seen
        assert session.request.unique_id == "1314075508.1094"
        assert session.request.query == {"queue": "Raw"}
        assert session.request.arguments == ("one",)
        assert (session.peer.number, session.peer.host) == (1, "127.0.0.1")
        assert server.calls == 1
        assert not server.rejected


async def test_two_hundred_calls_at_once() -> None:
    async def script(session: Session) -> None:
        await session.set_variable("WHO", session.request.number)

    async with listening(script) as server:
        reports = await asyncio.gather(*(call(server, number=str(number)) for number in range(200)))
        assert [report.variables["WHO"] for report in reports] == [str(number) for number in range(200)]
        assert server.calls == 200


@pytest.mark.parametrize("name", ["", "nix", "ticket/extra"])
async def test_an_unknown_script_is_named_and_the_call_goes_on(name: str, caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as server:
        report = await call(server, script=name)
        assert report.variables == {"HELPDESK_STATUS": "error"}
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.startswith(f"connection 1 from 127.0.0.1: there is no script {name!r} (agi://127.0.0.1:")
    assert warning.endswith("; there are: ticket")


async def test_a_tampered_block_is_a_call_and_a_line_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    seen: list[Session] = []

    async def script(session: Session) -> None:
        seen.append(session)
        await answered(session)

    async with listening(script) as server:
        report = await call(server, number="49\nagi_callingpres: 0\nagi_threadid: 1\n\n200 result=1 (x)")
        assert report.variables == {"HELPDESK_STATUS": "created"}
    assert seen[0].request.tampered
    assert seen[0].request.number == ""
    [warning] = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert "1314075508.1094 was tampered with" in warning


async def test_a_script_that_fails_is_a_bug_and_the_call_goes_on(caplog: pytest.LogCaptureFixture) -> None:
    async def script(session: Session) -> None:
        raise ZeroDivisionError

    server = FastAgiServer({"bug": script}, unknown=unknown, allow=LOOPBACK)
    await server.start("127.0.0.1", 0)
    report = await call(server, script="bug")
    assert report.outcome is Ending.SUCCESS
    assert report.variables == {}
    await server.stop(5)
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


async def test_commands_and_their_answers() -> None:
    async def script(session: Session) -> None:
        assert await session.execute("GET VARIABLE", "EXTEN") == Reply(200, "1", "4509")
        assert (await session.execute("SET VARIABLE", "A")).code == 520
        assert (await session.execute("FOO")).code == 510
        with pytest.raises(LocalError):
            await session.execute("not a command")
        assert await session.set_variable("A", "1")

    async with listening(script) as server:
        assert (await call(server)).variables == {"A": "1"}


async def test_a_variable_that_asterisk_does_not_take_is_not_set() -> None:
    results = asyncio.Queue[bool]()

    async def script(session: Session) -> None:
        for name in ("A", "B"):
            results.put_nowait(await session.set_variable(name, "1"))

    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        for answer, taken in ((b"520 No.\n", False), (b"200 result=0\n", False)):
            assert (await asterisk.line()).startswith(b"SET VARIABLE ")
            asterisk.send(answer)
            assert await results.get() is taken


class Setting:
    """A script that sets A, B and C in one go, and tells what came of it."""

    def __init__(self) -> None:
        self.session: asyncio.Future[Session] = asyncio.get_running_loop().create_future()
        self.all_set: asyncio.Future[bool] = asyncio.get_running_loop().create_future()

    async def __call__(self, session: Session) -> None:
        self.session.set_result(session)
        self.all_set.set_result(await session.set_variables({"A": "1", "B": "2", "C": "3"}))


async def test_variables_are_set_in_their_order_each_after_the_answer_to_the_one_before() -> None:
    script = Setting()
    async with listening(script) as server:
        report = await call(server)
        assert list(report.variables.items()) == [("A", "1"), ("B", "2"), ("C", "3")]
        talk = [line for direction, line in report.dialogue if direction == "<" or line == "200 result=1"]
        assert talk[1:] == [
            *('SET VARIABLE A "1"', "200 result=1", 'SET VARIABLE B "2"', "200 result=1"),
            *('SET VARIABLE C "3"', "200 result=1"),
        ]
        assert await script.all_set


async def test_no_variables_are_soon_set() -> None:
    async def script(session: Session) -> None:
        assert await session.set_variables({})
        await answered(session)

    async with listening(script) as server:
        assert (await call(server)).variables == {"HELPDESK_STATUS": "created"}


async def test_a_call_that_is_over_leaves_nothing_to_the_garbage_collector() -> None:
    sessions: list[weakref.ref[Session]] = []

    async def script(session: Session) -> None:
        sessions.append(weakref.ref(session))
        await answered(session)

    async with listening(script) as server:
        gc.disable()
        try:
            await call(server)
            await until(lambda: sessions[0]() is None)
        finally:
            gc.enable()


@pytest.mark.parametrize("refusal", [b"520 No.\n", b"200 result=0\n", b"520-Usage:\nHANGUP\n520 End\n"])
async def test_a_variable_that_is_refused_keeps_no_other_from_being_set(refusal: bytes) -> None:
    script = Setting()
    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        for name, answer in ((b"A", b"200 result=1\n"), (b"B", refusal), (b"C", b"200 result=1\n")):
            assert (await asterisk.line()).startswith(b"SET VARIABLE " + name)
            asterisk.send(answer)
        assert not await script.all_set
        assert not script.session.result().hung_up.done()


async def test_a_hangup_among_variables_is_told_at_once_and_the_others_are_set() -> None:
    script = Setting()
    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        assert await asterisk.line() == b'SET VARIABLE A "1"\n'
        asterisk.send(b"HANGUP\n")
        await (await script.session).hung_up
        assert not script.all_set.done()
        asterisk.send(b"200 result=1\nHANGUP\n")
        for name in (b"B", b"C"):
            assert (await asterisk.line()).startswith(b"SET VARIABLE " + name)
            asterisk.send(b"200 result=1\n")
        assert await script.all_set


@pytest.mark.parametrize(
    "goodbye",
    [
        lambda client: client.writer.write_eof(),
        lambda client: client.reset(),
        lambda client: client.send(b"nonsense\n"),
        lambda client: client.send(b"200 result=1\n200 result=1\n"),
        lambda client: None,
    ],
    ids=["half-close", "reset", "nonsense", "an answer too many", "silence"],
)
async def test_asterisk_gone_among_variables_ends_the_setting(goodbye: Callable[[Client], None]) -> None:
    script = Setting()
    async with listening(script, reply_seconds=0.1) as server, client(server) as asterisk:
        await asterisk.begin()
        assert (await asterisk.line()).startswith(b"SET VARIABLE A")
        asterisk.send(b"200 result=1\n")
        assert (await asterisk.line()).startswith(b"SET VARIABLE B")
        goodbye(asterisk)
        assert not await script.all_set
        assert script.session.result().hung_up.done()
        assert await asterisk.closed() == b""


async def test_each_variable_has_the_whole_time_for_its_answer() -> None:
    """Slow answers, of which all together take longer than one may."""
    script = Setting()
    async with listening(script, reply_seconds=0.3) as server, client(server) as asterisk:
        await asterisk.begin()
        for name in (b"A", b"B", b"C"):
            assert (await asterisk.line()).startswith(b"SET VARIABLE " + name)
            await asyncio.sleep(0.15)
            asterisk.send(b"200 result=1\n")
        assert await script.all_set


async def test_a_bad_name_among_variables_is_told_before_the_first_is_set() -> None:
    async def script(session: Session) -> None:
        with pytest.raises(LocalError):
            await session.set_variables({"A": "1", "not a name": "2"})
        await answered(session)

    async with listening(script) as server:
        assert (await call(server)).variables == {"HELPDESK_STATUS": "created"}


async def test_variables_given_up_end_the_connection() -> None:
    async def script(session: Session) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.set_variables({"A": "1", "B": "2"})
        assert not await session.set_variable("C", "3")

    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        assert await asterisk.closed() == b'SET VARIABLE A "1"\n'


async def test_two_who_speak_at_once_are_told_so() -> None:
    async def script(session: Session) -> None:
        first = asyncio.create_task(session.set_variables({"A": "1", "B": "2"}))
        await asyncio.sleep(0)
        with pytest.raises(LocalError):
            await session.set_variable("C", "3")
        assert await first

    async with listening(script) as server:
        assert (await call(server)).variables == {"A": "1", "B": "2"}


async def test_a_hangup_is_told_and_the_script_goes_on() -> None:
    async def script(session: Session) -> None:
        await session.hung_up
        assert (await session.execute("CHANNEL STATUS")).code == 511
        assert await session.set_variable("HELPDESK_STATUS", "queued")

    async with listening(script) as server:
        report = await call(server, hang_up_after=0.0)
        assert report.outcome is Ending.HANGUP
        assert report.variables == {"HELPDESK_STATUS": "queued"}


@pytest.mark.parametrize(
    "goodbye",
    [
        lambda client: client.send(b"HANGUP\n"),
        lambda client: (client.send(b"HANGUP\nHANGUP\n"), client.writer.write_eof()),
        lambda client: client.writer.write_eof(),
        lambda client: client.writer.close(),
        lambda client: client.reset(),
        lambda client: client.send(b"200 result=1\n"),
        lambda client: client.send(b"\xff" * 100_000),
    ],
    ids=["hangup", "AGIEXITONHANGUP", "half-close", "close", "reset", "a reply to nothing", "garbage"],
)
async def test_whatever_asterisk_does_the_script_goes_on_to_its_end(goodbye: Callable[[Client], None]) -> None:
    begun = asyncio.Event()
    ended = asyncio.Event()

    async def script(session: Session) -> None:
        begun.set()
        await session.hung_up
        await asyncio.sleep(0)
        ended.set()

    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        await begun.wait()
        goodbye(asterisk)
        await ended.wait()
        await asterisk.closed()
        await until(lambda: server.sessions == 0)
        assert (await call(server, script="nix")).variables == {"HELPDESK_STATUS": "error"}


@pytest.mark.parametrize(
    "goodbye",
    [
        lambda client: client.writer.write_eof(),
        lambda client: client.reset(),
        lambda client: client.send(b"200 result=1 (cut\n"),
        lambda client: client.send(b"nonsense\n"),
        lambda client: None,
    ],
    ids=["half-close", "reset", "value with a line break", "nonsense", "silence"],
)
async def test_a_command_that_is_not_answered_ends_in_gone(goodbye: Callable[[Client], None]) -> None:
    outcome = asyncio.get_running_loop().create_future()

    async def script(session: Session) -> None:
        try:
            await session.execute("NOOP")
        except Gone:
            outcome.set_result((await session.set_variable("A", "1"), session.hung_up.done()))
            raise  # a script that lets it pass is no bug

    async with listening(script, reply_seconds=0.1) as server, client(server) as asterisk:
        await asterisk.begin()
        assert await asterisk.line() == b"NOOP\n"
        goodbye(asterisk)
        assert await outcome == (False, True)
        await asterisk.closed()


async def test_a_command_given_up_ends_the_connection_since_its_answer_is_still_to_come() -> None:
    async def script(session: Session) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await session.execute("NOOP")
        assert not await session.set_variable("A", "1")

    async with listening(script) as server, client(server) as asterisk:
        await asterisk.begin()
        assert await asterisk.closed() == b"NOOP\n"


async def test_a_call_counts_though_asterisk_closes_before_it_answers_us() -> None:
    goodbyes: list[Callable[[Client], None]] = [lambda c: c.writer.write_eof(), lambda c: c.reset()]
    for goodbye in goodbyes:
        done = asyncio.get_running_loop().create_future()

        async def script(session: Session, done: asyncio.Future[Any] = done) -> None:
            done.set_result((session.request.number, await session.set_variable("A", "1")))

        async with listening(script) as server, client(server) as asterisk:
            asterisk.send(BLOCK)
            await asterisk.line()
            goodbye(asterisk)
            assert await done == ("89161229624", False)


async def test_a_peer_without_the_echo_is_a_call_at_the_deadline_and_is_closed() -> None:
    done = asyncio.get_running_loop().create_future()

    async def script(session: Session) -> None:
        done.set_result((session.request.tampered, await session.set_variable("A", "1")))

    async with listening(script, request_seconds=0.1) as server:
        report = await call(server, answering=False)
        assert report.outcome is Ending.SUCCESS
        assert await done == (True, False)
        assert not server.rejected


async def test_a_script_that_does_not_end_does_not_hold_the_call() -> None:
    go_on = asyncio.Event()
    ended = asyncio.Event()

    async def script(session: Session) -> None:
        await session.hung_up
        await go_on.wait()
        ended.set()

    async with listening(script, session_seconds=0.1) as server:
        report = await call(server)
        assert report.outcome is Ending.SUCCESS
        assert server.sessions == 1
        go_on.set()
        await ended.wait()


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"", "slow"),
        (b"agi_network: yes\n", "slow"),
        (BLOCK[:-1], "slow"),
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "malformed"),
        (b"OPTIONS sip:x SIP/2.0\r\n\r\n", "malformed"),
        (b"\x16\x03\x01\x00" + bytes(range(256)), "malformed"),
        (b"\n", "malformed"),
        (b"agi_network: yes\n" + b"x" * 40_000, "malformed"),
        (b"agi_network: yes\n" + b"\n" * 2_000, "malformed"),
        (b"agi_network: yes\nagi_threadid: 1\n\n200 result=0\n" + b"x\n" * 2_000, "malformed"),
    ],
)
async def test_who_is_no_asterisk_is_closed_without_a_word(
    data: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    async with listening(request_seconds=0.1) as server, client(server) as other:
        other.send(data)
        assert await other.closed() == b"" or b"threadid" in data
        assert server.rejected == {reason: 1}
        assert server.calls == 0
    assert len(caplog.records) == 1
    assert caplog.records[0].levelno <= logging.INFO


@pytest.mark.parametrize("data", [b"", b"a", b"agi_network: yes\n", BLOCK[:300]])
@pytest.mark.parametrize(
    "goodbye",
    [lambda c: c.writer.write_eof(), lambda c: c.writer.close(), lambda c: c.reset()],
    ids=["half-close", "close", "reset"],
)
async def test_who_connects_and_goes_leaves_no_more_than_a_line_of_debugging(
    data: bytes, goodbye: Callable[[Client], None], caplog: pytest.LogCaptureFixture
) -> None:
    async with listening() as server, client(server) as other:
        other.send(data)
        goodbye(other)
        await until(lambda: server.rejected.total() == 1)
        assert server.rejected == {"closed": 1}
        await other.closed()
        await until(lambda: server.sessions == 0)
    assert [record.levelno for record in caplog.records] == [logging.DEBUG]


async def test_who_sends_byte_by_byte_gains_no_time() -> None:
    async with listening(request_seconds=0.2) as server, client(server) as slow:
        started = asyncio.get_running_loop().time()
        closed = asyncio.create_task(slow.closed())
        for byte in BLOCK:
            slow.send(bytes([byte]))
            await asyncio.wait([closed], timeout=0.01)
            if closed.done():
                break
        assert await closed == b""
        assert 0.1 < asyncio.get_running_loop().time() - started < 2
        assert server.rejected == {"slow": 1}


async def test_a_block_in_pieces_is_a_call() -> None:
    async with listening() as server, client(server) as asterisk:
        for line in BLOCK.splitlines(keepends=True):
            asterisk.send(line[:5])
            await asyncio.sleep(0)
            asterisk.send(line[5:])
        await asterisk.begin(b"")
        assert (await asterisk.line()).startswith(b"SET VARIABLE")


async def test_a_stranger_is_closed_counted_and_seldom_mentioned(caplog: pytest.LogCaptureFixture) -> None:
    async with listening() as server:
        for _ in range(3):
            async with client(server, "127.0.0.2") as stranger:
                stranger.send(BLOCK)
                assert await stranger.closed() == b""
        assert server.rejected == {"stranger": 3}
        assert server.sessions == 0
        assert (await call(server)).variables == {"HELPDESK_STATUS": "created"}
    [warning] = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert warning.getMessage() == "a connection from 127.0.0.2 is not allowed (1 so far)"


async def test_one_call_too_many_is_closed_and_the_others_are_not(caplog: pytest.LogCaptureFixture) -> None:
    go_on = asyncio.Event()

    async def script(session: Session) -> None:
        await go_on.wait()
        await answered(session)

    async with listening(script, sessions=2) as server:
        running = [asyncio.create_task(call(server)) for _ in range(2)]
        await until(lambda: server.calls == 2)
        report = await call(server)
        assert report.outcome is Ending.SUCCESS
        assert report.variables == {}
        assert server.rejected == {"full": 1}
        go_on.set()
        for report in [*await asyncio.gather(*running), await call(server)]:
            assert report.variables == {"HELPDESK_STATUS": "created"}
    assert "no call: 2 calls are in hand already (1 so far)" in caplog.text


async def test_who_connects_and_says_nothing_takes_no_place_from_calls() -> None:
    async with listening(sessions=2, waiting=3) as server, contextlib.AsyncExitStack() as stack:
        silent = [await stack.enter_async_context(client(server)) for _ in range(5)]
        assert await silent[0].closed() == b""
        assert await silent[1].closed() == b""
        assert (await call(server)).variables == {"HELPDESK_STATUS": "created"}
        assert await silent[2].closed() == b""
        assert server.rejected == {"crowd": 3}
        assert server.sessions == 2


async def test_stop_does_not_wait_for_who_says_nothing() -> None:
    async with listening() as server, client(server) as silent:
        await until(lambda: server.sessions == 1)
        async with asyncio.timeout(3):
            await server.stop(1000)
        assert await silent.closed() == b""


async def test_bad_clients_cost_the_good_ones_nothing() -> None:
    async with listening() as server:
        bad = []
        for data in (b"", b"agi_", b"\xff" * 1000, b"GET /\r\n", BLOCK) * 10:
            _, writer = await asyncio.open_connection("127.0.0.1", server.port)
            writer.write(data)
            bad.append(writer)
        reports = await asyncio.gather(*(call(server) for _ in range(50)))
        assert all(report.variables == {"HELPDESK_STATUS": "created"} for report in reports)
        for writer in bad:
            writer.transport.abort()


async def test_stop_lets_calls_end_and_takes_no_new_ones() -> None:
    go_on = asyncio.Event()

    async def script(session: Session) -> None:
        await go_on.wait()
        await answered(session)

    async with listening(script) as server:
        running = asyncio.create_task(call(server))
        await until(lambda: server.calls == 1)
        port = server.port
        stopping = asyncio.create_task(server.stop(5))
        await asyncio.sleep(0)
        assert (await place_call("127.0.0.1", port, number="1")).outcome is Ending.FAILURE
        assert not stopping.done()
        go_on.set()
        await stopping
        assert (await running).variables == {"HELPDESK_STATUS": "created"}


async def test_stop_ends_what_does_not_end_in_time() -> None:
    cancelled = asyncio.Event()

    async def script(session: Session) -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async with listening(script) as server, client(server) as silent:
        running = asyncio.create_task(call(server))
        await until(lambda: server.calls == 1)
        await server.stop(0.05)
        assert cancelled.is_set()
        assert (await running).outcome is Ending.SUCCESS
        assert await silent.closed() == b""


async def test_stop_does_not_wait_for_a_script_that_resists(caplog: pytest.LogCaptureFixture) -> None:
    at_last = asyncio.Event()

    async def script(session: Session) -> None:
        while not at_last.is_set():
            try:
                await at_last.wait()
            except asyncio.CancelledError:
                pass

    async with listening(script) as server:
        running = asyncio.create_task(call(server))
        await until(lambda: server.calls == 1)
        await server.stop(0)
        assert "1 scripts do not end" in caplog.text
        assert (await running).outcome is Ending.SUCCESS
        at_last.set()


async def test_stop_before_start_is_nothing() -> None:
    await FastAgiServer({}, unknown=unknown, allow=[]).stop(1)
