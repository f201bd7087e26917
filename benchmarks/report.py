"""What a benchmark says at its end: the machine, tables, goals kept or not; the same as JSON in build/benchmarks/.

A goal that was missed is no error: machines are noisy, and `make bench` goes on. The exit code of the one benchmark
tells of it, for those who want to know.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import machine

FOLDER = Path(__file__).resolve().parents[1] / "build" / "benchmarks"
"""On the same disk as the journals that are measured: those are in temporary folders in it."""

MISSED = 3
"""The exit code when a goal was missed; 1 is that of a benchmark that could not be carried out."""

Cell = str | int | float


@dataclass(slots=True)
class Report:
    """Of one benchmark."""

    name: str
    machine: dict[str, str | int | float] = field(default_factory=dict)
    tables: dict[str, list[dict[str, Cell]]] = field(default_factory=dict)
    goals: list[dict[str, Cell | bool]] = field(default_factory=list)

    def __post_init__(self) -> None:
        FOLDER.mkdir(parents=True, exist_ok=True)
        self.machine = machine.describe(FOLDER)
        print(f"{self.name}: {', '.join(f'{name} {value}' for name, value in self.machine.items())}\n", flush=True)

    def table(self, title: str, rows: list[dict[str, Cell]]) -> None:
        """Print it; all rows have the same columns."""
        self.tables[title] = rows
        show(title, rows)

    def goal(self, name: str, figure: float, most: float | None = None, *, least: float | None = None) -> bool:
        """Print whether it is kept: `figure` is `most` at most, or `least` at least."""
        kept = (most is None or figure <= most) and (least is None or figure >= least)
        bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
        print(f"{'kept' if kept else 'NOT KEPT':10}{name}: {_shown(figure)}, {bound}", flush=True)
        self.goals.append({"name": name, "figure": figure, "bound": bound, "kept": kept})
        return kept

    def end(self) -> None:
        """Write it down, and leave with `MISSED` if a goal was missed."""
        path = written(self.name)
        whole = {
            "benchmark": self.name,
            "ended": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
            "machine": self.machine,
            "tables": self.tables,
            "goals": self.goals,
        }
        path.write_text(json.dumps(whole, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
        print(f"\nas JSON: {path.relative_to(FOLDER.parents[1])}")
        sys.exit(0 if all(goal["kept"] for goal in self.goals) else MISSED)


def written(name: str) -> Path:
    """Where the benchmark of this name writes."""
    return FOLDER / f"{name}.json"


def goals(name: str) -> list[dict[str, Cell]]:
    """Those of the benchmark of this name, as rows of a table; one that says so if it was not carried out."""
    try:
        found = json.loads(written(name).read_text(encoding="utf-8"))["goals"]
    except FileNotFoundError:
        return [{"": name, "goal": "", "found": "", "bound": "", "is": "NOT MEASURED"}]
    return [
        {
            "": name,
            "goal": goal["name"],
            "found": goal["figure"],
            "bound": goal["bound"],
            "is": "kept" if goal["kept"] else "NOT KEPT",
        }
        for goal in found
    ]


def show(title: str, rows: list[dict[str, Cell]]) -> None:
    """Print a table; texts stand on the left, figures on the right."""
    cells = [list(rows[0]), *([_shown(cell) for cell in row.values()] for row in rows)]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    texts = [
        all(isinstance(cell, str) for cell in column) for column in zip(*(row.values() for row in rows), strict=True)
    ]
    print(title)
    for line in cells:
        columns = zip(line, widths, texts, strict=True)
        print("  ".join(cell.ljust(width) if text else cell.rjust(width) for cell, width, text in columns).rstrip())
    print(flush=True)


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return str(cell)
