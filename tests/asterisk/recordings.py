"""What a real Asterisk 22.10 sent: the exact bytes (`.raw`), and the dialogues with times (`.txt`)."""

from __future__ import annotations

import ast
import re
from pathlib import Path

FOLDER = Path(__file__).parents[1] / "data" / "asterisk"
REST = b"agi_extension: %s\nagi_priority: 1\nagi_enhanced: 0.0\nagi_accountcode: \nagi_threadid: 139653321197248\n\n"
CUT = {"h22-blank-line-injection": REST % b"4513", "a07-newlines-via-dialplan": REST % b"t-nlname"}
"""The blank line in these made the server of the recording close too early; this is what Asterisk had yet to send."""


def connections() -> dict[str, bytes]:
    """What came on each recorded connection, by name."""
    found = {}
    for path in sorted(FOLDER.glob("*.raw")):
        raw = path.read_bytes() + CUT.get(path.stem, b"")
        starts = [match.start() for match in re.finditer(rb"^agi_network: yes$", raw, re.MULTILINE)]
        for number, (start, end) in enumerate(zip(starts, [*starts[1:], len(raw)], strict=True), 1):
            found[path.stem if number == 1 else f"{path.stem}-{number}"] = raw[start:end]
    return found


def split(raw: bytes) -> tuple[bytes, bytes]:
    """A connection's request block, and the answers behind it."""
    end = raw.index(b"\n\n", raw.index(b"\nagi_threadid: ")) + 2
    return raw[:end], raw[end:]


def dialogue(name: str) -> list[tuple[str, bytes]]:
    """The steps of a recorded dialogue: `>` what Asterisk sent, `<` what it was sent; adjoining ones are one."""
    steps: list[tuple[str, bytes]] = []
    for line in (FOLDER / f"{name}.txt").read_text("utf-8").splitlines():
        if found := re.match(r" *[\d.]+ ms A([<>]) (b['\"].*)", line):
            data = ast.literal_eval(found[2])
            if steps and steps[-1][0] == found[1]:
                data = steps.pop()[1] + data
            steps.append((found[1], data))
    return steps
