"""SIP by sipp: the scenarios of a caller and of an operator's phone, and what sipp recorded.

A scenario is bytes, so that a caller's name may be in any encoding. sipp writes each message with
its time; times, answers and headers are read from there.
"""

from __future__ import annotations

import re
import socket
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from . import facts
from .steps import environment

PROVISIONAL = (100, 180, 181, 183)
REFUSALS = (400, 403, 404, 408, 410, 480, 484, 486, 487, 488, 500, 502, 503, 504, 600, 603)
MEDIA = b"""Content-Type: application/sdp
Content-Length: [len]

v=0
o=lab 1 1 IN IP4 [local_ip]
s=-
c=IN IP4 [local_ip]
t=0 0
m=audio 17998 RTP/AVP 0
a=rtpmap:0 PCMU/8000
"""


@dataclass(frozen=True)
class Message:
    """One SIP message that sipp sent or received."""

    at: datetime
    sent: bool
    text: str

    @property
    def status(self) -> int | None:
        """The status of an answer; None for a request."""
        found = re.match(r"SIP/2\.0 (\d{3})", self.text)
        return int(found[1]) if found else None

    @property
    def method(self) -> str:
        """The method of the request, or of the request that this answers."""
        return self.header("CSeq").rpartition(" ")[2]

    def header(self, name: str) -> str:
        """A header's text, or nothing."""
        found = re.search(rf"^{re.escape(name)}:[ \t]*(.*?)\r?$", self.text, re.MULTILINE | re.IGNORECASE)
        return found[1] if found else ""


class Sipp:
    """One sipp process with its files in a folder of its own."""

    def __init__(self, folder: Path, name: str, scenario: bytes, address: str, arguments: Sequence[str]) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{name}.xml").write_bytes(scenario)
        self.trace = folder / f"{name}.messages"
        self.output = folder / f"{name}.out"
        command = [
            "/usr/bin/sipp", "-sf", str(folder / f"{name}.xml"), "-i", address, "-nostdin", "-skip_rlimit",
            "-deadcall_wait", "0", "-trace_msg", "-message_file", str(self.trace), "-trace_err",
            "-error_file", str(folder / f"{name}.errors"), *arguments,
        ]  # fmt: skip
        with self.output.open("wb") as out:
            self.process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=subprocess.STDOUT, cwd=folder, env=environment()
            )

    def messages(self) -> list[Message]:
        """What it sent and received up to now."""
        try:
            raw = self.trace.read_bytes()
        except FileNotFoundError:
            return []
        parts = re.split(rb"^-{40,} (\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d\.\d+).*\n", raw, flags=re.MULTILINE)[1:]
        found = []
        for at, rest in zip(parts[::2], parts[1::2], strict=True):
            head, _, text = rest.partition(b"\n\n")
            when = datetime.fromisoformat(at.decode().replace(" ", "T"))
            found.append(Message(when, b"message sent" in head, text.decode("utf-8", "replace")))
        return found

    def close(self) -> None:
        """End it, if it has not ended."""
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait(timeout=10)


def free_port(address: str) -> int:
    """A UDP port that nobody holds on that address."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind((address, 0))
        return int(probe.getsockname()[1])


def udp_bound(address: str, port: int) -> bool:
    """Does a process hold that UDP address?"""
    wanted = f"{int.from_bytes(socket.inet_aton(address), 'little'):08X}:{port:04X}"
    return any(line.split()[1] == wanted for line in Path("/proc/net/udp").read_text().splitlines()[1:])


def caller(
    *, from_header: bytes, extension: str, headers: Sequence[bytes], talk_ms: int, hang_up_after_ms: int, token: str
) -> bytes:
    """The scenario of a caller: INVITE, talk, BYE; or CANCEL if nobody answers in time."""
    common = (
        b"Via: SIP/2.0/UDP [local_ip]:[local_port];branch=z9hG4bK-%(token)s-%(branch)s\n"
        b"From: %(from)s;tag=%(token)s\nTo: <sip:%(extension)s@%(pbx)s>%(tag)s\nCall-ID: [call_id]\n"
        b"CSeq: %(cseq)s %(method)s\nMax-Forwards: 70\n"
    )
    values = {
        b"token": token.encode(), b"from": from_header, b"extension": extension.encode(),
        b"pbx": f"{facts.HOST}:{facts.SIP_PORT}".encode(),
    }  # fmt: skip

    def request(
        method: bytes, branch: bytes, cseq: bytes, tag: bytes = b"", more: bytes = b"Content-Length: 0\n\n"
    ) -> bytes:
        first = b"%s sip:%s@%s SIP/2.0\n" % (method, values[b"extension"], values[b"pbx"])
        rest = common % {**values, b"method": method, b"branch": branch, b"cseq": cseq, b"tag": tag}
        return b"<![CDATA[\n\n" + first + rest + more + b"\n]]>"

    contact = b"Contact: <sip:caller@[local_ip]:[local_port]>\n"
    extra = b"".join(header + b"\n" for header in headers)
    tag = b"[peer_tag_param]"
    patience = b'timeout="%d" ontimeout="cancel"' % hang_up_after_ms
    steps = [
        b"<send>" + request(b"INVITE", b"1", b"1", more=contact + extra + MEDIA) + b"</send>",
        *(b'<recv response="%d" optional="true" %s/>' % (code, patience) for code in PROVISIONAL),
        *(b'<recv response="%d" optional="true" next="refused" %s/>' % (code, patience) for code in REFUSALS),
        b'<recv response="200" %s/>' % patience,
        b"<send>" + request(b"ACK", b"2", b"1", tag) + b"</send>",
        b'<pause milliseconds="%d"/>' % talk_ms,
        b"<send>" + request(b"BYE", b"3", b"2", tag) + b"</send>",
        b'<recv response="200" next="end"/>',
        b'<label id="cancel"/>',
        b"<send>" + request(b"CANCEL", b"1", b"1") + b"</send>",
        b'<recv response="200"/>',
        b'<recv response="487"/>',
        b'<label id="refused"/>',
        b"<send>" + request(b"ACK", b"1", b"1", tag) + b"</send>",
        b'<label id="end"/>',
        b'<pause milliseconds="1"/>',
    ]
    return _scenario(b"caller", steps)


def phone(*, behaviour: str, ring_ms: int) -> bytes:
    """The scenario of an operator's phone: `answer`, `busy`, or `ring` without end."""
    answer = b"[last_Via:]\n[last_From:]\n[last_To:];tag=[call_number]\n[last_Call-ID:]\n[last_CSeq:]\n"
    contact = b"Contact: <sip:[local_ip]:[local_port]>\n"
    empty = b"Content-Length: 0\n\n"

    def reply(status: bytes, more: bytes = empty) -> bytes:
        return b"<send><![CDATA[\n\nSIP/2.0 " + status + b"\n" + answer + contact + more + b"\n]]></send>"

    steps = [b'<recv request="INVITE"/>']
    if behaviour == "busy":
        steps += [reply(b"486 Busy Here"), b'<recv request="ACK"/>']
    else:
        steps += [reply(b"180 Ringing"), b'<pause milliseconds="%d"/>' % (600_000 if behaviour == "ring" else ring_ms)]
        steps += [reply(b"200 OK", MEDIA), b'<recv request="ACK"/>', b'<recv request="BYE"/>']
        steps += [reply(b"200 OK").replace(b";tag=[call_number]", b"")]
    return _scenario(b"phone", steps)


def _scenario(name: bytes, steps: Sequence[bytes]) -> bytes:
    return (
        b'<?xml version="1.0" encoding="ISO-8859-1"?>\n<scenario name="%s">\n' % name
        + b"\n".join(steps)
        + b"\n</scenario>\n"
    )
