"""OTRS with nothing around it: the least that a client can do to have a ticket made.

One session, one request made beforehand in which only the call's id is new, a connection for each, and the number of
the ticket in the answer. What it takes is OTRS's own time; whatever we take more is our share.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import re
import time
import urllib.request
from urllib.parse import urlsplit

from agi_server.helpdesk import Ticket
from agi_server.otrs import elements, soap
from benchmarks.callers import ID_MARK, LONGEST_CALL_S, Placed

NUMBER = re.compile(rb"<TicketNumber>\d+</TicketNumber>")


def sign_in(url: str, user: str, password: str) -> str:
    """A session of OTRS's."""
    body = soap.build("SessionCreate", {"UserLogin": user, "Password": password})
    request = urllib.request.Request(url, body, {"Content-Type": "text/xml; charset=utf-8"})  # noqa: S310 -- loopback
    with urllib.request.urlopen(request, timeout=LONGEST_CALL_S) as answer:  # noqa: S310
        reply = soap.read("SessionCreate", answer.status, answer.read())
    assert isinstance(reply, dict), reply
    return soap.text(reply, "SessionID")


def request(url: str, session: str, ticket: Ticket, call_field: str) -> bytes:
    """The HTTP request for this ticket, whose call is `ID_MARK`."""
    values = {"SessionID": session, **elements.creation(ticket, call_field)}
    body = soap.build("TicketCreate", values)
    parts = urlsplit(url)
    head = (
        f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: text/xml; charset=utf-8\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body


async def create(url: str, template: bytes, at_once: int, number: int) -> Placed:
    """So many tickets, `at_once` at a time."""
    parts, placed, left = urlsplit(url), Placed(), iter(range(number))
    mark = f"{time.time() % 1e8:08.0f}{os.getpid() % 10**7:07}"

    async def client() -> None:
        for one in left:
            asked = time.perf_counter()
            async with asyncio.timeout(LONGEST_CALL_S):
                reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
                writer.write(template.replace(ID_MARK.encode(), f"{one:02}{mark}"[: len(ID_MARK)].encode()))
                answer = await reader.read(-1)
                writer.close()
            placed.took.append(time.perf_counter() - asked)
            placed.statuses["created" if NUMBER.search(answer) else "failed"] += 1

    began, worked = time.perf_counter(), time.process_time()
    await asyncio.gather(*itertools.starmap(client, [()] * at_once))
    placed.elapsed = time.perf_counter() - began
    placed.cpu_s = time.process_time() - worked
    return placed
