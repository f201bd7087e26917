"""Statements of which SQLAlchemy makes the text once, from the tables.

To put a statement together and to wrap its result costs SQLAlchemy ten times what SQLite needs to carry it out, and
every call is a handful of the same ones (benchmarks/README.md). What is asked seldom needs none of this. Always: the
tables stand in `records` alone, every value is bound, never written into the text, and it is all in the connection's
transaction.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine.interfaces import DBAPICursor

_Text = tuple[str, tuple[str, ...]]
"""A statement's text, and its parameters in their order."""


class Prepared:
    """One statement; its values are given by the names of the columns that it sets, and of its `sa.bindparam`s."""

    def __init__(self, statement: sa.Insert | sa.Update, columns: Sequence[str] = ()) -> None:
        """`columns` are those that it sets."""
        self._statement = statement
        self._columns = list(columns)
        self._texts: dict[str, _Text] = {}
        """By dialect."""

    def __call__(self, connection: sa.Connection, *values: Mapping[str, Any]) -> DBAPICursor:
        """Carry it out on the driver's own cursor; with several rows of values once for each."""
        text, names = self._texts.get(connection.dialect.name) or self._compiled(connection.dialect)
        rows = [tuple(map(row.__getitem__, names)) for row in values]
        cursor = connection.connection.cursor()
        if len(rows) == 1:
            cursor.execute(text, rows[0])
        else:
            cursor.executemany(text, rows)
        return cursor

    def _compiled(self, dialect: sa.Dialect) -> _Text:
        compiled = self._statement.compile(dialect=dialect, column_keys=self._columns)
        assert compiled.positiontup is not None, f"{dialect.name} has no positional parameters"
        found = self._texts[dialect.name] = str(compiled), tuple(compiled.positiontup)
        return found
