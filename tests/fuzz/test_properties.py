"""The targets' promises, held to what hypothesis makes: texts near the grammar, which mutated bytes seldom are."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_server.asterisk.client import request_block
from agi_server.config import describe
from agi_server.numbers import Numbering
from tests.config_text import text_with
from tests.fuzz import fuzz_agi, fuzz_config, fuzz_numbers, fuzz_soap

some = settings(deadline=None, max_examples=200)

# AGI

BLOCK = request_block(number="49", name="Max", unique_id="1.1", query="queue=Raw", arguments=("one",))
LINES = BLOCK.splitlines(keepends=True)
ECHO = fuzz_agi.ECHO_LINE + b"\n"
REPLIES = [
    b"HANGUP\n",
    b"200 result=1\n",
    b"200 result=0 (x) endpos=5\n",
    b"510 Invalid\n",
    b"520-Usage\n",
    b"520 End\n",
]
conversation = st.lists(
    st.sampled_from([*LINES, BLOCK, ECHO, *REPLIES, b"100 Trying\n", b"\n"]) | st.binary(max_size=9)
)


@some
@given(st.sampled_from([b"agi_", BLOCK, BLOCK + ECHO]), conversation)
def test_whatever_a_peer_says_has_an_order(head: bytes, lines: list[bytes]) -> None:
    fuzz_agi.check(head + b"".join(lines))


names = st.sampled_from([line.partition(b": ")[0].decode() for line in LINES if b": " in line] + ["agi_arg_2", "agi_x"])
forged = st.lists(st.sampled_from(["49", "", "x", "HANGUP", "200 result=1"]) | names.map(lambda name: f"{name}: 6"))
text = forged.map("\n".join)


@some
@given(st.tuples(text, text, text, text))
def test_whatever_a_caller_writes_he_changes_nothing_but_his_own(fields: tuple[str, ...]) -> None:
    fuzz_agi.check_caller("\0".join(fields).encode())


TAIL = [name for name in (line.partition(b": ")[0].decode() for line in LINES) if name not in ("", "agi_arg_1")][-12:]


@pytest.mark.parametrize("start", range(len(TAIL)))
def test_a_run_of_asterisks_own_fields_in_what_was_dialled_is_not_believed(start: int) -> None:
    for end in range(start, len(TAIL) + 1):
        run = "\n".join(f"{name}: 6" for name in TAIL[start:end])
        for rest in ("", "\n" + "\n".join(f"{name}: 6" for name in TAIL[:start])):
            fuzz_agi.check_caller(f"49\0Max\0004513\n{run}{rest}".encode())
            fuzz_agi.check_caller(f"49\0Max\0004513\0004509\n{run}{rest}".encode())


words = st.sampled_from(["SET", "GET", "FULL", "VARIABLE", "verbose", "NOOP", "ANSWER", "CHANNEL", "STATUS", '"', "\\"])
command = st.lists(words | st.text(max_size=5), max_size=6).map(" ".join)


@some
@given(st.lists(command).map("\n".join))
def test_a_channel_answers_what_our_grammar_reads(commands: str) -> None:
    fuzz_agi.check_channel(commands.encode())


# SOAP

ENVELOPE = (
    '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/">'
    "<s:Body>{}</s:Body></s:Envelope>"
)
element = st.sampled_from(["TicketID", "TicketNumber", "Error", "ErrorCode", "ErrorMessage", "DynamicField", "x:y"])
content = st.sampled_from(["1", "", " ", "TicketCreate.AuthFail", "&lt;", "<![CDATA[2]]>", "<!-- x -->", "&no;"])
tree = st.recursive(
    content, lambda inner: st.lists(st.tuples(element, inner)).map(lambda all_: "".join(map(_element, all_)))
)
answer = st.tuples(st.sampled_from(["TicketCreateResponse", "TicketGetResponse", "Fault", "s:Fault"]), tree)


def _element(one: tuple[str, str]) -> str:
    name, inner = one
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"


@some
@given(answer, st.sampled_from([200, 302, 401, 500, 502]))
def test_any_answer_is_one_verdict_and_cut_short_no_ticket(answer: tuple[str, str], status: int) -> None:
    fuzz_soap.check(f"TicketCreate {status}\n{ENVELOPE.format(_element(answer))}".encode())


CREATED = ENVELOPE.format(
    "<TicketCreateResponse><TicketID>1</TicketID><TicketNumber>2</TicketNumber></TicketCreateResponse>"
).encode()
damages = st.lists(st.tuples(st.integers(0, len(CREATED)), st.integers(0, 30), st.binary(max_size=4)), max_size=3)


@some
@given(damages)
def test_a_damaged_answer_is_no_ticket_unless_it_is_whole(damages: list[tuple[int, int, bytes]]) -> None:
    body = CREATED
    for at, length, put in damages:
        body = body[:at] + put + body[at + length :]
    fuzz_soap.check(b"TicketCreate 200\n" + body)


# Numbers

nearly = st.text(alphabet="0123456789+ ()-./~,;@:доб#x\n\u00a0\uff11", max_size=80)
dialled = st.from_regex(r"(00|\+|8|810|\+8 ?)?[1-9][0-9]{2,14}", fullmatch=True)
between = st.sampled_from(
    [" ", "/", ", ", "; ", "\n", " или ", " доб. ", " x", " (", ") ", "-", "", ";ext=", "@", " моб. "]
)
grouped = st.lists(st.text("0123456789", min_size=1, max_size=11) | dialled | between, max_size=9).map("".join)


@pytest.mark.parametrize("numbering", fuzz_numbers.NUMBERINGS, ids=lambda numbering: numbering.country)
@settings(deadline=None)
@given(text=nearly | dialled | grouped)
def test_a_number_stays_what_it_is(numbering: Numbering, text: str) -> None:
    fuzz_numbers.check_heard(numbering, text)
    fuzz_numbers.check_typed(numbering, text)


# The configuration

SURE = {"customers.database": '"sqlite+aiosqlite:////srv/otrs.db"', "otrs.password": "${SECRET}"}
option = st.sampled_from([option.name for option in describe()])
plain = ["secret", "", "0", "1234567", "1.5", "yes", "DE", "/srv/x", "10.0.0.0/8", "{{ call.number }}", "[]", "é"]
conditions = ["_[1-5]X.", "[_4XX, 201]", "mon-fri", "9:00-18:00", "suffix", "30m", "{queue: Sales}"]
secret = ["${SECRET}", "x${SECRET}", '"${SECRET} x"', "[${SECRET}]", "{A: '${SECRET}'}", "http://u:${SECRET}@h/p"]
written = st.sampled_from([*plain, *conditions, *secret, "'^(${SECRET})$'", "${SECRET}/x", "/${SECRET}"])


@some
@given(st.dictionaries(option, written, max_size=6))
def test_a_configuration_can_be_built_from_or_has_mistakes_without_secrets(changes: dict[str, str]) -> None:
    fuzz_config.check(text_with(SURE | changes).encode())
