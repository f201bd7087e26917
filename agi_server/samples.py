"""A caller of each kind: what templates are tried with before a real one rings.

Pure. Known by each grade of likeness, one of several who share a number, within a company or not; unknown;
hiding his number, or without one. The names are those of the examples in the README.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from datetime import UTC, datetime

from agi_server.call import NOBODY, Call, Customer, Match, Recognition

Sample = tuple[Call, Recognition]

HEARD = Call(
    unique_id="1314075508.1094",
    time=datetime(2011, 8, 23, 4, 58, 28, tzinfo=UTC),
    number="89161229624",
    canonical="+79161229624",
    lookup="+79161229624",
    name="Иван",
    dialled="4509",
    dnid="84956693308",
    context="otrs",
    channel="SIP/84956693308-0000039a",
    language="en",
)
STRANGER: Sample = (HEARD, NOBODY)
NUMBERLESS: Sample = (replace(HEARD, number="", canonical="", lookup="", name=""), NOBODY)
WITHHELD: Sample = (replace(NUMBERLESS[0], withheld=True), NOBODY)
_GRADES = (Match.EXACT, Match.WITHOUT_EXTENSION, Match.NATIONAL, Match.SUFFIX)
_IVANOV = Customer("ivanov", "ROMASHKA", "Иван", "Иванов", "ivanov@romashka.example", "8 916 122-96-24", "", "Ромашка")
_COLLEAGUE = replace(_IVANOV, login="petrova", first_name="Анна", last_name="Петрова", email="petrova@romashka.example")
_NEIGHBOUR = replace(_IVANOV, login="sidorov", customer_id="VASILEK", last_name="Сидоров", company="Василёк")


def samples(columns: Collection[str] = ()) -> Iterator[Sample]:
    """One call of each kind; `columns` are what else of a customer's row is read."""
    ivanov, colleague, neighbour = (
        replace(one, columns=dict.fromkeys(columns, "text")) for one in (_IVANOV, _COLLEAGUE, _NEIGHBOUR)
    )
    for grade in _GRADES:
        yield HEARD, Recognition(grade, ivanov, (ivanov,), grade)
        yield HEARD, Recognition(Match.SEVERAL, ivanov, (ivanov, colleague), grade)
        yield HEARD, Recognition(Match.SEVERAL, None, (ivanov, neighbour), grade)
    yield STRANGER
    yield WITHHELD
    yield NUMBERLESS
