"""A small OTRS in our own process, for the demo and for tests: `Sandbox`."""

from .otrs import Sandbox

__all__ = ["Sandbox"]
