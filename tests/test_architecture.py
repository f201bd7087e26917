"""The rooms of the house: who may import whom. A line that breaks this is in the wrong room."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import agi_server

PACKAGE = Path(agi_server.__file__).parent
STOREYS = (
    {"helpdesk", "notation", "timetable", "pulse", "logs", "tally"},
    {"call"},
    {"templates"},
    {"plan", "people", "rules", "links", "samples", "form", "filled"},
    {"numbers", "sheet"},
    {"ticket"},
    {"likeness"},
    {"asterisk", "otrs", "journal", "sandbox"},
    {"outcomes", "callers", "in_hand"},
    {"repeat"},
    {"attempt"},
    {"delivery"},
    {"intake"},
    {"web"},
    {"config"},
    {"app", "check"},
    {"demo", "calls", "dry_run", "process", "systemd", "sample_files", "health"},
    {"dry_run_told", "otrs_options", "otrs_told"},
    {"calling", "command"},
    {"cli_calls", "cli_otrs"},
    {"cli"},
    {"__main__"},
)
"""From the ground up; imports go downward, within a storey only from `check` to `app`."""
SIDEWAYS = {("check", "app")}
THROUGH_PORTS_ONLY = {
    *(
        (room, door)
        for room in ("outcomes", "callers", "in_hand", "repeat", "attempt", "delivery")
        for door in ("otrs", "asterisk")
    ),
    ("intake", "otrs"),
}
PURE = {
    "call",
    "filled",
    "form",
    "helpdesk",
    "notation",
    "numbers",
    "otrs_told",
    "likeness",
    "links",
    "people",
    "plan",
    "pulse",
    "rules",
    "samples",
    "sheet",
    "tally",
    "templates",
    "ticket",
    "timetable",
    "asterisk.agi",
    "asterisk.request",
    "otrs.soap",
    "otrs.dialect",
    "otrs.vocabulary",
    "otrs.wording",
    "otrs.elements",
    "otrs.rpc_messages",
    "otrs.rpc_requests",
    "otrs.shown",
}
IMPURE = {"asyncio", "socket", "logging", "os", "pathlib", "time", "sqlalchemy", "aiohttp", "sqlite3"}
SPEAKS_SQL = {"journal", "otrs", "sandbox", "config", "demo"}
MODULES = sorted(PACKAGE.rglob("*.py"))


def name_of(path: Path) -> str:
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix(".__init__")


def imports(path: Path) -> set[str]:
    """The modules that it imports: ours without the package's name, others by their first part."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path.name}:{node.lineno}: write the whole name, agi_server...."
            assert node.module is not None
            if node.module == "agi_server":
                found |= {f"agi_server.{alias.name}" for alias in node.names}
            found.add(node.module)
    return found


def room(name: str) -> str:
    return name.split(".")[0]


def storey(name: str) -> int:
    return next(number for number, rooms in enumerate(STOREYS) if room(name) in rooms)


@pytest.mark.parametrize("path", [path for path in MODULES if name_of(path) != "__init__"], ids=name_of)
def test_imports_go_downward(path: Path) -> None:
    ours = name_of(path)
    for theirs in sorted(one.removeprefix("agi_server.") for one in imports(path) if one.startswith("agi_server.")):
        if theirs in ("__version__", "__init__") or room(theirs) == room(ours):
            continue
        allowed = storey(theirs) < storey(ours) or (room(ours), room(theirs)) in SIDEWAYS
        assert allowed, f"{ours} imports {theirs}, which is not below it"
        assert (room(ours), room(theirs)) not in THROUGH_PORTS_ONLY, f"{ours} knows {theirs}"


@pytest.mark.parametrize("name", sorted(PURE))
def test_pure_modules_have_no_input_and_output(name: str) -> None:
    path = PACKAGE / f"{name.replace('.', '/')}.py"
    assert not {room(one) for one in imports(path)} & IMPURE


def test_every_module_says_what_it_is_for() -> None:
    for path in MODULES:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), name_of(path)


def test_only_otrs_and_the_journal_speak_to_databases() -> None:
    speakers = {room(name_of(path)) for path in MODULES if {"sqlalchemy", "sqlite3"} & {room(i) for i in imports(path)}}
    assert speakers <= SPEAKS_SQL
