"""The stand-in for Asterisk's side, held to what the real one answered."""

from __future__ import annotations

import pytest

from agi_server.asterisk.channel import Channel, split_words
from tests.asterisk.recordings import dialogue

FACTS = {
    "EXTEN": "p-cmds",
    "CHANNEL": "PJSIP/trunk-0000002e",
    "CALLERID(num)": "491711234567",
    "CALLERID(name)": "Max Muster",
    "CALLERID(all)": '"Max Muster" <491711234567>',
    "CALLERID(pres)": "allowed_not_screened",
    "CHANNEL(linkedid)": "1795321812.46",
    "PJSIP_HEADER(read,Call-ID)": "1-19924@127.0.0.1",
    "CHANNEL(pjsip,call-id)": "1-19924@127.0.0.1",
    "CDR(userfield)": "",
}
"""The channel of c01-commands."""
KNOWN = (
    b"NOOP",
    b"VERBOSE",
    b"SET VARIABLE",
    b"GET VARIABLE",
    b"GET FULL VARIABLE",
    b"CHANNEL STATUS",
    b"ANSWER",
    b"FOO",
)


def steps(name: str) -> list[tuple[bytes, bytes]]:
    """Commands and answers of a recorded dialogue."""
    found = dialogue(name)[1:]
    return [(found[at][1], found[at + 1][1]) for at in range(0, len(found) - 1, 2)]


def outline(answer: bytes) -> list[bytes]:
    """An answer to compare: a usage text without its own words."""
    lines = answer.splitlines(keepends=True)
    return [lines[0], lines[-1]] if answer.startswith(b"520-") else lines


COMMANDS = [step for step in steps("c01-commands") if step[0].upper().startswith(KNOWN) or not step[0].strip()]


def test_commands_are_answered_as_recorded() -> None:
    assert len(COMMANDS) > 40
    channel = Channel(FACTS)
    for command, answer in COMMANDS:
        if command != b"GET VARIABLE V3\n":  # which was set by EXEC
            [(_, ours)] = channel.receive(command)
            assert outline(ours) == outline(answer), command


def test_a_dead_channel_answers_as_recorded() -> None:
    channel = Channel({"EXTEN": "p-hup", "CALLERID(num)": "49171"})
    asked = [step for step in steps("f-cancel-before-answer") if step[0].startswith(KNOWN)]
    assert len(asked) > 12
    for command, answer in asked:
        [(_, ours)] = channel.receive(command)
        assert ours == answer.removesuffix(b"HANGUP\n"), command
        channel.dead = channel.dead or answer.endswith(b"HANGUP\n")


def test_a_carriage_return_is_a_part_of_the_command() -> None:
    channel = Channel()
    for command, answer in steps("c04-crlf"):
        assert [ours for _, ours in channel.receive(command)] == [answer]


@pytest.mark.parametrize("length", [1000, 8175])
def test_a_command_is_as_long_as_recorded(length: int) -> None:
    channel = Channel(command_bytes=8191)
    [first, *others] = steps(f"c05-long-{length}")
    whole = b"SET VARIABLE V1 %s\n" % (b"x" * length)  # the recording has left out its middle
    for command, answer in ((whole, first[1]), *others):
        assert [ours for _, ours in channel.receive(command)] == [answer]


def test_of_commands_that_come_together_the_first_is_answered() -> None:
    channel = Channel()
    [(command, answer)] = steps("c02-pipeline")
    assert channel.receive(command) == [(b"SET VARIABLE V1 one", answer)]
    assert channel.variables == {"V1": "one"}
    assert [command for command, _ in channel.receive(b"NOOP\n")] == [b"GET VARIABLE V1"]
    assert len(channel.receive(b"")) == 3
    assert channel.variables == {"V1": "two"}


def test_half_a_command_waits_and_is_executed_at_the_end() -> None:
    channel = Channel()
    assert channel.receive(b"SET VARIABLE V1") == []
    assert channel.receive(b" x") == []
    assert [command for command, _ in channel.receive(b"")] == [b"SET VARIABLE V1 x"]
    assert channel.variables == {"V1": "x"}


def test_asterisk_16_takes_a_long_command_for_two() -> None:
    channel = Channel()
    assert len(channel.receive(b"VERBOSE " + b"x" * (2046 - 8) + b"\n")) == 1
    assert channel.receive(b"NOOP\n") == [(b"NOOP", b"200 result=0\n")]
    assert len(channel.receive(b"VERBOSE " + b"x" * (2047 - 8) + b"\n")) == 1
    assert channel.receive(b"NOOP\n") == [(b"", b"510 Invalid or unknown command\n")]


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (b"", []),
        (b"  \t ", []),
        (b"NOOP", [b"NOOP"]),
        (b"a  b\tc ", [b"a", b"b", b"c"]),
        (b'a "b c" d', [b"a", b"b c", b"d"]),
        (b'a ""', [b"a", b""]),
        (b'a b"c d"e', [b"a", b"bc de"]),
        (rb'a "\"b\" \\ \c"', [b"a", rb'"b" \ c']),
        (rb"a\ b", [b"a b"]),
        (b'"open end', [b"open end"]),
        (b"x " * 200, [b"x"] * 127),
    ],
)
def test_words(line: bytes, words: list[bytes]) -> None:
    assert split_words(line) == words
