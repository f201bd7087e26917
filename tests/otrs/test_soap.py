"""soap: what leaves us is well-formed XML with our text in it; whatever comes in has one verdict."""

from __future__ import annotations

import csv
import gzip
import unicodedata
from base64 import b64encode
from collections.abc import Mapping

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from lxml import etree

from agi_server.call import Created, Doubt, Refused, Trouble
from agi_server.otrs import soap
from tests.otrs.recorded import FOLDER, NAMES, answer, is_http

ENVELOPE = "{http://schemas.xmlsoap.org/soap/envelope/}Envelope"

with (FOLDER / "verdicts.tsv").open(encoding="utf-8", newline="") as lines:
    VERDICTS = {name: (operation, verdict) for name, operation, verdict in csv.reader(lines, delimiter="\t", quoting=3)}


def verdict(operation: str, status: int, body: bytes) -> str:
    """The verdict as the table writes it."""
    reply = soap.read(operation, status, body)
    outcome = soap.opened(reply) if isinstance(reply, dict) and operation == "TicketCreate" else reply
    match outcome:
        case Created(ticket_id, number):
            return f"Created {ticket_id} {number}"
        case Refused(code, words):
            return f"Refused {code} {words}"
        case Trouble(reason, doubt):
            return f"Trouble {doubt} {reason}"
        case _:
            return f"fields {' '.join(outcome) or 'none'}"


def enveloped(content: str) -> bytes:
    return (
        '<?xml version="1.0" encoding="UTF-8"?><s:Envelope xmlns:s="http://schemas.xmlsoap.org/soap/envelope/" '
        f'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"><s:Body>{content}</s:Body></s:Envelope>'
    ).encode()


def test_the_table_has_every_recording_that_is_http() -> None:
    assert set(VERDICTS) == {name for name in NAMES if is_http(name)}


@pytest.mark.parametrize("name", VERDICTS)
def test_recording(name: str) -> None:
    operation, expected = VERDICTS[name]
    assert verdict(operation, *answer(name)) == expected


@pytest.mark.parametrize("name", [name for name in VERDICTS if "TicketCreate-ok" in name or answer(name)[0] == 500])
def test_recording_cut_at_every_byte(name: str) -> None:
    operation, _ = VERDICTS[name]
    status, body = answer(name)
    for length in range(len(body)):
        cut = soap.read(operation, status, body[:length])
        assert isinstance(cut, Trouble)
        assert cut.doubt is Doubt.ENDED or not body.startswith(b"<")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, b"", "Trouble ended OTRS answered 200, not SOAP: nothing"),
        (200, b"<html><title>Log in</title>", "Trouble ended OTRS answered 200, not SOAP: Log in"),
        (200, b"<html><body><h1>Hello</h1>\n<p>you", "Trouble ended OTRS answered 200, not SOAP: Hello you"),
        (200, b"<?xml version='1.0'?><a>", "Trouble ended OTRS answered 200, not SOAP: broken XML"),
        (200, b"<Envelope><SessionID>secret</SessionID>", "Trouble ended OTRS answered 200, not SOAP: ***"),
        (
            500,
            b"<p>What: &lt;a:Password&gt;x y</p>",
            "Trouble ended OTRS answered 500, not SOAP: What: &lt;a:Password&gt;***",
        ),
        (200, b"\xff\xfea\x00", "Trouble ended OTRS answered 200, not SOAP: \ufffd\ufffda"),
        (200, gzip.compress(b"x" * 99), None),
        (301, b"", "Trouble none OTRS answered 301, not SOAP: nothing (a redirect: is otrs.url right?)"),
        (303, b"", "Trouble none OTRS answered 303, not SOAP: nothing (a redirect: is otrs.url right?)"),
        (400, b"Bad", "Trouble none OTRS answered 400, not SOAP: Bad"),
        (401, b"", "Trouble none OTRS answered 401, not SOAP: nothing (the web server itself wants a login)"),
        (403, b"No", "Trouble ended OTRS answered 403, not SOAP: No (the web server forbids it: see its access rules)"),
        (404, b"", "Trouble none OTRS answered 404, not SOAP: nothing (is otrs.url right?)"),
        (408, b"", "Trouble ended OTRS answered 408, not SOAP: nothing"),
        (413, b"", "Trouble none OTRS answered 413, not SOAP: nothing"),
        (500, b"Oops", "Trouble ended OTRS answered 500, not SOAP: Oops"),
        (502, b"<h1>Bad Gateway</h1>", "Trouble running OTRS answered 502, not SOAP: Bad Gateway"),
        (503, b"Busy", "Trouble running OTRS answered 503, not SOAP: Busy"),
        (504, b"", "Trouble running OTRS answered 504, not SOAP: nothing"),
        (524, b"", "Trouble running OTRS answered 524, not SOAP: nothing"),
        (999, b"\x00\x1b[31m\n\xe2\x80\xa8x", "Trouble running OTRS answered 999, not SOAP: [31m x"),
    ],
)
def test_answer_that_is_not_soap(status: int, body: bytes, expected: str | None) -> None:
    found = verdict("TicketCreate", status, body)
    assert found == expected or (expected is None and found.startswith("Trouble ended "))


NO_TICKET = "Trouble ended OTRS answered without a ticket"


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("", NO_TICKET),
        ("<TicketID>1</TicketID>", NO_TICKET),
        ("<TicketNumber>2</TicketNumber>", NO_TICKET),
        ("<TicketID> </TicketID><TicketNumber>2</TicketNumber>", NO_TICKET),
        ("<TicketID><a/></TicketID><TicketNumber>2</TicketNumber>", NO_TICKET),
        ('<TicketID xsi:nil="true">1</TicketID><TicketNumber>2</TicketNumber>', NO_TICKET),
        ("<Error/>", NO_TICKET),
        ("<TicketNumber>2</TicketNumber><TicketID>\n1 </TicketID>", "Created 1 2"),
        ("<a:TicketID xmlns:a='a'>1</a:TicketID><TicketNumber><![CDATA[2]]></TicketNumber>", "Created 1 2"),
        ("<TicketID>1<!-- --></TicketID><TicketNumber>2</TicketNumber>", "Created 1 2"),
        ("<TicketID>1</TicketID><Error><ErrorCode>T.AccessDenied</ErrorCode></Error>", "Refused T.AccessDenied "),
        (
            "<Error><ErrorCode>Webservice.InvalidConfiguration</ErrorCode><ErrorMessage>a\nb</ErrorMessage></Error>",
            "Trouble ended OTRS answered Webservice.InvalidConfiguration: a b",
        ),
        (
            "<Error><ErrorMessage>a</ErrorMessage></Error>",
            "Trouble ended OTRS answered an error without a code: a",
        ),
    ],
)
def test_answer_to_ticket_create(fields: str, expected: str) -> None:
    content = f"<TicketCreateResponse>{fields}</TicketCreateResponse>"
    assert verdict("TicketCreate", 200, enveloped(content)) == expected


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("", "Trouble ended OTRS answered 200, not SOAP: broken XML"),
        ('<TicketCreateResponse xsi:nil="true"/>', NO_TICKET),
        (
            "<TicketGetResponse><TicketID>1</TicketID><TicketNumber>2</TicketNumber></TicketGetResponse>",
            "Trouble ended OTRS answered 200 with TicketGetResponse to TicketCreate",
        ),
        ("<Fault/>", "Trouble ended OTRS answered 200: a Fault without words"),
        ("<s:Fault><faultstring>Died</faultstring></s:Fault>", "Trouble ended OTRS answered 200: Died"),
        (
            "<s:Fault><faultstring>Not: Got no OperationType!</faultstring></s:Fault>",
            "Trouble ended OTRS answered 200: Not: Got no OperationType!",
        ),
    ],
)
def test_what_stands_in_the_body(content: str, expected: str) -> None:
    assert verdict("TicketCreate", 200, enveloped(content)) == expected


CREATED = "<TicketCreateResponse><TicketID>1</TicketID><TicketNumber>2</TicketNumber></TicketCreateResponse>"
BILLION_LAUGHS = "".join(f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, 10))


@pytest.mark.parametrize(
    "body",
    [
        b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/hostname">]>' + enveloped(CREATED.replace("2", "&x;")),
        b'<!DOCTYPE a SYSTEM "http://127.0.0.1:1/x.dtd">' + enveloped(CREATED),
        f'<!DOCTYPE a [<!ENTITY l0 "ha">{BILLION_LAUGHS}]>'.encode() + enveloped(CREATED.replace("2", "&l9;")),
        enveloped(CREATED.replace("2", "&unknown;")),
        enveloped(CREATED).decode().replace("UTF-8", "UTF-16").encode("utf-16"),
        enveloped(CREATED + " " * soap.MAX_ANSWER),
        b"<a>" * 300_000,
        enveloped("<a>" * 2000 + "</a>" * 2000),
        b"\x00" * 1000,
        enveloped(CREATED)[:-1] + b"\x00>",
        enveloped(CREATED) + b"<more/>",
        b'<s:Envelope xmlns:s="http://]/"><s:Body><TicketCreateResponse xmlns="relative"/></s:Body></s:Envelope>more',
        b'<x:Envelope><x:Body><y:TicketCreateResponse a:b="c"/></x:Body></x:Envelope>',
        b"<Envelope><Body><!-- nothing --><?nothing?></Body></Envelope>",
        b"<Envelope/>",
        b"<Body><TicketCreateResponse><TicketID>1</TicketID></TicketCreateResponse></Body>",
    ],
    ids=lambda body: repr(body[:40]),
)
def test_hostile_answer_is_trouble(body: bytes) -> None:
    reply = soap.read("TicketCreate", 200, body)
    assert isinstance(reply, Trouble)
    assert reply.doubt is Doubt.ENDED
    assert len(reply.reason) < 300


def test_what_lies_too_deep_is_not_looked_at() -> None:
    deep = "<a>" * 200 + "x" + "</a>" * 200
    fields = soap.read("TicketGet", 200, enveloped(f"<TicketGetResponse>{deep}<b>c</b></TicketGetResponse>"))
    assert isinstance(fields, dict)
    assert soap.text(fields, "b") == "c"
    depth = 0
    while fields:
        fields, depth = soap.records(fields, "a")[0] if soap.records(fields, "a") else {}, depth + 1
    assert depth == soap.MAX_DEPTH


@given(st.integers(100, 599), st.binary(max_size=300))
@example(200, b"<Envelope><Body><TicketCreateResponse/></Body></Envelope>")
def test_no_bytes_make_it_raise(status: int, body: bytes) -> None:
    assert not isinstance(soap.read("TicketCreate", status, body), dict) or b"Response" in body


@given(st.lists(st.tuples(st.integers(0, len(enveloped(CREATED)) - 1), st.integers(0, 255)), max_size=4))
def test_no_damage_to_a_good_answer_makes_it_raise(damages: list[tuple[int, int]]) -> None:
    whole = bytearray(enveloped(CREATED))
    for place, byte in damages:
        whole[place] = byte
    verdict("TicketCreate", 200, bytes(whole))


def test_fields_keep_repetition_order_and_nesting() -> None:
    status, body = answer("131-TicketGet-articles-dynamicfields")
    fields = soap.read("TicketGet", status, body)
    assert isinstance(fields, dict)
    (ticket,) = soap.records(fields, "Ticket")
    assert soap.text(ticket, "TicketNumber") == "2026112210012662"
    names = [soap.text(field, "Name") for field in soap.records(ticket, "DynamicField")]
    assert names[:2] == ["AsteriskUniqueID", "CallerNumber"]
    (article,) = soap.records(ticket, "Article")
    assert soap.text(article, "From") == '"Иван Иванов" <ivanov@lab.example>'
    assert soap.text(article, "Bcc") == ""
    status, body = answer("151-TicketSearch-no-criteria-limit")
    assert soap.texts(soap.read("TicketSearch", status, body), "TicketID") == ["1301", "1300"]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("TicketCreate.AuthFail", True),
        ("SessionIDGet.AuthFail", True),
        ("TicketCreate.AccessDenied", False),
        ("TicketCreate.AuthFailure", False),
    ],
)
def test_auth_failure(code: str, *, expected: bool) -> None:
    assert soap.is_auth_failure(Refused(code, "")) is expected


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", ""),
        (" a\r\n\tb ", "a b"),
        ("a\x00\x7f\u202eb", "a b"),
        ("x" * 160, "x" * 160),
        ("x" * 161, "x" * 159 + "…"),
    ],
)
def test_one_line(words: str, expected: str) -> None:
    assert soap.one_line(words) == expected


@pytest.mark.parametrize("name", ["11-TicketCreate-ok-full", "507-df-equals-plus-limit-time", "132-TicketGet-two"])
def test_request_is_as_real_servers_took_it(name: str) -> None:
    """Element by element the same as the recording."""
    recorded = etree.fromstring((FOLDER / f"{name}.request.http").read_bytes().partition(b"\r\n\r\n")[2])
    operation = recorded[0][0]
    built = etree.fromstring(soap.build(etree.QName(operation).localname, _values(operation)))
    assert _outline(built) == _outline(recorded)
    assert len(_outline(built)) > 5


def _values(element: etree._Element) -> dict[str, list[str | soap.Values]]:
    """The values that build an element."""
    found: dict[str, list[str | soap.Values]] = {}
    for child in element:
        found.setdefault(str(child.tag), []).append(_values(child) if len(child) else child.text or "")
    return found


def _outline(root: etree._Element) -> list[tuple[str, str]]:
    return [(str(element.tag), "" if len(element) else element.text or "") for element in root.iter()]


def test_namespace_is_the_web_services_own() -> None:
    root = etree.fromstring(soap.build("TicketGet", {"TicketID": ["1", "2"]}, "urn:desk"))
    assert root.tag == ENVELOPE
    assert root[0][0].tag == "{urn:desk}TicketGet"
    assert [(child.tag, child.text) for child in root[0][0]] == [("TicketID", "1"), ("TicketID", "2")]


@pytest.mark.parametrize("name", ["", "a b", "a<b", "1", "a\n", "é é"])
def test_name_that_is_no_xml_name_is_our_callers_mistake(name: str) -> None:
    with pytest.raises(ValueError):  # noqa: PT011
        soap.build("TicketCreate", {name: "x"})


@given(st.text(st.characters()))
@example("".join(map(chr, range(0x300))))
@example("a\r\nb\rc\td  \u2028")
@example("]]>&amp;<![CDATA[")
@example("\ud800\udfff\ufffe\uffff\ufdd0\U0001f600\U0010ffff")
def test_any_text_arrives_as_xml_allows(text: str) -> None:
    request = soap.build("TicketCreate", {"Ticket": {"Title": text}})
    arrived = etree.fromstring(request).findtext(".//Title") or ""
    assert arrived == "".join("\ufffd" if _cannot_stand_in_xml(c) else c for c in text)


def _cannot_stand_in_xml(c: str) -> bool:
    control = unicodedata.category(c) == "Cc" and c < "\x20" and c not in "\t\n\r"
    return control or unicodedata.category(c) == "Cs" or c in "\ufffe\uffff"


LEAVES = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))
NAMES_OF_ELEMENTS = st.from_regex(r"[A-Za-z_][A-Za-z0-9_]{0,8}", fullmatch=True)
TREES = st.dictionaries(
    NAMES_OF_ELEMENTS,
    st.recursive(LEAVES, lambda inner: st.dictionaries(NAMES_OF_ELEMENTS, inner, min_size=1, max_size=3), max_leaves=8)
    | st.lists(LEAVES, min_size=1, max_size=3),
    max_size=4,
)


@given(TREES)
def test_what_is_built_is_read_again(values: soap.Content) -> None:
    as_answer = soap.build("TicketGetResponse", values)
    assert soap.read("TicketGet", 200, as_answer) == _as_read(values)


def _as_read(values: soap.Values) -> soap.Fields:
    found: soap.Fields = {}
    for name, value in values.items():
        for one in value if isinstance(value, list) else [value]:
            found.setdefault(name, []).append(_as_read(one) if isinstance(one, Mapping) else str(one))
    return found


@given(st.lists(st.binary(max_size=50) | st.text(min_size=1).map(soap.File), max_size=4))
def test_files_stand_where_they_belong(contents: list[bytes | soap.File]) -> None:
    whole = soap.build("TicketCreate", {"Title": "<?file YQ==?>", "Content": contents})
    parts = soap.parts(whole)
    assert [part for part in parts if isinstance(part, soap.File)] == [
        soap.File(content.path) for content in contents if isinstance(content, soap.File)
    ]
    filled = b"".join(b64encode(b"the file") if isinstance(part, soap.File) else part for part in parts)
    expected = [b"the file" if isinstance(content, soap.File) else content for content in contents]
    assert filled == soap.build("TicketCreate", {"Title": "<?file YQ==?>", "Content": expected})
