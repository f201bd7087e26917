"""agi-server: a HelpDesk call is a ticket before the operator's phone rings."""

__version__ = "0.1.0"
