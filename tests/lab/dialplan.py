"""The lab's dialplan, made from the sample that administrators copy.

The sample is loaded as it is but for the port of agi-server, so that a call in the lab proves the
sample. Three contexts more are the sample with one line changed. Each change must fit exactly once:
when the sample is edited so that one no longer fits, the lab does not start.
"""

from __future__ import annotations

import re

from . import facts
from .steps import StepError

SAMPLE_AGI = "AGI(agi://127.0.0.1:4573/ticket)"
LAB_AGI = f"AGI(agi://{facts.HOST}:{facts.AGI_PORT}/ticket)"
ACTIVE_AGI_LINE = " same => n," + SAMPLE_AGI + "\n"
CURE_LINE = (
    " same => n,ExecIf($[${LEN(${CALLERID(num)})} > 0]?Set(CALLERID(num)=${FILTER(0-9A-Za-z+*#._,${CALLERID(num)})}))\n"
)
QUERY_EXAMPLE = ";same => n,AGI(agi://127.0.0.1:4573/ticket?queue=HelpDesk)\n"
DIAL_LINE = " same => n(dial),Dial(PJSIP/4507,60)\n"
OPERATOR_EXAMPLE = (
    ';same => n(dial),ExecIf($["${HELPDESK_OPERATOR_EXTENSION}" != ""]'
    "?Dial(PJSIP/${HELPDESK_OPERATOR_EXTENSION},15))\n"
    ";same => n,Dial(PJSIP/4507,60)\n"
)
REPORTED = (
    "HELPDESK_STATUS", "HELPDESK_TICKET", "HELPDESK_TICKET_ID", "HELPDESK_TICKET_URL", "HELPDESK_CUSTOMER",
    "HELPDESK_CUSTOMER_ID", "HELPDESK_NAME", "HELPDESK_MATCH", "HELPDESK_OPERATOR", "HELPDESK_OPERATOR_EXTENSION",
    "AGISTATUS", "DIALSTATUS", "CALLERID(num)",
)  # fmt: skip
"""Channel variables that a call's end writes to the log."""

CALL_BEGINS = "lab call"
CALL_ENDS = "lab end"
CONTEXT_HEADER = "X-Lab-Context"
"""The SIP header by which a caller chooses the context."""

CONTEXTS = ("otrs", "otrs-open", "otrs-queue", "otrs-operator", "from-internal-custom")
"""otrs: the sample; otrs-open: without its cure for line breaks in the number; otrs-queue: ?queue=HelpDesk;
otrs-operator: who rings again goes first to the agent who has his ticket."""

ENTRANCE = f"""
[lab]
exten => _X.,1,NoOp({CALL_BEGINS} ${{CHANNEL(pjsip,call-id)}} ${{UNIQUEID}})
 same => n,Set(CHANNEL(hangup_handler_push)=lab-end,s,1)
 same => n,Goto(${{PJSIP_HEADER(read,{CONTEXT_HEADER})}},${{EXTEN}},1)

[lab-end]
exten => s,1,NoOp()
{{reports}}
 same => n,NoOp({CALL_ENDS})
 same => n,Return()
"""


def compose(sample: str) -> str:
    """extensions.conf for the lab."""
    parts = [re.sub(re.escape("127.0.0.1:4573"), f"{facts.HOST}:{facts.AGI_PORT}", sample)]
    body = _context(sample, "otrs")
    opened = _replace_once(body, CURE_LINE, "")
    queued = _replace_once(_replace_once(body, ACTIVE_AGI_LINE, ""), QUERY_EXAMPLE, _active(QUERY_EXAMPLE))
    to_operator = _replace_once(_replace_once(body, DIAL_LINE, ""), OPERATOR_EXAMPLE, _active(OPERATOR_EXAMPLE))
    for name, text in (("otrs-open", opened), ("otrs-queue", queued), ("otrs-operator", to_operator)):
        parts.append(f"[{name}]\n" + text.replace("127.0.0.1:4573", f"{facts.HOST}:{facts.AGI_PORT}"))
    reports = "\n".join(f" same => n,NoOp({name}=${{{name}}})" for name in REPORTED)
    parts.append(ENTRANCE.replace("{reports}", reports))
    return "\n".join(parts)


def _active(example: str) -> str:
    """The sample's commented lines, taken into use."""
    return re.sub("^;", " ", example, flags=re.MULTILINE)


def _context(sample: str, name: str) -> str:
    """The lines of one context."""
    found = re.search(rf"^\[{name}\]\n(.*?)(?=^\[|\Z)", sample, re.MULTILINE | re.DOTALL)
    if found is None:
        raise StepError(f"{facts.SAMPLE_DIALPLAN.name} has no context [{name}] any more: mend tests/lab/dialplan.py")
    return found[1]


def _replace_once(text: str, old: str, new: str) -> str:
    if text.count(old) != 1:
        raise StepError(
            f"{facts.SAMPLE_DIALPLAN.name} has {text.count(old)} times, not once: {old.strip()!r}."
            " Mend tests/lab/dialplan.py together with the sample"
        )
    return text.replace(old, new)
