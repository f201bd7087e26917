"""A listener that is knocked at: one that lives, one that is closed, one that takes nobody in."""

from __future__ import annotations

import ipaddress
import socket
from collections.abc import Sequence

import pytest

from agi_server.asterisk import knock
from agi_server.asterisk.admission import Network
from agi_server.asterisk.client import Ending, place_call
from agi_server.asterisk.fastagi import FastAgiServer, Session

ELSEWHERE = [ipaddress.ip_network("192.0.2.0/24")]
LOOPBACK = [ipaddress.ip_network("127.0.0.1/32")]


async def script(session: Session) -> None:
    await session.set_variable("HELPDESK_STATUS", "created")


def server(allow: Sequence[Network] = ELSEWHERE) -> FastAgiServer:
    return FastAgiServer({"ticket": script}, unknown=script, allow=allow)


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "127.0.0.2"])
async def test_a_listener_that_lives_takes_us_in_and_counts_nothing(host: str) -> None:
    ours = server()
    await ours.start(host, 0)
    try:
        assert await ours.accepts()
        assert (ours.rejected.total(), ours.sessions) == (0, 0)
    finally:
        await ours.stop(0)
    assert not await ours.accepts()


async def test_the_next_connection_from_elsewhere_is_a_call_again() -> None:
    ours = server(LOOPBACK)
    await ours.start("127.0.0.1", 0)
    try:
        assert await ours.accepts()
        report = await place_call("127.0.0.1", ours.port, number="89161229624", unique_id="1314075508.1")
        assert report.outcome is Ending.SUCCESS
        assert ours.calls == 1
    finally:
        await ours.stop(0)


async def test_who_does_not_listen_yet() -> None:
    assert not await server().accepts()


async def test_both_protocols_have_to_live() -> None:
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6 on this machine")
    ours = server()
    await ours.start(["127.0.0.1", "::1"], 0)
    try:
        assert await ours.accepts()
    finally:
        await ours.stop(0)


async def test_the_system_takes_connections_for_a_program_that_does_not(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(knock, "SECONDS", 0.05)
    with socket.create_server(("127.0.0.1", 0)) as nobody_accepts, socket.socket() as other:
        other.connect(nobody_accepts.getsockname())
        assert not await knock.Knocks().at(nobody_accepts)
