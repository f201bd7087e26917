"""Prints the campaign's table at the end of the run."""

from __future__ import annotations

import pytest

from tests.faults.campaign import table, tallies


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if tallies:
        terminalreporter.section("faults")
        for line in table():
            terminalreporter.write_line(line)
