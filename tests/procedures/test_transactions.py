"""A routine that writes does nothing outside of a transaction, whoever calls it."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pymysql
import pytest

from service.errors import read_refusal
from service.schema.routines import Routine, load_routines
from service.settings import Settings
from service.store.admin import Connection

WRITERS = [r for r in load_routines() if r.access == "MODIFIES"]
NOBODY = "0" * 16


@pytest.fixture
def connection(settings: Settings) -> Iterator[Connection]:
    """Return a connection as the client of a DBA opens it, with autocommit."""
    made = Connection(settings)
    yield made
    made.close()


def call_of(routine: Routine) -> str:
    """Return a CALL with NULL for each parameter."""
    database = "yp" if routine.scope == "yp" else "shard1"
    outs = re.findall(r"\b(?:OUT|INOUT)\s+(\w+)", routine.params_text)
    values = ["@x" if name in outs else "NULL" for name in routine.params]
    return f"CALL {database}.{routine.name}({', '.join(values)})"


def test_every_routine_that_writes_is_refused_with_autocommit(connection: Connection) -> None:
    assert len(WRITERS) > 100
    for routine in WRITERS:
        with pytest.raises(pymysql.err.MySQLError) as refused:
            connection.run(call_of(routine))
        assert refused.value.args[0] == 1644, routine.name
        assert read_refusal(refused.value.args[1]).code == "NO_TRANSACTION", routine.name


@pytest.mark.parametrize("start", ["START TRANSACTION", "SET autocommit = 0"])
def test_in_a_transaction_it_works_and_a_rollback_undoes_it(connection: Connection, start: str) -> None:
    known = "SELECT COUNT(*) FROM yp.authn WHERE session_id = SHA2('no-autocommit', 256)"
    connection.run(start)
    connection.run("CALL yp.authn_store('no-autocommit', 'its-token', 60)")
    assert connection.one(known) == 1
    connection.run("ROLLBACK")
    connection.run("SET autocommit = 1")
    assert connection.one(known) == 0
    with pytest.raises(pymysql.err.MySQLError, match="NO_TRANSACTION"):
        connection.run("CALL yp.authn_store('no-autocommit', 'its-token', 60)")
    assert connection.one(known) == 0
