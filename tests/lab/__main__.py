"""`python3 -m tests.lab up | down | status`: the lab, from the repository's root, as root."""

from __future__ import annotations

import argparse
import os
import sys

from . import facts, lab
from .steps import StepError


def main() -> int:
    """Run one command; 0 done, 1 failed, 2 usage."""
    parser = argparse.ArgumentParser(
        prog="python3 -m tests.lab", description="Asterisk, MariaDB, PostgreSQL, Znuny on loopback."
    )
    parser.add_argument("command", choices=("up", "down", "status"))
    command = parser.parse_args().command
    if command == "status":
        for line in lab.status():
            print(line)
        return 0 if lab.running() else 1
    if os.geteuid() != 0:
        print("the lab installs packages and uses chroot: run it as root", file=sys.stderr)
        return 2
    try:
        if command == "up":
            lab.up()
            print(f"the lab is running: Znuny {facts.ZNUNY_URL}/index.pl ({facts.ADMIN} / {facts.ADMIN_PASSWORD})")
        else:
            lab.down()
    except StepError as failure:
        print(failure.report(), file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("interrupted: run it again, it goes on from here", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main())
