"""The configuration: what it may say, each mistake with its exact sentence, and nothing secret in any of them.

`tests/data/config/broken` has one file per mistake, and beside it what `load` has to say of it.
The word `geheim` stands for every secret there.
"""

from __future__ import annotations

import os
import re
import textwrap
import zoneinfo
from ipaddress import ip_network
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from agi_server.config import Config, ConfigError, describe, load
from agi_server.config.sources import LARGEST_FILE
from agi_server.ticket import Composer, Form

DATA = Path(__file__).parent / "data" / "config"
BROKEN = sorted((DATA / "broken").glob("*.yaml"))
SAMPLE = Path(__file__).parent.parent / "config" / "agi-server.yaml"
SAMPLE_ENVIRONMENT = {"OTRS_DATABASE_PASSWORD": "geheim", "OTRS_PASSWORD": "geheim"}
ENVIRONMENT = {"AGI_SECRET_WORD": "geheim", "AGI_EMPTY": "", "AGI_BROKEN": "geheim\nx"}

LEAST: dict[str, dict[str, str]] = {
    "customers": {"database": '"mysql+aiomysql://asterisk@127.0.0.1:3306/otrs"'},
    "otrs": {"url": "http://127.0.0.1/otrs/x", "user": "asterisk", "password": "geheim"},
    "ticket": {"unknown_customer": "unknown-caller"},
}
"""The shortest configuration: section, option, and its value as it is written."""


def text_with(changes: dict[str, str], without: tuple[str, ...] = ()) -> str:
    """The shortest configuration with these options ("section.option") set as written, and without those."""
    sections = {section: dict(options) for section, options in LEAST.items()}
    for name in without:
        section, _, option = name.partition(".")
        del sections[section][option]
    for name, value in changes.items():
        section, _, option = name.partition(".")
        sections.setdefault(section, {})[option] = value
    return "".join(
        f"{section}:\n" + "".join(f"  {option}: {value}\n" for option, value in options.items())
        for section, options in sections.items()
    )


def load_text(folder: Path, text: str, environ: dict[str, str] | None = None, mode: int = 0o640) -> Config:
    path = folder / "agi-server.yaml"
    path.write_text(text, encoding="utf-8", newline="")
    path.chmod(mode)
    return load(path, environ or {})


def value_of(config: Config, name: str) -> Any:
    section, _, option = name.partition(".")
    return getattr(getattr(config, section), option)


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
        "or copy the sample config/agi-server.yaml to it"
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
        ("ticket.priority", "3", "3"),
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
        ("numbers.extensions", r"'^2\d\d$'", re.compile(r"^2\d\d$", re.ASCII)),
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
        "sqlite+aiosqlite:////srv/otrs.db",
    ],
)
def test_a_database_has_one_of_these_addresses(tmp_path: Path, address: str) -> None:
    config = load_text(tmp_path, text_with({"customers.database": f'"{address}"'}))
    assert config.customers.url.render_as_string(hide_password=False) == address


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
    """The sample with the # taken away where an option follows it; `# ` begins words, `#  ` goes on with a value."""
    return re.sub(r"(?m)^( *)#(?=\S|  \S)", r"\1", text)


def test_the_sample_is_a_configuration() -> None:
    config = load(SAMPLE, SAMPLE_ENVIRONMENT)
    assert config.otrs.password.get_secret_value() == "geheim"


def test_the_sample_shows_each_option_with_its_default(tmp_path: Path) -> None:
    text = uncommented(SAMPLE.read_text(encoding="utf-8"))
    assert load_text(tmp_path, text, SAMPLE_ENVIRONMENT) == load(SAMPLE, SAMPLE_ENVIRONMENT)
    shown = set()
    for line in text.splitlines():
        if found := re.match(r"(\w+):", line):
            section = found[1]
        elif found := re.match(r"  (\w+):", line):
            shown.add(f"{section}.{found[1]}")
    assert shown == {option.name for option in describe() if not option.name.endswith("_file")}


def test_the_samples_russian_texts_can_be_used_as_they_are(tmp_path: Path) -> None:
    sample = SAMPLE.read_text(encoding="utf-8")
    russian = sample.partition("# The same in Russian:\n")[2].partition("  #queue:")[0]
    config = load_text(tmp_path, text_with({}) + russian.replace("  # ", "  "))
    assert config.ticket.title.startswith("Заявка с номера {{ call.number")
    assert composer_of(config).mistakes() == []


def composer_of(config: Config) -> Composer:
    return Composer(Form(**{name: getattr(config.ticket, name) for name in type(config.ticket).model_fields}))


def test_the_tickets_default_texts_can_be_filled_in(tmp_path: Path) -> None:
    assert composer_of(load_text(tmp_path, text_with({}))).mistakes() == []


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
    said = told(tmp_path, text_with({name: quoted}))
    assert not said or name in said


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
