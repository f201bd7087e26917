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
        cells = [list(rows[0]), *([_shown(cell) for cell in row.values()] for row in rows)]
        widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
        print(title)
        for line in cells:
            first, *rest = (cell.ljust if place == 0 else cell.rjust for place, cell in enumerate(line))
            print("  ".join([first(widths[0]), *(just(width) for just, width in zip(rest, widths[1:], strict=True))]))
        print(flush=True)

    def goal(self, name: str, figure: float, most: float | None = None, *, least: float | None = None) -> bool:
        """Print whether it is kept: `figure` is `most` at most, or `least` at least."""
        kept = (most is None or figure <= most) and (least is None or figure >= least)
        bound = f"at most {most:g}" if most is not None else f"at least {least:g}"
        print(f"{'kept' if kept else 'NOT KEPT':10}{name}: {_shown(figure)}, {bound}", flush=True)
        self.goals.append({"name": name, "figure": figure, "bound": bound, "kept": kept})
        return kept

    def end(self) -> None:
        """Write it down, and leave with `MISSED` if a goal was missed."""
        path = FOLDER / f"{self.name}.json"
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


def _shown(cell: Cell) -> str:
    if isinstance(cell, float):
        return f"{cell:.0f}" if abs(cell) >= 100 else f"{cell:.2f}"
    return str(cell)
