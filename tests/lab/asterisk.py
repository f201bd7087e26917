"""Calls through the lab's Asterisk: a caller on the trunk, an operator's phone, and what came of it.

`call` places one call and waits for its end. Calls may run side by side, from threads, if they share
one `Phone` and their numbers differ (the operator's phone tells them apart by the number it shows).
"""

from __future__ import annotations

import contextlib
import re
import shutil
import uuid
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Literal

from . import dialplan, facts, pbx, sipp
from .pbx import console, start, stop, version
from .steps import StepError, wait_until

__all__ = ["CallResult", "Phone", "call", "console", "start", "stop", "version"]

FOLDER = facts.LAB_DIR / "calls"
KEPT_SIPPS = 100
ENDING_S = 8

Behaviour = Literal["answer", "busy", "ring", "absent"]


@dataclass(frozen=True)
class CallResult:
    """One call as its caller, the operator and Asterisk saw it."""

    call_id: str
    final_code: int | None
    """The last answer to the caller's INVITE: 200, 486, 487 after hanging up first, ..."""
    ringing_ms: float | None
    answered_ms: float | None
    unique_id: str | None
    """Asterisk's unique id, which is agi_uniqueid."""
    bridged: bool
    """Caller and operator were in a bridge together."""
    operator_display: str | None
    """The name that the operator's phone showed; None if it was not called."""
    operator_number: str | None
    operator_invite: str | None
    variables: dict[str, str] = field(default_factory=dict)
    """HELPDESK_*, AGISTATUS and DIALSTATUS at the call's end; unset ones are empty."""
    log: list[str] = field(default_factory=list)
    """This call's lines in Asterisk's log, verbose 3."""

    def ran(self, text: str) -> bool:
        """Does a line of the log have this in it?"""
        return any(text in line for line in self.log)


class Phone:
    """An operator's phone: registered by its address, there while the `with` block lasts."""

    def __init__(self, name: str = "4507", *, behaviour: Behaviour = "answer", ring_ms: int = 50) -> None:
        self._name = name
        self._behaviour = behaviour
        self._ring_ms = ring_ms
        self._sipp: sipp.Sipp | None = None

    def __enter__(self) -> Phone:
        if self._behaviour == "absent":
            return self
        address = facts.OPERATORS[self._name]
        wait_until(
            f"the address of phone {self._name} is free",
            lambda: not sipp.udp_bound(address, facts.SIP_PORT),
            timeout_s=10,
        )
        folder = _new_folder(f"phone-{self._name}-{uuid.uuid4().hex[:8]}")
        scenario = sipp.phone(behaviour=self._behaviour, ring_ms=self._ring_ms)
        self._sipp = sipp.Sipp(folder, "phone", scenario, address, ["-p", str(facts.SIP_PORT)])
        try:
            wait_until(
                f"phone {self._name} listens", lambda: sipp.udp_bound(address, facts.SIP_PORT), timeout_s=10,
                log=self._sipp.output,
            )  # fmt: skip
        except StepError:
            self._sipp.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._sipp is not None:
            self._sipp.close()

    def invites(self) -> list[sipp.Message]:
        """The calls that reached it, as they came."""
        messages = self._sipp.messages() if self._sipp is not None else []
        return [message for message in messages if not message.sent and message.text.startswith("INVITE ")]


def call(
    number: str | bytes = "+79161229624",
    name: str | bytes = "",
    *,
    extension: str = facts.HELPDESK_NUMBER,
    context: str = "otrs",
    asserted: str | None = None,
    private: bool = False,
    headers: Sequence[str] = (),
    operator: Behaviour = "answer",
    phone: Phone | None = None,
    ring_ms: int = 50,
    talk_ms: int = 150,
    hang_up_after_ms: int = 30_000,
) -> CallResult:
    """Call the HelpDesk and wait for the end of the call.

    `number` is the From header's user part as it goes on the wire (`%0A` included), `name` its display
    name (bytes: any encoding). `asserted` adds P-Asserted-Identity, `private` adds `Privacy: id`.
    Without `phone` an operator's phone is there for this call alone and behaves as `operator` says.
    The caller hangs up `hang_up_after_ms` after the last sign from Asterisk (accepted, or ringing) if nobody
    answers; after an answer he talks for `talk_ms`.
    """
    if phone is None:
        with Phone(behaviour=operator, ring_ms=ring_ms) as own:
            return call(
                number, name, extension=extension, context=context, asserted=asserted, private=private,
                headers=headers, phone=own, talk_ms=talk_ms, hang_up_after_ms=hang_up_after_ms,
            )  # fmt: skip
    token = uuid.uuid4().hex[:12]
    lines = [f"{dialplan.CONTEXT_HEADER}: {context}", *headers]
    lines += [f"P-Asserted-Identity: <sip:{asserted}@{facts.TRUNK_ADDRESS}>"] if asserted else []
    lines += ["Privacy: id"] if private else []
    scenario = sipp.caller(
        from_header=_from_header(_bytes(number), _bytes(name)), extension=extension,
        headers=[line.encode() for line in lines], talk_ms=talk_ms, hang_up_after_ms=hang_up_after_ms, token=token,
    )  # fmt: skip
    start = pbx.log_file().stat().st_size
    port = sipp.free_port(facts.TRUNK_ADDRESS)
    arguments = ["-m", "1", "-p", str(port), "-cid_str", token, f"{facts.HOST}:{facts.SIP_PORT}"]
    process = sipp.Sipp(_new_folder(f"call-{token}"), "caller", scenario, facts.TRUNK_ADDRESS, arguments)
    try:
        _wait_for_end(process, token, start, (hang_up_after_ms + talk_ms) / 1000 + 15)
    finally:
        process.close()
    return _result(token, process.messages(), _log_of(token, start), phone)


def _wait_for_end(process: sipp.Sipp, token: str, start: int, timeout_s: float) -> None:
    """Until Asterisk has ended the call, or the caller has given up on one that never began."""
    mark = f'{dialplan.CALL_ENDS}"'

    def ended() -> bool:
        return any(mark in line for line in _log_of(token, start))

    def over() -> bool:
        return ended() or process.process.poll() is not None

    wait_until("the call's end", over, timeout_s=timeout_s, log=process.output)
    if _log_of(token, start):
        wait_until("Asterisk's end of the call", ended, timeout_s=timeout_s, log=process.output)
    wait_until("the caller's last message", lambda: _caller_done(process), timeout_s=ENDING_S, log=process.output)


def _caller_done(process: sipp.Sipp) -> bool:
    """The caller's own end is on record: a final answer to its BYE, or its ACK to a refusal."""
    if process.process.poll() is not None:
        return True
    messages = process.messages()
    bye_answered = any(not m.sent and m.method == "BYE" and m.status for m in messages)
    refused = any(not m.sent and m.method == "INVITE" and (m.status or 0) >= 300 for m in messages)
    return bye_answered or refused


def _result(token: str, messages: list[sipp.Message], log: list[str], phone: Phone) -> CallResult:
    invites = [message for message in messages if message.sent and message.method == "INVITE"]
    answers = [message for message in messages if not message.sent and message.method == "INVITE"]

    def after_ms(codes: Sequence[int]) -> float | None:
        found = [answer for answer in answers if answer.status in codes]
        return (found[0].at - invites[0].at).total_seconds() * 1000 if found and invites else None

    finals = [answer.status for answer in answers if (answer.status or 0) >= 200]
    began = re.search(rf"{dialplan.CALL_BEGINS} \S+ (\S+)\"", "\n".join(log))
    reported = dict(re.findall(r'@lab-end:\d+\] NoOp\("[^"]*", "([A-Z_()a-z]+)=(.*)"\) in new stack', "\n".join(log)))
    shown = _shown(log, reported.pop("CALLERID(num)", ""), phone)
    display, number = _name_and_number(shown.header("From")) if shown else (None, None)
    return CallResult(
        call_id=token,
        final_code=finals[-1] if finals else None,
        ringing_ms=after_ms((180, 183)),
        answered_ms=after_ms((200,)),
        unique_id=began[1] if began else None,
        bridged=sum("joined" in line and "bridge" in line for line in log) >= 2,
        operator_display=display,
        operator_number=number,
        operator_invite=shown.text if shown else None,
        variables=reported,
        log=log,
    )


def _shown(log: list[str], number: str, phone: Phone) -> sipp.Message | None:
    """The INVITE that reached the operator for this call: the last one that shows its number."""
    invites = phone.invites()
    if not invites or not any("Called PJSIP/" in line for line in log):
        return None
    same = [invite for invite in invites if _name_and_number(invite.header("From"))[1] == number]
    return (same or invites)[-1]


def _name_and_number(header: str) -> tuple[str, str]:
    """The display name and the user part of a From header."""
    found = re.match(r'(?:"((?:[^"\\]|\\.)*)"|([^<"]*?))\s*<sips?:(?:([^@>]*)@)?', header)
    if found is None:
        return "", ""
    name = re.sub(r"\\(.)", r"\1", found[1] if found[1] is not None else found[2])
    return name, found[3] or ""


def _log_of(token: str, start: int) -> list[str]:
    """The lines of Asterisk's log that belong to the call with this Call-ID."""
    with pbx.log_file().open("rb") as file:
        file.seek(start)
        lines = file.read().decode("utf-8", "replace").split("\n")
    first = next((line for line in lines if f'"{dialplan.CALL_BEGINS} {token} ' in line), None)
    mark = re.search(r"\[C-[0-9a-f]+\]", first) if first else None
    return [line for line in lines if mark[0] in line] if mark else []


def _from_header(number: bytes, name: bytes) -> bytes:
    quoted = b'"' + name.replace(b"\\", b"\\\\").replace(b'"', b'\\"') + b'" ' if name else b""
    header = quoted + b"<sip:" + (number + b"@" if number else b"") + facts.TRUNK_ADDRESS.encode() + b">"
    if re.search(rb"[\[\]\r\n]", header):
        raise ValueError("sipp cannot send brackets or line breaks in a caller's name or number")
    return header


def _bytes(text: str | bytes) -> bytes:
    return text.encode() if isinstance(text, str) else text


def _new_folder(name: str) -> Path:
    """A folder for one sipp; the oldest ones go."""
    FOLDER.mkdir(exist_ok=True)
    ages = []
    for folder in FOLDER.iterdir():
        with contextlib.suppress(FileNotFoundError):  # another thread may be clearing up as well
            ages.append((folder.stat().st_mtime, folder))
    for _, old in sorted(ages)[:-KEPT_SIPPS]:
        shutil.rmtree(old, ignore_errors=True)
    return FOLDER / name
