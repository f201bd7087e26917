"""What stands on a command line, as the values of a request."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click
import pytest

from agi_server import otrs_options
from agi_server.helpdesk import Attachment
from agi_server.otrs.vocabulary import VOCABULARY, Holds

NAIVE = datetime(2030, 1, 2, 3, 4)  # noqa: DTZ001 - in OTRS's own time zone, whichever that is


def said(operation: str, *arguments: str) -> dict[str, object]:
    """What the command hands on."""
    given: dict[str, Any] = {}
    command = otrs_options.Headed(
        "x", params=list(otrs_options.options(operation)), callback=lambda **it: given.update(it)
    )
    command.main(list(arguments), standalone_mode=False)
    return otrs_options.values(operation, given)


@pytest.mark.parametrize(
    ("operation", "arguments", "values"),
    [
        ("TicketCreate", (), {}),
        ("TicketCreate", ("--Title", "", "--QueueID", "5"), {"Title": "", "QueueID": "5"}),
        ("TicketCreate", ("--NoAgentNotify", "--Subject", "x"), {"NoAgentNotify": True, "Subject": "x"}),
        ("TicketCreate", ("--NoAgentNotify", "no"), {"NoAgentNotify": False}),
        ("TicketCreate", ("--PendingTime", "2h"), {"PendingTime": timedelta(hours=2)}),
        ("TicketCreate", ("--PendingTime", "2030-01-02 03:04"), {"PendingTime": NAIVE}),
        (
            "TicketCreate",
            ("--PendingTime", "2030-01-02T03:04+03:00"),
            {"PendingTime": datetime(2030, 1, 2, 3, 4, tzinfo=timezone(timedelta(hours=3)))},
        ),
        (
            "TicketCreate",
            ("--DynamicField", "A=1=2", "--DynamicField", "B=", "--DynamicField", "C=x", "--DynamicField", "C=y"),
            {"DynamicField": {"A": "1=2", "B": "", "C": ["x", "y"]}},
        ),
        ("TicketCreate", ("--Sign", "Type=PGP", "--Sign", "Key=1"), {"Sign": {"Type": "PGP", "Key": "1"}}),
        (
            "TicketCreate",
            ("--ForceNotificationToUserID", "1", "--ForceNotificationToUserID", "2"),
            {"ForceNotificationToUserID": ("1", "2")},
        ),
        (
            "TicketSearch",
            ("--DynamicField", "A=1", "--DynamicField", "A:Like=2*", "--DynamicField", "A=3"),
            {"DynamicField": {"A": {"Equals": ["1", "3"], "Like": ["2*"]}}},
        ),
        ("TicketSearch", ("--DynamicField", "A:Empty=yes"), {"DynamicField": {"A": {"Empty": True}}}),
        ("TicketSearch", ("--DynamicField", "A:Empty=0"), {"DynamicField": {"A": {"Empty": False}}}),
        ("TicketSearch", ("--TicketCreateTimeNewerMinutes", "90"), {"TicketCreateTimeNewerMinutes": "90"}),
        (
            "TicketSearch",
            ("--TicketCreateTimeNewerMinutes", "2h"),
            {"TicketCreateTimeNewerMinutes": timedelta(hours=2)},
        ),
        (
            "TicketSearch",
            ("--TicketCreateTimeOlderDate", "2030-01-02 03:04"),
            {"TicketCreateTimeOlderDate": NAIVE},
        ),
    ],
)
def test_values(operation: str, arguments: tuple[str, ...], values: dict[str, object]) -> None:
    assert said(operation, *arguments) == values


@pytest.mark.parametrize(
    ("name", "content_type"),
    [("лист.pdf", "application/pdf"), ("x.txt", "text/plain"), ("x", "application/octet-stream")],
)
def test_a_file(tmp_path: Path, name: str, content_type: str) -> None:
    path = tmp_path / name
    path.touch()

    assert said("TicketUpdate", "--Attachment", str(path)) == {
        "Attachment": [Attachment(name, content_type, file=str(path))]
    }


@pytest.mark.parametrize("operation", VOCABULARY)
def test_every_word_but_the_password_and_further_articles_is_an_option(operation: str) -> None:
    names = {option.name for option in otrs_options.options(operation)}

    missing = {name for name, element in VOCABULARY[operation].items() if element.holds is Holds.ARTICLES}
    assert names == VOCABULARY[operation].keys() - {"Password"} - missing


def test_a_field_without_a_name() -> None:
    with pytest.raises(click.BadParameter, match="'=x' is not NAME=VALUE"):
        said("TicketCreate", "--DynamicField", "=x")
