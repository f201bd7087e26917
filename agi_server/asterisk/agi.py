"""The grammar of AGI: bytes in, events out; commands to bytes. No sockets, clock, logging or asyncio.

Where the request block ends cannot be told by looking, since a caller can forge its end (see `request`). So it is
asked: after the first end that may be one, Asterisk is made to echo a nonce (`Barrier`). It reads commands only when
it has written the whole block, so the block is what comes before the echo; the forger cannot know the nonce. An
answer without the nonce may be the forger's and is taken for a part of the block: then `expire` decides. The barrier
must not be sent earlier: data that crosses the block costs 40 ms (Nagle's algorithm and delayed ACK; measured).
Always: `receive` never raises, any split of the bytes gives the same events, all that is kept is bounded.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from agi_server.asterisk.request import Request, read_request, text

BLOCK_BYTES = 32_768
"""AGI()'s data has at most 8,191 bytes, its URL comes twice, all other fields together have some 2 KB."""
BLOCK_LINES = 1_024
"""22 fields, 127 arguments, and chan_sip lets the 255 bytes of a number, a name and a dialled number be line breaks."""
REPLY_BYTES = 16_384
"""GET VARIABLE gives at most 1,023 bytes of a value; the longest usage text recorded has some 500."""
COMMAND_BYTES = 2_046
"""Asterisk 16 reads 2,047 bytes with the newline (22: 8,191) and takes what is longer for two commands."""

_OPENING = b"agi_"
_LAST = b"agi_threadid: "
_RESULT = re.compile(rb"200 result=(\S*)(?: \((.*)\))?(?: endpos=(\d{1,18}))?(?: ([^(].*))?")
_REFUSAL = re.compile(rb"(510|511|520) (.*)")
_WORDS = re.compile(r"[A-Z]+(?: [A-Z]+)*")
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,79}")
_CONTROLS = dict.fromkeys((*range(32), 127), " ")
_TAKEN = b"200 result=1\n"
"""Asterisk's answer to SET VARIABLE, which is nearly all that we ask of it."""


class LocalError(Exception):
    """Our own side asked for what AGI does not allow; nothing is to be sent."""


@dataclass(frozen=True, slots=True)
class Barrier:
    """The block may be complete: send this command, its answer tells."""

    command: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to the command sent last."""

    code: int
    result: str = ""
    value: str | None = None
    """What stands in parentheses: a variable's value, or a word such as `timeout`."""
    endpos: int | None = None
    text: str = ""
    """Other words behind the result; of an error its words or the usage."""


@dataclass(frozen=True, slots=True)
class Hangup:
    """The caller has hung up; Asterisk waits for us to close."""


@dataclass(frozen=True, slots=True)
class End:
    """The peer sends nothing more."""


@dataclass(frozen=True, slots=True)
class ProtocolError:
    """The peer does not speak AGI, or we are out of step with it: the connection is of no more use."""

    reason: str


_YES = Reply(200, "1")

Event = Barrier | Request | Reply | Hangup | End | ProtocolError


class _Phase(enum.Enum):
    BLOCK = enum.auto()
    ECHO = enum.auto()
    TALK = enum.auto()
    OVER = enum.auto()


_BLOCK, _ECHO, _TALK, _OVER = _Phase


class Conversation:
    """One AGI connection from its first byte to its last."""

    def __init__(
        self,
        nonce: str,
        *,
        block_bytes: int = BLOCK_BYTES,
        block_lines: int = BLOCK_LINES,
        reply_bytes: int = REPLY_BYTES,
    ) -> None:
        self._barrier = Barrier(b"GET FULL VARIABLE %s\n" % nonce.encode())
        self._echo = b"200 result=1 (%s)" % nonce.encode()
        self._block_lines = block_lines
        self._reply_bytes = reply_bytes
        self._limit = block_bytes
        self._phase = _BLOCK
        self._rest = b""
        self._lines: list[bytes] = []
        """The block so far; in talk, the usage text so far."""
        self._size = 0
        self._tail_seen = False
        self._outstanding = False

    def receive(self, data: bytes) -> list[Event]:
        """Take what the peer sent; no bytes mean that it sends no more."""
        if self._phase is _OVER:
            return []
        if data == _TAKEN and self._outstanding and not self._rest and not self._lines:
            return self._answer(_YES)
        if not data:
            return self._finish(tampered=not self._echo.startswith(self._rest))
        data = self._rest + data
        if self._phase is _BLOCK and not self._lines and not data.startswith(_OPENING[: len(data)]):
            return [self._fail("not an AGI request")]
        *lines, self._rest = data.split(b"\n")
        events = list(self._events(lines))
        if self._size + len(self._rest) > self._limit:
            events.append(self._fail("too many bytes"))
        return events

    def expire(self) -> list[Event]:
        """The time for the request is over: if only the echo is missing it counts, as tampered with."""
        return [] if self._phase is _OVER else self._finish(tampered=True)

    @property
    def our_turn(self) -> bool:
        """May a command be given now?"""
        return self._phase is _TALK and not self._outstanding

    def send(self, command: bytes) -> bytes:
        """What to send for a command that `command` or `set_variable` made; LocalError if it is not our turn."""
        if self._phase is not _TALK:
            raise LocalError("commands can be given between the request and the end only")
        if self._outstanding:
            # Of commands sent together Asterisk answers the first, and lets the others lie.
            raise LocalError("the last command is not answered yet")
        self._outstanding = True
        return command

    def _events(self, lines: Sequence[bytes]) -> Iterator[Event]:
        for line in lines:
            phase = self._phase
            if phase is _OVER:
                return
            self._size += len(line) + 1
            if self._size > self._limit:
                yield self._fail("too many bytes")
            elif phase is _TALK:
                yield from self._take_reply(line)
            elif phase is _ECHO and line == self._echo:
                yield from self._open_talk(tampered=False)
            elif len(self._lines) == self._block_lines:
                yield self._fail("too many lines")
            else:
                self._lines.append(line)
                if line.startswith(_LAST):
                    self._tail_seen = True
                elif not line and self._tail_seen and phase is _BLOCK:
                    self._phase = _ECHO
                    yield self._barrier

    def _open_talk(self, *, tampered: bool) -> list[Event]:
        lines, self._lines = self._lines, []
        hangups: list[Event] = []
        while lines[-1] == b"HANGUP":
            lines.pop()
            hangups.append(Hangup())
        request = read_request(lines, tampered=tampered)
        if request is None:
            return [self._fail("the request presents no call")]
        self._phase = _TALK
        self._limit = self._reply_bytes
        self._size = 0
        return [request, *hangups]

    def _take_reply(self, line: bytes) -> Sequence[Event]:
        if self._lines:
            # Asterisk writes a usage text in one go: a line HANGUP in it is a part of the text.
            self._lines.append(line)
            return self._answer(Reply(520, text=text(b"\n".join(self._lines)))) if line.startswith(b"520 ") else ()
        if line == b"HANGUP":
            self._size = 0
            return [Hangup()]
        if not self._outstanding:
            return [self._fail(f"an answer to no command: {line[:80]!r}")]
        if line.startswith(b"520-"):
            self._lines.append(line)
            return ()
        if line.startswith(b"100 "):
            self._size = 0
            return ()
        reply = read_reply(line)
        return [self._fail(f"not an answer: {line[:80]!r}")] if reply is None else self._answer(reply)

    def _answer(self, reply: Reply) -> list[Event]:
        self._outstanding = False
        self._lines = []
        self._size = 0
        return [reply]

    def _finish(self, *, tampered: bool) -> list[Event]:
        events = self._open_talk(tampered=tampered) if self._phase is _ECHO else []
        if self._phase is not _OVER:
            self._phase = _OVER
            events.append(End())
        return events

    def _fail(self, reason: str) -> ProtocolError:
        self._phase = _OVER
        self._lines = []
        self._rest = b""
        self._size = 0
        return ProtocolError(reason)


def read_reply(line: bytes) -> Reply | None:
    """A reply of one line; None if it is none, also when a line break in the value has cut it."""
    if found := _RESULT.fullmatch(line):
        result, value, endpos, words = found.groups()
        return Reply(
            200,
            text(result),
            None if value is None else text(value),
            None if endpos is None else int(endpos),
            text(words or b""),
        )
    if found := _REFUSAL.fullmatch(line):
        return Reply(int(found[1]), text=text(found[2]))
    return None


def command(words: str, *arguments: str) -> bytes:
    """A command; LocalError if it is malformed or too long."""
    if not _WORDS.fullmatch(words):
        raise LocalError(f"not a command: {words!r}")
    line = b" ".join((words.encode(), *(b'"%s"' % _escaped(argument) for argument in arguments))) + b"\n"
    if len(line) > COMMAND_BYTES:
        raise LocalError(f"the command is too long: {len(line)} bytes")
    return line


def set_variable(name: str, value: str) -> bytes:
    """The command that sets a channel variable; a value that is too long is cut between two characters."""
    if not _VARIABLE.fullmatch(name):
        raise LocalError(f"not a variable's name: {name!r}")
    head = f'SET VARIABLE {name} "'.encode()
    return head + _fit(_escaped(value), COMMAND_BYTES - len(head) - 2) + b'"\n'


def _escaped(value: str) -> bytes:
    """A value as it may stand between quotes; what would end the line becomes a space."""
    if not value.isprintable():
        value = value.translate(_CONTROLS)
    return value.replace("\\", "\\\\").replace('"', '\\"').encode(errors="replace")


def _fit(escaped: bytes, size: int) -> bytes:
    """As much of an escaped value as fits, without half a character or half an escape at its end."""
    if len(escaped) <= size:
        return escaped
    kept = escaped[:size].decode(errors="ignore").encode()
    backslashes = len(kept) - len(kept.rstrip(b"\\"))
    return kept[: len(kept) - backslashes % 2]
