"""Commands that wait for the server end soon after a signal, and leave nothing half."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from service.admin.registry import Registry
from service.deploy.backup import backup
from service.deploy.deployer import Deployer
from service.local.processes import eventually
from service.settings import Settings
from service.store.admin import Connection
from tests.support.admin import Admin
from tests.support.sites import files_beside_run, start

COMMANDS = {
    "deploy": "what was done stays; the same command again goes on from here",
    "backup": "is as it was before, or complete",
    "move": "ann@example.org has moved wholly, or not at all; the same command again goes on from here",
    "restore": "ann@example.org is as before, or as in the archive; the same command again goes on from here",
}
"""How the sentence of each command ends."""
WAITING = "Waiting for table metadata lock"


@contextmanager
def lock(site: Settings) -> Iterator[None]:
    """Let nobody use one table, as a forgotten shell would."""
    with closing(Connection(site)) as connection:
        connection.run("LOCK TABLES shard1.tag WRITE")
        yield


def prepared(site: Settings, dba: Admin, command: str, folder: Path) -> list[str]:
    """Return the words of a command, with something to do."""
    if command == "deploy":
        dba.rows("DROP TRIGGER shard1.tag_moved")
        return ["deploy", "--skip-examples"]
    archive = folder / "all.tar.gz"
    backup(site, archive)
    if command == "move":
        assert Deployer(site, lambda _: None, examples=False).add_shard("shard2").status == 0
    return {
        "backup": ["backup", "--file", str(archive)],
        "move": ["move", "--entity", "ann@example.org", "--shard", "shard2"],
        "restore": ["restore", "--file", str(archive), "--entity", "ann@example.org", "--replace"],
    }[command]


@pytest.mark.parametrize(
    ("command", "number"), [*((command, signal.SIGTERM) for command in COMMANDS), ("move", signal.SIGINT)]
)
def test_a_command_that_waits_ends_and_leaves_nothing_half(
    site: Settings, dba: Admin, tmp_path: Path, command: str, number: signal.Signals
) -> None:
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    words = prepared(site, dba, command, tmp_path)
    files = files_beside_run(tmp_path)
    threads = f"SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE '{WAITING}%'"
    with lock(site):
        process = start(site, *words)
        assert eventually(lambda: dba.rows(threads), 60)
        process.send_signal(number)
        output, _ = process.communicate(timeout=60)
        assert eventually(lambda: not dba.rows(threads), 30), "the server does not wait any more, either"
    assert process.returncode == 2, output
    assert output.splitlines()[-1].startswith("interrupted; ")
    assert output.endswith(f"{COMMANDS[command]}\n")
    assert dba.rows("SELECT holder FROM yp.deploy_lease WHERE until > UNIX_TIMESTAMP()") == []
    assert dba.rows("SELECT * FROM yp.entity_move") == []
    assert dba.rows("SHOW DATABASES LIKE 'drumee%'") == []
    assert files_beside_run(tmp_path) == files
    again = start(site, *words)
    output, _ = again.communicate(timeout=120)
    assert again.returncode == 0, output


def test_a_command_whose_connection_is_killed_says_what_it_has_left_and_what_is_next(
    site: Settings, dba: Admin, tmp_path: Path
) -> None:
    Registry(site).add_person("ann@example.org", "Ann", "Lee", "-", None)
    words = prepared(site, dba, "move", tmp_path)
    threads = f"SELECT ID FROM information_schema.PROCESSLIST WHERE STATE LIKE '{WAITING}%'"
    with lock(site):
        process = start(site, *words)
        assert eventually(lambda: dba.rows(threads), 60)
        dba.rows(f"KILL {dba.one(threads)}")
        output, _ = process.communicate(timeout=60)
    assert process.returncode == 2, output
    last = output.splitlines()[-1]
    assert last.startswith("MariaDB does not answer any more: "), output
    assert last.endswith(COMMANDS["move"])
