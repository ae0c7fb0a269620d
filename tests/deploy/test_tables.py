"""Texts that the server compares for all databases at once: equal ones share memory, and no other."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pymysql
import pytest

from service.deploy.tables import BATCH, definitions_of
from service.settings import Settings
from service.store.admin import admin_servers
from tests.support.admin import Admin

DATABASES = ["alike1", "alike2"]
LONG = "x" * 2000
"""Longer than max_sort_length."""


@pytest.fixture(autouse=True)
def _databases(dba: Admin) -> Iterator[None]:
    for db in DATABASES:
        dba.rows(f"CREATE DATABASE {db}")
        dba.rows(f"CREATE TABLE {db}.t (id INT PRIMARY KEY)")
    yield
    for db in DATABASES:
        dba.rows(f"DROP DATABASE {db}")


@pytest.mark.parametrize(
    ("first", "second"),
    [("a", "A"), ("a", "a "), (f"{LONG}a", f"{LONG}b"), ("😀", "😁"), ("?", "😁")],
    ids=["case", "blank", "end", "emoji", "question mark"],
)
def test_views_that_differ_in_one_letter_differ(site: Settings, dba: Admin, first: str, second: str) -> None:
    for db, letter in zip(DATABASES, (first, second), strict=True):
        dba.rows(f"CREATE VIEW {db}.v AS SELECT id, '{letter}' AS letter FROM {db}.t")
    one, two = _read(site)
    assert one["table", "t"] == two["table", "t"]
    assert one["view", "v"] != two["view", "v"]


def test_equal_views_and_triggers_are_one_object_in_memory(site: Settings, dba: Admin) -> None:
    for db in DATABASES:
        dba.rows(f"CREATE VIEW {db}.v AS SELECT id FROM {db}.t WITH CHECK OPTION")
        dba.rows(f"CREATE TRIGGER {db}.g BEFORE INSERT ON {db}.t FOR EACH ROW SET @a = 1")
    one, two = _read(site)
    assert one.keys() == {("table", "t"), ("view", "v"), ("trigger", "g")}
    assert all(one[key] is two[key] for key in (("view", "v"), ("trigger", "g")))
    assert one["view", "v"].endswith(
        "VIEW `v` AS select `t`.`id` AS `id` from `t` WITH CASCADED CHECK OPTION"
    )


def test_many_databases_come_in_their_order_and_share_equal_tables(site: Settings, dba: Admin) -> None:
    many = [f"alike{number}" for number in range(3, 3 + 2 * BATCH)]
    for db in many:
        dba.rows(f"CREATE DATABASE {db}")
        dba.rows(f"CREATE TABLE {db}.t (id INT PRIMARY KEY)")
    try:
        read = list(definitions_of(site, admin_servers(site)[0], [*many, *DATABASES]))
    finally:
        for db in many:
            dba.rows(f"DROP DATABASE {db}")
    assert [db for db, _ in read] == [*many, *DATABASES]
    assert len({id(statements["table", "t"]) for _, statements in read}) == 1


def test_a_table_that_cannot_be_read_ends_it_and_leaves_no_connection(site: Settings, dba: Admin) -> None:
    dba.rows("CREATE TABLE alike1.gone (id INT PRIMARY KEY) ENGINE = MERGE UNION = (alike1.t)")
    with pytest.raises(pymysql.err.MySQLError, match="differently defined"):
        _read(site)
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("tables")]
    assert not dba.rows(
        "SELECT ID FROM information_schema.PROCESSLIST WHERE INFO LIKE '%alike1%' AND ID <> CONNECTION_ID()"
    )


def _read(site: Settings) -> list[dict[tuple[str, str], str]]:
    (server,) = admin_servers(site)
    return [statements for _, statements in definitions_of(site, server, DATABASES)]
