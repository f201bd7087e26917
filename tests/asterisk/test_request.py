"""The request block: recordings of every kind of call, and what a forger may write into his own."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agi_server.asterisk.client import request_block
from agi_server.asterisk.request import Request, read_request
from tests.asterisk.recordings import connections, split

RECORDED = connections()
FORGED = {"h10-percent0A-in-user", "h21-header-injection", "h22-blank-line-injection", "h30-newline-in-variable"} | {
    "a07-newlines-via-dialplan"
}


def read(block: bytes) -> Request:
    assert block.endswith(b"\n")
    request = read_request(block[:-1].split(b"\n"))
    assert request is not None
    return request


def recorded(name: str) -> Request:
    return read(split(RECORDED[name])[0])


def block(
    *, number: str = "+4917", name: str = "Max", dnid: str = "4513", dialled: str = "4509", **others: str
) -> bytes:
    arguments = [others[key] for key in sorted(others)]
    return request_block(
        number=number,
        name=name,
        dnid=dnid,
        dialled=dialled,
        arguments=arguments,
        unique_id="1795321785.20",
        query="queue=Raw",
        channel="SIP/trunk-00000014",
    )


@pytest.mark.parametrize("name", RECORDED)
def test_a_recording_is_a_call_and_is_tampered_with_if_it_was(name: str) -> None:
    request = recorded(name)
    assert request.tampered == (name in FORGED)
    assert request.unique_id
    assert request.channel.startswith(("PJSIP/", "Local/"))
    assert request.context
    assert request.extension
    assert request.language == "en"


@pytest.mark.parametrize(
    ("name", "field", "expected"),
    [
        ("h01-plain", "script", "ticket"),
        ("h01-plain", "query", {"queue": "Raw"}),
        ("h01-plain", "url", "agi://127.0.0.1:4573/ticket?queue=Raw"),
        ("h01-plain", "number", "491711234567"),
        ("h01-plain", "name", "Max Muster"),
        ("h01-plain", "presentation", 0),
        ("h01-plain", "unique_id", "1795321753.0"),
        ("h01-plain", "channel", "PJSIP/trunk-00000000"),
        ("h01-plain", "dnid", "4513"),
        ("h01-plain", "extension", "4513"),
        ("h01-plain", "context", "otrs"),
        ("h01-plain", "arguments", ()),
        ("h02-plus-number", "number", "+491711234567"),
        ("h03-no-name", "name", ""),
        ("h04-anonymous", "number", "anonymous"),
        ("h05-anonymous-PAI-privacy", "presentation", 32),
        ("h06-no-number-no-name", "number", ""),
        ("h06-no-number-no-name", "presentation", 67),
        ("h06b-name-but-no-number", "number", ""),
        ("h07-utf8-name", "name", "Jörg Müller-Ünlü €漢字😀"),
        ("h08-quotes-backslash-in-name", "name", 'A "q" \\ ; <x> , (y) ${EXTEN}'),
        ("h09-latin1-name", "name", "J\N{REPLACEMENT CHARACTER}rg latin1"),
        ("h25-number-literally-unknown", "number", ""),
        ("h26-empty-quoted-name", "name", ""),
        ("h28-rpid-privacy", "presentation", 33),
        ("a01-args", "script", "args"),
        ("a01-args", "query", {"a": "1", "b": "2"}),
        ("a01-args", "arguments", ("one", "two words", "", "quoted, with comma", "back,slash", " leading and trailing ",
                                   "Äöü €", "Max Muster <491711234567>")),
        ("a02-noscript", "script", ""),
        ("a02-noscript", "query", {}),
        ("a02-noscript", "url", "agi://127.0.0.1:4574"),
        ("a03-slash", "script", ""),
        ("a04-comma-in-url", "arguments", ("Junk&x=49171",)),
        ("a05-uriencode", "query", {"queue": "Postmaster::Sub queue, ä", "name": "Jörg & Söhne"}),
        ("a10-name-as-argument", "name", 'Müller, Jörg "x" (y'),
        ("d03-hangup-handler-2", "arguments", ("ANSWER", "4507", "0")),
        ("d04-agi-on-the-operators-channel", "dnid", ""),
        ("e04-systemname", "unique_id", "pbx1-1795324860.0"),
    ],
)  # fmt: skip
def test_fields(name: str, field: str, expected: object) -> None:
    assert getattr(recorded(name), field) == expected


def test_asterisk_makes_127_arguments_at_most() -> None:
    for name, last in (("a08-args-127", "a127"), ("a08-args-128", "a127,a128")):
        request = recorded(name)
        assert len(request.arguments) == 127
        assert request.arguments[-1] == last


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"Gr\xc3\xbc\xc3\x9fe", "Grüße"),
        (b"J\xfcrg", "Jürg"),
        (b"Ren\xe9", "René"),
        (b"\xd0\x9f" * 39 + b"\xd0", "П" * 39),
        (b"\xff\xfe", "ÿþ"),
        (b"4917\r200 \x1b[31m\x00\t", "4917 200  [31m"),
        ("a\u202eb\u2028c".encode(), "a b c"),
    ],
    ids=["utf-8", "latin-1", "latin-1 at the end", "cut by PJSIP", "no encoding", "controls", "directions"],
)
def test_a_name_in_any_encoding(raw: bytes, expected: str) -> None:
    assert read(block(name="NAME").replace(b"NAME", raw)).name == expected


def test_names_of_other_versions_are_kept() -> None:
    plain = block(argument="one")
    request = read(
        plain.replace(b"agi_channel", b"agi_new: 1\nagi_channel").replace(b"agi_arg_1", b"agi_newer: 2\nagi_arg_1")
    )
    assert not request.tampered
    assert (request.fields["agi_new"], request.fields["agi_newer"]) == ("1", "2")
    assert request.arguments == ("one",)


def test_what_presents_no_caller_is_no_call() -> None:
    assert read_request([b"agi_network: yes", b"agi_threadid: 1", b""]) is None


TAIL = (
    "agi_callingpres: 0\nagi_callingani2: 0\nagi_callington: 0\nagi_callingtns: 0\nagi_dnid: 6\nagi_rdnis: \n"
    "agi_context: evil\nagi_extension: 6\nagi_priority: 6\nagi_enhanced: 6\nagi_accountcode: \nagi_threadid: 6"
)
IN_NUMBER_OR_NAME = {
    "a line without a name": "49\nagi_fake",
    "a script": "49\nagi_network_script: evil?queue=Junk",
    "an unknown field": "49\nagi_fake: 1",
    "a caller": "49\nagi_callerid: 666",
    "a unique id and a channel": "49\nagi_uniqueid: 6.6\nagi_channel: SIP/evil-6",
    "an extension": "49\nagi_extension: 6",
    "an argument": "49\nagi_arg_1: forged",
    "an end": "49\n",
    "an end and an answer": "49\n\n200 result=1",
    "a whole tail": f"49\n{TAIL}",
    "a whole tail and an end": f"49\nagi_calleridname: x\n{TAIL}\n",
    "arguments too": f"49\nagi_calleridname: x\n{TAIL}\nagi_arg_1: forged\nagi_arg_2: forged\nagi_arg_3: forged\n",
    "a hangup and a guess": f"49\n{TAIL}\n\nHANGUP\n200 result=1 (0123456789abcdef)",
    "half a tail": "49\nagi_callingpres: 32\nagi_callingani2: 0",
}


@pytest.mark.parametrize("place", ["number", "name"])
@pytest.mark.parametrize("text", IN_NUMBER_OR_NAME.values(), ids=list(IN_NUMBER_OR_NAME))
def test_a_line_break_in_number_or_name_forges_nothing(text: str, place: str) -> None:
    genuine = read(block(one="first", two="second"))
    assert not genuine.tampered
    request = read(block(**{place: text}, one="first", two="second"))
    assert request.tampered
    believed = {key: value for key, value in genuine.fields.items() if not key.startswith("agi_callerid")}
    assert request == Request(believed, ("first", "second"), tampered=True)
    assert (request.number, request.name) == ("", "")


def test_the_longest_number_of_chan_sip_has_room_for_a_whole_tail() -> None:
    assert len(IN_NUMBER_OR_NAME["a whole tail and an end"].encode()) <= 255


IN_WHAT_WAS_DIALLED_OR_AN_ARGUMENT = {
    "dnid: junk": ({"dnid": "4513\nx"}, "otrs", "4509", "4513", ("first", "second")),
    "dnid: fields": ({"dnid": "4513\nagi_context: evil\nagi_extension: 6"}, "", "", "", ()),
    "dnid: the rest": ({"dnid": "4513\n" + TAIL.partition("6\n")[2]}, "", "", "", ()),
    "extension: fields": ({"dialled": "4509\nagi_context: evil\nagi_extension: 6"}, "", "", "", ()),
    "extension: the rest": ({"dialled": "4509\n" + TAIL.partition("agi_extension: 6\n")[2]}, "", "", "", ()),
    "argument: the next": ({"one": "first\nagi_arg_2: forged"}, "otrs", "4509", "4513", ()),
    "argument: the last": ({"two": "second\nagi_arg_1: forged"}, "otrs", "4509", "4513", ()),
    "argument: a field": ({"one": "first\nagi_extension: 6"}, "", "", "", ()),
    "argument: junk": ({"one": "first\nHANGUP"}, "otrs", "4509", "4513", ("first", "second")),
}


@pytest.mark.parametrize(
    ("forged", "context", "extension", "dnid", "arguments"),
    IN_WHAT_WAS_DIALLED_OR_AN_ARGUMENT.values(),
    ids=list(IN_WHAT_WAS_DIALLED_OR_AN_ARGUMENT),
)
def test_a_line_break_in_what_was_dialled_or_in_an_argument_makes_it_unbelieved(
    forged: dict[str, str], context: str, extension: str, dnid: str, arguments: tuple[str, ...]
) -> None:
    request = read(block(**{"one": "first", "two": "second", **forged}))
    assert request.tampered
    assert (request.script, request.query, request.unique_id) == ("ticket", {"queue": "Raw"}, "1795321785.20")
    assert (request.context, request.extension, request.dnid) == (context, extension, dnid)
    assert request.arguments == arguments


def test_a_caller_cannot_be_forged_before_his_place() -> None:
    lines = "agi_request: agi://host/ticket?x=49\nagi_calleridname: Boss\nagi_extension: 6\n"
    request = read(block(dialled="4509\nx").replace(b"agi_request: ", lines.encode(), 1))
    assert request.tampered
    assert (request.url, request.name) == ("agi://host/ticket?x=49", "")
    assert request.extension in ("4509", "")


PIECES = ("49", "x", "", "HANGUP", "200 result=1", "agi_fake", "agi_uniqueid: 6.6", "agi_network_script: evil", TAIL)
forgery = st.lists(
    st.sampled_from([*PIECES, *TAIL.split("\n"), "agi_callerid: 6", "agi_calleridname: 6", "agi_arg_1: forged"])
).map("\n".join)


@settings(deadline=None)
@given(number=forgery, name=forgery)
def test_whatever_stands_in_number_and_name_only_they_are_lost(number: str, name: str) -> None:
    genuine = read(block(one="first"))
    request = read(block(number=number, name=name, one="first"))
    forged = "\n" in number + name
    assert request.tampered == forged
    lost = {"agi_callerid", "agi_calleridname"}
    assert {k: v for k, v in request.fields.items() if k not in lost} == {
        k: v for k, v in genuine.fields.items() if k not in lost
    }
    assert lost.isdisjoint(request.fields) == forged
    assert request.arguments == genuine.arguments


@settings(deadline=None)
@given(st.lists(st.binary(max_size=40) | st.sampled_from([line.encode() for line in TAIL.split("\n")])))
def test_any_lines_are_read_without_an_exception(lines: list[bytes]) -> None:
    request = read_request(
        [b"agi_network: yes", b"agi_callerid: 49", *(line.replace(b"\n", b"") for line in lines), b""]
    )
    assert request is not None
    assert all(value.isprintable() for value in (*request.fields.values(), *request.arguments, *request.query))
    assert isinstance(request.presentation, int)
