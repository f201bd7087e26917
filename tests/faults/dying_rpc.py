"""The program on rpc.pl, killing itself at a step of the nth call: see `dying`.

`python -m tests.faults.dying_rpc STEP NTH run --config FILE`.
"""

from __future__ import annotations

import sys
from datetime import timedelta

from agi_server import repeat
from agi_server.cli import main
from agi_server.journal import Journal
from agi_server.otrs.rpc import Rpc
from agi_server.otrs.rpc_known import Known
from tests.faults.dying import NEVER, Step, arm

STEPS = {
    "after-reserve": Step(Rpc, "reserve", "after"),
    "after-begin": Step(Journal, "begin", "after"),
    "before-ticket": Step(Known, "people", "after"),
    "in-open": Step(Rpc, "open", "meanwhile"),
    "between": Step(Rpc, "_add_article", "before"),
    "after-article": Step(Rpc, "_add_article", "after"),
    "after-open": Step(Rpc, "open", "after"),
    "after-find": Step(Rpc, "find", "after"),
}
"""`between`: the ticket is there, its article is not."""

if __name__ == "__main__":
    setattr(repeat, "GATHER", timedelta(seconds=0.5))  # noqa: B010 -- it is a constant to all others
    if sys.argv[1] != NEVER:
        arm(STEPS[sys.argv[1]], int(sys.argv[2]))
    main(sys.argv[3:])
