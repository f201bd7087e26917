"""The two servers that are held to one contract, and bytes to and from them.

Nothing here comes from agi_server.otrs or from the stand-in: requests are texts, sent as they stand over
a plain socket, and an answer is what arrives before the server closes the connection.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

RECORDINGS = Path(__file__).parents[1] / "data" / "otrs"
ANSWER_SECONDS = 60
PATH = "/otrs/nph-genericinterface.pl/Webservice/GenericTicketConnectorSOAP"
NAMESPACE = "http://www.otrs.org/TicketConnector/"

Node = Mapping[str, Any]
"""Elements by name: a text, a Node, or a list of either for an element that is repeated."""


@dataclass(frozen=True)
class Answer:
    """What came back, whole."""

    raw: bytes

    @property
    def head(self) -> list[str]:
        """Status line and headers."""
        return self.raw.partition(b"\r\n\r\n")[0].decode("latin-1").split("\r\n")

    @property
    def body(self) -> str:
        return self.raw.partition(b"\r\n\r\n")[2].decode()

    @property
    def content(self) -> ElementTree.Element:
        """The one element in the envelope's body."""
        envelope = ElementTree.fromstring(self.body)
        (content,) = envelope[0]
        return content

    @property
    def error(self) -> tuple[str, str]:
        """ErrorCode and ErrorMessage; empty if there is no Error."""
        return self.text("Error/ErrorCode"), self.text("Error/ErrorMessage")

    def text(self, path: str) -> str:
        """The text at this path below the response, by local names; empty if there is none."""
        found = self.content.find("/".join(f"{{*}}{name}" for name in path.split("/")))
        return (found.text or "") if found is not None else ""

    def texts(self, name: str) -> list[str]:
        """The texts of all elements of this name, wherever they are."""
        return [element.text or "" for element in self.content.iter(f"{{{NAMESPACE}}}{name}")]


@dataclass(frozen=True)
class Server:
    """A web service under test."""

    name: str
    port: int
    user: str
    password: str

    async def send(self, request: bytes) -> Answer:
        """Send these bytes, read until the server closes."""
        async with asyncio.timeout(ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                writer.write(request)
                return Answer(await reader.read())
            finally:
                writer.close()

    async def call(self, operation: str, node: Node, *, headers: str = "") -> Answer:
        """An operation in the agent's name."""
        login: Node = {"UserLogin": self.user, "Password": self.password}
        return await self.send(http(envelope(operation, {**login, **node}), headers=headers))

    def recorded(self, name: str) -> bytes:
        """A recorded request, in this server's names and with the agent's login in place of a session."""
        recorded = (RECORDINGS / f"{name}.request.http").read_bytes()
        for theirs, ours in NAMES.items():
            recorded = recorded.replace(theirs.encode(), ours.encode())
        login = f"<UserLogin>{self.user}</UserLogin>\n<Password>{self.password}</Password>"
        recorded = recorded.replace(f"<SessionID>{SESSION}</SessionID>".encode(), login.encode())
        recorded = recorded.replace(b">helpdesk-agi<", f">{self.user}<".encode())
        recorded = recorded.replace(b">agi-secret<", f">{self.password}<".encode())
        head, _, body = recorded.partition(b"\r\n\r\n")
        return re.sub(rb"(?<=Content-Length: )\d+", str(len(body)).encode(), head) + b"\r\n\r\n" + body


SESSION = "9gouzURhaWEMAT2RortUGxoFrHudufoQ"
NAMES = {
    ">Support<": ">HelpDesk<",
    ">Secret<": ">Management<",
    ">gone<": ">former<",
    ">petrov@lab.example<": ">petrova@romashka.example<",
}
"""What the recorded server called its queues and customers, and what ours call them."""


def recorded_answer(name: str) -> Answer:
    """What Znuny 6.5 answered when it was recorded."""
    return Answer((RECORDINGS / f"{name}.response.http").read_bytes())


def http(body: str | bytes, *, headers: str = "", path: str = PATH, method: str = "POST") -> bytes:
    """An HTTP request; `headers` are whole lines."""
    sent = body.encode() if isinstance(body, str) else body
    return (
        f"{method} {path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: text/xml; charset=utf-8\r\n"
        f"Content-Length: {len(sent)}\r\n{headers}Connection: close\r\n\r\n"
    ).encode() + sent


def envelope(operation: str, node: Node) -> str:
    """A request's XML; texts are escaped."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>'
        '<soapenv:Envelope xmlns:soapenv="http://schemas.xmlsoap.org/soap/envelope/"'
        f' xmlns:tic="{NAMESPACE}"><soapenv:Body>'
        f"<tic:{operation}>{_children(node)}</tic:{operation}></soapenv:Body></soapenv:Envelope>"
    )


def _children(node: Node) -> str:
    parts: list[str] = []
    for name, value in node.items():
        for each in value if isinstance(value, list) else [value]:
            content = escape(each, {"\r": "&#13;"}) if isinstance(each, str) else _children(each)
            parts.append(f"<{name}>{content}</{name}>")
    return "".join(parts)
