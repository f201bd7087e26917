"""One record is one line, numbers are masked where wanted, and each record says whose call it is."""

from __future__ import annotations

import asyncio
import io
import json
import logging
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from agi_server import logs
from agi_server.app import App
from agi_server.asterisk.admission import Peer
from agi_server.asterisk.client import place_call
from agi_server.demo import demo_config
from agi_server.sandbox import Sandbox
from agi_server.sandbox.tickets import Ticket

log = logging.getLogger("agi_server.intake")
NUMBER, CALL_ID = "89161229624", "1314075508.1094"
PASSWORD = "keep-this-to-yourself"
Start = Callable[..., io.StringIO]


@pytest.fixture
def start() -> Iterator[Start]:
    """Configures the log as the program does, on a stream of the test's own; afterwards all is as before."""
    root, ours = logging.getLogger(), logging.getLogger("agi_server")
    before = list(root.handlers), root.level, ours.level

    def begin(level: str = "info", format: str = "text", mask_numbers: bool = False) -> io.StringIO:
        stream = io.StringIO()
        logs.configure(level, format, mask_numbers, stream, environ={})
        return stream

    yield begin
    root.handlers[:], root.level, ours.level = before
    logging.Logger.manager._clear_cache()  # type: ignore[attr-defined]  # levels were set back by hand


def lines(stream: io.StringIO) -> list[str]:
    """The lines as a reader of the log sees them: only a line feed ends one."""
    text = stream.getvalue()
    assert text.endswith("\n")
    return text.split("\n")[:-1]


def record(message: object = "", *args: object, name: str = "agi_server.intake", **extra: object) -> logging.LogRecord:
    made = logging.LogRecord(name, logging.INFO, "intake.py", 1, message, args, None)
    vars(made).update(extra)
    return made


def test_a_line_has_time_level_room_and_message(start: Start) -> None:
    stream = start()
    log.info("ticket %s for %s", "4711", "Иванов")
    (line,) = lines(stream)
    assert re.fullmatch(r"\d{4}-\d\d-\d\d \d\d:\d\d:\d\d\.\d{3} INFO  intake: ticket 4711 for Иванов", line)


def test_a_json_line_has_the_same_and_the_extras(start: Start) -> None:
    stream = start(format="json")
    log.warning("ticket %s", "4711", extra={"call": "1795323819.0", "queue": "Raw", "wait": 0.25, "code": None})
    (line,) = lines(stream)
    entry = json.loads(line)
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d", entry.pop("time"))
    assert entry == {
        "level": "warning",
        "logger": "intake",
        "call": "1795323819.0",
        "message": "ticket 4711",
        "queue": "Raw",
        "wait": 0.25,
        "code": None,
    }


def test_json_is_json_even_where_a_value_has_no_place_in_it() -> None:
    line = logs.JsonLines(str).format(record("x", wait=float("nan"), path=Path("/x"), name_heard="\udcff\u2028"))
    entry = json.loads(line, parse_constant=pytest.fail)
    assert (entry["wait"], entry["path"], entry["name_heard"]) == ("nan", "/x", "\udcff\u2028")
    assert line.isprintable()


async def test_each_record_names_the_call_that_its_task_is_about(start: Start) -> None:
    stream = start()
    met = asyncio.Barrier(2)

    async def session(unique_id: str) -> None:
        logs.call_id.set(unique_id)
        await met.wait()
        log.info("done")

    await asyncio.gather(session("1795323819.0"), session("1795323820.4"))
    log.info("stopped")
    log.info("retried", extra={"call": "1795323811.2"})
    assert sorted(line.partition("INFO  ")[2] for line in lines(stream)) == [
        "intake [1795323811.2]: retried",
        "intake [1795323819.0]: done",
        "intake [1795323820.4]: done",
        "intake: stopped",
    ]


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("Иван «Ваня» 😀", "Иван «Ваня» 😀"),
        ("a\nERROR fake", "a\\nERROR fake"),
        ("a\r\n\tb", "a\\r\\n\\tb"),
        ("\x1b[2Jgone\x00", "\\x1b[2Jgone\\x00"),
        ("a\x85b\u2028c", "a\\x85b\\u2028c"),
        ("\u202eevil", "\\u202eevil"),
        ("caf\udce9", "caf\\udce9"),
    ],
)
def test_what_does_not_print_is_escaped(start: Start, said: str, written: str) -> None:
    stream = start()
    log.info("name %s", said)
    assert lines(stream)[0].endswith(f"intake: name {written}")


@given(st.text(alphabet=st.characters(), max_size=60), st.sampled_from(["text", "json"]), st.booleans())
def test_one_record_is_one_line_whatever_was_heard(heard: str, format: str, masked: bool) -> None:
    mask = logs.mask_phone_numbers if masked else str
    form = logs.JsonLines(mask) if format == "json" else logs.TextLines(mask, times=True)
    line = form.format(record("%s", heard, call=heard))
    assert line.isprintable()
    if format == "json":
        entry = json.loads(line)
        assert entry["message"] == mask(heard)
        assert entry.get("call", "") == heard


def test_a_traceback_is_indented_so_that_no_part_of_it_looks_like_a_line_of_its_own(start: Start) -> None:
    stream = start()
    try:
        raise ValueError("bad name\n2026-11-22 11:20:59.123 ERROR intake: all is lost\x1b[2J")  # noqa: TRY301
    except ValueError:
        log.exception("an error")
    first, *rest = lines(stream)
    assert first.endswith("ERROR intake: an error")
    assert rest[0] == "    Traceback (most recent call last):"
    assert "    2026-11-22 11:20:59.123 ERROR intake: all is lost\\x1b[2J" in rest
    assert all(line.startswith("    ") for line in rest)


def test_a_traceback_is_one_field_in_json(start: Start) -> None:
    stream = start(format="json", mask_numbers=True)
    try:
        raise ValueError("no such number\n89161229624")  # noqa: TRY301
    except ValueError:
        log.exception("an error", stack_info=True)
    (line,) = lines(stream)
    assert json.loads(line)["traceback"].splitlines()[-1].strip().startswith("log.exception(")
    assert "ValueError: no such number\n***624\nStack (most recent call last):" in json.loads(line)["traceback"]


def test_a_wrong_call_of_the_log_is_still_a_line() -> None:
    line = logs.TextLines(str, times=False).format(record("%d tickets\n", "no"))
    assert line.startswith("intake: %d tickets\\n ('no',) (")


@pytest.mark.parametrize(
    ("said", "written"),
    [
        ("from 89161229624", "from ***624"),
        ("from +79161229624.", "from +***624."),
        ("+7 (916) 122-96-24, +7 916 122.96.24", "+***624, +***624"),
        ("sip:+79161229624@pbx;user=phone", "sip:+***624@pbx;user=phone"),
        ("79161229624@phone.example.org", "***624@phone.example.org"),
        ("8~10~375291234567 0079161229624", "***624"),
        ("PJSIP/84956693308-0000039a", "PJSIP/***039a"),
        ("number=1229624", "number=***624"),
        ("a9161229624b", "a***624b"),
        ("７９１６１２２９６２４", "***６２４"),
        ("7916\n1229624", "***624"),
        ("9161229624.5", "***245"),
        ("91.61.22.96.24", "***624"),
        ("1229-62-24", "***224"),
        ("1795323819.09161229624", "***624"),
        # What an administrator needs stays.
        ("4509 to 4507, 201", "4509 to 4507, 201"),
        ("call 1314075508.1094: done", "call 1314075508.1094: done"),
        ("call pbx1-1795323819.0", "call pbx1-1795323819.0"),
        ("ticket 2026112210000015", "ticket 2026112210000015"),
        ("since 2026-11-22 11:20", "since 2026-11-22 11:20"),
        ("from 192.168.100.200:50612", "from 192.168.100.200:50612"),
        ("allow 10.10.10.250.", "allow 10.10.10.250."),
        (str(Peer(12, "192.168.100.200", 50612)), "connection 12 from 192.168.100.200"),
        ("took 0.1234 s of 2.5 s", "took 0.1234 s of 2.5 s"),
    ],
)
def test_numbers_are_masked_however_they_are_written(said: str, written: str) -> None:
    assert logs.mask_phone_numbers(said) == written


@pytest.mark.parametrize("format", ["text", "json"])
def test_no_number_gets_past_the_mask(start: Start, format: str) -> None:
    stream = start(format=format, mask_numbers=True)
    log.info(
        "from %s, call %s", "89161229624", "1314075508.1094", extra={"number": "89161229624", "as_int": 89161229624}
    )
    log.info("from %(number)s", {"number": "89161229624"}, extra={"call": "1314075508.1094"})
    assert "9161229" not in stream.getvalue()
    assert stream.getvalue().count("1314075508.1094") == 2
    assert stream.getvalue().count("***624") == (4 if format == "json" else 2)


@pytest.mark.parametrize(
    ("level", "written"),
    [
        ("debug", ["a debug", "a info", "a warning", "a error", "b debug", "b info", "b warning", "b error"]),
        ("info", ["a info", "a warning", "a error", "b warning", "b error"]),
        ("warning", ["a warning", "a error", "b warning", "b error"]),
        ("error", ["a error", "b error"]),
    ],
)
def test_libraries_are_heard_from_warning_on(start: Start, level: str, written: list[str]) -> None:
    stream = start(level)
    for name, room in (("a", "agi_server.otrs.connector"), ("b", "aiohttp.access")):
        for each in ("debug", "info", "warning", "error"):
            getattr(logging.getLogger(room), each)("%s %s", name, each)
    assert [line.partition(": ")[2] for line in lines(stream)] == written


def test_configuring_twice_writes_once(start: Start) -> None:
    first, second = start(), start("warning")
    log.info("too little")
    log.warning("once")
    assert first.getvalue() == ""
    assert len(lines(second)) == 1


def test_standard_error_is_where_it_goes(start: Start, capsys: pytest.CaptureFixture[str]) -> None:
    logs.configure("info", "text", False, environ={})
    log.info("here")
    output = capsys.readouterr()
    assert output.out == ""
    assert output.err.endswith(" INFO  intake: here\n")


@pytest.mark.parametrize("format", ["text", "json"])
def test_journald_gets_the_level_and_no_time(start: Start, tmp_path: Path, format: str) -> None:
    start()
    with (tmp_path / "journal").open("w+") as stream:
        status = os.fstat(stream.fileno())
        logs.configure("debug", format, False, stream, {"JOURNAL_STREAM": f"{status.st_dev}:{status.st_ino}"})
        for level in (logging.DEBUG, logging.INFO, logging.WARNING, logging.ERROR, logging.CRITICAL):
            log.log(level, "text")
        log.error("bad", exc_info=(ValueError, ValueError("a\nb"), None))
        stream.seek(0)
        written = stream.read().splitlines()
    assert [line[:3] for line in written[:5]] == ["<7>", "<6>", "<4>", "<3>", "<2>"]
    if format == "text":
        assert written[1] == "<6>intake: text"
        assert written[5:] == ["<3>intake: bad", "<3>    ValueError: a", "<3>    b"]
    else:
        assert json.loads(written[1].removeprefix("<6>"))["message"] == "text"


def test_a_redirected_stream_is_not_journald(tmp_path: Path) -> None:
    with (tmp_path / "file").open("w") as stream:
        inode = os.fstat(stream.fileno()).st_ino
        assert not logs.is_journal(stream, {"JOURNAL_STREAM": f"1:{inode + 1}"})
        assert not logs.is_journal(stream, {})
    assert not logs.is_journal(stream, {"JOURNAL_STREAM": "1:1"})
    assert not logs.is_journal(io.StringIO(), {"JOURNAL_STREAM": "1:1"})


FIELDS = ["time", "level", "logger", "call", "message", "number", "dialled", "status", "reason", "ticket", "queue"]
FIELDS += ["customer", "match", "seconds"]
"""Of the line about a call, as the README names them."""


async def serve_a_call(folder: Path) -> Ticket:
    """The whole program takes one call; the ticket that it made."""
    async with Sandbox(folder, password=PASSWORD) as otrs:
        config = demo_config(otrs, folder, 0)
        secret = SecretStr(PASSWORD)
        async with App(config.model_copy(update={"otrs": config.otrs.model_copy(update={"password": secret})})) as app:
            await place_call("127.0.0.1", app.server.port, number=NUMBER, unique_id=CALL_ID)
    [ticket] = otrs.tickets
    return ticket


async def test_a_call_is_one_object_with_all_that_matters(start: Start, tmp_path: Path) -> None:
    stream = start(format="json", mask_numbers=True)
    ticket = await serve_a_call(tmp_path)
    [entry] = [entry for entry in map(json.loads, lines(stream)) if entry["logger"] == "intake"]
    assert list(entry) == FIELDS
    assert 0 < entry.pop("seconds") < 2.5
    assert entry.pop("message").startswith(f"from ***624 to 4509: created, ticket {ticket.number}; customer ivanov ")
    del entry["time"]
    assert entry == {
        "level": "info",
        "logger": "intake",
        "call": CALL_ID,
        "number": "***624",
        "dialled": "4509",
        "status": "created",
        "reason": "",
        "ticket": ticket.number,
        "queue": "Raw",
        "customer": "ivanov",
        "match": "exact",
    }


@pytest.mark.parametrize("format", ["text", "json"])
@pytest.mark.parametrize("mask_numbers", [True, False])
async def test_no_secret_is_told_not_even_to_who_debugs(
    start: Start, tmp_path: Path, format: str, mask_numbers: bool
) -> None:
    stream = start("debug", format, mask_numbers)
    await serve_a_call(tmp_path)
    assert "TicketCreate: answered" in stream.getvalue()
    assert PASSWORD not in stream.getvalue()
    assert (NUMBER[1:-3] in stream.getvalue()) == (not mask_numbers)
