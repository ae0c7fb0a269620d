"""From the previous release's schema, filled with data, to this one; and the service on a schema too old."""

from __future__ import annotations

import dataclasses
from typing import Any

import orjson
import pytest

from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.floor import SchemaTooOldError
from service.server import check
from service.settings import Settings
from tests.conftest import Admin
from tests.deploy.conftest import empty_server

PREVIOUS = "0001"
"""The last migration of the previous release, in both classes of databases."""
OWN_TABLES = {"deploy_item", "deploy_lease", "deploy_run", "deploy_journal", "shard", "domain"}


def previous_release(last: str = PREVIOUS) -> Files:
    """Only the tables of the previous release, or up to another migration."""
    files = Files.load("previous")
    return dataclasses.replace(
        files,
        routines=(),
        views={"yp": [], "shard": []},
        migrations={
            scope: [s for s in scripts if s.name[:4] <= last] for scope, scripts in files.migrations.items()
        },
    )


def sample(number: int, kind: str, length: int | None, choices: str) -> Any:
    """A value for a column; ids are equal everywhere, so that foreign keys hold."""
    if kind == "char" and length == 16:
        return f"{number:016x}"
    if kind == "enum":
        return choices.split("'")[1]
    if kind in {"varchar", "char", "text", "longtext", "mediumtext"}:
        return "{}" if "text" in kind else f"v{number}"[: length or 9]
    return number


def fill(dba: Admin, db: str) -> dict[str, list[dict[str, Any]]]:
    """Put rows into every table; what was put there."""
    columns = dba.rows(
        "SELECT c.TABLE_NAME, c.COLUMN_NAME, c.DATA_TYPE, c.CHARACTER_MAXIMUM_LENGTH, c.COLUMN_TYPE "
        "FROM information_schema.COLUMNS AS c "
        "JOIN information_schema.TABLES AS t USING (TABLE_SCHEMA, TABLE_NAME) "
        "WHERE c.TABLE_SCHEMA = %s AND t.TABLE_TYPE = 'BASE TABLE' AND c.IS_GENERATED = 'NEVER' "
        "ORDER BY c.TABLE_NAME, c.ORDINAL_POSITION",
        db,
    )
    tables: dict[str, list[tuple[Any, ...]]] = {}
    for table, *column in columns:
        if table not in OWN_TABLES:
            tables.setdefault(table, []).append(tuple(column))
    put: dict[str, list[dict[str, Any]]] = {}
    for table, found in tables.items():
        for number in (1, 2):
            row = {
                name: "shard1" if name == "db_name" else 1 if name in {"dom_id", "domain_id"}
                else sample(number, kind, length, choices)
                for name, kind, length, choices in found
            }  # fmt: skip
            marks = ", ".join(["%s"] * len(row))
            names = ", ".join(f"`{n}`" for n in row)
            dba.rows(f"SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO `{db}`.`{table}` ({names}) "
                     f"VALUES ({marks})", *row.values())  # fmt: skip
            put.setdefault(table, []).append(row)
    return put


def test_the_previous_release_with_data_becomes_this_one(site: Settings, dba: Admin) -> None:
    empty_server(site)
    assert Deployer(site, lambda _: None, files=previous_release()).deploy().status == 0
    before = {db: fill(dba, db) for db in ("yp", "shard1")}
    assert len(before["shard1"]) >= 10
    assert len(before["yp"]) >= 14

    outcome = Deployer(site, lambda _: None).deploy()
    assert (outcome.status, outcome.failed) == (0, {})
    assert not Deployer(site, lambda _: None).plan().todo
    for db, tables in before.items():
        for table, rows in tables.items():
            for row in rows:
                where = " AND ".join(f"`{name}` <=> %s" for name in row)
                found = dba.rows(f"SELECT 1 FROM `{db}`.`{table}` WHERE {where}", *row.values())
                assert found, (db, table, row)


def test_contacts_and_the_trash_of_before_get_their_records(site: Settings, dba: Admin) -> None:
    empty_server(site)
    assert Deployer(site, lambda _: None, files=previous_release("0008")).deploy().status == 0
    fill(dba, "yp")
    owner, kept, thrown = (f"{number:016x}" for number in (1, 0xC01, 0xC02))
    dba.rows(
        "INSERT INTO shard1.contact (owner_id, id, entity, email, firstname, ctime, mtime) "
        "VALUES (%s, %s, 'ada@x.example', 'ada@x.example', 'Ada', 1700000000, 1700000001)", owner, kept,
    )  # fmt: skip
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES (%s, 'a', 'old', 1)", owner)
    book = {
        "contact": {"firstname": "Bob", "comment": "gone", "ctime": 1700000000, "is_archived": 0},
        "email": [{"id": "1", "email": "bob@x.example", "category": "prof", "is_default": 1}],
        "mobile": [{"id": "1", "areacode": "+44", "phone": "12345", "category": "priv", "is_default": 0}],
        "address": [{"id": "1", "street": "", "city": "Leeds", "country": "", "category": "priv"}],
        "tag": ["a"],
        "group": [],
    }
    dba.rows(
        "INSERT INTO shard1.contact_trash (owner_id, id, display, book, deleted_at) "
        "VALUES (%s, %s, 'Bob', %s, 1700000002)", owner, thrown, orjson.dumps(book),
    )  # fmt: skip

    assert Deployer(site, lambda _: None).deploy().status == 0
    assert dba.one("SELECT COUNT(*) FROM shard1.contact_stale") == 0
    query = orjson.dumps({"deleted": "also", "order": "desc"}).decode()
    found = dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, query)
    bob, ada = (orjson.loads(record) for record, _ in found)
    assert (ada["display_name"], ada["created_at"], ada["updated_at"], ada["deleted_at"]) == (
        "Ada", "2023-11-14T22:13:20.000Z", "2023-11-14T22:13:21.000Z", None,
    )  # fmt: skip
    assert list(bob) == list(ada)
    assert (bob["display_name"], bob["notes"], bob["deleted_at"], bob["tags"], bob["archived"]) == (
        "Bob", "gone", "2023-11-14T22:13:22.000Z", ["old"], False,
    )  # fmt: skip
    assert bob["emails"] == [{"address": "bob@x.example", "label": "work", "primary": True}]
    assert bob["phones"][0]["number"] == "+44 12345"
    assert bob["addresses"][0]["city"] == "Leeds"
    search = '{"deleted": "only", "search": "bob@x 12345"}'
    assert len(dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, search)) == 1


def test_records_of_before_say_what_the_rules_of_now_say(site: Settings, dba: Admin) -> None:
    empty_server(site)
    assert Deployer(site, lambda _: None, files=previous_release("0015")).deploy().status == 0
    fill(dba, "yp")
    owner, kept, thrown = (f"{number:016x}" for number in (1, 0xC01, 0xC02))
    dba.rows(
        "INSERT INTO shard1.contact (owner_id, id, entity, firstname, surname, comment, ctime, mtime) "
        "VALUES (%s, %s, 'ada@x.example', 'Ada', 'Countess', '', 1, 1)", owner, kept,
    )  # fmt: skip
    book = {"contact": {"firstname": "Bob", "lastname": "Bo", "surname": "Bobby"}, "tag": ["a"], "group": []}
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES (%s, 'a', 'Año', 1)", owner)
    dba.rows(
        "INSERT INTO shard1.contact_trash (owner_id, id, display, book, deleted_at) "
        "VALUES (%s, %s, 'Bobby', %s, 1)", owner, thrown, orjson.dumps(book),
    )  # fmt: skip
    for contact, state, name in ((kept, "active", "Countess"), (thrown, "deleted", "Bobby")):
        record = {
            "display_name": name,
            "notes": "",
            "tags": ["Año"],
            "groups": [],
            "source": "local",
            "emails": [],
        }
        dba.rows(
            "INSERT INTO shard1.contact_record (owner_id, contact_id, rev, created_rev, state, created_at, "
            "updated_at, digest, record) VALUES (%s, %s, 1, 1, %s, '2026-01-01', '2026-01-01', '', %s)",
            owner, contact, state, orjson.dumps(record),
        )  # fmt: skip
        for kind, word in (("display_name", name), ("tag", "Año"), ("source", "local")):
            dba.rows(
                "INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id) "
                "VALUES (%s, %s, %s, %s, %s)", owner, int(state == "deleted"), kind, word, contact,
            )  # fmt: skip
    dba.rows("INSERT INTO shard1.contact_ledger (owner_id, rev, active, deleted) VALUES (%s, 1, 1, 1)", owner)

    assert Deployer(site, lambda _: None).deploy().status == 0

    def found(**query: Any) -> list[tuple[str, str | None]]:
        text = orjson.dumps({"deleted": "also", **query}).decode()
        records = [
            orjson.loads(data)
            for data, _ in dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, text)
        ]
        return [(record["display_name"], record["notes"]) for record in records]

    assert found() == [("Ada", None), ("Bob Bo", None)]
    assert found(source="local") == [("Ada", None), ("Bob Bo", None)]
    assert found(source="Local") == []
    assert (found(tag=["Año"]), found(tag=["ano"])) == ([("Bob Bo", None)], [])
    assert dba.one("SELECT display FROM shard1.contact WHERE id = %s", kept) == "Countess"


def test_what_an_older_service_wrote_between_tables_and_routines_is_found(site: Settings, dba: Admin) -> None:
    """The deploy was killed after its migrations; meanwhile a service wrote by the rules of before."""
    empty_server(site)
    assert Deployer(site, lambda _: None, files=previous_release("0015")).deploy().status == 0
    fill(dba, "yp")
    owner, eaten, written = (f"{number:016x}" for number in (1, 0xC01, 0xC02))
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES (%s, 'a', 'Work', 1)", owner)
    for contact, name, updated in (
        (eaten, "Ada", "'2026-01-01'"),
        (written, "Bob", "UTC_TIMESTAMP(3)"),
    ):
        dba.rows(
            "INSERT INTO shard1.contact (owner_id, id, entity, firstname, surname, company, ctime, mtime) "
            "VALUES (%s, %s, %s, %s, 'Nick', 'Acme', 1, 1)", owner, contact, name, name,
        )  # fmt: skip
        dba.rows(
            "INSERT INTO shard1.map_tag (owner_id, tag_id, entity_id) VALUES (%s, 'a', %s)", owner, contact
        )
        dba.rows(
            "INSERT INTO shard1.contact_record (owner_id, contact_id, rev, created_rev, state, created_at, "
            f"updated_at, digest, record) VALUES (%s, %s, %s, 1, 'active', '2026-01-01', {updated}, 'x', "
            """'{"display_name": "Nick", "tags": ["Work"], "source": "local", "company": "Acme"}')""",
            owner, contact, contact == written,
        )  # fmt: skip
    dba.rows("INSERT INTO shard1.contact_ledger (owner_id, rev, active) VALUES (%s, 1, 2)", owner)

    assert Deployer(site, lambda _: None, files=previous_release("9999")).deploy().status == 0
    dba.rows("UPDATE yp.deploy_run SET outcome = 'running' ORDER BY id DESC LIMIT 1")
    dba.rows("DELETE FROM shard1.contact_stale")
    dba.rows("DELETE FROM shard1.contact_index WHERE contact_id = %s", written)
    dba.rows(
        "INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id) "
        "VALUES (%s, 0, 'tag', 'Work', %s)", owner, written,
    )  # fmt: skip

    assert Deployer(site, lambda _: None).deploy().status == 0
    for query in ({}, {"tag": ["Work"]}, {"source": "local"}, {"company": "cme"}):
        found = dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, orjson.dumps(query).decode())
        names = [orjson.loads(record)["display_name"] for record, _ in found]
        assert names == ["Ada", "Bob"], query
    before = dba.rows("SELECT contact_id, rev FROM shard1.contact_record")
    assert Deployer(site, lambda _: None, allow=["unsafe"]).deploy().status == 0
    assert dba.rows("SELECT contact_id, rev FROM shard1.contact_record") == before


async def test_the_service_refuses_an_older_schema_and_says_the_command(site: Settings, dba: Admin) -> None:
    newest = dba.one("SELECT MAX(name) FROM yp.deploy_item WHERE db_name = 'shard1' AND kind = 'migration'")
    dba.rows("DELETE FROM yp.deploy_item WHERE db_name = 'shard1' AND name = %s", newest)
    with pytest.raises(SchemaTooOldError, match=f"shard1 lacks {newest}; run `make deploy`"):
        await check(site)
    empty_server(site)
    with pytest.raises(SchemaTooOldError, match="not deployed: run `make deploy`"):
        await check(site)


async def test_the_service_starts_on_a_newer_schema(site: Settings, dba: Admin) -> None:
    dba.rows(
        "INSERT INTO yp.deploy_item (db_name, kind, name, digest, ctime) "
        "VALUES ('yp', 'migration', '9999_of_the_next_release', 'x', 1)"
    )
    await check(site)
