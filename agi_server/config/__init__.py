"""The configuration: its options and defaults, and the reading of its file with every mistake at once."""

from agi_server.config.describing import Option, describe
from agi_server.config.loading import load
from agi_server.config.mistakes import ConfigError, Mistake
from agi_server.config.options import (
    Config,
    Customers,
    Fastagi,
    Journal,
    Log,
    Numbers,
    Otrs,
    Web,
)
from agi_server.config.tickets import Repeat, Route, RouteTicket, Ticket

__all__ = [
    "Config",
    "ConfigError",
    "Customers",
    "Fastagi",
    "Journal",
    "Log",
    "Mistake",
    "Numbers",
    "Option",
    "Otrs",
    "Repeat",
    "Route",
    "RouteTicket",
    "Ticket",
    "Web",
    "describe",
    "load",
]
