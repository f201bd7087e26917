"""A channel under AGI, as seen by the server: what Asterisk answers to commands, and what it refuses.

The other end of `agi`, written from recordings and not from `agi` itself. It knows the commands that this project
and its tests use; others get the 510 that Asterisk gives to commands it does not know.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

COMMAND_BYTES = 2_047
"""What Asterisk 16 reads as one command, its newline included; 22 reads 8,191."""
VALUE_BYTES = 1_023
"""What GET VARIABLE gives of a value."""
WORDS = 127
"""What Asterisk splits a command into at most."""


@dataclass(slots=True)
class Channel:
    """A channel under AGI: its variables, and the answers to commands, which arrive as bytes."""

    facts: dict[str, str] = field(default_factory=dict)
    """What the channel is born with: `EXTEN`, `CALLERID(num)`, ..."""
    variables: dict[str, str] = field(default_factory=dict)
    """What was set."""
    dead: bool = False
    command_bytes: int = COMMAND_BYTES
    _unread: bytes = b""

    def receive(self, data: bytes) -> list[tuple[bytes, bytes]]:
        """The command that these bytes complete, with its answer.

        Of several commands that come together Asterisk takes the first; the others lie until more bytes come, or
        the end, which is no bytes: then all are executed, half a command too.
        """
        self._unread += data
        done: list[tuple[bytes, bytes]] = []
        while self._unread and (not data or not done):
            line, newline, rest = self._unread[: self.command_bytes].partition(b"\n")
            if data and not newline and len(line) < self.command_bytes:
                break
            self._unread = rest + self._unread[self.command_bytes :]
            done.append((line, self.answer(line)))
        return done

    def answer(self, line: bytes) -> bytes:
        """What Asterisk answers to a command."""
        words = [word.decode(errors="replace") for word in split_words(line)]
        for command, (allowed, when_dead, usage) in _COMMANDS.items():
            name = command.split()
            if [word.upper() for word in words[: len(name)]] == name:
                if self.dead and not when_dead:
                    return b"511 Command Not Permitted on a dead channel or intercept routine\n"
                arguments = words[len(name) :]
                if len(arguments) not in allowed:
                    return _usage(f"{command} {usage}")
                return self._execute(command, arguments).encode() + b"\n"
        return b"510 Invalid or unknown command\n"

    def _execute(self, command: str, arguments: Sequence[str]) -> str:
        match command:
            case "SET VARIABLE":
                self._set(*arguments)
                return "200 result=1"
            case "GET VARIABLE":
                value = self._get(arguments[0])
                return "200 result=0" if value is None else f"200 result=1 ({_cut(value)})"
            case "GET FULL VARIABLE":
                if len(arguments) > 1 and arguments[1] != self._get("CHANNEL"):
                    return "200 result=0"
                value = re.sub(r"\$\{([^{}]*)\}", lambda found: self._get(found[1]) or "", arguments[0])
                return f"200 result=1 ({value})"
            case "VERBOSE":
                return "200 result=1"
            case "CHANNEL STATUS":
                here = not arguments or arguments[0] == self._get("CHANNEL")
                return "200 result=4" if here else "200 result=-1"
            case _:
                return "200 result=0"

    def _get(self, name: str) -> str | None:
        return self.variables.get(name, self.facts.get(name))

    def _set(self, name: str, value: str) -> None:
        # A name with parentheses is a function's; Asterisk says yes to those that do not exist, too.
        if "(" not in name or name in self.facts:
            self.variables[re.sub("^__?", "", name)] = value


_ANY = range(WORDS)
_COMMANDS: dict[str, tuple[range, bool, str]] = {
    "NOOP": (_ANY, True, ""),
    "VERBOSE": (_ANY[1:], True, "message [level]"),
    "SET VARIABLE": (range(2, 3), True, "name value"),
    "GET VARIABLE": (range(1, 2), True, "name"),
    "GET FULL VARIABLE": (range(1, 3), True, "expression [channel]"),
    "CHANNEL STATUS": (range(2), False, "[channel]"),
    "ANSWER": (range(1), False, ""),
}
"""How many arguments a command takes, whether a dead channel takes it, and its usage."""


def split_words(line: bytes) -> list[bytes]:
    """A command's words, as Asterisk splits them: quotes join, a backslash takes the next byte as it is."""
    words: list[bytearray] = []
    quoted = escaped = within = False
    for byte in line:
        if not escaped and byte == ord('"'):
            quoted = not quoted
            if quoted and not within:
                words.append(bytearray())
                within = True
        elif not escaped and byte == ord("\\"):
            escaped = True
        elif not escaped and not quoted and byte in b" \t":
            within = False
        else:
            if not within and len(words) < WORDS:
                words.append(bytearray())
                within = True
            if within:
                words[-1].append(byte)
            escaped = False
    return [bytes(word) for word in words]


def _usage(usage: str) -> bytes:
    return f"520-Invalid command syntax.  Proper usage follows:\nUsage: {usage}\n520 End of proper usage.\n".encode()


def _cut(value: str) -> str:
    return value.encode()[:VALUE_BYTES].decode(errors="ignore")
