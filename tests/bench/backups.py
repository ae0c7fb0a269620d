"""Measure backup and restore of a million contacts, on servers of their own.

`.venv/bin/python -m tests.bench.backups` runs the real commands, and prints time, memory and size of each.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
import time
from contextlib import closing, suppress
from pathlib import Path

import psutil

from service import ROOT
from service.admin.registry import Registry
from service.bench import books
from service.bench.cores import Cores
from service.deploy.deployer import Deployer
from service.deploy.move import stored_columns
from service.local.processes import read_pid
from service.local.servers import MariaDB
from service.local.stack import Stack
from service.settings import Settings
from service.store.admin import Connection

BOOK = 20_000
"""Contacts of each user."""
SHARDS = 4
SAMPLE_SECONDS = 0.1


def main() -> None:
    """Fill a server, back it up, restore the archive on a second server, and print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--contacts", type=int, default=1_000_000)
    parser.add_argument("--place", help="folder for the servers; kept, and used again")
    options = parser.parse_args()
    place = Path(options.place or tempfile.mkdtemp(prefix="drumee-bench-backup-"))
    try:
        _measure(place, options.contacts)
    finally:
        if not options.place:
            shutil.rmtree(place, ignore_errors=True)


def _measure(place: Path, contacts: int) -> None:
    archive = place / "backup.tar.gz"
    with Stack(place / "full", kinds=[MariaDB]) as stack:
        settings = _settings(stack)
        _fill(settings, contacts)
        _command(place / "full", settings, "backup", "--file", str(archive))
        tables = _sizes(settings)
    print(f"archive: {archive.stat().st_size / 1e6:,.0f} MB; tables: {tables:,.0f} MB", flush=True)
    shutil.rmtree(place / "empty", ignore_errors=True)
    with Stack(place / "empty", kinds=[MariaDB]) as stack:
        _command(place / "empty", _settings(stack), "restore", "--file", str(archive))


def _settings(stack: Stack) -> Settings:
    env = stack.env()
    return Settings(
        db=env["DRUMEE_DB"], db_admin=env["DRUMEE_DB_ADMIN"], run_dir=str(stack.run_dir.parent / "run")
    )


def _fill(settings: Settings, contacts: int) -> None:
    """Make one book and its records, then copies of it for other users in all shards."""
    started = time.perf_counter()
    deployer = Deployer(settings, lambda _: None)
    deployer.deploy()
    for number in range(2, SHARDS + 1):
        deployer.add_shard(f"shard{number}")
    registry = Registry(settings)
    with closing(Connection(settings)) as connection:
        columns = stored_columns(connection, "shard1")
        owner, first_db = "", "shard1"
        for number in range(contacts // BOOK):
            name = f"p{number}@example.org"
            if connection.rows("SELECT id FROM yp.drumate WHERE email = %s", name):
                return
            uid, db = registry.add_person(name, "P", str(number), "-", None)
            if not owner:
                owner, first_db = uid, db
                books.fill(connection.raw, db, uid, BOOK)
                books.make_records(connection.raw, db)
                continue
            connection.run("SET SESSION foreign_key_checks = 0, unique_checks = 0")
            for table, names in columns.items():
                others = ", ".join(f"`{name}`" for name in names if name != "owner_id")
                connection.run(
                    f"INSERT IGNORE INTO `{db}`.`{table}` (owner_id, {others}) "
                    f"SELECT %s, {others} FROM `{first_db}`.`{table}` WHERE owner_id = %s",
                    uid,
                    owner,
                )
            connection.raw.commit()
    print(f"filled with {contacts:,} contacts, {time.perf_counter() - started:,.0f} s", flush=True)


def _sizes(settings: Settings) -> float:
    with closing(Connection(settings)) as connection:
        return float(
            connection.one(
                "SELECT SUM(FILE_SIZE) / 1e6 FROM information_schema.INNODB_SYS_TABLESPACES "
                "WHERE NAME LIKE 'yp/%%' OR NAME LIKE 'shard%%'"
            )
        )


def _command(stack: Path, settings: Settings, *words: str) -> None:
    """Run a command; print its seconds, and the highest memory of it and its children together."""
    server = read_pid(stack / "mariadb.pid") or 0
    process = subprocess.Popen(
        [sys.executable, "-m", "service", *words],
        cwd=ROOT,
        env={**os.environ, "DRUMEE_DB": settings.db, "DRUMEE_DB_ADMIN": settings.db_admin},
    )
    cores = Cores(lambda: {"tool": _family(process.pid), "server": [server]})
    start, started, highest, work = cores.mark(), time.perf_counter(), 0, 0.0
    while process.poll() is None:
        highest = max(highest, _memory(process.pid))
        work = max(work, cores.mark().work_since(start, "server"))
        time.sleep(SAMPLE_SECONDS)
    seconds = time.perf_counter() - started
    others = cores.others_since(start)
    print(
        f"{words[0]}: {seconds:,.0f} s, {highest / 1e6:,.0f} MB of memory with its children; MariaDB worked "
        f"{work:,.0f} s; others used {others:.0%} of the cores; exit {process.returncode}",
        flush=True,
    )
    if process.returncode:
        raise SystemExit(process.returncode)


def _family(pid: int) -> list[int]:
    with suppress(psutil.Error):
        return [pid, *(child.pid for child in psutil.Process(pid).children(recursive=True))]
    return []


def _memory(pid: int) -> int:
    total = 0
    for member in _family(pid):
        with suppress(psutil.Error):
            total += psutil.Process(member).memory_info().rss
    return total


if __name__ == "__main__":
    main()
