"""Who is let in, and whose forms are believed."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest

from agi_server.web.access import (
    SHIFT,
    WINDOW,
    WRONG_AT_MOST,
    Access,
    Denied,
    Origin,
    Request,
    Visitor,
    is_loopback_name,
)

TOKEN = "a long токен"
PROXY = ip_network("10.0.0.0/24")


class Clock:
    def __init__(self) -> None:
        self.now = 1_795_323_819.0

    def __call__(self) -> float:
        return self.now


def access(token: str = "", user_header: str = "", clock: Clock | None = None) -> Access:
    clock = clock or Clock()
    return Access(token, user_header=user_header, trusted_proxies=(PROXY,), clock=clock, stopwatch=clock)


def request(peer: str = "127.0.0.1", host: str = "127.0.0.1:8573", **more: str) -> Request:
    return Request(peer, host, **more)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (request(), None),
        (request("::1", "[::1]:8573"), None),
        (request("::ffff:127.0.0.1", "localhost"), None),
        (request(host="LOCALHOST:8573"), None),
        (request("192.0.2.1"), Denied.UNKNOWN),
        (request("", ""), Denied.UNKNOWN),
        (request(host="evil.example.org:8573"), Denied.WRONG_NAME),
        (request(host="127.0.0.1.evil.example.org"), Denied.WRONG_NAME),
        (request(host="192.0.2.1"), Denied.WRONG_NAME),
        (request(host=""), Denied.WRONG_NAME),
        (request("192.0.2.1", user="anna"), Denied.UNKNOWN),
        (request("192.0.2.1", authorization="Bearer "), Denied.UNKNOWN),
        (request("192.0.2.1", cookie="99999999999."), Denied.UNKNOWN),
    ],
)
def test_without_a_token_only_this_machine_is_answered_by_its_own_names(
    asked: Request, expected: Denied | None
) -> None:
    found = access().admit(asked)
    assert found == expected if expected else isinstance(found, Visitor)


@pytest.mark.parametrize(
    ("given", "let_in"),
    [
        (f"Bearer {TOKEN}", True),
        (f"bearer {TOKEN}", True),
        (f"Bearer {TOKEN} ", False),
        (f"Basic {TOKEN}", False),
        (TOKEN, False),
        ("Bearer ", False),
        ("Bearer \udcff", False),
        ("", False),
    ],
)
@pytest.mark.parametrize("peer", ["127.0.0.1", "192.0.2.1"])
def test_a_token_is_needed_from_everywhere(peer: str, given: str, let_in: bool) -> None:
    found = access(TOKEN).admit(request(peer, "pbx.example.org", authorization=given))
    assert isinstance(found, Visitor) == let_in


def test_a_cookie_holds_for_a_shift_and_only_with_this_token() -> None:
    clock = Clock()
    ours = access(TOKEN, clock=clock)
    cookie = ours.cookie()
    assert TOKEN not in cookie
    assert ours.admit(request("192.0.2.1", cookie=cookie)) == Visitor(key=f"cookie {cookie}", cookie=True)
    assert access("another", clock=clock).admit(request(cookie=cookie)) is Denied.UNKNOWN
    until, _, seal = cookie.partition(".")
    for forged in (f"{int(until) + 1}.{seal}", f"{until}.{seal[:-1]}", f"{until}.", seal, ".", f"{until}.\udcff", "²."):
        assert ours.admit(request(cookie=forged)) is Denied.UNKNOWN
    clock.now += SHIFT + 1
    assert ours.admit(request(cookie=cookie)) is Denied.UNKNOWN


@pytest.mark.parametrize("token", ["", TOKEN])
def test_a_proxy_is_believed_from_its_own_address_only(token: str) -> None:
    ours = access(token, "X-Forwarded-User")
    assert ours.admit(request("10.0.0.7", "pbx", user="anna")) == Visitor("anna", "user anna")
    assert ours.admit(request("10.0.0.7", "pbx")) is Denied.UNKNOWN
    assert ours.admit(request("10.0.1.7", "pbx", user="anna")) is Denied.UNKNOWN
    assert ours.admit(request("127.0.0.1", user="anna")) is Denied.UNKNOWN


def test_without_a_header_in_the_configuration_none_is_believed() -> None:
    assert access(TOKEN).admit(request("10.0.0.7", user="anna")) is Denied.UNKNOWN


def test_who_tries_too_often_is_not_heard_for_a_while() -> None:
    clock = Clock()
    ours = access(TOKEN, clock=clock)
    for _ in range(WRONG_AT_MOST):
        assert ours.try_token("192.0.2.1", "wrong") is Denied.UNKNOWN
    assert ours.try_token("192.0.2.1", TOKEN) is Denied.TOO_OFTEN
    assert ours.admit(request("192.0.2.1", authorization=f"Bearer {TOKEN}")) is Denied.TOO_OFTEN
    assert ours.try_token("192.0.2.2", TOKEN) is None
    cookie = ours.cookie()
    assert isinstance(ours.admit(request("192.0.2.1", cookie=cookie)), Visitor)
    clock.now += WINDOW
    assert ours.try_token("192.0.2.1", TOKEN) is None


def test_a_network_of_version_6_is_one_address() -> None:
    ours = access(TOKEN)
    for number in range(WRONG_AT_MOST):
        ours.try_token(f"2001:db8::{number}", "wrong")
    assert ours.try_token("2001:db8::ffff", TOKEN) is Denied.TOO_OFTEN
    assert ours.try_token("2001:db8:0:1::1", TOKEN) is None


def test_what_is_remembered_of_wrong_tokens_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("agi_server.web.access.MOST_ADDRESSES", 3)
    ours = access(TOKEN)
    for number in range(10):
        ours.try_token(f"192.0.2.{number}", "wrong")
    assert len(ours._wrong) == 3


@pytest.mark.parametrize(
    ("origin", "ours"),
    [
        (Origin("pbx:8573", "same-origin", None), True),
        (Origin("internal:8573", "same-origin", "https://pbx.example.org"), True),  # a proxy has changed Host
        (Origin("pbx:8573", "same-site", "http://pbx:8573"), False),
        (Origin("pbx:8573", "cross-site", None), False),
        (Origin("pbx:8573", "none", None), False),
        (Origin("pbx:8573", None, "http://pbx:8573"), True),
        (Origin("pbx:8573", None, "http://pbx"), False),
        (Origin("pbx:8573", None, "http://evil.example.org"), False),
        (Origin("pbx:8573", None, "null"), False),
        (Origin("pbx:8573", None, None), True),
    ],
)
def test_a_form_comes_from_a_page_of_ours(origin: Origin, ours: bool) -> None:
    door, visitor = access(), Visitor(key="loopback")
    assert door.is_own_form(visitor, door.form_token(visitor), origin) == ours


def test_a_form_brings_the_token_of_its_own_visitor() -> None:
    door, origin = access(), Origin("pbx", "same-origin", None)
    anna, boris = Visitor("anna", "user anna"), Visitor("boris", "user boris")
    assert door.is_own_form(anna, door.form_token(anna), origin)
    for given in (door.form_token(boris), access().form_token(anna), "", "\udcff", "я"):
        assert not door.is_own_form(anna, given, origin)


@pytest.mark.parametrize(
    ("host", "loopback"),
    [
        ("localhost", True), ("localhost.", True), ("127.0.0.1", True), ("127.9.9.9:1", True), ("[::1]", True),
        ("[::1]:8573", True), ("localhost.example.org", False), ("0.0.0.0", False), ("[::]", False),
        ("127.0.0.1:80:80", False), ("", False), (":", False), ("2130706433", False), ("127.0.0.1@evil", False),
    ],
)  # fmt: skip
def test_names_of_this_machine(host: str, loopback: bool) -> None:
    assert is_loopback_name(host) == loopback


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "this machine only"),
        ({"token": TOKEN}, "who has web.token"),
        ({"user_header": "X-User"}, "users that a proxy names in X-User"),
        ({"token": TOKEN, "user_header": "X-User"}, "users that a proxy names in X-User and who has web.token"),
    ],
)
def test_it_says_who_is_let_in(options: dict[str, Any], words: str) -> None:
    assert access(**options).words == words
