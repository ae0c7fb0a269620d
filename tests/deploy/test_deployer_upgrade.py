"""Upgrade the schema of the first release, filled with data; refuse a schema that is too old.

A migration of the tests stands for the next release. It changes tables, and notes all contacts in
contact_stale, as a release does whose records follow new rules.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.admin.registry import Registry
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.schema.compatibility import SchemaTooOldError
from service.schema.routines import Script
from service.server import check
from service.settings import Settings
from tests.support.admin import Admin
from tests.support.sites import empty_server

OWN_TABLES = {"deploy_item", "deploy_lease", "deploy_run", "deploy_journal", "shard", "domain"}
DERIVED = {
    "contact_record",
    "contact_index",
    "contact_event",
    "contact_stale",
    "contact_ledger",
    "contact_set_aside",
}
"""Tables that routines make again from the others."""
FORMER = {
    "shard": (
        "CREATE TABLE contact_former (owner_id CHAR(16) COLLATE ascii_bin NOT NULL, "
        "id CHAR(16) COLLATE ascii_bin NOT NULL, book JSON NOT NULL, deleted_at INT UNSIGNED NOT NULL, "
        "PRIMARY KEY (owner_id, id)) ENGINE = InnoDB",
    ),
}
"""Tables that the first release of these tests has besides: the next release moves their rows."""
MOVED = {"contact_former"}
NORMALISED = {("contact_email", "label")}
"""Columns that the next release puts right."""
NEXT = {
    "yp": (
        "ALTER TABLE drumate ADD COLUMN IF NOT EXISTS pronouns VARCHAR(40) NOT NULL DEFAULT ''",
        "ALTER TABLE hub ADD KEY IF NOT EXISTS by_name (owner_id, name)",
    ),
    "shard": (
        "ALTER TABLE contact ADD COLUMN IF NOT EXISTS pronouns VARCHAR(40) NULL AFTER surname",
        "ALTER TABLE contact_phone MODIFY COLUMN phone VARCHAR(100) NOT NULL",
        "UPDATE contact_email SET label = NULL "
        "WHERE (LOWER(label) COLLATE utf8mb4_bin = 'work') <> (category = 'prof')",
        # the former trash, as JSON; empty in a new database
        FORMER["shard"][0].replace("TABLE", "TABLE IF NOT EXISTS", 1),
        "INSERT IGNORE INTO contact (owner_id, id, entity, email, firstname, lastname, surname, comment, "
        "deleted_at, ctime, mtime) "
        "SELECT t.owner_id, t.id, t.id, j.email, j.firstname, j.lastname, j.surname, j.comment, "
        "t.deleted_at, j.ctime, t.deleted_at "
        "FROM contact_former AS t JOIN JSON_TABLE(t.book, '$.contact' COLUMNS ("
        "email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email', "
        "firstname VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.firstname', "
        "lastname VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.lastname', "
        "surname VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.surname', "
        "comment TEXT COLLATE utf8mb4_unicode_520_ci PATH '$.comment', "
        "ctime INT UNSIGNED PATH '$.ctime' DEFAULT '0' ON EMPTY)) AS j",
        "INSERT IGNORE INTO contact_relation_aside (owner_id, id, entity, status, is_blocked) "
        "SELECT owner_id, id, COALESCE(JSON_VALUE(book, '$.contact.entity'), id), "
        "COALESCE(JSON_VALUE(book, '$.contact.status'), 'memory'), "
        "COALESCE(JSON_VALUE(book, '$.contact.is_blocked'), 0) FROM contact_former",
        "INSERT IGNORE INTO contact_email (owner_id, id, contact_id, email, category, is_default, position) "
        "SELECT t.owner_id, j.id, t.id, j.email, j.category, j.is_default, j.position "
        "FROM contact_former AS t JOIN JSON_TABLE(t.book, '$.email[*]' COLUMNS (position FOR ORDINALITY, "
        "id CHAR(16) COLLATE ascii_bin PATH '$.id', "
        "email VARCHAR(255) COLLATE utf8mb4_bin PATH '$.email', "
        "category VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category', "
        "is_default TINYINT PATH '$.is_default')) AS j",
        "INSERT IGNORE INTO contact_phone (owner_id, id, contact_id, areacode, phone, category, position) "
        "SELECT t.owner_id, j.id, t.id, j.areacode, j.phone, j.category, j.position "
        "FROM contact_former AS t JOIN JSON_TABLE(t.book, '$.mobile[*]' COLUMNS (position FOR ORDINALITY, "
        "id CHAR(16) COLLATE ascii_bin PATH '$.id', "
        "areacode VARCHAR(16) COLLATE utf8mb4_unicode_520_ci PATH '$.areacode', "
        "phone VARCHAR(81) COLLATE utf8mb4_unicode_520_ci PATH '$.phone', "
        "category VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category')) AS j",
        "INSERT IGNORE INTO contact_address (owner_id, id, contact_id, city, category, position) "
        "SELECT t.owner_id, j.id, t.id, j.city, j.category, j.position "
        "FROM contact_former AS t JOIN JSON_TABLE(t.book, '$.address[*]' COLUMNS (position FOR ORDINALITY, "
        "id CHAR(16) COLLATE ascii_bin PATH '$.id', "
        "city VARCHAR(255) COLLATE utf8mb4_unicode_520_ci PATH '$.city', "
        "category VARCHAR(8) COLLATE utf8mb4_unicode_520_ci PATH '$.category')) AS j",
        "INSERT IGNORE INTO map_tag (owner_id, tag_id, entity_id) "
        "SELECT t.owner_id, k.tag_id, t.id FROM contact_former AS t "
        "JOIN tag AS k ON k.owner_id = t.owner_id AND JSON_CONTAINS(t.book, JSON_QUOTE(k.tag_id), '$.tag')",
        "DROP TABLE contact_former",
        "DELETE FROM contact_index WHERE kind IN ('tag', 'source')",
        "INSERT IGNORE INTO contact_stale (owner_id, contact_id) "
        "SELECT owner_id, contact_id FROM contact_record WHERE state <> 'purged'",
        "INSERT IGNORE INTO contact_stale (owner_id, contact_id) "
        "SELECT owner_id, id FROM contact WHERE box <> 'hidden'",
    ),
}  # fmt: skip
"""Statements of the migration that the next release brings."""


def first_release() -> Files:
    """Return the tables of the first release and a former one, and nothing else."""
    files = Files.load("first")
    baseline = {
        scope: [dataclasses.replace(first, statements=(*first.statements, *FORMER.get(scope, ())))]
        for scope, (first, *_) in files.migrations.items()
    }
    return dataclasses.replace(files, routines=(), views={"yp": [], "shard": []}, migrations=baseline)


def next_release() -> Files:
    """Return this checkout with one more migration, behind the tables of the first release."""
    files, first = Files.load("next"), first_release().migrations
    migrations = {
        scope: [
            *first[scope],
            *scripts[1:],
            Script(Path(f"sql/{scope}/9999_next.sql"), scope, "9999_next", NEXT[scope]),
        ]
        for scope, scripts in files.migrations.items()
    }
    return dataclasses.replace(files, migrations=migrations)


def deploy(site: Settings, files: Files, *allow: str) -> None:
    """Deploy a release, which must succeed and leave nothing to do."""
    outcome = Deployer(site, lambda _: None, files=files, allow=allow, examples=False).deploy()
    assert (outcome.status, outcome.failed) == (0, {})
    assert not Deployer(site, lambda _: None, files=files).plan().todo


def sample(number: int, kind: str, length: int | None, choices: str) -> Any:
    """Return a value for a column; ids are equal everywhere, so that foreign keys hold."""
    if kind == "char" and length == 16:
        return f"{number:016x}"
    if kind == "enum":
        return choices.split("'")[1]
    if kind == "datetime":
        return "2026-01-02 03:04:05.000"
    if kind in {"varchar", "char", "text", "longtext", "mediumtext"}:
        return "{}" if "text" in kind else f"v{number}"[: length or 9]
    return number


def fill(dba: Admin, db: str) -> dict[str, list[dict[str, Any]]]:
    """Insert rows into every table; return them by table."""
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
    for table, table_columns in tables.items():
        # a shard takes no rows of owners who have moved out
        for number in (0x101, 0x102) if table == "moved_out" else (1, 2):
            row = {
                name: "shard1" if name == "db_name" else 1 if name in {"dom_id", "domain_id"}
                else None if (table, name) == ("contact", "deleted_at")
                else sample(number, kind, length, choices)
                for name, kind, length, choices in table_columns
            }  # fmt: skip
            marks = ", ".join(["%s"] * len(row))
            names = ", ".join(f"`{n}`" for n in row)
            dba.rows(f"SET STATEMENT foreign_key_checks = 0 FOR INSERT INTO `{db}`.`{table}` ({names}) "
                     f"VALUES ({marks})", *row.values())  # fmt: skip
            put.setdefault(table, []).append(row)
    return put


def test_the_first_release_with_data_becomes_the_next_one(site: Settings, dba: Admin) -> None:
    empty_server(site)
    deploy(site, first_release())
    before = {db: fill(dba, db) for db in ("yp", "shard1")}
    assert len(before["shard1"]) >= 20
    assert len(before["yp"]) >= 23

    deploy(site, next_release())
    for db, tables in before.items():
        for table, rows in tables.items():
            for full_row in rows if table not in DERIVED | MOVED else ():
                row = {name: value for name, value in full_row.items() if (table, name) not in NORMALISED}
                where = " AND ".join(f"`{name}` <=> %s" for name in row)
                matches = dba.rows(f"SELECT 1 FROM `{db}`.`{table}` WHERE {where}", *row.values())
                assert matches, (db, table, row)
    assert dba.rows("SELECT id, pronouns FROM yp.drumate ORDER BY id") == [(f"{n:016x}", "") for n in (1, 2)]
    assert dba.rows("SELECT id, pronouns FROM shard1.contact ORDER BY id") == [
        (f"{n:016x}", None) for n in (1, 2)
    ]
    assert dba.rows("SELECT DISTINCT category, label FROM shard1.contact_email") == [("prof", None)]
    assert not dba.rows("SHOW TABLES FROM shard1 LIKE 'contact_former'")
    records = "SELECT JSON_VALUE(record, '$.first_name') FROM shard1.contact_record ORDER BY owner_id"
    assert dba.rows(records) == [("v1",), ("v2",)]
    assert dba.one("SELECT COUNT(*) FROM shard1.contact_stale") == 0


def test_contacts_and_the_trash_of_before_get_their_records(site: Settings, dba: Admin) -> None:
    empty_server(site)
    deploy(site, first_release())
    fill(dba, "yp")
    owner, active, thrown = (f"{number:016x}" for number in (1, 0xC01, 0xC02))
    dba.rows(
        "INSERT INTO shard1.contact (owner_id, id, entity, email, firstname, ctime, mtime) "
        "VALUES (%s, %s, 'ada@x.example', 'ada@x.example', 'Ada', 1700000000, 1700000001)", owner, active,
    )  # fmt: skip
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES (%s, 'a', 'old', 1)", owner)
    book = {
        "contact": {
            "firstname": "Bob",
            "comment": "gone",
            "ctime": 1700000000,
            "is_archived": 0,
            "entity": "bob@x.example",
            "email": "bob@x.example",
            "status": "sent",
            "is_blocked": 1,
        },
        "email": [{"id": "1", "email": "bob@x.example", "category": "prof", "is_default": 1}],
        "mobile": [{"id": "1", "areacode": "+44", "phone": "12345", "category": "priv", "is_default": 0}],
        "address": [{"id": "1", "street": "", "city": "Leeds", "country": "", "category": "priv"}],
        "tag": ["a"],
        "group": [],
    }
    dba.rows(
        "INSERT INTO shard1.contact_former (owner_id, id, book, deleted_at) "
        "VALUES (%s, %s, %s, 1700000002)", owner, thrown, orjson.dumps(book),
    )  # fmt: skip
    record = {
        "id": "00000000-0000-40c0-8200-000000000000", "display_name": "Bob", "first_name": "Bob",
        "last_name": None,
        "emails": [{"address": "bob@x.example", "label": "work", "primary": True}],
        "phones": [{"number": "+44 12345", "label": "mobile", "primary": False}],
        "company": None, "job_title": None,
        "addresses": [{"street": None, "city": "Leeds", "country": None, "label": "home"}],
        "notes": "gone", "avatar_path": None, "tags": [], "custom_fields": None, "source": "local",
        "source_id": None, "created_at": "2023-11-14T22:13:20.000Z", "updated_at": "2023-11-14T22:13:22.000Z",
        "synced_at": None, "deleted_at": "2023-11-14T22:13:22.000Z", "archived": False, "groups": [],
    }  # fmt: skip
    dba.rows(
        "INSERT INTO shard1.contact_record (owner_id, contact_id, rev, created_rev, state, created_at, "
        "updated_at, deleted_at, digest, record) VALUES (%s, %s, 0, 0, 'deleted', "
        "'2023-11-14 22:13:20', '2023-11-14 22:13:22', '2023-11-14 22:13:22', '', %s)",
        owner, thrown, orjson.dumps(record),
    )  # fmt: skip
    dba.rows("INSERT INTO shard1.contact_ledger (owner_id, rev, deleted) VALUES (%s, 0, 1)", owner)

    deploy(site, next_release())
    assert dba.one("SELECT COUNT(*) FROM shard1.contact_stale") == 0
    query = orjson.dumps({"deleted": "also", "order": "desc"}).decode()
    rows = dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, query)
    bob, ada = (orjson.loads(record) for record, _ in rows)
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

    dba.rows("CALL shard1.my_contact_restore(%s, %s, NULL)", owner, thrown)
    full = orjson.loads(dba.one("CALL shard1.my_contact_get(%s, %s)", owner, thrown))
    assert (full["entity"], full["status"], full["comment"]) == ("bob@x.example", "sent", "gone")
    assert (full["email"][0]["label"], full["mobile"][0]["phone"], full["address"][0]["city"]) == (
        "work", "12345", "Leeds",
    )  # fmt: skip
    assert [tag["name"] for tag in full["tag"]] == ["old"]


def test_records_of_before_say_what_the_rules_of_now_say(site: Settings, dba: Admin) -> None:
    empty_server(site)
    deploy(site, first_release())
    fill(dba, "yp")
    owner, active, thrown = (f"{number:016x}" for number in (1, 0xC01, 0xC02))
    dba.rows(
        "INSERT INTO shard1.contact (owner_id, id, entity, firstname, surname, comment, ctime, mtime) "
        "VALUES (%s, %s, 'ada@x.example', 'Ada', 'Countess', '', 1, 1)", owner, active,
    )  # fmt: skip
    book = {"contact": {"firstname": "Bob", "lastname": "Bo", "surname": "Bobby"}, "tag": ["a"], "group": []}
    dba.rows("INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) VALUES (%s, 'a', 'Año', 1)", owner)
    dba.rows(
        "INSERT INTO shard1.contact_former (owner_id, id, book, deleted_at) "
        "VALUES (%s, %s, %s, 1)", owner, thrown, orjson.dumps(book),
    )  # fmt: skip
    # the trash keeps what a record said when the contact was thrown away
    for contact, state, name, notes in (
        (active, "active", "Countess", ""),
        (thrown, "deleted", "Bob Bo", None),
    ):
        record = {
            "display_name": name,
            "notes": notes,
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

    deploy(site, next_release())

    def names_and_notes(**query: Any) -> list[tuple[str, str | None]]:
        text = orjson.dumps({"deleted": "also", **query}).decode()
        records = [
            orjson.loads(data)
            for data, _ in dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, text)
        ]
        return [(record["display_name"], record["notes"]) for record in records]

    assert names_and_notes() == [("Ada", None), ("Bob Bo", None)]
    assert names_and_notes(source="local") == [("Ada", None), ("Bob Bo", None)]
    assert names_and_notes(source="Local") == []
    assert (names_and_notes(tag=["Año"]), names_and_notes(tag=["ano"])) == ([("Bob Bo", None)], [])
    assert dba.one("SELECT display FROM shard1.contact WHERE id = %s", active) == "Countess"


def test_rows_of_an_older_service_between_tables_and_routines_are_caught_up(
    site: Settings, dba: Admin
) -> None:
    """Simulate a deploy that was killed after its migrations while an older service kept writing."""
    empty_server(site)
    deploy(site, first_release())
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

    deploy(site, dataclasses.replace(next_release(), routines=(), views={"yp": [], "shard": []}))
    dba.rows("UPDATE yp.deploy_run SET outcome = 'running' ORDER BY id DESC LIMIT 1")
    dba.rows("DELETE FROM shard1.contact_stale")
    dba.rows("DELETE FROM shard1.contact_index WHERE contact_id = %s", written)
    dba.rows(
        "INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id) "
        "VALUES (%s, 0, 'tag', 'Work', %s)", owner, written,
    )  # fmt: skip

    deploy(site, next_release())
    for query in ({}, {"tag": ["Work"]}, {"source": "local"}, {"company": "cme"}):
        rows = dba.rows("CALL shard1.my_contact_records(%s, %s, 20, 0)", owner, orjson.dumps(query).decode())
        names = [orjson.loads(record)["display_name"] for record, _ in rows]
        assert names == ["Ada", "Bob"], query
    before = dba.rows("SELECT contact_id, rev FROM shard1.contact_record")
    deploy(site, next_release(), "unsafe")
    assert dba.rows("SELECT contact_id, rev FROM shard1.contact_record") == before


def test_what_a_killed_deploy_left_after_its_last_statement_is_done(site: Settings, dba: Admin) -> None:
    last = "SELECT outcome FROM yp.deploy_run ORDER BY id DESC LIMIT 1"
    owner, shard = Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    dba.rows(f"INSERT INTO {shard}.contact_stale (owner_id, contact_id) VALUES (%s, %s)", owner, "1" * 16)
    dba.rows("UPDATE yp.deploy_run SET outcome = 'running' ORDER BY id DESC LIMIT 1")
    deploy(site, Files.load("this"))
    assert dba.one(f"SELECT COUNT(*) FROM {shard}.contact_stale") == 0
    assert dba.one(last) == "done"
    runs = "SELECT COUNT(*) FROM yp.deploy_run"
    before = dba.one(runs)
    deploy(site, Files.load("this"))
    assert dba.one(runs) == before, "a deploy with nothing to do is none"


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
