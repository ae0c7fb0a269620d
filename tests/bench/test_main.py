"""The bench measures what it reports: CALLs of the service, rows of the routines. No test judges a time."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest
from yarl import URL

from service.admin.registry import Registry
from service.bench import books, cards, names, relations, report, tools
from service.bench.cores import Cores
from service.bench.fixtures import Fixtures
from service.bench.load import LOADS, Load
from service.bench.main import BenchOptions, bench, run
from service.bench.measure import Measurer
from service.bench.node import Node
from service.bench.scenarios import SCENARIOS, World
from service.bench.tools import BenchError
from service.deploy.deployer import connect
from service.local.stack import Stack
from service.settings import Settings, database_servers
from tests.support.admin import Admin
from tests.support.people import People

SHARD = "shard1"
DIFFERENT = {"owner_id", "id", "contact_id", "changed", "ctime", "mtime"}
"""Columns that differ between equal contacts of two users."""
TIMES = {"created_at", "updated_at"}
"""Kinds of index rows that differ as well."""


def run_bench(folder: Path, *options: str) -> subprocess.CompletedProcess[str]:
    """Run the command as a user does, with no setting."""
    environ = {name: text for name, text in os.environ.items() if not name.startswith("DRUMEE_")}
    return subprocess.run(
        [sys.executable, "-m", "service", "bench", *options],
        env={**environ, "DRUMEE_RUN_DIR": str(folder)},
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )


def test_measures_a_scenario_and_its_limit(tmp_path: Path) -> None:
    done = run_bench(tmp_path, "--only", "get_contact", "--seconds", "0.2")
    assert done.returncode == 0, done.stderr
    results = orjson.loads((tmp_path / "bench.json").read_bytes())

    assert [each["connections"] for each in results["scenarios"]] == [1, 16, 64]
    for each in results["scenarios"]:
        assert each["name"] == "contact.get_contact"
        assert (each["errors"], each["errors_by_kind"]) == (0, {})
        assert (each["calls"], round(each["trips"])) == (2, 1), "the gate is in the packet of the CALL"
        assert each["requests"] > 0
        assert 0 < each["p50_ms"] <= each["p99_ms"]
        assert each["ratio"] == pytest.approx(
            each["requests_per_second"] / each["limit_per_second"], abs=0.01
        )
    assert all(worker["rss"] > worker["pss"] > 0 for worker in results["worker_mb"]["idle"])
    assert results["cpus"] == os.cpu_count()
    assert {"python", "mariadb", "redis", "wrk", "aiomysql"} <= set(results["versions"])
    assert "unknown" not in results["versions"].values()
    assert results["warnings"] == []
    assert {each["wanted"] for each in results["targets"]} == {">= 0.2", "<= 2", "<= 120"}

    for each in results["targets"]:
        assert each["name"] in done.stdout
    results["scenarios"][1] |= {"errors": 7, "errors_by_kind": {"status": 7}}
    assert "WARNING  contact.get_contact, 16 connections: requests FAILED" in report.text(results)


def test_says_what_to_install_when_wrk_is_missing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(tools, "find_program", lambda *names: None if "wrk" in names else "found")
    assert bench("", "") == 2
    message = capsys.readouterr().err
    assert "Not found on this machine: wrk." in message
    assert "python3 service/local/install.py --with bench" in message
    assert "apt-get install --no-install-recommends wrk\n" in message


def test_says_which_scenarios_there_are(capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("no such", "") == 2
    assert "contact.show_contact of 100,000" in capsys.readouterr().err


async def test_the_cards_of_a_book_are_measured(stack: Stack, settings: Settings, tmp_path: Path) -> None:
    fixtures = Fixtures(settings, World(SHARD, small=5, large=10))
    try:
        figures = await cards.measure(tmp_path, stack.env(), fixtures, cards=150, repeats=3)
    finally:
        fixtures.close()
    assert figures["cards"] == 150
    assert figures["first_sync_seconds"] >= figures["list_seconds"] > 0
    assert figures["no_changes_median_ms"] > 0
    assert figures["put_median_ms"] > 0
    empty: dict[str, Any] = {
        "scenarios": [],
        "books": {"small": 5, "large": 10},
        "worker_mb": {"idle": []},
        "delivery": None,
        "warnings": [],
    }
    summary = report.text({**empty, "cards": figures})
    assert f"CardDAV, 150 cards, one worker: all names and tags {figures['list_seconds']} s" in summary
    assert "seconds of a first synchronisation of 150 cards" in summary


@pytest.mark.parametrize("seconds", ["0", "-1", "soon", "nan", "1e9"])
def test_refuses_what_is_no_duration(seconds: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert bench("", seconds) == 2
    assert f"--seconds {seconds} is not a duration" in capsys.readouterr().err


async def test_address_books_and_invitations_are_measured(
    stack: Stack, settings: Settings, tmp_path: Path
) -> None:
    fixtures = Fixtures(settings, World(SHARD, small=5, large=10))
    try:
        figures = await relations.measure(tmp_path, stack.env(), fixtures, contacts=700, pairs=3)
    finally:
        fixtures.close()
    loaded, pairs = figures["load"], figures["pairs"]
    assert (loaded["contacts"], pairs["pairs"]) == (700, 3)
    assert loaded["contacts_per_second"] > 0
    assert loaded["worker_mb"] > loaded["grown_mb"] > 0
    assert loaded["others_worst_ms"] >= loaded["others_p50_ms"] > 0
    books = {"small": 5, "large": 10}
    empty: dict[str, Any] = {
        "scenarios": [],
        "books": books,
        "worker_mb": {"idle": []},
        "delivery": None,
        "warnings": [],
    }
    summary = report.text({**empty, "relations": figures})
    assert f"contact.load: {loaded['contacts_per_second']:,} contacts/s (700 contacts" in summary
    assert f"{pairs['pairs_per_second']} pairs/s (3 pairs" in summary
    assert "MB that loading 700 contacts takes" in summary
    # Every user was invited and has accepted.
    ids = [names.key(names.PERSON, names.STRANGERS + number) for number in range(2, 8)]
    statement = f"SELECT status FROM {SHARD}.contact WHERE FIND_IN_SET(owner_id, %s)"
    statuses = [status for (status,) in Admin(settings).rows(statement, ",".join(ids))]
    assert sorted(statuses) == ["active"] * 3 + ["informed"] * 3


async def test_the_limit_makes_the_calls_of_the_service(
    settings: Settings, node: URL, tmp_path: Path
) -> None:
    world = World(SHARD, small=5, large=1_300)
    fixtures = Fixtures(settings, world)
    fixtures.build({need for each in SCENARIOS for need in each.needs})
    running = Node(tmp_path, {})
    running.base = str(node.origin())
    measurer = Measurer(settings, world, fixtures, running, Cores(dict))
    try:
        for scenario in SCENARIOS:
            assert await measurer.differences(scenario) == [], scenario.name
        fresh = "heartbeat BETWEEN UNIX_TIMESTAMP() - 5 AND UNIX_TIMESTAMP()"
        heartbeats = fixtures.rows(f"SELECT {fresh} FROM yp.node WHERE ctime = 0")
        assert set(heartbeats) == {(1,)}, "sockets of nodes without a heartbeat are released"
    finally:
        await measurer.close()
        fixtures.close()


SMALL_LOADS = {
    "idle": dataclasses.replace(LOADS["idle"], sockets=20),
    "broadcast": dataclasses.replace(LOADS["broadcast"], sockets=20),
    "room": dataclasses.replace(LOADS["room"], sockets=6, pairs=12),
}


def test_measures_many_people_at_once_and_reports_a_load_that_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:

    async def fail(*_: object) -> dict[str, float]:
        raise BenchError("3 of 20 sockets ended")

    loads = {"broken": Load("load: broken", 1, 1, fail), **SMALL_LOADS}
    # One after the other: each newcomer takes over the seats that earlier sockets lost.
    assert run(BenchOptions(only="load", seconds=0.2, loads=loads), tmp_path) == 0
    output = capsys.readouterr().out
    results = orjson.loads((tmp_path / "bench.json").read_bytes())
    assert results["warnings"] == ["load: broken: 3 of 20 sockets ended"]
    assert "WARNING  load: broken: 3 of 20 sockets ended" in output
    assert results["load"]["broadcast"]["hearers"] == 19
    assert results["load"]["broadcast"]["redis_messages"] <= 2
    assert (results["load"]["room"]["hosts"], results["load"]["room"]["wrong_views"]) == (1, 0)
    for name in ("20 idle sockets", "19 sockets on 2 workers", "pairs a second, room of 6", "wrong view"):
        assert name in output


async def test_contacts_made_at_once_are_those_that_the_routine_makes(
    settings: Settings, people: People, registry: Registry, admin: Admin
) -> None:
    quick, slow = await people.registered(shard=SHARD), await people.registered(shard=SHARD)
    connection = connect(database_servers(settings.db_admin))
    books.fill(connection, SHARD, quick.uid, 70)
    books.make_records(connection, SHARD)
    connection.close()
    for contact in contacts(admin, quick.uid):
        fields = {name: contact[name] for name in ("firstname", "lastname")}
        fields["email"] = [{"email": contact["email"], "category": "priv", "is_default": "1"}]
        registry.call(SHARD, "my_contact_add", slow.uid, orjson.dumps(fields).decode())

    for table in books.TABLES:
        made, wanted = (table_rows(admin, table, each.uid) for each in (quick, slow))
        assert made == wanted, table
        assert len(made) >= 70


def contacts(admin: Admin, owner: str) -> list[dict[str, Any]]:
    """Return the names and the address of each contact."""
    names = ("firstname", "lastname", "email")
    rows = admin.rows(f"SELECT {', '.join(names)} FROM {SHARD}.contact WHERE owner_id = %s", owner)
    return [dict(zip(names, each, strict=True)) for each in rows]


def table_rows(admin: Admin, table: str, owner: str) -> list[tuple[Any, ...]]:
    """Return the rows of an owner, without the columns that differ by nature."""
    columns = [
        name
        for (name,) in admin.rows(
            "SELECT COLUMN_NAME FROM information_schema.COLUMNS WHERE TABLE_SCHEMA = %s AND TABLE_NAME = %s",
            SHARD,
            table,
        )
        if name not in DIFFERENT
    ]
    # Of words that the collation holds for one (Byron, byron), any is stored.
    values = ", ".join(f"LOWER(t.{name})" if name == "word" else f"t.{name}" for name in columns)
    # A term means nothing without its contact.
    rows = admin.rows(
        f"SELECT {values}, c.email "
        f"FROM {SHARD}.{table} AS t JOIN {SHARD}.contact AS c "
        f"ON c.owner_id = t.owner_id AND c.id = t.{'id' if table == 'contact' else 'contact_id'} "
        "WHERE t.owner_id = %s",
        owner,
    )
    return sorted((row for row in rows if TIMES.isdisjoint(row)), key=repr)
