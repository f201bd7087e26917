"""All benchmarks, one after another, each in a process of its own: `make bench`.

It fails where one can't be carried out; goals that were missed are only told. The soak is shorter here than it is for
the record; see `README.md`.
"""

from __future__ import annotations

import subprocess
import sys

from benchmarks.report import MISSED

ALL = (
    ("agi_step",),
    ("whole_road",),
    ("burst",),
    ("directory",),
    ("soak", "--calls", "20000"),
    ("idle",),
)
"""The names of the modules, and what they are told."""


def main() -> int:
    """Run them all, whatever becomes of one."""
    failed = 0
    for name, *arguments in ALL:
        print(f"\n== {name}", flush=True)
        command = [sys.executable, "-m", f"benchmarks.{name}", *arguments]
        failed += subprocess.run(command, check=False).returncode not in (0, MISSED)  # noqa: S603 -- our own
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
