"""`agi-server check`: is the configuration right, and is each neighbour there and takes what we would send?

Nothing is changed anywhere. Each finding is one line, and one that is not good says what mends it.
"""

from agi_server.check.finding import Finding
from agi_server.check.form import check_form, warnings
from agi_server.check.neighbours import check_connections

__all__ = ["Finding", "check_connections", "check_form", "warnings"]
