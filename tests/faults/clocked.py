"""The program, but with a clock that anybody may set: `python -m tests.faults.clocked FILE run --config FILE`.

The first file holds the seconds by which the clock is wrong; it is read each time the clock is.
"""

from __future__ import annotations

import functools
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

from agi_server import cli
from agi_server.app import App


def told_by(file: Path) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=float(file.read_text()))


if __name__ == "__main__":
    setattr(cli, "App", functools.partial(App, clock=functools.partial(told_by, Path(sys.argv[1]))))  # noqa: B010
    cli.main(sys.argv[2:])
