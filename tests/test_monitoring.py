"""Dashboard and alerts: each figure that they ask for is shown, each alert comes in time, and says what to do."""

from __future__ import annotations

import asyncio
import json
import re
import subprocess
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest
import yaml

from agi_server.app import App
from agi_server.asterisk.client import place_call
from agi_server.cli import main
from agi_server.demo import demo_config
from agi_server.sandbox import Sandbox
from tests.lab import promtool
from tests.web.figures import Figures, read, scrape

ROOT = Path(__file__).parent.parent
RULES = ROOT / "config" / "prometheus" / "agi-server.rules.yml"
RULES_TEST = Path(__file__).parent / "data" / "monitoring" / "agi-server.test.yml"
ALERTS: list[dict[str, Any]] = yaml.safe_load(RULES.read_text(encoding="utf-8"))["groups"][0]["rules"]
BOARD: dict[str, Any] = json.loads((ROOT / "config" / "grafana" / "agi-server.json").read_text(encoding="utf-8"))
PANELS: list[dict[str, Any]] = BOARD["panels"]
TARGETS: list[dict[str, Any]] = [target for panel in PANELS for target in panel.get("targets", ())]
SELECTOR = re.compile(r"\b(?P<name>(?:agi_server|process)_\w+)(?:\{(?P<labels>[^}]*)\})?")
MATCHER = re.compile(r'(?P<label>\w+)(?P<operator>=~|!~|!=|=)"(?P<value>[^"]*)"')
GROUPED = re.compile(r"\b(?:by|without) \((?P<labels>[^)]+)\)")
PROMETHEUS_ADDS = {"job", "instance"}
WIDTH = 24
"""Columns of a dashboard."""

EXPRESSIONS: list[str] = [one["expr"] for one in (*ALERTS, *TARGETS)]


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Figures:
    """The figures of a program that has served a call."""

    async def serve(folder: Path) -> Figures:
        async with Sandbox(folder) as otrs, App(demo_config(otrs, folder, 0)) as app:
            await place_call("127.0.0.1", app.server.port, number="89161229624", unique_id="1.1")
            return read(await scrape(app))

    return asyncio.run(serve(tmp_path_factory.mktemp("shown")))


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_what_is_asked_for_is_shown(shown: Figures, expression: str) -> None:
    found = list(SELECTOR.finditer(expression))
    assert found or 'up{job="agi-server"' in expression
    known = set(PROMETHEUS_ADDS)
    for one in found:
        there = [dict(labels) for name, labels in shown if name == one["name"]]
        assert there, one["name"]
        known |= {label for labels in there for label in labels}
        for matcher in MATCHER.finditer(one["labels"] or ""):
            if matcher["label"] not in PROMETHEUS_ADDS:
                assert matcher["label"] in known
                values = {labels[matcher["label"]] for labels in there}
                assert set(matcher["value"].split("|")) <= values
    for grouped in GROUPED.finditer(expression):
        assert set(grouped["labels"].split(", ")) <= known


def test_each_figure_of_ours_is_asked_for(shown: Figures) -> None:
    """What nobody looks at need not be shown."""
    asked = {one["name"] for expression in EXPRESSIONS for one in SELECTOR.finditer(expression)}
    ours = {name for name, _ in shown if name.startswith("agi_server_")}
    unasked = {name for name in ours if not {name, re.sub("_(count|sum)$", "_bucket", name)} & asked}
    assert unasked == set()


def test_the_rules_are_sound_and_fire_when_they_should() -> None:
    check(promtool(), "check", "rules", RULES)
    check(promtool(), "test", "rules", RULES_TEST)


def test_the_test_of_the_rules_sees_each_alert_fire() -> None:
    text = RULES_TEST.read_text(encoding="utf-8")
    assert {alert["alert"] for alert in ALERTS if f'alertname="{alert["alert"]}", ' not in text} == set()


@pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: str(alert["alert"]))
def test_each_alert_says_what_to_do_in_commands_that_there_are(alert: dict[str, Any]) -> None:
    assert alert["labels"]["severity"] in ("critical", "warning")
    summary, description = alert["annotations"]["summary"], alert["annotations"]["description"]
    assert "instance }}" in summary or "instance" not in str(alert["expr"])
    assert len(summary) < 120
    for command in re.findall(r"`agi-server (\w+)", description):
        assert command in main.commands


def test_the_dashboard_s_questions_are_sound(tmp_path: Path) -> None:
    """Each as a rule of its own, since promtool reads nothing else."""
    replaced = [expression.replace("$__rate_interval", "5m") for expression in EXPRESSIONS]
    assert not any("$" in expression.replace("$instance", "") for expression in replaced)
    rules = [{"record": f"question:{number}", "expr": expression} for number, expression in enumerate(replaced)]
    path = tmp_path / "questions.yml"
    path.write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    check(promtool(), "check", "rules", path)


def test_the_dashboard_can_be_imported_anywhere() -> None:
    assert "id" not in BOARD  # Grafana's own number for it
    assert {variable["name"] for variable in BOARD["templating"]["list"]} == {"datasource", "instance"}
    source = {"type": "prometheus", "uid": "${datasource}"}
    shown = [panel for panel in PANELS if panel["type"] != "row"]
    assert all(panel["datasource"] == source and panel["targets"] and panel["description"] for panel in shown)
    assert all(target["datasource"] == source for target in TARGETS)
    assert all('instance=~"$instance"' in target["expr"] for target in TARGETS)
    assert len({panel["id"] for panel in PANELS}) == len(PANELS)
    for panel in shown:
        names = [target["refId"] for target in panel["targets"]]
        assert len(set(names)) == len(names)


def test_no_panel_lies_on_another() -> None:
    places = [panel["gridPos"] for panel in PANELS]
    assert all(place["x"] + place["w"] <= WIDTH for place in places)
    for one, other in combinations(places, 2):
        beside = one["x"] + one["w"] <= other["x"] or other["x"] + other["w"] <= one["x"]
        assert beside or one["y"] + one["h"] <= other["y"] or other["y"] + other["h"] <= one["y"]


def check(*command: str | Path) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
