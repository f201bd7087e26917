"""What OTRS 3.1 and 4 were asked through rpc.pl is asked of the stand-in, in the same order: the answers are alike."""

from __future__ import annotations

import asyncio
import re
from pathlib import Path

import pytest

from agi_server.sandbox import Sandbox
from tests.contract.rpc_shapes import post, shape
from tests.otrs.rpc_recorded import NAMES, answer, request

ELSEWHERE = ("311", "314")
"""CustomerUserDataGet, which shows the password's hash, and an agent whom only the recorded server had."""
TICKET_ID = re.compile(rb"(>TicketID</[^>]+><[^>]+>)([0-9]+)(<)")
UNKNOWN = b"999999"


def made_there(name: str) -> bytes:
    """The ID that the recorded server gave."""
    found = re.search(rb'xsi:type="xsd:int">([0-9]+)<', answer(name)[1])
    return found[1] if found else b""


@pytest.mark.parametrize("version", ["3.1", "4"])
async def test_answers_are_alike(tmp_path: Path, version: str) -> None:
    ids: dict[bytes, bytes] = {UNKNOWN: UNKNOWN}
    compared = 0
    async with Sandbox(tmp_path, user="soapuser", password="soap-secret", dialect=version) as otrs:
        for name in NAMES:
            number = name.partition("/")[2][:3]
            if not name.startswith(f"{version}/") or number in ELSEWHERE:
                continue
            action, body = request(name)
            last = str(otrs.tickets[-1].id).encode() if otrs.tickets else b"1"
            for there in {found[2] for found in TICKET_ID.finditer(body)}:
                body = TICKET_ID.sub(rb"\g<1>" + ids.get(there, last) + rb"\g<3>", body)
            before = len(otrs.tickets)
            ours = await asyncio.to_thread(post, otrs.port, body, action)
            if len(otrs.tickets) > before:
                ids[made_there(name)] = str(otrs.tickets[-1].id).encode()
            expected, found = shape(*answer(name)), shape(*ours)
            if isinstance(expected, list) and isinstance(found, list) and "Search" in name:
                expected, found = expected[:2], found[:2]  # there were more tickets
            assert found == expected, name
            compared += 1
    assert compared > 60
