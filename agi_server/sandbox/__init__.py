"""A small OTRS in our own process, for the demo and for tests: `Sandbox`."""

from agi_server.sandbox.otrs import Sandbox

__all__ = ["Sandbox"]
