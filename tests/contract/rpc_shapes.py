"""What an answer of rpc.pl is like, whatever numbers are in it; and asking for one."""

from __future__ import annotations

import http.client
from typing import TypeAlias

from lxml import etree

from agi_server.otrs import rpc_messages
from agi_server.otrs.rpc_messages import Returned

XSI = "http://www.w3.org/2001/XMLSchema-instance"
Shape: TypeAlias = str | list[str] | set[str]


def post(port: int, body: bytes, action: str = rpc_messages.ACTION) -> tuple[int, bytes]:
    """Status and body of what is at /otrs/rpc.pl."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        connection.request(
            "POST", "/otrs/rpc.pl", body, {"Content-Type": "text/xml; charset=utf-8", "SOAPAction": action}
        )
        answer = connection.getresponse()
        assert answer.getheader("Content-Type") == "text/xml; charset=utf-8"
        return answer.status, answer.read()
    finally:
        connection.close()


def shape(status: int, body: bytes) -> Shape:
    """nil; a Fault's first words; the types of values; of a hash its names."""
    content = etree.fromstring(body)[-1][0]
    if etree.QName(content).localname == "Fault":
        assert status == 500
        return " ".join((content.findtext("faultstring") or "").split()[:3])
    assert status == 200
    if content.get(f"{{{XSI}}}nil"):
        return "nil"
    kinds = [child.get(f"{{{XSI}}}type", "nil").removeprefix("xsd:") for child in content]
    if len(kinds) > 20:
        returned = rpc_messages.read(status, body)
        assert isinstance(returned, tuple)
        return set(rpc_messages.pairs(returned))
    return kinds


def texts(status: int, body: bytes) -> Returned:
    """What was returned."""
    returned = rpc_messages.read(status, body)
    assert isinstance(returned, tuple), returned
    return returned
