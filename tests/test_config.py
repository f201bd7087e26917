"""The configuration: what it may say, each mistake with its exact sentence, and nothing secret in any of them.

`tests/data/config/broken` has one file per mistake, and beside it what `load` has to say of it.
The word `geheim` stands for every secret there.
"""

from __future__ import annotations

import os
import re
import textwrap
import zoneinfo
from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agi_server.app import composer
from agi_server.call import Call, Customer, Match, Recognition
from agi_server.config import Config, ConfigError, RouteTicket, describe, load
from agi_server.config import Ticket as TicketSection
from agi_server.config.conditions import NUMBER
from agi_server.config.sources import LARGEST_FILE
from agi_server.config.tickets import Attachment
from agi_server.config.values import Unfit
from agi_server.helpdesk import Article, Ticket
from agi_server.rules import Numbers
from tests.config_text import text_with

DATA = Path(__file__).parent / "data" / "config"
BROKEN = sorted((DATA / "broken").glob("*.yaml"))
SAMPLE = Path(__file__).parent.parent / "config" / "agi-server.yaml"
ENVIRONMENT = {"AGI_SECRET_WORD": "geheim", "AGI_EMPTY": "", "AGI_BROKEN": "geheim\nx"}


def load_text(folder: Path, text: str, environ: dict[str, str] | None = None, mode: int = 0o640) -> Config:
    path = folder / "agi-server.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(mode)
    return load(path, environ or {})


def value_of(config: Config, name: str) -> Any:
    section, _, option = name.partition(".")
    if section.endswith("[]"):
        return getattr(getattr(config, section[:-2])[0], option)
    return getattr(getattr(config, section), option) if option else getattr(config, section)


# Mistakes


@pytest.mark.parametrize("path", BROKEN, ids=lambda path: path.stem)
def test_each_mistake_has_its_sentence(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(path.parent)
    with pytest.raises(ConfigError) as caught:
        load(Path(path.name), ENVIRONMENT)
    assert f"{caught.value}\n" == path.with_suffix(".expected").read_text(encoding="utf-8")
    assert "geheim" not in str(caught.value)


def test_the_broken_files_are_all_there() -> None:
    assert len(BROKEN) > 100
    assert {path.stem for path in (DATA / "broken").glob("*.expected")} == {path.stem for path in BROKEN}


def test_a_missing_file_is_told_with_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "none.yaml", {})
    assert str(caught.value) == (
        f"{tmp_path}/none.yaml: there is no such file; name yours with --config FILE, "
        "or let agi-server install-samples write one"
    )


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path, tmp_path / "pipe"):
        with pytest.raises(ConfigError, match=r"can't be read: this is not a file$"):
            load(path, {})


def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "agi-server.yaml"
    path.touch(mode=0)
    root = os.geteuid() == 0  # who may read everything
    try:
        if root:
            os.seteuid(65534)
        with pytest.raises(ConfigError, match=r"can't be read: Permission denied$"):
            load(path, {})
    finally:
        if root:
            os.seteuid(0)


def test_a_file_has_a_largest_size(tmp_path: Path) -> None:
    text = text_with({})
    assert load_text(tmp_path, text + "#" * (LARGEST_FILE - len(text)))
    with pytest.raises(ConfigError, match=r"can't be read: it is larger than 256 KiB$"):
        load_text(tmp_path, text + "#" * (LARGEST_FILE - len(text) + 1))


def test_a_strange_file_name_stays_on_one_line(tmp_path: Path) -> None:
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "a\nb\udcff", {})
    assert f"{caught.value}".isprintable()


# What options may say


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("fastagi.port", "0", 0),
        ("fastagi.port", '"4574"', 4574),
        ("fastagi.port", "${PORT}", 4575),
        ("fastagi.host", '"::1"', "::1"),
        ("fastagi.host", "pbx-1.example.org", "pbx-1.example.org"),
        ("fastagi.allow", "[10.0.0.7, 'fd00::/8']", (ip_network("10.0.0.7/32"), ip_network("fd00::/8"))),
        ("fastagi.allow", "\n  - ${NETWORK}", (ip_network("10.0.0.0/8"),)),
        ("fastagi.patience", "0", 0.0),
        ("fastagi.patience", "2.75", 2.75),
        # What YAML would make something else of
        ("numbers.country", "NO", "NO"),
        ("numbers.country", "de", "DE"),
        ("numbers.area_code", "0495", "0495"),
        ("ticket.queue", "on", "on"),
        ("ticket.queue", "1:30", "1:30"),
        ("ticket.queue", "2026-11-22", "2026-11-22"),
        ("ticket.title", "3", "3"),
        ("ticket.unknown_customer", "'null'", "null"),
        ("otrs.user", "0x10", "0x10"),
        ("log.mask_numbers", "yes", True),
        ("log.mask_numbers", "Off", False),
        # Empty where that means something
        ("otrs.call_field", "", ""),
        ("otrs.zoom_url", "~", ""),
        ("ticket.owner", '""', ""),
        ("ticket.time_zone", "", None),
        ("ticket.dynamic_fields", "", {}),
        # The environment, and a text that looks like it
        ("ticket.title", "Call ${WHO} {{ call.number }}", "Call me {{ call.number }}"),
        ("ticket.title", "$${WHO} costs $5", "${WHO} costs $5"),
        ("ticket.dynamic_fields", '{Where: "${WHO}", Empty: ""}', {"Where": "me", "Empty": ""}),
        ("ticket.time_zone", "Europe/Moscow", ZoneInfo("Europe/Moscow")),
        ("ticket.wishes", "[]", ()),
        ("ticket.body", "|\n    Заявка с номера\n    {{ call.number }}", "Заявка с номера\n{{ call.number }}\n"),
        ("otrs.zoom_url", '"https://h/{{ ticket_number }}"', "https://h/{{ ticket_number }}"),
        # Names and IDs
        ("ticket.queue", "5", 5),
        ("ticket.queue", '"5"', "5"),
        ("ticket.queue", "${PORT}", "4575"),
        ("ticket.queue", "5 and more", "5 and more"),
        ("ticket.queue", "'{{ call.dialled }}'", "{{ call.dialled }}"),
        ("ticket.priority", "3 normal", "3 normal"),
        ("ticket.owner", "12", 12),
        ("ticket.lock", "2", 2),
        ("ticket.sender_type", "3", 3),
        ("ticket.communication_channel", "2", 2),
        ("ticket.article_type", "note-internal", "note-internal"),
        ("ticket.force_notification_to_user_id", "[2, '3', '${PORT}']", (2, 3, 4575)),
        ("ticket.exclude_notification_to_user_id", "[]", ()),
        # Times, texts and files
        ("ticket.pending_time", "2h", timedelta(hours=2)),
        ("ticket.pending_time", "", ""),
        ("ticket.pending_time", '"{{ call.time }}"', "{{ call.time }}"),
        ("ticket.time_unit", "1.5", "1.5"),
        ("ticket.content_type", "text/html; charset=utf-8", "text/html; charset=utf-8"),
        ("ticket.dynamic_fields", "{A: [x, '{{ match }}', ''], B: [y]}", {"A": ("x", "{{ match }}", ""), "B": "y"}),
        ("ticket.attachments", "", ()),
        ("ticket.attachments", "[{filename: a.txt, content: '{{ match }}'}]",
            (Attachment(filename="a.txt", content="{{ match }}"),)),
        ("ticket.attachments", "\n    - {file: '/srv/{{ match }}/a.pdf', content_type: application/pdf}",
            (Attachment(file="/srv/{{ match }}/a.pdf", content_type="application/pdf"),)),
        ("numbers.extensions", r"'^2\d\d$'", re.compile(r"^2\d\d$", re.ASCII)),
        ("numbers.match_withheld", "on", True),
        ("customers.columns", "[city, fax]", ("city", "fax")),
        ("customers.company_table", '""', ""),
        ("customers.company_table", "otrs.customer_company", "otrs.customer_company"),
        # Names that are anything
        ("customers.main_contacts", "", {}),
        ("customers.main_contacts", "{4711: ivanov, ООО «Ромашка»: NO, 'a: b': '${WHO}'}",
            {"4711": "ivanov", "ООО «Ромашка»": "NO", "a: b": "me"}),
        ("repeat.extensions", "{root@localhost: 4507, ivanova: '*97'}", {"root@localhost": "4507", "ivanova": "*97"}),
        ("repeat.within", "0", timedelta(0)),
        ("repeat.within", "90s", timedelta(seconds=90)),
        ("repeat.within", "030m", timedelta(minutes=30)),
        ("repeat.within", "2h", timedelta(hours=2)),
        ("repeat.within", "365d", timedelta(days=365)),
        ("repeat.match", "number", "number"),
        ("repeat.states", "[new, pending reminder]", ("new", "pending reminder")),
        ("repeat.same_queue", "no", False),
        ("repeat.subject", "'{{ calls|length }}'", "{{ calls|length }}"),
    ],
)  # fmt: skip
def test_a_value_is_what_its_option_makes_of_the_text(tmp_path: Path, name: str, written: str, value: object) -> None:
    environment = {"PORT": "4575", "NETWORK": "10.0.0.0/8", "WHO": "me"}
    assert value_of(load_text(tmp_path, text_with({name: written}), environment), name) == value


@pytest.mark.parametrize(
    "address",
    [
        "mysql+aiomysql://asterisk:geheim@127.0.0.1/otrs?charset=utf8mb4",
        "mysql+aiomysql://asterisk@/otrs?unix_socket=%2Frun%2Fmysqld%2Fmysqld.sock",
        "postgresql+asyncpg://asterisk:geheim@127.0.0.1:5432/otrs",
        "postgresql+asyncpg://asterisk@/otrs?host=%2Frun%2Fpostgresql",
        "sqlite+aiosqlite:////srv/otrs.db",
    ],
)
def test_a_database_has_one_of_these_addresses(tmp_path: Path, address: str) -> None:
    config = load_text(tmp_path, text_with({"customers.database": f'"{address}"'}))
    assert config.customers.url.render_as_string(hide_password=False) == address


@pytest.mark.parametrize(
    ("name", "written", "value"),
    [
        ("dialled", "4510", ("4510",)),
        ("dialled", "+74951234567", ("+74951234567",)),
        ("dialled", "[4510, s, '*97', '#1']", ("4510", "s", "*97", "#1")),
        ("dialled", "sales", ("sales",)),
        ("dialled", "${WHO}", ("me",)),
        ("dialled", "_45XX", ("_45XX",)),
        ("dialled", "_[1-57a-c*#]xZn.", ("_[1-57a-c*#]xZn.",)),
        ("dialled", "_.", ("_.",)),
        ("dialled", "_+7 916-XXX!", ("_+7 916-XXX!",)),
        ("caller", "'+79161229624'", ("+79161229624",)),
        ("caller", "[ivan.ivanov, ivan-7]", ("ivan.ivanov", "ivan-7")),
        ("context", "from-internal", ("from-internal",)),
        ("argument", "[vip, 1]", ("vip", "1")),
        ("customer_id", "ООО Ромашка", ("ООО Ромашка",)),
        ("match", "none", (Match.NONE,)),
        ("match", "[without-extension, suffix]", (Match.WITHOUT_EXTENSION, Match.SUFFIX)),
        ("withheld", "yes", True),
        ("withheld", "off", False),
        ("weekdays", "mon-fri", {0, 1, 2, 3, 4}),
        ("weekdays", "sat,sun", {5, 6}),
        ("weekdays", "fri-mon", {4, 5, 6, 0}),
        ("weekdays", "Wed", {2}),
        ("weekdays", "[mon - tue, Thursday, 'fri,SUN']", {0, 1, 3, 4, 6}),
        ("weekdays", "sun-sun", {6}),
        ("weekdays", "sun-sat", {0, 1, 2, 3, 4, 5, 6}),
        ("hours", "09:00-18:00", ((time(9), time(18)),)),
        ("hours", "9:00 - 18:30", ((time(9), time(18, 30)),)),
        ("hours", "22:00-06:00", ((time(22), time(6)),)),
        ("hours", "09:00-13:00, 14:00-24:00", ((time(9), time(13)), (time(14), time(0)))),
        ("hours", "[09:00-13:00, 14:00-18:00]", ((time(9), time(13)), (time(14), time(18)))),
        ("hours", "00:00-24:00", ((time(0), time(0)),)),
        ("time_zone", "Asia/Tokyo", ZoneInfo("Asia/Tokyo")),
        ("time_zone", "", None),
        ("reject", "true", True),
        ("no_ticket", "true", True),
    ],
)  # fmt: skip
def test_a_condition_is_one_value_or_a_list(tmp_path: Path, name: str, written: str, value: object) -> None:
    config = load_text(tmp_path, text_with({f"routes[].{name}": written}), {"WHO": "me"})
    assert value_of(config, f"routes[].{name}") == value


def test_a_route_sets_what_it_says_of_the_ticket_and_nothing_else(tmp_path: Path) -> None:
    options = "{queue: Sales, owner: '', visible_for_customer: yes, dynamic_fields: {A: '{{ call.name }}'}}"
    route, usual = load_text(
        tmp_path, text_with({"ticket.queue": "Raw"}) + f"routes:\n- dialled: 1\n  ticket: {options}\n- ticket:\n"
    ).routes
    assert route.ticket is not None
    assert route.ticket.given == {
        "queue": "Sales",
        "owner": "",
        "visible_for_customer": True,
        "dynamic_fields": {"A": "{{ call.name }}"},
    }
    assert usual.ticket == RouteTicket.model_validate({})
    assert usual.ticket.given == {}
    left = {getattr(route.ticket, name) for name in RouteTicket.model_fields.keys() - route.ticket.given.keys()}
    assert left == {None}


def test_a_route_can_set_every_option_of_the_ticket_but_those_for_all_calls() -> None:
    assert TicketSection.model_fields.keys() - RouteTicket.model_fields.keys() == {"wishes", "time_zone"}
    assert TicketSection.model_fields["queue"].default == "Raw"


def test_the_routes_are_in_their_order(tmp_path: Path) -> None:
    text = "routes:\n" + "".join(f"- {{dialled: {number}, reject: yes}}\n" for number in range(100, 150))
    assert [route.dialled for route in load_text(tmp_path, text_with({}) + text).routes] == [
        (str(number),) for number in range(100, 150)
    ]


def test_routes_that_are_comments_are_none(tmp_path: Path) -> None:
    assert load_text(tmp_path, text_with({}) + "routes:\n  #- dialled: 1\nrepeat:\n").routes == ()


@given(st.from_regex(r"_([0-9A-Za-z*#+ -]|\[[0-9a-c*-]{1,4}\]|[.!\[\]^é]){0,8}[.!]?", fullmatch=True))
def test_a_pattern_that_is_taken_can_match(pattern: str) -> None:
    try:
        NUMBER.read(pattern)
    except Unfit:
        return
    example = re.sub(r"\[([^\]])[^\]]*\]", r"\1", pattern[1:])
    example = re.sub("[XxZzNn]", "2", example.replace(" ", "").replace("-", "")).replace(".", "7").replace("!", "")
    assert not example or Numbers([pattern]).have(example)


def test_a_machine_may_have_no_time_zones(tmp_path: Path) -> None:
    ZoneInfo.clear_cache()
    zoneinfo.reset_tzpath(to=[])
    try:
        said = told(tmp_path, text_with({"ticket.time_zone": "Europe/Moscow"}))
    finally:
        zoneinfo.reset_tzpath()
    assert said.endswith("found 'Europe/Moscow', expected time zones on this machine, which has none (package tzdata)")


def test_a_section_whose_options_are_comments_is_empty(tmp_path: Path) -> None:
    assert load_text(tmp_path, text_with({}) + "log:\n  #level: debug\njournal: ~\n").log.level == "info"


def test_windows_and_its_editors_may_have_written_the_file(tmp_path: Path) -> None:
    text = "\ufeff" + text_with({"ticket.queue": "Junk"}).replace("\n", "\r\n")
    assert load_text(tmp_path, text).ticket.queue == "Junk"


def test_a_configuration_made_in_code_is_held_to_the_same_names() -> None:
    options: dict[str, dict[str, object]] = {
        "fastagi": {"port": 0, "patience": 0.5},
        "customers": {"database": "sqlite+aiosqlite:////srv/otrs.db"},
        "otrs": {"url": "http://127.0.0.1/x", "user": "u", "password": "geheim"},
        "ticket": {"unknown_customer": "nobody"},
    }
    config = Config.model_validate(options)
    assert (config.fastagi.port, config.fastagi.patience) == (0, 0.5)
    with pytest.raises(ValidationError, match="frozen"):
        config.fastagi.port = 1
    options["otrs"]["pasword"] = "geheim"
    with pytest.raises(ValidationError) as caught:
        Config.model_validate(options)
    assert "geheim" not in str(caught.value)


# Secrets


@pytest.mark.parametrize(
    ("content", "secret"), [("p w\n", "p w"), ("p\r\n", "p"), ("пароль", "пароль"), (" ${X} \n", " ${X} ")]
)
@pytest.mark.parametrize("relative", [True, False])
def test_a_secret_may_be_in_a_file(tmp_path: Path, content: str, secret: str, relative: bool) -> None:
    (tmp_path / "secret").write_text(content, encoding="utf-8", newline="")
    written = "secret" if relative else "${FOLDER}/secret"
    text = text_with({"otrs.password_file": written, "customers.password_file": written}, without=("otrs.password",))
    config = load_text(tmp_path, text, {"FOLDER": str(tmp_path)})
    assert config.otrs.password.get_secret_value() == secret
    assert config.customers.url.password == secret


def test_the_databases_password_may_stand_beside_its_address(tmp_path: Path) -> None:
    customers = load_text(tmp_path, text_with({"customers.password": "'ge@h/eim'"})).customers
    assert customers.url.password == "ge@h/eim"
    assert customers.url.host == "127.0.0.1"


def test_a_configuration_never_prints_a_secret(tmp_path: Path) -> None:
    address = '"mysql+aiomysql://asterisk:geheim@127.0.0.1/otrs"'
    for changes in ({"customers.password": "geheim"}, {"customers.database": address}):
        config = load_text(tmp_path, text_with(changes))
        for shown in (config, config.customers.url, config.model_dump(), config.otrs.password):
            assert "geheim" not in f"{shown} {shown!r}"
        assert config.customers.url.password == "geheim"


def test_a_file_with_secrets_that_everybody_may_read_is_warned_of(tmp_path: Path) -> None:
    address = '"mysql+aiomysql://asterisk:geheim@127.0.0.1/otrs"'
    path = tmp_path / "agi-server.yaml"
    assert load_text(tmp_path, text_with({"customers.database": address}), mode=0o644).warnings == (
        f"{path}: holds otrs.password and customers.database, and every user of this machine may read it: chmod o-r",
    )
    assert load_text(tmp_path, text_with({"customers.database": address}), mode=0o640).warnings == ()
    elsewhere = text_with({"otrs.password": "${SECRET}", "customers.database": address.replace("geheim", "${SECRET}")})
    assert load_text(tmp_path, elsewhere, {"SECRET": "geheim"}, mode=0o644).warnings == ()


# The sample, and what describes the options


def uncommented(text: str) -> str:
    """The sample with the # taken away where an option follows it, or its value goes on; `# ` begins words."""
    return re.sub(r"(?m)^( *)#(?=(  ){0,2}\S)", r"\1", text)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """One with the passwords beside which the sample is put."""
    for name in ("database-password", "otrs-password"):
        (tmp_path / name).write_text("geheim\n")
    return tmp_path


def test_the_sample_is_a_configuration(folder: Path) -> None:
    config = load_text(folder, SAMPLE.read_text(encoding="utf-8"))
    assert config.otrs.password.get_secret_value() == "geheim"
    assert "${OTRS_PASSWORD}" in SAMPLE.read_text(encoding="utf-8")


def test_the_sample_shows_each_option_with_its_default(folder: Path) -> None:
    sample = SAMPLE.read_text(encoding="utf-8")
    text = uncommented(sample)
    shown = set()
    for line in text.splitlines():
        if found := re.match(r"(\w+):", line):
            section = found[1]
            shown |= {section} if section == "routes" else set()
        elif found := re.match(r"  (- |  )?(\w+):", line):
            if section == "routes":
                shown.add(f"routes[].{found[2]}")
            elif not found[1]:
                shown.add(f"{section}.{found[2].removesuffix('_file')}")
    listed = {option.name for option in describe() if not re.search(r"_file$|attachments\[\]", option.name)}
    assert shown == listed
    config = load_text(folder, text)
    assert config.routes
    assert config.model_copy(update={"routes": ()}) == load_text(folder, sample)


MONDAY_NOON = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
"""In Moscow."""
STRANGER = Recognition()
KNOWN = Recognition(Match.EXACT, Customer("petrov", "VASILEK"), (), Match.EXACT)
IMPORTANT = Recognition(Match.EXACT, Customer("ivanov", "ROMASHKA"), (), Match.EXACT)


@pytest.mark.parametrize(
    ("call", "who", "item"),
    [
        ({"number": "89161112233", "canonical": "+79161112233"}, IMPORTANT, 1),
        ({"number": "+79005550001"}, STRANGER, 1),
        ({"number": "201", "context": "from-internal"}, STRANGER, 2),
        ({"number": "4507", "context": "from-internal"}, KNOWN, 2),
        ({"number": "4507"}, KNOWN, None),
        ({"number": "1", "arguments": ("urgent",)}, IMPORTANT, 3),
        ({"number": "1", "arguments": ("urgent",)}, KNOWN, 4),
        ({"number": "1", "dialled": "4510"}, KNOWN, 5),
        ({"number": "1", "time": MONDAY_NOON.replace(hour=6)}, KNOWN, None),
        ({"number": "1", "time": MONDAY_NOON.replace(hour=5)}, KNOWN, 6),
        ({"number": "1", "time": MONDAY_NOON.replace(hour=15)}, KNOWN, 6),
        ({"number": "1", "time": MONDAY_NOON - timedelta(days=1)}, KNOWN, 7),
        ({"withheld": True}, STRANGER, 8),
        ({"number": "1"}, STRANGER, 9),
    ],
)
def test_the_samples_rules_are_for_the_calls_that_they_speak_of(
    folder: Path, call: dict[str, Any], who: Recognition, item: int | None
) -> None:
    config = load_text(folder, uncommented(SAMPLE.read_text(encoding="utf-8")))
    route = composer(config).route_of(replace(Call("1.1", MONDAY_NOON, dialled="4509"), **call), who)
    assert (route and route.name) == (item and f"routes item {item}")
    assert composer(config).mistakes() == []


def test_the_samples_russian_texts_can_be_used_as_they_are(tmp_path: Path) -> None:
    sample = SAMPLE.read_text(encoding="utf-8")
    russian = re.findall(r"  # The same in Russian:\n((?:  # (?:\w+:|  ).*\n)+)", sample)
    ticket, repeat = (re.sub(r"(?m)^  # ", "  ", part) for part in russian)
    config = load_text(tmp_path, text_with({}) + ticket + "repeat:\n" + repeat)
    assert config.ticket.title.startswith("Заявка с номера {{ call.number")
    assert config.repeat.subject.startswith("Звонок с номера {{ call.number")
    assert composer(config).mistakes() == []


def test_the_samples_attachments_can_be_used_as_they_are(tmp_path: Path) -> None:
    [block] = re.findall(r"(  # attachments:\n(?:  #  .*\n)+)", SAMPLE.read_text(encoding="utf-8"))
    zone = {"ticket.time_zone": "Europe/Moscow", "customers.columns": "[city]"}
    config = load_text(tmp_path, text_with(zone).replace("ticket:\n", "ticket:\n" + re.sub("(?m)^  # ", "  ", block)))
    shown = {name for one in config.ticket.attachments for name in one.model_fields_set}
    assert shown == {*Attachment.model_fields}
    made = composer(config)
    assert made.mistakes() == []
    ivanov = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", "i@r.example", "8 916", "", "Ромашка", {"city": "Тверь"})
    petrov = Customer("petrov", "ROMASHKA", mobile="201", columns={"city": ""})
    call = Call("1.1", MONDAY_NOON, "8916", "+7916", name="Ив", dialled="4509", dnid="8495", context="otrs")
    call = replace(call, channel="SIP/1-2", language="ru", arguments=("vip", "x"), wishes={"queue": "Raw"})
    ticket = made.compose(call, Recognition(Match.SEVERAL, ivanov, (ivanov, petrov), Match.EXACT))
    assert isinstance(ticket, Ticket)
    text, leaflet = ticket.article.attachments
    assert (leaflet.filename, leaflet.file) == ("Support hours.pdf", "/etc/agi-server/leaflet.pdf")
    told = [line.partition(":") for line in text.content.decode().splitlines() if line]
    assert [(name, value.strip()) for name, _, value in told] == [
        ("Call", "1.1"),
        ("Time", "2026-11-23 12:00:00+03:00"),
        ("Number", "8916"),
        ("Whole number", "+7916"),
        ("Name", "Ив"),
        ("Dialled", "4509 (8495)"),
        ("Context", "otrs"),
        ("Channel", "SIP/1-2"),
        ("Language", "ru"),
        ("Arguments", "vip, x"),
        ("Wishes", "queue=Raw"),
        ("Match", "several"),
        *[
            ("Customer", "ivanov"),
            ("Name", "Иван Иванов"),
            ("Company", "ROMASHKA (Ромашка)"),
            ("E-mail", "i@r.example"),
        ],
        *[("Phone", "8 916"), ("Mobile", ""), ("city", "Тверь")],
        *[("May be", "petrov"), ("Name", ""), ("Company", "ROMASHKA"), ("E-mail", "")],
        *[("Phone", ""), ("Mobile", "201"), ("city", "")],
    ]


def test_the_default_texts_tell_who_may_have_rung(tmp_path: Path) -> None:
    zoom_url = '"https://h/index.pl?Action=AgentTicketZoom;TicketID={{ ticket_id }}"'
    made = composer(load_text(tmp_path, text_with({"otrs.zoom_url": zoom_url, "ticket.time_zone": "UTC"})))
    call = Call("1.1", MONDAY_NOON, number="89161229624", canonical="+79161229624", dialled="4509")
    twins = (Customer("ivanov", "ROMASHKA", "Иван", "Иванов", company="Ромашка"), Customer("petrov", "VASILEK"))
    first, last = "Phone call on 2026-11-23 at 09:00:00\nFrom: 89161229624\nTo: 4509\n", "Call: 1.1\n"
    page = "https://h/index.pl?Action"
    for who, told_of_him in (
        (KNOWN, "Customer:  (petrov)\n"),
        (
            Recognition(Match.SEVERAL, None, twins, Match.EXACT),
            "Customer: not known\nCustomers with this number:\n"
            f"- Иван Иванов (ivanov), Ромашка {page}=AgentCustomerUserInformationCenter;CustomerUserID=ivanov\n"
            f"-  (petrov), VASILEK {page}=AgentCustomerUserInformationCenter;CustomerUserID=petrov\n",
        ),
        (
            STRANGER,
            f"Customer: not known\n"
            f"New customer: {page}=AdminCustomerUser;Nav=Agent;Subaction=Add;UserLogin=79161229624\n",
        ),
    ):
        ticket = made.compose(call, who)
        assert isinstance(ticket, Ticket)
        assert ticket.article.body == first + told_of_him + last
    again = made.compose_update((call, replace(call, unique_id="1.2", name="Иван")), KNOWN)
    assert isinstance(again, Article)
    assert again.subject == "Phone call from 89161229624 (2 calls)"
    assert again.body == (first + first.replace("9624\n", "9624 (Иван)\n") + "Customer:  (petrov)\nCall: 1.1, 1.2\n")


@pytest.mark.parametrize("option", describe(), ids=lambda option: option.name)
def test_each_option_is_described(tmp_path: Path, option: Any) -> None:
    assert option.words
    assert option.help.endswith((".", "?"))
    if option.default not in {"", "required"}:
        config = load_text(tmp_path, text_with({option.name: option.default}))
        assert config == load_text(tmp_path, text_with({}))


# Whatever stands in the file

few = settings(max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
words = ["fastagi", "otrs", "port", "password", "geheim", "a", "1", "9" * 20, "\ud7ff", "\u2028", "\x85", "é", "😀"]
marks = [": ", ":", "\n", "\n  ", "- ", "[", "]", "{", "}", ",", "'", '"', "|", ">", "&a ", "*a", "!t ", "%", "@", "~"]
rare = ["#", " #", "? ", "---\n", "...\n", "<<", "\t", "\\", "${", "$", '"\\x', '"\\U', "%YAML 1."]
yaml_like = st.lists(st.sampled_from(words + marks + rare), max_size=40).map("".join)


def told(folder: Path, text: str) -> str:
    """What `load` says of a file; empty if it takes it."""
    try:
        load_text(folder, text, {"SECRET": "geheim"})
    except ConfigError as error:
        said = str(error)
    else:
        return ""
    for line in said.split("\n"):
        assert line.isprintable()
        assert re.match(rf"{re.escape(str(folder))}/agi-server\.yaml(:\d+)?: \S", line)
    return said


@few
@given(st.text(max_size=200) | yaml_like)
def test_any_text_is_a_configuration_or_has_mistakes(tmp_path: Path, text: str) -> None:
    assert told(tmp_path, text)


@few
@given(st.sampled_from([option.name for option in describe()]), st.text(max_size=50) | yaml_like)
def test_any_value_fits_or_is_a_mistake_of_its_option(tmp_path: Path, name: str, value: str) -> None:
    quoted = '"' + "".join(f"\\U{ord(character):08x}" for character in value) + '"'
    said = told(tmp_path, text_with({"web.token": "needed with some hosts", name: quoted}))
    place = name.replace("[]", " item 1")
    assert not said or place in said or f" {place.rpartition('.')[0]}: found " in said  # of options that go together


@few
@given(name=st.sampled_from([option.name for option in describe()]), value=yaml_like)
def test_any_yaml_fits_or_is_a_mistake(tmp_path: Path, name: str, value: str) -> None:
    told(tmp_path, text_with({name: value}))


FULL = text_with(
    {
        "customers.database": '"mysql+aiomysql://asterisk:geheim@127.0.0.1:3306/otrs"',
        "otrs.zoom_url": "",
        "ticket.title": "${SECRET}",
    }
)


@few
@given(st.integers(0, len(FULL)), st.integers(0, 3), st.sampled_from(["", *" \n\t:#'\"-[]{}&*!%@|>,\\x$"]))
def test_no_slip_of_the_pen_makes_an_error_repeat_a_secret(tmp_path: Path, at: int, cut: int, slip: str) -> None:
    assert "geheim" not in told(tmp_path, FULL[:at] + slip + FULL[at + cut :])


def test_a_number_of_many_digits_or_a_deep_nest_ends_at_once(tmp_path: Path) -> None:
    for text in (
        "%YAML 1." + "1" * 5000 + "\n---\na: b\n",
        "[" * 100_000,
        "log: " + "{a: " * 50_000,
        text_with({"ticket.title": "'{{ " + "9" * 5000 + " }}'"}),
        text_with({"ticket.title": "'" + "{% if a %}" * 1000 + "'"}),
        text_with({"numbers.extensions": "'" + "(" * 400 + ")" * 400 + "'"}),
        text_with({"numbers.extensions": "'" + "(" * 200 + ")" * 200 + "'"}),
    ):
        said = told(tmp_path, text)
        assert len(said) < 500, textwrap.shorten(said, 200)
