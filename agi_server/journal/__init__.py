"""Every call on disk, from its first second until it is a ticket."""

from agi_server.journal.file import JournalBusyError
from agi_server.journal.records import OPEN_STATES, Entry, Event, State, number_of
from agi_server.journal.store import Journal
from agi_server.journal.writer import JournalError

__all__ = ["OPEN_STATES", "Entry", "Event", "Journal", "JournalBusyError", "JournalError", "State", "number_of"]
