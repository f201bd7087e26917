"""All benchmarks, one after another, each in a process of its own: `make bench`, or `python -m benchmarks`.

It takes minutes, and ends with one table of all goals. `--long` has the sizes for the record, and takes an hour or so.
It fails where a benchmark can't be carried out; goals that were missed are only told.
"""

from __future__ import annotations

import argparse
import subprocess
import sys

from benchmarks import report

ALL = {
    "agi_step": ("--other-callers",),
    "whole_road": ("--rounds", "3"),
    "burst": (),
    "directory": (),
    "soak": ("--calls", "20000"),
    "idle": (),
}
"""The names of the modules, and what they are told."""
LONG = {
    "whole_road": ("--rounds", "10"),
    "directory": ("--customers", "10000", "100000", "1000000"),
    "soak": ("--calls", "200000"),
}
"""What some of them are told instead."""


def main() -> int:
    """Run them all, whatever becomes of one."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--long", action="store_true", help="200,000 calls in the soak, a million customers")
    parser.add_argument("--only", nargs="+", choices=ALL, default=list(ALL), help="some of them")
    options = parser.parse_args()
    told = ALL | LONG if options.long else ALL
    failed = []
    for name in options.only:
        print(f"\n== {name}", flush=True)
        report.written(name).unlink(missing_ok=True)  # or an older one's goals would be taken for this one's
        command = [sys.executable, "-m", f"benchmarks.{name}", *told[name]]
        if subprocess.run(command, check=False).returncode not in (0, report.MISSED):  # noqa: S603 -- our own
            failed.append(name)
    print()
    report.show("All goals", [goal for name in options.only for goal in report.goals(name)])
    for name in failed:
        print(f"FAILED: {name}")
    return min(len(failed), 1)


if __name__ == "__main__":
    sys.exit(main())
