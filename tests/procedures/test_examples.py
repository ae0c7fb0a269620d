"""Run the example of every header on the demo data, and compare its columns with the header."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from service.admin import demo
from service.admin.demo import ALICE
from service.deploy import scene
from service.schema.header import read_header
from service.schema.routines import Routine, load_routines
from service.settings import Settings
from service.store.admin import Connection

ROUTINES = {f"{r.scope}/{r.name}": r for r in load_routines()}


@pytest.fixture(scope="module")
def connection(settings: Settings) -> Iterator[Connection]:
    """Return an administrator's connection to a server with the demo data."""
    demo.load(settings)
    made = Connection(settings)
    made.run("SET tx_isolation = 'READ-COMMITTED', innodb_snapshot_isolation = ON")
    yield made
    made.close()


Set = tuple[list[str], list[tuple[Any, ...]]]


def run_example(connection: Connection, routine: Routine, example: str) -> list[Set]:
    """Return (column names, rows) of each result set, and roll back."""
    connection.raw.begin()
    try:
        shard = connection.one("SELECT db_name FROM yp.entity WHERE id = %s", ALICE)
        connection.raw.select_db(shard)
        connection.each(scene.EXAMPLES)
        connection.raw.select_db("yp" if routine.scope == "yp" else shard)
        result_sets: list[Set] = []
        with connection.raw.cursor() as cursor:
            cursor.execute(example)
            while True:
                if cursor.description is not None:
                    result_sets.append(([each[0] for each in cursor.description], list(cursor.fetchall())))
                if not cursor.nextset():
                    return result_sets
    finally:
        connection.raw.rollback()


def promised(routine: Routine) -> str:
    """Return the documented results of a routine, with those of the routines that it calls."""
    text = read_header(routine).text("Returns")
    others = [r for r in ROUTINES.values() if r.name != routine.name and re.search(rf"\b{r.name}\b", text)]
    return "\n".join([text, *(promised(other) for other in others)])


@pytest.mark.parametrize("name", ROUTINES)
def test_the_example_in_the_header_succeeds_and_answers_what_it_says(
    connection: Connection, name: str
) -> None:
    routine = ROUTINES[name]
    header = read_header(routine)
    assert header.examples
    for example in header.examples:
        columns = {column for names, _ in run_example(connection, routine, example) for column in names}
        if routine.kind == "PROCEDURE":
            documented = set(re.findall(r"\w+", promised(routine)))
            assert columns <= documented, f"`Returns:` does not name {columns - documented}"
