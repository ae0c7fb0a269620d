"""Let the server resolve every name of a routine, also where no example leads.

The server reads a body when the routine is created, and looks for tables, columns and functions only when
a statement runs: a wrong name in a rare branch waits for the first user there. So each routine gets a probe
in a scratch database: a procedure with the same parameters and variables, in which each statement and
condition stands once, one after the other, behind EXPLAIN. EXPLAIN resolves all names, and changes nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pymysql

from service.deploy.probe import FAULT, PROBE, ProbeBody, UnknownFormError
from service.deploy.scratch import with_registry
from service.schema.routines import Routine
from service.store.admin import Connection

WRONG_NAMES = frozenset({
    1052, 1054, 1109, 1110, 1136, 1146, 1176, 1222, 1267, 1270, 1271, 1305, 1318, 1328, 1582, 4082,
})  # fmt: skip
"""Errors about names, collations and numbers of values. Others may come of the empty variables of a probe."""
SECONDS = 3
"""Limit of a probe."""
FETCH_COUNT, COLUMN_COUNT = 1328, 1222
WRONG_COUNT = "The query and its INTO have different numbers of columns"
"""The server speaks of a FETCH, which only the probe has."""
FaultRow = tuple[int, int, int, str]
"""Start and end of the statement in the body; number and message of the error."""


@dataclass(frozen=True)
class Fault:
    """A name of a routine that means nothing on the server."""

    line: int
    """In the file."""
    statement: str
    """Its first line."""
    message: str


def faults(
    connection: Connection,
    routine: Routine,
    definer: str,
    registry: str,
    parameters: Mapping[tuple[str, str], int],
) -> list[Fault]:
    """Return the names of a routine that mean nothing in the database of the connection.

    `definer` owns the probe, and has rights on the scratch databases alone; `registry` stands there for `yp`;
    `parameters` has the number of parameters of each (scope, lower-case name of a procedure).
    A body that cannot be taken apart has no faults here: its examples run in any case.
    """
    body = ProbeBody(routine.body, routine.params)
    rows: list[FaultRow] = []
    try:
        statement = probe_statement(routine, body, definer)
    except UnknownFormError:
        return []
    with suppress(pymysql.err.MySQLError), connection.cursor() as cursor:
        cursor.execute(with_registry(statement, registry))
        try:
            for call in probe_calls(routine):
                cursor.execute(call)
                rows += _fault_rows(cursor)
        except pymysql.err.MySQLError as exc:  # a declaration such as TYPE OF: no handler stands before it
            rows.append((0, len(routine.body), *exc.args[:2]))
    # a query is checked twice when it fills variables
    wrong_names = dict.fromkeys(fault for row in rows if (fault := read_fault(routine, row)))
    return [*wrong_names, *_wrong_calls(routine, body, parameters)]


def _fault_rows(cursor: pymysql.cursors.Cursor) -> Iterator[FaultRow]:
    """Yield the rows of faults among all results of a probe."""
    is_more: bool | None = True
    while is_more:
        if cursor.description and cursor.description[0][0] == FAULT:
            yield from cursor.fetchall()
        is_more = cursor.nextset()


def probe_statement(routine: Routine, body: ProbeBody, definer: str) -> str:
    """Return the CREATE statement of the probe of a routine. UnknownFormError when there is none."""
    head = f"CREATE OR REPLACE DEFINER = {definer} PROCEDURE {PROBE}({routine.params_text})"
    return f"{head}\nMODIFIES SQL DATA\nSQL SECURITY DEFINER\n{body.probe()}"


def probe_calls(routine: Routine) -> Iterator[str]:
    """Yield the CALL of its probe, with empty variables: the last probe may have filled them."""
    variables = [f"@drumee_{number}" for number in range(len(routine.params))]
    if variables:
        yield f"SET {', '.join(f'{variable} = NULL' for variable in variables)}"
    # a query that fills variables runs: a function in it may wait, or count to an empty variable
    yield f"SET STATEMENT max_statement_time = {SECONDS} FOR CALL {PROBE}({', '.join(variables)})"


def read_fault(routine: Routine, row: FaultRow) -> Fault | None:
    """Return the fault in a row of a probe; None for an error of its empty variables."""
    start, end, number, message = row
    if number not in WRONG_NAMES:
        return None
    statement = routine.body[start:end]
    named = re.search(r"'(?:[\w$`]+\.)*`?([\w$]+)`?'|\.(\w+) does not exist", message)
    place = statement.find(next(filter(None, named.groups()))) if named else 0
    above = 0 if start else statement.rfind("\n", 0, max(place, 0)) + 1  # the body itself says little
    first_line = statement[above:].strip().partition("\n")[0]
    if number == FETCH_COUNT:
        number, message = COLUMN_COUNT, WRONG_COUNT
    return Fault(_line(routine, start + max(place, 0)), first_line, f"({number}) {message}")


def _line(routine: Routine, offset: int) -> int:
    """Return the line in the file of an offset in the body."""
    above = len(routine.statement) - len(routine.body) + offset
    return routine.line + routine.statement.count("\n", 0, above)


def _wrong_calls(
    routine: Routine, body: ProbeBody, parameters: Mapping[tuple[str, str], int]
) -> Iterator[Fault]:
    """Yield each CALL of a routine that nobody answers: no EXPLAIN reaches a CALL.

    The procedures of other databases are not ours to know.
    """
    for start, database, name, count in body.calls:
        wanted = parameters.get((database or routine.scope, name))
        if wanted is None and database in ("", "yp"):
            message = f"(1305) PROCEDURE {database or routine.scope}.{name} does not exist"
        elif wanted not in (None, count):
            message = f"(1318) {name} takes {wanted} arguments, and gets {count}"
        else:
            continue
        yield Fault(_line(routine, start), f"CALL {name}", message)
