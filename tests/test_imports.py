"""What `agi-server run` carries along: nothing big that it does not use."""

from __future__ import annotations

import subprocess
import sys


def test_a_server_has_neither_an_orm_nor_the_stand_in_with_it() -> None:
    names = "sqlalchemy.orm", "agi_server.sandbox", "asyncpg"
    asked = f"import sys, agi_server.cli; print([name for name in {names!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, timeout=60, check=True)
    assert done.stdout == "[]\n"
