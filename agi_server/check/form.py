"""What is wrong in the configuration though each option by itself is right: templates, routes, extensions, files."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC
from pathlib import Path

from agi_server import app
from agi_server.check.finding import Finding
from agi_server.check.rpc import without_effect
from agi_server.check.tickets import objection_to, rehearsals
from agi_server.config import Config
from agi_server.otrs.elements import Hearer, creation, refusal
from agi_server.otrs.wording import Mistake
from agi_server.rules import never_reached
from agi_server.samples import STRANGER
from agi_server.templates import FormError
from agi_server.ticket import Composer

SHORT = 16
"""Characters. Who tries tokens has five a minute, but as many addresses as he can get."""


def check_form(config: Config) -> list[Finding]:
    """Can the templates be filled in, those of the ticket and of each route for callers of each kind?"""
    try:
        composer = app.composer(config)
        mistakes = composer.mistakes()
        if (wrong := app.links(config).mistake()) is not None:
            mistakes.append(wrong)
    except FormError as mistake:
        mistakes = [mistake]
    hints = {"otrs.zoom_url": "use {{ ticket_id }} or {{ ticket_number }}"}
    found = [Finding(False, one.option, one.words, hints.get(one.option, "mend the template")) for one in mistakes]
    return found or list(dict.fromkeys(_contradictions(config, composer)))


def _contradictions(config: Config, composer: Composer) -> Iterator[Finding]:
    """Of options that would not be sent together, so that each call would be parked."""
    if config.otrs.interface == "rpc":
        return
    hearer = Hearer(app.dialect(config), UTC, STRANGER[0].time)
    for rehearsal in rehearsals(composer):
        try:
            creation(rehearsal.ticket, config.otrs.call_field, hearer)
        except Mistake as mistake:
            finding = objection_to(rehearsal, refusal("TicketCreate", mistake))
            if finding.good is False:
                yield finding


def warnings(config: Config) -> Iterator[str]:
    """What is not wrong but should be mended."""
    yield from config.warnings
    numbering = app.numbering(config)
    if numbering.heard(numbering.example).canonical == numbering.example != "":
        yield f"numbers.extensions: takes {numbering.example} for an internal telephone, and so nobody outside is known"
    if 0 < len(config.web.token.get_secret_value()) < SHORT:
        yield f"web.token: so short that it can be guessed: make it {SHORT} characters or more (openssl rand -hex 16)"
    yield from without_effect(config)
    yield from _files(config)
    for route, taker in never_reached(app.routes(config)):
        yield f"{route.name}: decides about no call, for {taker.name} takes all of them before it"


def _files(config: Config) -> Iterator[str]:
    """Files that would be missing from tickets: that is no reason not to serve."""
    try:
        sheets = app.composer(config).sheets
    except FormError:  # `check_form` tells
        return
    for option, path in dict(file for sheet in sheets for file in sheet.files).items():
        if not os.access(path, os.R_OK):
            yield f"{option}: tickets go without it, for {path} is not there, or we may not read it"
        elif Path(path).is_dir() != path.endswith("/"):
            yield f"{option}: tickets go without it, for {path} is no {'folder' if path.endswith('/') else 'file'}"
