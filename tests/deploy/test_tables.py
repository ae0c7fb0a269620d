"""Texts that the server compares for all databases at once: equal ones share memory, and no other."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing

import pytest

from service.deploy.tables import definitions_of
from service.settings import Settings
from service.store.admin import Connection
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


def _read(site: Settings) -> list[dict[tuple[str, str], str]]:
    with closing(Connection(site)) as connection:
        return [statements for _, statements in definitions_of(connection, DATABASES)]
