"""AGI: what a peer may send, and what a caller may write into his number, name and dialled number.

An input that begins with `agi_` is all that came on a connection; any other one is a caller's text, NUL between his
number, his name, what the trunk says was dialled, and the extension. Asterisk's echo of the nonce cannot be forged,
so a caller's text that has it is let pass.
"""

from __future__ import annotations

import random
import re
import zlib
from collections.abc import Callable, Iterable

from agi_server.asterisk.agi import (
    BLOCK_BYTES,
    COMMAND_BYTES,
    Barrier,
    Conversation,
    End,
    Event,
    Hangup,
    ProtocolError,
    Reply,
    set_variable,
)
from agi_server.asterisk.channel import Channel
from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import Request, text

NONCE = "0123456789abcdef"
NOOP = b"NOOP\n"
ECHO_LINE = f"200 result=1 ({NONCE})".encode()
LONGEST_BYTEWISE = 400
"""Bytes that come one by one; more would take most of the fuzzer's time."""
LONGEST_CALLER = 1_000
"""Bytes of all that a caller writes; chan_sip takes 255 for each of the fields."""
LONGEST_EXTENSION = 79
"""AST_MAX_EXTENSION, less the byte that ends it."""

_LETTERS = {Barrier: "B", Request: "Q", Reply: "R", Hangup: "H", End: "E", ProtocolError: "P"}
_GENUINE = {"number": "49", "name": "Max", "dnid": "4513", "dialled": "4509"}


def check(data: bytes) -> None:
    """All that holds of these bytes."""
    if data.startswith(b"agi_"):
        check_connection(data, Conversation)
        check_connection(data, _small)
        check_dialogue(data)
    else:
        check_caller(data)
        check_value(data.decode(errors="replace"))
        check_channel(data)


def check_connection(data: bytes, conversation: Callable[[str], Conversation]) -> None:
    """Any split gives the same events, in AGI's order; a request is what its lines say."""
    whole = _events(conversation(NONCE), [data, b""])
    assert re.fullmatch("(B(QH*)?)?[EP]", _order(whole)), whole
    for count in (1, 4, len(data) if len(data) <= LONGEST_BYTEWISE else 20):
        assert _events(conversation(NONCE), [*_pieces(data, count), b""]) == whole
    for event in whole:
        if isinstance(event, Request):
            _check_request(event, data)


def check_dialogue(data: bytes) -> None:
    """With a command after each answer: events in AGI's order, bytes between them bounded, nothing after the end."""
    conversation = Conversation(NONCE)
    found: list[Event] = []
    silent = 0
    for line in [*data.splitlines(keepends=True), b""]:
        events = conversation.receive(line)
        found += events
        silent = 0 if events else silent + len(line)
        assert silent <= BLOCK_BYTES
        if events and isinstance(events[-1], Request | Reply):
            conversation.send(NOOP)
    assert re.fullmatch("(B(Q[HR]*)?)?[EP]", _order(found)), found
    assert conversation.receive(data) == conversation.receive(b"") == conversation.expire() == []


def check_caller(data: bytes) -> None:
    """Whatever a caller writes, he changes no field but his own, and a line break in one costs him his number."""
    if NONCE.encode() in data or len(data) > LONGEST_CALLER:
        return
    written = data.decode(errors="surrogateescape").split("\0", 3)
    fields = _GENUINE | dict(zip(_GENUINE, written, strict=False))
    if len(fields["dialled"].encode(errors="surrogateescape")) > LONGEST_EXTENSION:
        return
    genuine, request = _request(_GENUINE), _request(fields)
    broken = {name for name, value in fields.items() if "\n" in value}
    assert request.tampered == bool(broken)
    for name in ("script", "query", "url", "unique_id", "channel", "language"):
        assert getattr(request, name) == getattr(genuine, name)
    assert request.context in ({genuine.context, ""} if broken else {genuine.context})
    assert request.arguments in ({genuine.arguments, ()} if broken else {genuine.arguments})
    if broken:
        assert (request.number, request.name) == ("", "")
    if not broken & {"dnid", "dialled"}:
        behind = set(genuine.fields) - {"agi_callerid", "agi_calleridname", "agi_dnid", "agi_extension"}
        assert all(request.fields[name] == genuine.fields[name] for name in behind)
    if "dialled" not in broken:
        as_written = _request(_GENUINE | {"dialled": fields["dialled"]}).extension
        assert request.extension in ({as_written, ""} if broken else {as_written})


def check_value(value: str) -> None:
    """A variable's value arrives as it is, but for control characters, and for the end of one that is too long."""
    command = set_variable("HELPDESK_NAME", value)
    assert len(command) <= COMMAND_BYTES
    channel = Channel()
    [(line, answer)] = channel.receive(command)
    assert (line + b"\n", answer) == (command, b"200 result=1\n")
    arrived = channel.variables["HELPDESK_NAME"]
    expected = "".join(" " if c < " " or c == "\x7f" else c for c in value)
    assert arrived == expected or (expected.startswith(arrived) and len(command) > COMMAND_BYTES - 4)


def check_channel(data: bytes) -> None:
    """Whatever a server says to a channel, each answer is one that our own grammar reads."""
    channel = Channel({"CHANNEL": "SIP/1"})
    for _, answer in [*channel.receive(data), *channel.receive(b"")]:
        conversation = _talking()
        conversation.send(NOOP)
        [reply] = conversation.receive(answer)
        assert isinstance(reply, Reply)


def _request(fields: dict[str, str]) -> Request:
    """The request of a call with these fields, as a conversation with a genuine Asterisk gives it."""
    block = request_block(
        number=fields["number"],
        name=fields["name"],
        dnid=fields["dnid"],
        dialled=fields["dialled"],
        unique_id="1795321785.20",
        query="queue=Raw",
        channel="SIP/trunk-00000014",
        arguments=("one", "two"),
    )
    conversation = Conversation(NONCE)
    [barrier] = conversation.receive(block)
    assert isinstance(barrier, Barrier)
    [request] = conversation.receive(ECHO_LINE + b"\n")
    assert isinstance(request, Request)
    return request


def _check_request(request: Request, data: bytes) -> None:
    """Of a request that was not tampered with each line of the block is there, and nothing else."""
    values = (*request.fields.values(), *request.arguments, *request.query, *request.query.values())
    assert all(value.isprintable() for value in values)
    if request.tampered:
        assert (request.number, request.name) == ("", "")
        return
    lines = data.split(b"\n")[:-1]
    if ECHO_LINE in lines:
        lines = lines[: lines.index(ECHO_LINE)]
    fields = [f"{name}: {value}" for name, value in request.fields.items()]
    arguments = [f"agi_arg_{place}: {value}" for place, value in enumerate(request.arguments, 1)]
    assert sorted([*fields, *arguments]) == sorted(text(line) for line in lines if line not in (b"", b"HANGUP"))


def _talking() -> Conversation:
    conversation = Conversation(NONCE)
    conversation.receive(request_block(number="49", unique_id="1.1") + ECHO_LINE + b"\n")
    return conversation


def _small(nonce: str) -> Conversation:
    """One whose bounds lie within the length of the inputs."""
    return Conversation(nonce, block_bytes=600, block_lines=24, reply_bytes=60)


def _events(conversation: Conversation, pieces: Iterable[bytes]) -> list[Event]:
    return [event for piece in pieces for event in conversation.receive(piece)]


def _order(events: Iterable[Event]) -> str:
    return "".join(_LETTERS[type(event)] for event in events)


def _pieces(data: bytes, count: int) -> list[bytes]:
    """The data cut at so many places, which depend on nothing but the data."""
    cuts = sorted(random.Random(zlib.crc32(data)).sample(range(1, len(data)), k=min(count, len(data) - 1)))
    return [data[start:end] for start, end in zip([0, *cuts], [*cuts, len(data)], strict=True)]
