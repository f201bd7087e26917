"""What the README, the samples and the code say is the same."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from agi_server import intake
from agi_server.app import SETTLE
from agi_server.call import Ending, Match
from agi_server.cli import main
from agi_server.config import Otrs, describe, load
from agi_server.timetable import FIRST_PAUSE, LONGEST_PAUSE, pause

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DIALPLAN = (ROOT / "asterisk" / "extensions_custom.conf.sample").read_text(encoding="utf-8")
LONGEST_SHOWN = 60


def section(title: str) -> str:
    return re.split(r"^##+ ", README.split(f"## {title}\n")[1], flags=re.MULTILINE)[0]


def test_the_table_of_options_is_the_code_s() -> None:
    expected = []
    for option in describe():
        default = option.default
        if default not in ("", "required"):
            default = f"`{default}`" if len(default) < LONGEST_SHOWN else "see the sample"
        expected.append(f"| `{option.name}` | {default} | {option.help} |")
    table = README.partition("| Option | Default | |\n")[2].partition("\n\n")[0]
    assert table.splitlines()[1:] == expected


def test_the_configurations_shown_are_right(tmp_path: Path) -> None:
    for name in ("database-password", "otrs-password"):
        (tmp_path / name).write_text("secret\n")
    [yaml, routes, ticket] = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    path = tmp_path / "agi-server.yaml"
    path.write_text(f"{yaml}{routes}repeat: {{within: 30m}}\n")
    config = load(path)
    assert (config.ticket.unknown_customer, len(config.routes)) == ("unknown-caller", 4)
    path.write_text(yaml.partition("ticket:\n")[0] + ticket)
    assert [one.filename for one in load(path).ticket.attachments] == ["call.txt", ""]


@pytest.mark.parametrize("where", [README, DIALPLAN], ids=["README", "dialplan"])
def test_every_channel_variable_and_status_is_explained(where: str) -> None:
    variables = {value for name, value in vars(intake).items() if name.isupper() and str(value).startswith("HELPDESK_")}
    assert len(variables) == 10
    assert {name for name in variables if name not in where} == set()
    statuses = {*intake.STATUS_OF.values(), *Ending, intake.ERROR}
    assert {word for word in (*statuses, *Match) if not re.search(rf"\b{word}\b", where)} == set()


def test_every_command_is_named() -> None:
    assert {name for name in main.commands if f"`agi-server {name}" not in section("Commands")} == set()


def test_the_timetable_is_the_code_s() -> None:
    first = [f"{pause(failures, lambda: 0.5):g}" for failures in (1, 2, 3)]
    assert f"after {first[0]}, {first[1]}, {first[2]} … up to {LONGEST_PAUSE:g} seconds" in README.replace("\n", " ")
    assert f"{FIRST_PAUSE:g}" == first[0]


def test_how_long_a_ticket_is_searched_for_is_the_code_s() -> None:
    assert SETTLE == 3
    assert f"For three times `otrs.timeout` ({SETTLE * Otrs.model_fields['timeout'].default / 60:g} minutes)" in README


def test_every_file_named_is_there() -> None:
    headings = {f"#{words.lower().replace(' ', '-')}" for words in re.findall(r"^#+ (.+)$", README, re.MULTILINE)}
    for path in re.findall(r"\]\(((?!http)[^)]+)\)", README):
        assert path in headings if path.startswith("#") else (ROOT / path).exists(), path


def test_every_make_target_named_is_there() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"^make ([\w-]+)|`make ([\w-]+)`", README, re.MULTILINE)):
        name = "".join(target)
        assert re.search(rf"^{name}:", makefile, re.MULTILINE), name


def test_the_dialplan_takes_nothing_of_an_earlier_run_for_the_answer() -> None:
    before, asks, after = DIALPLAN.partition(" same => n,AGI(")
    assert asks
    # The ticket's number is read only where the status vouches for it.
    read = set(re.findall(r"\$\{(HELPDESK_\w+)\}", after)) - {"HELPDESK_TICKET"}
    assert read == set(re.findall(r"^ same => n,Set\((HELPDESK_\w+)=\)$", before, re.MULTILINE))
