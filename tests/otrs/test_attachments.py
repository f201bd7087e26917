"""attachments: files as they are sent, byte for byte; and those that can't go, which cost nobody the ticket."""

from __future__ import annotations

import os
import time
from base64 import b64decode, b64encode
from pathlib import Path

import pytest

from agi_server.helpdesk import Article, Attachment
from agi_server.otrs import attachments, soap
from agi_server.otrs.attachments import CHUNK, ROOM, Upload, sendable

TEXT = Attachment("call.txt", "text/plain; charset=utf8", b"all that is known")


def file(path: Path, content: bytes = b"leaflet") -> Attachment:
    path.write_bytes(content)
    return Attachment(path.name, "application/pdf", file=str(path))


def open_files() -> set[Path]:
    return set(Path("/proc/self/fd").iterdir())


async def whole(upload: Upload) -> bytes:
    return b"".join([chunk async for chunk in upload.chunks()])


async def test_what_can_go_goes(tmp_path: Path) -> None:
    article = Article("a", "b", attachments=(TEXT, file(tmp_path / "leaflet.pdf")))
    assert await sendable(article) == (article, [])


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda path: None, "No such file or directory"),
        (lambda path: path.mkdir(), "it is no file"),
        (os.mkfifo, "it is no file"),
        (lambda path: path.touch(), "it is empty"),
        (lambda path: path.symlink_to(path), "Too many levels of symbolic links"),
    ],
)
async def test_what_can_t_go_is_told_and_the_rest_goes(tmp_path: Path, make: object, reason: str) -> None:
    path = tmp_path / "leaflet.pdf"
    assert callable(make)
    make(path)
    bad = Attachment("leaflet.pdf", "application/pdf", file=str(path))
    article, lines = await sendable(Article("a", "The body\n", attachments=(bad, TEXT)))
    assert lines == [f"leaflet.pdf could not be attached: {reason}"]
    assert article == Article("a", f"The body\n\n{lines[0]}", attachments=(TEXT,))


@pytest.mark.parametrize(
    ("body", "with_note"),
    [
        ("<p>Call</p>\n", "<p>Call</p>\n{}\n"),
        ("<html><BODY>Call</BODY >\n</HTML>\n\n", "<html><BODY>Call\n{}\n</BODY >\n</HTML>"),
        ("<p>Call</p></html>", "<p>Call</p>\n{}\n</html>"),
        ("see </body> there", "see </body> there\n{}\n"),
    ],
)
async def test_html_says_it_where_it_is_shown_and_whatever_the_file_is_called(body: str, with_note: str) -> None:
    bad = Attachment("<script>.txt", "text/plain; charset=utf8")
    article, _ = await sendable(Article("a", body, content_type="text/HTML; charset=utf8", attachments=(bad,)))
    assert article.body == with_note.format("<p>&lt;script&gt;.txt could not be attached: it is empty</p>")


@pytest.mark.parametrize("bad", [Attachment("a", "x/y"), Attachment("a", "x/y", file="a\0b")])
async def test_what_is_nothing_can_t_go(bad: Attachment) -> None:
    article, lines = await sendable(Article("a", "b", attachments=(bad,)))
    assert article.attachments == ()
    assert len(lines) == 1


async def test_what_is_too_long_can_t_go(tmp_path: Path) -> None:
    fits = ROOM // 4 * 3
    long = file(tmp_path / "long")
    os.truncate(long.file, fits + 1)
    assert (await sendable(Article("a", "b", attachments=(long,))))[1] == [
        f"long could not be attached: {fits + 1} bytes are too long"
    ]
    os.truncate(long.file, fits)
    assert (await sendable(Article("a", "b", attachments=(long,))))[1] == []
    article, lines = await sendable(Article("a", "b", attachments=(long, TEXT)))
    assert article.attachments == (long,)
    assert lines == [f"call.txt could not be attached: {len(TEXT.content)} bytes are too long"]


async def test_a_disk_that_hangs_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "PATIENCE_S", 0.05)
    monkeypatch.setattr(attachments, "_size", lambda attachment: time.sleep(0.3))
    article, lines = await sendable(Article("a", "b", attachments=(TEXT,)))
    assert lines == ["call.txt could not be attached: it can't be read in time"]
    assert article.attachments == ()


@pytest.mark.parametrize("size", [1, 2, 3, 4, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK + 2])
async def test_upload_is_the_request_with_the_file_in_base64(tmp_path: Path, size: int) -> None:
    content = os.urandom(size)
    sent = file(tmp_path / "a", content)
    request = soap.build("TicketCreate", {"Attachment": [{"Content": soap.File(sent.file)}, {"Content": b"inside"}]})
    with await Upload.of(soap.parts(request)) as upload:
        body = await whole(upload)
    assert len(body) == upload.length
    expected = soap.build("TicketCreate", {"Attachment": [{"Content": content}, {"Content": b"inside"}]})
    assert body == expected
    assert b64decode(body.split(b"<Content>")[1].split(b"<")[0]) == content
    assert b64encode(b"inside") in body


async def test_upload_can_be_made_again(tmp_path: Path) -> None:
    parts = soap.parts(soap.build("TicketCreate", {"Content": soap.File(file(tmp_path / "a").file)}))
    bodies = []
    for _ in range(2):
        with await Upload.of(parts) as upload:
            bodies.append(await whole(upload))
    assert bodies[0] == bodies[1]


async def test_file_that_grows_is_sent_as_it_was_and_one_that_shrinks_is_not(tmp_path: Path) -> None:
    sent = file(tmp_path / "a", b"12345678")
    parts: soap.Parts = (b"<", soap.File(sent.file), b">")
    with await Upload.of(parts) as upload:
        os.truncate(sent.file, 9)
        assert await whole(upload) == b"<" + b64encode(b"12345678") + b">"
    with await Upload.of(parts) as upload:
        os.truncate(sent.file, 4)
        with pytest.raises(OSError, match="shorter"):
            await whole(upload)


async def test_upload_of_what_is_gone_leaves_nothing_open(tmp_path: Path) -> None:
    parts: soap.Parts = (soap.File(file(tmp_path / "a").file), soap.File(str(tmp_path / "gone")))
    bad = Attachment("a", "x/y", file=str(tmp_path))
    await sendable(Article("a", "b", attachments=(bad,)))  # threads may keep something of their own
    before = open_files()
    with pytest.raises(FileNotFoundError):
        await Upload.of(parts)
    await sendable(Article("a", "b", attachments=(bad,)))
    assert open_files() == before
