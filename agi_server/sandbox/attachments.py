"""Attachments as they are sent, stored and shown.

Pure. All articles of a request get all of its attachments; those that are sent inside of an article are
ignored, as OTRS ignores them.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from agi_server.sandbox.dialects import Dialect
from agi_server.sandbox.envelope import Output, Struct, text
from agi_server.sandbox.refusals import RefusalError


@dataclass(frozen=True, slots=True)
class Attachment:
    """A file with an article."""

    filename: str
    content_type: str
    content: bytes
    content_id: str = ""
    disposition: str = "attachment"


def check(sent: Struct, dialect: Dialect, missing: str) -> None:
    """Refuse what OTRS refuses; `missing` are its words for an element that is not there."""
    for name in ("Content", "ContentType", "Filename"):
        if not text(sent, name):
            raise RefusalError("MissingParameter", missing.format(name))
    whole = text(sent, "ContentType").lower()
    named = re.search(r"charset=[\"']?([^\"';]+)", whole)
    known = dialect.knows_charset(named[1]) if named else not dialect.attachment_charset
    if not (known and re.match(r"\w+/\w+", whole)):
        raise RefusalError("InvalidParameter", f"{dialect.attachment}->ContentType is invalid!")


def stored(sent: Iterable[Struct]) -> tuple[Attachment, ...]:
    """As OTRS keeps them: a name that is there already gets a number."""
    kept: dict[str, Attachment] = {}
    for one in sent:
        name = _free(text(one, "Filename").lstrip("."), kept)
        kept[name] = Attachment(
            name,
            text(one, "ContentType").lower(),
            decoded(text(one, "Content")),
            text(one, "ContentID"),
            text(one, "Disposition") or "attachment",
        )
    return tuple(kept[name] for name in sorted(kept))


def decoded(content: str) -> bytes:
    """What is base64 in it, up to the first `=`; nothing is ever wrong, as in Perl."""
    digits = re.sub(r"[^A-Za-z0-9+/]", "", content.partition("=")[0])
    whole = digits[: len(digits) - (len(digits) % 4 == 1)]
    return base64.b64decode(whole + "=" * (-len(whole) % 4))


def shown(attachments: Iterable[Attachment], *, contents: bool) -> list[Output]:
    """As TicketGet gives them, by name; without their contents if those are not wanted."""
    return [
        {
            "Content": base64.b64encode(one.content).decode() if contents else "",
            "ContentAlternative": "",
            "ContentID": one.content_id,
            "ContentType": one.content_type,
            "Disposition": one.disposition,
            "FileID": str(number),
            "Filename": one.filename,
            "FilesizeRaw": str(len(one.content)),
        }
        for number, one in enumerate(attachments, 1)
    ]


def _free(name: str, taken: Iterable[str]) -> str:
    stem, dot, ending = name.rpartition(".")
    if not stem:
        stem, dot, ending = name, "", ""
    number, free = 0, name
    while free in taken:
        number += 1
        free = f"{stem}-{number}{dot}{ending}"
    return free
