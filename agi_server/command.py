"""What the commands share: the configuration's option, exit codes, and how one fails.

Exit 0: done; 1: failed; 2: usage or configuration.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import NoReturn

import click

from agi_server.config import Config, ConfigError, load

DEFAULT_CONFIG = "/etc/agi-server/agi-server.yaml"
FAILED = 1
MISCONFIGURED = 2

config_option = click.option(
    "--config",
    "path",
    type=click.Path(path_type=Path, readable=False),
    envvar="AGI_SERVER_CONFIG",
    default=DEFAULT_CONFIG,
    show_default=True,
    show_envvar=True,
    help="The configuration file.",
)


def load_config(path: Path) -> Config:
    """The configuration, or its mistakes and the end."""
    try:
        return load(path)
    except ConfigError as error:
        fail(str(error), MISCONFIGURED)


def fail(words: str, code: int) -> NoReturn:
    """Say why, and end."""
    click.echo(words, err=True)
    sys.exit(code)
