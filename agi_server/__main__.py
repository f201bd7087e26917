"""`python -m agi_server` is the command `agi-server`."""

from agi_server.cli import main

main(prog_name="agi-server")
