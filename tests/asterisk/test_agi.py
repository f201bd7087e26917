"""The conversation: every recording in every split, ended anywhere; replies, bounds, commands."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_server.asterisk.agi import (
    COMMAND_BYTES,
    Barrier,
    Conversation,
    End,
    Event,
    Hangup,
    LocalError,
    ProtocolError,
    Reply,
    command,
    set_variable,
)
from agi_server.asterisk.channel import split_words
from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import Request
from tests.asterisk.recordings import FOLDER, connections, split

NOOP = command("NOOP")
NONCE = "0123456789abcdef"
ECHO = f"200 result=1 ({NONCE})\n".encode()
RECORDED = connections()
REPLIES = {name: replies for name, raw in RECORDED.items() if (replies := split(raw)[1]) and "newline" not in name}
BLOCK = request_block(number="89161229624", unique_id="1314075508.1094", query="queue=Raw")
FORGED_END = b"agi_callingpres: 0\nagi_threadid: 6\n\n"


def events(pieces: Iterable[bytes], conversation: Conversation | None = None) -> list[Event]:
    conversation = conversation or Conversation(NONCE)
    return [event for piece in pieces for event in conversation.receive(piece)]


def pairs(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    return ((data[:at], data[at:]) for at in range(1, len(data)))


def bytewise(data: bytes) -> list[bytes]:
    return [data[at : at + 1] for at in range(len(data))]


def talking() -> Conversation:
    conversation = Conversation(NONCE)
    assert [type(event) for event in conversation.receive(BLOCK + ECHO)] == [Barrier, Request]
    return conversation


def with_echo(raw: bytes) -> bytes:
    block, replies = split(raw)
    return block + ECHO + replies


def replies_in(raw: bytes) -> list[bytes]:
    """Recorded answers, each in one piece: a usage text has several lines."""
    found: list[bytes] = []
    for line in raw.splitlines(keepends=True):
        if found and found[-1].startswith(b"520-") and b"\n520 " not in found[-1]:
            found[-1] += line
        else:
            found.append(line)
    return found


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_gives_the_same_events_in_any_split(name: str) -> None:
    raw = with_echo(RECORDED[name])
    whole = events([raw])
    assert whole[0] == Barrier(f"GET FULL VARIABLE {NONCE}\n".encode())
    assert isinstance(whole[1], Request)
    assert events(bytewise(raw)) == whole
    for pieces in pairs(raw):
        assert events(pieces) == whole


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_that_ends_anywhere_has_an_end(name: str) -> None:
    raw = with_echo(RECORDED[name])
    asked = len(split(RECORDED[name])[0])
    for end in range(len(raw) + 1):
        found = events([raw[:end], b""] if end else [b""])
        assert isinstance(found[-1], End | ProtocolError)
        assert any(isinstance(event, Request) for event in found) == (end >= asked)


@pytest.mark.parametrize("name", REPLIES)
def test_recorded_replies_are_replies_in_any_split(name: str) -> None:
    for raw in replies_in(REPLIES[name]):
        found = []
        for pieces in ([raw], bytewise(raw), *pairs(raw)):
            conversation = talking()
            conversation.send(NOOP)
            found.append(events(pieces, conversation))
        assert all(each == found[0] for each in found)
        [event] = found[0]
        assert isinstance(event, Hangup if raw == b"HANGUP\n" else Reply)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("200 result=1", Reply(200, "1")),
        ("200 result=0", Reply(200, "0")),
        ("200 result=-2", Reply(200, "-2")),
        ("200 result=1 ()", Reply(200, "1", "")),
        ("200 result=1 (testvariable)", Reply(200, "1", "testvariable")),
        ("200 result=1 (a (b) c))", Reply(200, "1", "a (b) c)")),
        ("200 result=1 (x) endpos=5)", Reply(200, "1", "x) endpos=5")),
        ("200 result=1 (Grüße €)", Reply(200, "1", "Grüße €")),
        ("200 result=123# (timeout)", Reply(200, "123#", "timeout")),
        ("200 result= (timeout)", Reply(200, "", "timeout")),
        ("200 result=-1 (hangup)", Reply(200, "-1", "hangup")),
        ("200 result=-1 endpos=0", Reply(200, "-1", endpos=0)),
        ("200 result=0 (timeout) endpos=16000", Reply(200, "0", "timeout", 16000)),
        ("200 result=-1 Gosub label not found", Reply(200, "-1", text="Gosub label not found")),
        ("510 Invalid or unknown command", Reply(510, text="Invalid or unknown command")),
        (
            "511 Command Not Permitted on a dead channel or intercept routine",
            Reply(511, text="Command Not Permitted on a dead channel or intercept routine"),
        ),
        ("520 Invalid command syntax.", Reply(520, text="Invalid command syntax.")),
        ("520-Usage:\nHANGUP\n200 result=1\n520 End.", Reply(520, text="520-Usage: HANGUP 200 result=1 520 End.")),
        ("100 Trying...\n200 result=0", Reply(200, "0")),
    ],
)  # fmt: skip
def test_replies(line: str, expected: Reply) -> None:
    conversation = talking()
    conversation.send(NOOP)
    assert events([line.encode() + b"\n"], conversation) == [expected]
    conversation.send(NOOP)


@pytest.mark.parametrize(
    "line",
    [
        "",
        "200",
        "200 ",
        "200 result",
        "200 result=1 (4917",
        "201 result=1",
        "HANGUP ",
        "hangup",
        "agi_network: yes",
        "HTTP/1.1 200 OK",
    ],
)
def test_what_is_no_reply_ends_the_conversation(line: str) -> None:
    conversation = talking()
    conversation.send(NOOP)
    [error] = events([line.encode() + b"\n", b"200 result=1\n", b""], conversation)
    assert isinstance(error, ProtocolError)
    with pytest.raises(LocalError):
        conversation.send(NOOP)


def test_a_value_with_a_line_break_ends_the_conversation() -> None:
    conversation = talking()
    conversation.send(command("GET VARIABLE", "CALLERID(num)"))
    found = events([split(RECORDED["h30-newline-in-variable"])[1]], conversation)
    assert found == [ProtocolError("not an answer: b'200 result=1 (4917'")]


def test_a_reply_to_no_command_ends_the_conversation() -> None:
    assert events([b"200 result=1\n"], talking()) == [ProtocolError("an answer to no command: b'200 result=1'")]
    conversation = talking()
    conversation.send(NOOP)
    # A line break in a value can look like the end of the answer and another one behind it.
    found = events([b"200 result=1 (x)\n200 result=1 (evil)\n"], conversation)
    assert [type(event) for event in found] == [Reply, ProtocolError]


def test_a_hangup_may_come_at_any_moment() -> None:
    request = events([BLOCK + ECHO])[1]
    barrier = events([BLOCK])[0]
    assert events([BLOCK, b"HANGUP\n" + ECHO]) == [barrier, request, Hangup()]
    assert events([BLOCK, b"HANGUP\nHANGUP\n", b""]) == [barrier, request, Hangup(), Hangup(), End()]
    assert events([BLOCK + ECHO, b"HANGUP\n"]) == [barrier, request, Hangup()]
    conversation = talking()
    conversation.send(NOOP)
    assert events([b"HANG", b"UP\n200 result=0\nHANGUP\n"], conversation) == [Hangup(), Reply(200, "0"), Hangup()]
    conversation.send(NOOP)


def test_one_command_at_a_time() -> None:
    conversation = Conversation(NONCE)
    assert not conversation.our_turn
    with pytest.raises(LocalError):
        conversation.send(NOOP)
    conversation.receive(BLOCK)
    with pytest.raises(LocalError):
        conversation.send(NOOP)
    conversation.receive(ECHO)
    assert conversation.our_turn
    assert conversation.send(NOOP) == NOOP
    assert not conversation.our_turn
    with pytest.raises(LocalError):
        conversation.send(set_variable("V", "x"))
    conversation.receive(b"200 result=0\n")
    assert conversation.send(NOOP) == NOOP
    assert conversation.receive(b"") == [End()]
    with pytest.raises(LocalError):
        conversation.send(NOOP)


@pytest.mark.parametrize(
    ("words", "arguments"),
    [("", []), ("noop", []), ("NOOP\nNOOP", []), ("NOOP ", []), ("NOOP 1", []), ("VERBOSE", ["x" * COMMAND_BYTES])],
)
def test_a_bad_command_is_refused(words: str, arguments: list[str]) -> None:
    with pytest.raises(LocalError):
        command(words, *arguments)


def test_arguments_are_quoted() -> None:
    assert NOOP == b"NOOP\n"
    assert command("GET FULL VARIABLE", "${EXTEN} 1") == b'GET FULL VARIABLE "${EXTEN} 1"\n'


@pytest.mark.parametrize("name", ["", "A B", "A\n", "1A", 'A"', "CALLERID(num)", "A" * 81])
def test_a_bad_variable_name_is_refused(name: str) -> None:
    with pytest.raises(LocalError):
        set_variable(name, "x")


@settings(deadline=None)
@given(st.text())
def test_a_value_arrives_as_it_was_but_for_control_characters(value: str) -> None:
    sent = set_variable("HELPDESK_NAME", value)
    assert sent.endswith(b"\n")
    assert not any(byte < 32 for byte in sent[:-1])
    words = split_words(sent[:-1])
    assert words[:3] == [b"SET", b"VARIABLE", b"HELPDESK_NAME"]
    assert [word.decode() for word in words[3:]] == ["".join(" " if c < " " or c == "\x7f" else c for c in value)]


@settings(deadline=None)
@given(st.text(alphabet='a"\\ ü€\U0001f600', min_size=700, max_size=2100))
def test_a_value_that_is_too_long_is_cut_between_characters(value: str) -> None:
    sent = set_variable("V", value)
    assert len(sent) <= COMMAND_BYTES
    arrived = split_words(sent[:-1])[3].decode()
    assert value.startswith(arrived)
    if arrived != value:
        assert len(sent) > COMMAND_BYTES - 4


def test_a_surrogate_in_a_value_does_no_harm() -> None:
    assert set_variable("V", "a\udcffb") == b'SET VARIABLE V "a?b"\n'


@pytest.mark.parametrize(
    "data", [b"GET / HTTP/1.1\r\n\r\n", b"\n", b"\x16\x03\x01", b"agx", b"OPTIONS sip:x SIP/2.0\r\n"]
)
def test_who_does_not_speak_agi_is_seen_at_once(data: bytes) -> None:
    assert events([data]) == events(bytewise(data)) == [ProtocolError("not an AGI request")]


def test_a_block_without_a_caller_is_no_request() -> None:
    for rest in (ECHO, b""):
        found = events([b"agi_network: yes\nagi_threadid: 1\n\n", rest])
        assert found[1:] == [ProtocolError("the request presents no call")]


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"agi_x: " + b"x" * 200, "too many bytes"),
        (b"agi_x: " + b"x" * 200 + b"\n", "too many bytes"),
        (b"agi_x: x\n" * 10, "too many lines"),
        (b"agi_threadid: 1\n\n" + b"x" * 200, "too many bytes"),
        (b"agi_threadid: 1\n\n" + b"x\n" * 10, "too many lines"),
    ],
)
def test_a_block_is_bounded(data: bytes, reason: str) -> None:
    for pieces in ([data], bytewise(data), *pairs(data)):
        conversation = Conversation(NONCE, block_bytes=120, block_lines=8)
        assert events(pieces, conversation)[-1] == ProtocolError(reason)
        assert conversation.receive(ECHO) == conversation.receive(b"") == conversation.expire() == []


@pytest.mark.parametrize("data", [b"x" * 101, b"200 result=1 (" + b"x" * 100, b"520-\n" + b"x\n" * 60])
def test_a_reply_is_bounded(data: bytes) -> None:
    for pieces in ([data], bytewise(data), *pairs(data)):
        conversation = Conversation(NONCE, reply_bytes=100)
        conversation.receive(BLOCK + ECHO)
        conversation.send(NOOP)
        assert events(pieces, conversation) == [ProtocolError("too many bytes")]


def test_many_replies_are_not_one_long_one() -> None:
    conversation = Conversation(NONCE, reply_bytes=100)
    conversation.receive(BLOCK + ECHO)
    for _ in range(50):
        conversation.send(NOOP)
        assert conversation.receive(b"100 Trying\nHANGUP\n200 result=0\n") == [Hangup(), Reply(200, "0")]


def test_a_forged_end_is_found_out_whenever_the_rest_comes() -> None:
    forged = request_block(number="49\n" + FORGED_END.decode(), unique_id="1.1")
    for piece in [*pairs(forged), [forged]]:
        conversation = Conversation(NONCE)
        found = events(piece, conversation)
        assert [type(event) for event in found] == [Barrier]
        [request] = conversation.receive(ECHO)
        assert isinstance(request, Request)
        assert request.tampered
        assert (request.number, request.extension) == ("", "4509")


def test_a_forged_answer_is_a_part_of_the_block() -> None:
    for answer in ("200 result=1 (guess)", "200 result=0", "510 Invalid or unknown command", "HANGUP"):
        forged = request_block(number=f"49\n{FORGED_END.decode()}{answer}", unique_id="1.1")
        found = events([forged, ECHO])
        assert [type(event) for event in found] == [Barrier, Request]
        assert isinstance(found[1], Request)
        assert found[1].tampered


def test_a_forged_end_as_a_real_asterisk_sent_it() -> None:
    raw = (FOLDER / "g01-forged-end.bytes").read_bytes()
    for pieces in ([raw], bytewise(raw), *pairs(raw)):
        barrier, request, error = events(pieces)
        assert isinstance(barrier, Barrier)
        assert isinstance(request, Request)
        assert (request.tampered, request.number, request.unique_id) == (True, "", "1795350271.1")
        assert (request.context, request.extension, request.arguments) == ("t", "forged", ("one", "two"))
        assert error == ProtocolError("an answer to no command: b'200 result=1'")


def test_without_the_echo_the_deadline_makes_it_a_call_with_an_unreadable_number() -> None:
    for answer in (b"", b"510 Invalid or unknown command\n", b"200 result=0\n", ECHO[:-1]):
        conversation = Conversation(NONCE)
        conversation.receive(BLOCK + answer)
        request, end = conversation.expire()
        assert isinstance(request, Request)
        assert end == End()
        assert request.tampered
        assert (request.number, request.unique_id, request.extension) == ("", "1314075508.1094", "4509")
        assert conversation.receive(ECHO) == []


def test_at_the_deadline_half_a_block_is_nothing() -> None:
    conversation = Conversation(NONCE)
    conversation.receive(BLOCK[:-1])
    assert conversation.expire() == [End()]


def test_a_whole_block_counts_though_asterisk_closes_before_it_answers() -> None:
    whole = events([BLOCK + ECHO])
    for rest in (b"", b"HANGUP\n", ECHO[:9]):
        found = events([BLOCK, rest, b""] if rest else [BLOCK, b""])
        assert found[:2] == whole
        assert found[-1] == End()
    half = events([BLOCK, b"agi_calleridname: x", b""])[1]
    assert isinstance(half, Request)
    assert half.tampered


@settings(deadline=None)
@given(st.lists(st.binary(max_size=60)), st.booleans())
def test_random_bytes_never_raise(pieces: list[bytes], begun: bool) -> None:
    conversation = talking() if begun else Conversation(NONCE)
    if begun:
        conversation.send(NOOP)
    found = events([*pieces, b""], conversation)
    assert isinstance(found[-1], End | ProtocolError)
    assert conversation.receive(b"more") == []


fragments = st.lists(
    st.sampled_from(
        [*BLOCK.splitlines(keepends=True), ECHO, b"HANGUP\n", b"520-x\n", b"520 x\n", b"200 result=1\n", b"\n"]
    )
    | st.binary(max_size=9)
).map(b"".join)


@settings(deadline=None)
@given(fragments, st.data())
def test_any_split_of_anything_gives_the_same_events(tail: bytes, data: st.DataObject) -> None:
    raw = data.draw(st.sampled_from([b"", b"agi_", BLOCK, BLOCK + ECHO])) + tail
    cuts = sorted(data.draw(st.lists(st.integers(0, len(raw)))))
    pieces = [raw[start:end] for start, end in zip([0, *cuts], [*cuts, len(raw)], strict=True) if start != end]
    assert events(pieces) == events(bytewise(raw)) == events([raw] if raw else [])
