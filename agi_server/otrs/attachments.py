"""Files that go with an article: whether they can go, and their content as it is sent.

A file is looked at before the request is made and opened anew when it is sent, since a request may
be repeated; it is never whole in memory. What can't go costs nobody the ticket: it goes without it,
and the article says so. Files are read in threads, so that a slow disk keeps nobody else waiting.
"""

from __future__ import annotations

import asyncio
import os
import re
import stat
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass, replace
from html import escape
from typing import BinaryIO, Self

from agi_server.helpdesk import Article, Attachment
from agi_server.otrs import soap

MAX_REQUEST = 10_000_000
"""Bytes: the MaxLength that the web service is shipped with, OTRS's own and ours."""
ROOM = MAX_REQUEST - 1_000_000
"""Bytes of it for all files, in base64. A text is never so long that it needs the rest."""
PATIENCE_S = 5.0
"""Seconds for a disk to tell how long the files are."""
_END = re.compile(r"(</body\s*>\s*)?(</html\s*>)?\Z", re.IGNORECASE)
"""Of an HTML text: what is said behind it is not shown everywhere."""
CHUNK = 3 * 16 * 1024
"""Bytes that are read at once; in base64 they end without padding."""


async def sendable(article: Article) -> tuple[Article, list[str]]:
    """The article with those attachments that can go, and a line for each other one, which it says at its end."""
    if not article.attachments:
        return article, []
    try:
        async with asyncio.timeout(PATIENCE_S):
            sizes = [await asyncio.to_thread(_size, attachment) for attachment in article.attachments]
    except TimeoutError:
        sizes = ["it can't be read in time"] * len(article.attachments)
    kept: list[Attachment] = []
    lines: list[str] = []
    left = ROOM
    for attachment, size in zip(article.attachments, sizes, strict=True):
        if isinstance(size, int) and _encoded(size) <= left:
            left -= _encoded(size)
            kept.append(attachment)
        else:
            reason = f"{size} bytes are too long" if isinstance(size, int) else size
            lines.append(_line(attachment, reason))
    return _with(article, tuple(kept), lines) if lines else article, lines


async def objections(given: object) -> list[str]:
    """A line for each attachment among these that can't go."""
    listed = given if isinstance(given, (list, tuple)) else (given,)
    files = tuple(one for one in listed if isinstance(one, Attachment))
    return (await sendable(Article("", "", attachments=files)))[1]


def without(article: Article, reason: str) -> tuple[Article, list[str]]:
    """The same for one of whose attachments OTRS takes none."""
    lines = [_line(attachment, reason) for attachment in article.attachments]
    return _with(article, (), lines), lines


def _line(attachment: Attachment, reason: str) -> str:
    return f"{attachment.filename} could not be attached: {reason}"


def _with(article: Article, kept: tuple[Attachment, ...], lines: list[str]) -> Article:
    body = article.body.rstrip()
    if "html" in article.content_type.lower():
        end = _END.search(body)
        assert end is not None
        told = "".join(f"<p>{escape(line)}</p>\n" for line in lines)
        return replace(article, body=f"{body[: end.start()]}\n{told}{end[0]}", attachments=kept)
    return replace(article, body="\n".join([body, "", *lines]), attachments=kept)


def _size(attachment: Attachment) -> int | str:
    """In bytes, or why it can't go. OTRS takes nothing that is empty."""
    if not attachment.file:
        return len(attachment.content) or "it is empty"
    try:
        with _open(attachment.file) as file:
            return os.fstat(file.fileno()).st_size or "it is empty"
    except OSError as error:
        return error.strerror or "it can't be read"
    except ValueError:
        return "there is no such name"


def _open(path: str) -> BinaryIO:
    """An ordinary file; what could make us wait, such as a pipe, is none."""
    number = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if stat.S_ISREG(os.fstat(number).st_mode):
        return os.fdopen(number, "rb")
    os.close(number)
    raise OSError(0, "it is no file")


def _encoded(size: int) -> int:
    return (size + 2) // 3 * 4


@dataclass(slots=True)
class Upload:
    """A request with its files open. A context manager."""

    length: int
    """In bytes, with the files in base64."""
    _parts: list[bytes | tuple[BinaryIO, int]]
    _files: ExitStack
    lost: str = ""
    """Why a file could not be sent to its end."""

    @classmethod
    async def of(cls, parts: soap.Parts) -> Upload:
        """Raises OSError if a file can't be read any more."""
        return await asyncio.to_thread(cls._of, parts)

    @classmethod
    def _of(cls, parts: soap.Parts) -> Upload:
        with ExitStack() as files:
            opened: list[bytes | tuple[BinaryIO, int]] = []
            length = 0
            for part in parts:
                if isinstance(part, bytes):
                    opened.append(part)
                    length += len(part)
                else:
                    file = files.enter_context(_open(part.path))
                    size = os.fstat(file.fileno()).st_size
                    opened.append((file, size))
                    length += _encoded(size)
            return cls(length, opened, files.pop_all())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._files.close()

    async def chunks(self) -> AsyncIterator[bytes]:
        """All that is sent. A file that has grown is sent as long as it was; raises OSError if one is `lost`."""
        for part in self._parts:
            if isinstance(part, bytes):
                yield part
                continue
            file, left = part
            while left:
                wanted = min(CHUNK, left)
                try:
                    chunk = await asyncio.to_thread(file.read, wanted)
                except OSError as error:
                    self.lost = f"can't be read any more: {error.strerror}"
                    raise
                if len(chunk) < wanted:
                    self.lost = "has become shorter while it was sent"
                    raise OSError(0, self.lost)
                left -= wanted
                yield b64encode(chunk)
