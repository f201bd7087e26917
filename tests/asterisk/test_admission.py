"""Who may connect, and who gives way: tables and connections that only remember what they were told."""

from __future__ import annotations

import ipaddress
import logging

import pytest

from agi_server.asterisk.admission import LEVELS, Admission, allowed

ANYWHERE = [ipaddress.ip_network("0.0.0.0/0")]


class Connection:
    """What `Admission` sees of one."""

    def __init__(self) -> None:
        self.told: list[str] = []

    def give_up(self, reason: str, kind: str) -> None:
        self.told.append(kind)

    def end(self) -> None:
        self.told.append("end")


async def test_who_waits_longest_gives_way_and_calls_never_do() -> None:
    admission = Admission(ANYWHERE, calls=1, waiting=2)
    call, first, second, third = connections = [Connection() for _ in range(4)]
    assert admission.enter(call, "192.0.2.1")
    assert admission.begin(call)
    for connection in (first, second, third):
        assert admission.enter(connection, "192.0.2.1")
    assert [connection.told for connection in connections] == [[], ["crowd"], [], []]
    assert admission.guests == [second, third, call]


async def test_one_call_too_many_is_none() -> None:
    admission = Admission(ANYWHERE, calls=1, waiting=2)
    one, two = Connection(), Connection()
    for connection, may in ((one, True), (two, False)):
        assert admission.enter(connection, "192.0.2.1")
        assert admission.begin(connection) is may
    assert not admission.no_calls.is_set()
    admission.leave(one)
    assert admission.no_calls.is_set()
    assert not admission.nobody.is_set()
    admission.leave(two)
    assert admission.nobody.is_set()


@pytest.mark.parametrize("kind", LEVELS)
async def test_what_strangers_repeat_is_said_once(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    admission = Admission(ANYWHERE, calls=1, waiting=1)
    for number in range(3):
        admission.reject(kind, "connection %d", number)
    assert [record.levelno for record in caplog.records] == [LEVELS[kind], logging.DEBUG, logging.DEBUG]
    assert caplog.records[2].getMessage() == "connection 2 (3 so far)"
    assert admission.rejected == {kind: 3}


@pytest.mark.parametrize(
    ("host", "networks", "expected"),
    [
        ("127.0.0.1", ["127.0.0.0/8"], True),
        ("127.0.0.1", [], False),
        ("192.0.2.1", ["127.0.0.0/8", "192.0.2.0/24"], True),
        ("192.0.3.1", ["127.0.0.0/8", "192.0.2.0/24"], False),
        ("::ffff:192.0.2.1", ["192.0.2.0/24"], True),
        ("::ffff:192.0.2.1", ["::/0"], False),
        ("::1", ["::1/128"], True),
        ("::1", ["0.0.0.0/0"], False),
        ("fe80::1%eth0", ["fe80::/10"], True),
    ],
)
def test_who_is_allowed(host: str, networks: list[str], expected: bool) -> None:
    assert allowed(host, [ipaddress.ip_network(network) for network in networks]) is expected
