"""The request block: the lines in which Asterisk presents a call -> what we believe of them.

A caller can put line breaks into his number, name or dialled number (`%0A` in a SIP user part), so the lines from
`agi_callerid` on may be forged. Asterisk's order is fixed: whatever is out of it marks the block as tampered with.
Then the caller is not believed at all; what stands before him is Asterisk's own; what stands behind him counts as
`_tail` says. Never in doubt: script, URL, channel, unique id. Left to the dialplan: text of the caller's that it
puts unencoded into AGI()'s URL or arguments.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qsl

PJSIP_NAME_BYTES = 79
"""Where PJSIP cuts a number or name; in Asterisk 16 also in the middle of a character."""
KNOWN_ORDERS = 16
"""Of names, kept so as not to be looked at for each call: dialplans give some numbers of arguments, with and without
a script's name. A block bounds each."""

_FIXED = (
    "agi_callerid",
    "agi_calleridname",
    "agi_callingpres",
    "agi_callingani2",
    "agi_callington",
    "agi_callingtns",
    "agi_dnid",
    "agi_rdnis",
    "agi_context",
    "agi_extension",
    "agi_priority",
    "agi_enhanced",
    "agi_accountcode",
    "agi_threadid",
)
_TAIL = _FIXED[2:]
_ARGUMENTS = tuple(f"agi_arg_{number}" for number in range(1, 128))
"""Asterisk makes at most 127 arguments; the last one holds the rest."""
_Field = tuple[str, str]
_FREE_NAME = re.compile(r"agi_(?!arg_)[a-z0-9_]+")


@dataclass(frozen=True, slots=True)
class Request:
    """What Asterisk told about the call."""

    fields: Mapping[str, str]
    """All that we believe, decoded and cleaned, by Asterisk's names (`agi_channel`); names we do not know too."""
    arguments: tuple[str, ...] = ()
    tampered: bool = False
    """Lines were forged, or we could not make sure that none is: number and name are empty."""

    @property
    def script(self) -> str:
        """The name behind the host's slash: `ticket` in `agi://host/ticket?queue=Raw`; empty if there is none."""
        return self.fields.get("agi_network_script", "").partition("?")[0].strip("/")

    @property
    def query(self) -> dict[str, str]:
        """The query string behind the script's name, decoded; of several equal keys the last counts."""
        query = self.fields.get("agi_network_script", "").partition("?")[2]
        return {_printable(key): _printable(value) for key, value in parse_qsl(query, keep_blank_values=True)}

    @property
    def url(self) -> str:
        """The whole URL, as the dialplan wrote it."""
        return self.fields.get("agi_request", "")

    @property
    def unique_id(self) -> str:
        return self.fields.get("agi_uniqueid", "")

    @property
    def channel(self) -> str:
        return self.fields.get("agi_channel", "")

    @property
    def language(self) -> str:
        return self.fields.get("agi_language", "")

    @property
    def number(self) -> str:
        """The caller's number as heard; empty if there is none."""
        return self._known("agi_callerid")

    @property
    def name(self) -> str:
        """The caller's name; empty if there is none."""
        name = self._known("agi_calleridname")
        # PJSIP hands on SIP's escapes (\" and \\), chan_sip undoes them.
        return re.sub(r"\\(.)", r"\1", name) if self.fields.get("agi_type") == "PJSIP" else name

    @property
    def presentation(self) -> int:
        """`agi_callingpres`: how the number may be shown; 0 if that is not known."""
        presentation = self.fields.get("agi_callingpres", "")
        return int(presentation) if re.fullmatch("[0-9]{1,3}", presentation) else 0

    @property
    def dnid(self) -> str:
        """The number that was dialled, as the trunk told it; empty if there is none."""
        return self._known("agi_dnid")

    @property
    def context(self) -> str:
        return self.fields.get("agi_context", "")

    @property
    def extension(self) -> str:
        """The extension in whose dialplan AGI() stands."""
        return self.fields.get("agi_extension", "")

    def _known(self, name: str) -> str:
        value = self.fields.get(name, "").strip()
        return "" if value == "unknown" else value  # Asterisk's word for none


def read_request(lines: Sequence[bytes], *, tampered: bool = False) -> Request | None:
    """The request in a block's lines, the empty one at the end included; None if they present no call."""
    names, separators, values = zip(*[line.partition(": ") for line in _texts(lines)], strict=True)
    if "agi_callerid" not in names:
        return None
    if not tampered and separators.count("") == 1 and (end := _end_of_fields(names)):
        return Request(dict(zip(names[:end], values[:end], strict=True)), values[end:-1])
    start = names.index("agi_callerid")
    tail, arguments = _tail(names, values, start)
    # Of names that come twice before the caller the first one counts: the URL is the dialplan's, but may hold text
    # of the caller's. What has its place behind the caller's number cannot come before it, be it in such a URL.
    head = zip(reversed(names[:start]), reversed(values[:start]), strict=True)
    fields = {name: value for name, value in head if name not in _FIXED} | dict(tail)
    return Request(fields, tuple(value for _, value in arguments), tampered=True)


@lru_cache(maxsize=KNOWN_ORDERS)
def _end_of_fields(names: tuple[str, ...]) -> int:
    """Where the arguments begin, if the names stand as Asterisk writes them, else 0.

    Other versions' names may come before and behind those we know. One Asterisk's calls have the same names all.
    """
    start = names.index("agi_callerid")
    count = sum(name.startswith("agi_arg_") for name in names)
    end = len(names) - 1 - count
    strange = names[start + len(_FIXED) : end]
    free = (*names[:start], *strange)
    in_order = (
        names[start:] == (*_FIXED, *strange, *_ARGUMENTS[:count], "")
        and all(map(_FREE_NAME.fullmatch, free))
        and len({*free, *_FIXED}) == len(free) + len(_FIXED)
        and "agi_network_script" not in strange  # it may be missing from its own place
    )
    return end if in_order else 0


def _tail(names: Sequence[str], values: Sequence[str], start: int) -> tuple[list[_Field], list[_Field]]:
    """Fields and arguments to believe in a tampered block, from `agi_callerid` on.

    Asterisk's own fields are the last unbroken run of their names. A field of theirs behind it means that the break
    is in the dialled number or an argument; arguments not counted through, that it is in them: then none is believed.
    """
    fields = zip(names[start:], values[start:], strict=True)
    known = [field for field in fields if field[0] in _TAIL or field[0].startswith("agi_arg_")]
    found = tuple(name for name, _ in known)
    for at in range(len(found) - len(_TAIL), -1, -1):
        end = at + len(_TAIL)
        if found[at:end] == _TAIL:
            if not any(name in _TAIL for name in found[end:]):
                return known[at:end], known[end:] if found[end:] == _ARGUMENTS[: len(found) - end] else []
            break
    return [], []


def _texts(lines: Sequence[bytes]) -> list[str]:
    """The lines as text; the usual ones all at once."""
    whole = b"\n".join(lines)
    if whole.isascii():
        texts = whole.decode("ascii").split("\n")
        if "".join(texts).isprintable():
            return texts
    return [text(line) for line in lines]


def text(raw: bytes) -> str:
    """A value as text: UTF-8, else Latin-1 (Asterisk 16 passes a phone's bytes on as they are); printable."""
    try:
        return _printable(raw.decode())
    except UnicodeDecodeError as error:
        if error.reason == "unexpected end of data" and len(raw.partition(b": ")[2] or raw) >= PJSIP_NAME_BYTES:
            return _printable(raw[: error.start].decode())
        return _printable(raw.decode("latin-1"))


def _printable(value: str) -> str:
    """Control characters, line separators and the like become spaces."""
    return value if value.isprintable() else "".join(c if c.isprintable() else " " for c in value)
