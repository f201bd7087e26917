"""What passes between us and systemd, on real sockets: what it is told, when, and the port that it keeps for us."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from agi_server import systemd
from agi_server.asterisk.fastagi import FastAgiServer, Session
from agi_server.systemd import SocketError, Systemd
from tests.supervisor import WATCHDOG_S, Supervisor


@pytest.fixture(params=["path", "abstract"])
def supervisor(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supervisor]:
    address = str(tmp_path / "notify") if request.param == "path" else f"\0agi-server-test-{os.getpid()}"
    supervisor = Supervisor(address)
    yield supervisor
    supervisor.close()


async def living() -> bool:
    return True


async def test_ready_then_fed_twice_within_the_time_then_stopping(supervisor: Supervisor) -> None:
    loop = asyncio.get_running_loop()
    words = iter(["starting", "fine", "OTRS is away", *["fine"] * 100])
    async with Systemd(supervisor.environ).watching(living, lambda: next(words)):
        assert await supervisor.told() == {"READY": "1", "STATUS": "starting"}
        assert await supervisor.told() == {"WATCHDOG": "1", "STATUS": "fine"}
        began = loop.time()
        assert await supervisor.told() == {"WATCHDOG": "1", "STATUS": "OTRS is away"}
        assert WATCHDOG_S / 2 * 0.9 < loop.time() - began < WATCHDOG_S
        supervisor.waiting()
    assert await supervisor.told() == {"STOPPING": "1"}
    await asyncio.sleep(0)
    assert supervisor.waiting() == []


async def test_stopping_is_said_when_we_end_by_an_error(supervisor: Supervisor) -> None:
    with pytest.raises(RuntimeError, match="the journal"):
        async with Systemd(supervisor.environ).watching(living, lambda: ""):
            raise RuntimeError("the journal is damaged")
    assert supervisor.waiting()[-1] == b"STOPPING=1"


async def test_not_fed_while_the_listener_is_dead_and_fed_when_it_lives_again(
    supervisor: Supervisor, caplog: pytest.LogCaptureFixture
) -> None:
    async def script(session: Session) -> None:
        await session.set_variable("HELPDESK_STATUS", "created")

    server = FastAgiServer({}, unknown=script, allow=[])
    async with Systemd(supervisor.environ).watching(server.accepts, lambda: ""):
        assert "READY" in await supervisor.told()
        await asyncio.sleep(2 * WATCHDOG_S)
        assert supervisor.waiting() == []
        assert "takes no connections" in caplog.text
        await server.start("127.0.0.1", 0)
        try:
            assert (await supervisor.told())["WATCHDOG"] == "1"
        finally:
            await server.stop(0)


async def test_not_fed_while_the_loop_hangs(supervisor: Supervisor) -> None:
    async with Systemd(supervisor.environ).watching(living, lambda: ""):
        await supervisor.told()
        await supervisor.told()
        supervisor.waiting()
        time.sleep(2 * WATCHDOG_S)  # noqa: ASYNC251 -- a piece of work that lets nothing else run
        assert supervisor.waiting() == []


async def test_no_watchdog_without_the_time_or_for_another_process(supervisor: Supervisor) -> None:
    notify = {"NOTIFY_SOCKET": supervisor.environ["NOTIFY_SOCKET"]}
    assert Systemd(notify).watchdog == 0
    assert Systemd({**supervisor.environ, "WATCHDOG_PID": str(os.getpid())}).watchdog == WATCHDOG_S
    assert Systemd({**supervisor.environ, "WATCHDOG_PID": "1"}).watchdog == 0
    async with Systemd(notify).watching(living, lambda: "fine"):
        pass
    assert supervisor.waiting() == [b"READY=1\nSTATUS=fine", b"STOPPING=1"]


async def test_a_line_break_in_a_status_begins_no_state(supervisor: Supervisor) -> None:
    Systemd(supervisor.environ).tell(STATUS="one\nWATCHDOG=1")
    assert supervisor.waiting() == [b"STATUS=one\\nWATCHDOG=1"]


async def test_without_systemd_nothing_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    without = Systemd({})
    async with without.watching(living, lambda: "fine"):
        pass
    assert (without.watchdog, without.listener(), caplog.text) == (0, None, "")


async def test_a_systemd_that_is_gone_is_no_reason_to_stop(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Systemd({"NOTIFY_SOCKET": str(tmp_path / "nothing")}).tell(READY="1")
    assert "can't tell systemd READY=1" in caplog.text


FOR_US = {"LISTEN_FDS": "1", "LISTEN_PID": str(os.getpid())}
HandOver = Callable[[socket.socket], None]


@pytest.fixture
def hand_over(monkeypatch: pytest.MonkeyPatch) -> HandOver:
    """As systemd does, but for the number 3, which is pytest's own here."""

    def hand_over(ours: socket.socket) -> None:
        monkeypatch.setattr(systemd, "FIRST_SOCKET", os.dup(ours.fileno()))

    return hand_over


def test_a_socket_handed_over_is_taken_and_not_left_to_children(hand_over: HandOver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as kept:
        hand_over(kept)
        os.set_inheritable(systemd.FIRST_SOCKET, True)
        ours = Systemd(FOR_US).listener()
        assert ours is not None
        with ours:
            assert (ours.getsockname(), ours.get_inheritable()) == (kept.getsockname(), False)


@pytest.mark.parametrize("environ", [{}, {"LISTEN_FDS": "1"}, {"LISTEN_FDS": "1", "LISTEN_PID": "1"}])
def test_sockets_of_another_process_are_left_alone(environ: dict[str, str]) -> None:
    assert Systemd(environ).listener() is None


@pytest.mark.parametrize(
    ("family", "kind", "listens"),
    [
        (socket.AF_INET, socket.SOCK_DGRAM, False),
        (socket.AF_UNIX, socket.SOCK_STREAM, True),
        (socket.AF_INET, socket.SOCK_STREAM, False),
    ],
)
def test_what_is_no_listening_tcp_port_is_refused(hand_over: HandOver, family: int, kind: int, listens: bool) -> None:
    with socket.socket(family, kind) as wrong:
        if listens:
            wrong.bind(f"\0agi-server-wrong-{os.getpid()}")
            wrong.listen()
        hand_over(wrong)
        with pytest.raises(SocketError, match="expected ListenStream="):
            Systemd(FOR_US).listener()


def test_two_sockets_and_none(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    with pytest.raises(SocketError, match="2 sockets, expected one"):
        Systemd({**FOR_US, "LISTEN_FDS": "2"}).listener()
    with (tmp_path / "file").open("w") as file:
        monkeypatch.setattr(systemd, "FIRST_SOCKET", file.fileno())
        with pytest.raises(SocketError, match="hands over no socket"):
            Systemd(FOR_US).listener()
