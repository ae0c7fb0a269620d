"""Replay binary logs after a restore, up to a moment before a mistake."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from service import as_typed
from service.deploy import clients
from service.deploy.backup_archive import Archive
from service.deploy.binary_log import BinaryLogs, Moment
from service.settings import database_servers
from service.store.admin import Connection, DeployError

PACKET_BYTES = 1 << 20
"""Of a statement, beside its rows, which take a third more as text."""
NO_FILE = "Could not find first log file name"
"""Answer of a server whose first file is another one."""


@dataclass(frozen=True)
class Recovery:
    """The end of a recovery, and where the binary logs of the backed-up server are."""

    until: str
    logs: str
    """A folder, or mysql://account@host of a server that still has them."""


@contextmanager
def binary_logs(recovery: Recovery, archive: Archive) -> Iterator[tuple[BinaryLogs, Moment]]:
    """Find the logs from the backup to the moment, and check them; copies of a server's go at the end."""
    until = Moment.of(recovery.until)
    place = archive.manifest.get("binary_log")
    if not place or "unknown" in place:
        reason = place["unknown"] if place else "its server kept none at that time. Set log_bin there"
        raise DeployError(
            f"{archive.path} has no position in a binary log: {reason}, then `{as_typed('backup')}`; this "
            "archive restores without UNTIL"
        )
    if place["format"] == "STATEMENT":
        raise DeployError(
            "the server logged with binlog_format = STATEMENT: the same statements can have another result "
            "when they run again. MIXED and ROW can be replayed; this archive restores without UNTIL"
        )
    with _folder(recovery.logs, archive.path, place["file"]) as folder:
        logs = BinaryLogs.of(folder, place["file"], place["position"], archive.manifest["databases"])
        logs.is_decrypted = _is_of_server(recovery.logs)
        logs.ignores_case = place.get("lower_case_table_names", 0) > 0
        logs.log_format, gtids = place["format"], place.get("gtids")
        logs.gtids = None if gtids is None else {gtid for gtid in gtids.split(",") if gtid}
        logs.check(until, archive.manifest["made"])
        yield logs, until


def _is_of_server(logs: str) -> bool:
    """Return whether the logs are read from a server, not from a folder."""
    return logs.startswith(("mysql://", "mariadb://"))


@contextmanager
def _folder(logs: str, archive: Path, first: str) -> Iterator[Path]:
    """Return the folder with the logs; those of a server are copied beside the archive."""
    if not _is_of_server(logs):
        folder = Path(logs).absolute()
        if not folder.is_dir():
            raise DeployError(f"LOGS={logs} is no folder, and no mysql://account@host")
        yield folder
        return
    folder = archive.with_name(f".{archive.name}.logs")
    # That of a killed process is in the way.
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700)
    try:
        options = (
            "--no-defaults", "--read-from-remote-server", "--raw", "--to-last-log", f"--result-file={folder}/"
        )  # fmt: skip
        try:
            for _ in clients.output_of(
                database_servers(logs, "LOGS")[0], clients.BINARY_LOG, (*options, first)
            ):
                pass
        except DeployError as exc:
            if NO_FILE not in str(exc):
                raise DeployError(
                    f"the logs of the server of LOGS cannot be read: {exc}. Nothing was touched. Its account "
                    "needs REPLICATION SLAVE and BINLOG MONITOR; LOGS=folder takes copies of its files"
                ) from exc
            raise DeployError(
                f"the server of LOGS does not have {first} any more: it was deleted there, or log_bin was "
                "renamed, and its changes would be lost. Nothing was touched. LOGS=folder takes copies that "
                "were made before"
            ) from exc
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def check_target(connection: Connection, archive: Archive, logs: BinaryLogs) -> None:
    """Raise DeployError on a server on which a recovery would end in the middle, or have another result."""
    here = connection.one("SELECT @@lower_case_table_names")
    there = archive.manifest["binary_log"].get("lower_case_table_names", here)
    if here != there:
        raise DeployError(
            f"lower_case_table_names is {here} on this server and was {there} on the old one: statements of "
            "the logs would name other tables. Nothing was touched. Restore on a server that was made with "
            f"lower_case_table_names = {there}"
        )
    if connection.one("SELECT @@GLOBAL.gtid_strict_mode"):
        raise DeployError(
            "gtid_strict_mode is ON on this server, which refuses the transactions of the old one. "
            "Nothing was touched. SET GLOBAL gtid_strict_mode = OFF until the restore is done"
        )
    if connection.one("SELECT @@GLOBAL.event_scheduler") == "ON":
        raise DeployError(
            "event_scheduler is ON on this server: events of the archive would change rows between the "
            "changes of the logs, which have what they did. Nothing was touched. "
            "SET GLOBAL event_scheduler = OFF until the restore is done"
        )
    needed, packet = (
        logs.longest * 3 // 2 + PACKET_BYTES,
        connection.one("SELECT @@GLOBAL.max_allowed_packet"),
    )
    if needed > packet:
        raise DeployError(
            f"the logs have a row of {logs.longest >> 20} MB, and max_allowed_packet of this server is "
            f"{packet >> 20} MB. Nothing was touched. SET GLOBAL max_allowed_packet = {_power(needed)} until "
            "the restore is done"
        )


def _power(size: int) -> int:
    """Return the next power of two."""
    return int(1 << (size - 1).bit_length())
