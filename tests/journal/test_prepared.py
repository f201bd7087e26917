"""The prepared statements say the same on every database that is to have the journal's tables."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from agi_server.journal import records
from agi_server.journal.prepared import Prepared


@pytest.mark.parametrize("driver", ["sqlite", "mysql+aiomysql", "postgresql+asyncpg"])
def test_every_value_of_a_new_call_is_bound_in_its_place(driver: str) -> None:
    text, names = records._INSERT._compiled(sa.make_url(f"{driver}://").get_dialect()())
    columns = [column.name for column in records.calls.columns if column.name != "id"]
    assert text.replace("`", "").startswith(f"INSERT INTO calls ({', '.join(columns)}) SELECT ")
    assert list(dict.fromkeys(names)) == columns
    assert set(names[len(columns) :]) <= {"unique_id"}  # who looks whether it is there


def test_each_row_of_values_is_carried_out_in_the_connections_transaction() -> None:
    history = records.history
    columns = ["call_id", "at", "event", "words"]
    remember, forget = Prepared(history.insert(), columns), Prepared(history.update(), ["words"])
    rows = [{"call_id": 1, "at": 0.5, "event": event, "words": ""} for event in ("added", "begun")]
    engine = sa.create_engine("sqlite://")
    with engine.connect() as connection:
        records.metadata.create_all(connection)
        connection.commit()
        remember(connection, *rows)
        assert forget(connection, {"words": "'; DROP TABLE history; --"}).rowcount == 2
        found = connection.execute(sa.select(history.c.event, history.c.words)).all()
        assert [tuple(row) for row in found] == [(row["event"], "'; DROP TABLE history; --") for row in rows]
        connection.rollback()
        assert connection.execute(sa.select(history)).all() == []
    engine.dispose()
