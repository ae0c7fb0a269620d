"""Read MariaDB's binary logs: what they span, and the events of our databases up to a moment.

mariadb-binlog turns events into statements. It can leave out all databases but one, and stops inside a
transaction; so the events are chosen here, and it gets them as one log. Events are described in MariaDB's
"Replication protocol".
"""

from __future__ import annotations

import re
import struct
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO

from service.deploy.state import SCRATCH
from service.store.admin import DEFINER_NAME, DeployError

MAGIC = b"\xfebin"
HEADER = struct.Struct("<IBIIIH")  # time, kind, server, length, position of the next event, flags
QUERY_HEAD = struct.Struct("<IIBHH")  # thread, seconds, length of the database, error, length of settings
GTID_HEAD = struct.Struct("<QI")  # sequence number, domain
GTID_ENTRY = struct.Struct("<IIQ")  # domain, server, sequence number
CHECKSUM_BYTES = 4
COUNT_BITS = (1 << 28) - 1
"""The others are flags of a list."""

QUERY, FORMAT, TABLE_MAP, INCIDENT = 2, 15, 19, 26
GTID, GTID_LIST, ENCRYPTION, QUERY_COMPRESSED = 162, 163, 164, 165
ROWS = {23, 24, 25, 30, 31, 32, *range(166, 172)}
UNNEEDED = {3, 4, 160, 161, GTID_LIST}
"""Ends of files, texts of statements whose rows follow, and the bookkeeping of the server."""
END_OF_STATEMENT = 1
IN_TRANSACTION = re.compile(rb"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|XA)\b", re.IGNORECASE)
OF_ACCOUNTS = re.compile(
    rb"(CREATE|ALTER|DROP|RENAME)\s+(OR\s+REPLACE\s+)?(USER|ROLE)|GRANT|REVOKE|SET\s", re.I
)
GRANTED = re.compile(rb"\bON\s+`([^`]+)`\.\*\s+TO\s+\S*" + DEFINER_NAME.encode(), re.IGNORECASE)
OF_THE_SERVER = {"", "mysql", "sys", "information_schema", "performance_schema"}
FILE = re.compile(r"(.+)\.(\d{6,})")


@dataclass(frozen=True)
class Event:
    """An event with its place in the files."""

    file: str
    position: int
    time: int
    kind: int
    server: int
    content: bytes

    @property
    def table(self) -> int:
        """Return the number under which a log knows a table, of a table map or of rows."""
        return int.from_bytes(self.content[HEADER.size : HEADER.size + 6], "little")

    @property
    def mapped_db(self) -> str:
        """Return the database of a table map."""
        start = HEADER.size + 8
        return self.content[start + 1 : start + 1 + self.content[start]].decode()

    @property
    def gtid(self) -> str:
        """Return the global transaction id that begins here."""
        number, domain = GTID_HEAD.unpack_from(self.content, HEADER.size)
        return f"{domain}-{self.server}-{number}"

    @property
    def last_gtids(self) -> dict[str, int]:
        """Return the last transactions before a file, of the list at its begin: number by domain-server."""
        start = HEADER.size + 4
        count = int.from_bytes(self.content[HEADER.size : start], "little") & COUNT_BITS
        entries = GTID_ENTRY.iter_unpack(self.content[start : start + count * GTID_ENTRY.size])
        return {f"{domain}-{server}": number for domain, server, number in entries}

    def query(self, has_checksum: bool) -> tuple[str, bytes]:
        """Return the database in use, and the statement."""
        _, _, length, _, settings = QUERY_HEAD.unpack_from(self.content, HEADER.size)
        start = HEADER.size + QUERY_HEAD.size + settings
        end = len(self.content) - (CHECKSUM_BYTES if has_checksum else 0)
        text = self.content[start + length + 1 : end]
        if self.kind == QUERY_COMPRESSED:
            text = zlib.decompress(text[1 + (text[0] & 7) :])
        return self.content[start : start + length].decode(), text


@dataclass(frozen=True)
class Moment:
    """The end of a recovery: a time, a position, or a global transaction id."""

    text: str
    time: float | None = None
    file: str = ""
    position: int = 0

    @classmethod
    def of(cls, text: str) -> Moment:
        """Read "2026-11-28 10:00:00" (here, unless it names a zone), "binlog.000007:1234" or "0-1-99"."""
        if re.fullmatch(r"\d+-\d+-\d+", text) and not re.fullmatch(r"\d{4}-\d\d-\d\d", text):
            return cls(text)
        file, colon, position = text.rpartition(":")
        if colon and FILE.fullmatch(file) and position.isdigit():
            return cls(text, file=file, position=int(position))
        try:
            return cls(text, time=datetime.fromisoformat(text).astimezone().timestamp())
        except ValueError:
            raise DeployError(
                f"UNTIL={text} is no moment: a time such as '2026-11-28 10:00:00', a position such as "
                "binlog.000007:1234, or a global transaction id such as 0-1-99"
            ) from None

    def is_before(self, event: Event) -> bool:
        """Return whether a transaction is too late. One that committed at the very time is."""
        if self.time is not None:
            return event.time >= self.time
        if self.file:
            return (event.file, event.position) >= (self.file, self.position)
        return False


@dataclass
class BinaryLogs:
    """The files that one server has written since a backup."""

    files: Sequence[Path]
    start: int
    """Position in the first file."""
    databases: set[str]
    """Ours; `scan` adds shards that were made later."""
    began: int = 0
    ended: int = 0
    """Time of the last event."""
    _has_checksum: bool = False

    @classmethod
    def of(cls, folder: Path, file: str, start: int, databases: Sequence[str]) -> BinaryLogs:
        """Find the files from one on. Raise DeployError when it, or one in between, is missing."""
        match = FILE.fullmatch(file)
        base, first = (match[1], int(match[2])) if match else (file, 0)
        paths = {
            int(match[2]): path
            for path in folder.iterdir()
            if (match := FILE.fullmatch(path.name)) and match[1] == base and int(match[2]) >= first
        }
        missing = [number for number in range(first, max(paths, default=first) + 1) if number not in paths]
        if missing:
            have = ", ".join(sorted(path.name for path in paths.values())[:5]) or "no later one either"
            raise DeployError(
                f"{base}.{missing[0]:06d} is missing in {folder}, which has {have}: the changes in it would "
                f"be lost. Nothing was touched. The backup was made at {file}:{start}"
            )
        return cls([paths[number] for number in sorted(paths)], start, set(databases))

    def check(self, until: Moment, made: int) -> None:
        """Read all files once. Raise DeployError when they cannot be replayed, or do not reach the moment."""
        is_found = False
        for event in self._events():
            self.began = self.began or event.time
            self.ended = event.time or self.ended
            if event.kind == GTID:
                is_found = is_found or event.gtid == until.text
            elif event.kind in {QUERY, QUERY_COMPRESSED}:
                self.databases.update(_ours(*event.query(self._has_checksum)))
        first, last, size = self.files[0].name, self.files[-1].name, self.files[-1].stat().st_size
        if self.began > made:
            raise DeployError(f"{first} was begun after the backup: it is not the log of the same server")
        if until.time is not None and until.time < made:
            raise DeployError(f"the archive was made at {clock(made)}, after UNTIL: take an earlier archive")
        if until.file and not (first, self.start) <= (until.file, until.position) <= (last, size):
            raise DeployError(
                f"UNTIL={until.text} is not in the logs: they go from {first}:{self.start} to {last}:{size}"
            )
        if until.time is None and not until.file and not is_found:
            raise DeployError(
                f"no transaction in {first} to {last} has the id {until.text}, after the backup"
            )

    def check_joins(self) -> None:
        """Raise DeployError when a file lacks its last transactions: the next file has a list of them."""
        read: dict[str, int] = {}
        for number, path in enumerate(self.files):
            with path.open("rb") as stream:
                stream.seek(len(MAGIC))
                for event in _events_of(stream, path.name):
                    if event.kind == GTID:
                        origin, _, last = event.gtid.rpartition("-")
                        read[origin] = int(last)
                    elif event.kind == GTID_LIST and number == 0:
                        read.update(event.last_gtids)
                    elif event.kind == GTID_LIST:
                        _check_join(self.files[number - 1], event, read)

    def chosen(self, until: Moment) -> Iterator[bytes]:
        """Return one log: the events of our databases, in whole transactions, up to a moment."""
        yield MAGIC
        others: set[int] = set()
        held: bytes | None = None
        is_last = False
        for event in self._events():
            if event.kind == GTID:
                if is_last or until.is_before(event):
                    break
                is_last = event.gtid == until.text
            if event.kind == TABLE_MAP:
                (others.discard if event.mapped_db in self.databases else others.add)(event.table)
            if event.kind in {TABLE_MAP, *ROWS} and event.table in others:
                # The rows of a statement end with a flag, which those of others may have had.
                if held is not None and event.kind in ROWS and _flags(event.content) & END_OF_STATEMENT:
                    held = self._ended(held)
                continue
            if event.kind in UNNEEDED or not self._is_ours(event):
                continue
            if held is not None:
                yield held
            held = event.content if event.kind in ROWS else None
            if held is None:
                yield event.content
        if held is not None:
            yield held

    def _is_ours(self, event: Event) -> bool:
        if event.kind not in {QUERY, QUERY_COMPRESSED}:
            return True
        db, statement = event.query(self._has_checksum)
        if IN_TRANSACTION.match(statement):
            return True
        if OF_ACCOUNTS.match(statement):
            return bool(GRANTED.search(statement))
        return db in self.databases or self._names_us(statement)

    def _names_us(self, statement: bytes) -> bool:
        names = b"|".join(re.escape(db.encode()) for db in sorted(self.databases))
        return bool(re.search(rb"\b(" + names + rb")`?\s*\.", statement))

    def _ended(self, rows: bytes) -> bytes:
        """Return rows with the flag that ends a statement."""
        content = bytearray(rows)
        content[HEADER.size + 6] |= END_OF_STATEMENT
        if self._has_checksum:
            content[-CHECKSUM_BYTES:] = zlib.crc32(content[:-CHECKSUM_BYTES]).to_bytes(4, "little")
        return bytes(content)

    def _events(self) -> Iterator[Event]:
        for number, path in enumerate(self.files):
            with path.open("rb") as stream:
                if stream.read(len(MAGIC)) != MAGIC:
                    raise DeployError(f"{path} is no binary log, or an encrypted one")
                for event in _events_of(stream, path.name):
                    self._refuse(event)
                    if event.kind == FORMAT:
                        self._has_checksum = event.content[-CHECKSUM_BYTES - 1] == 1
                        yield event
                        if number == 0:
                            self._go_to_start(stream, path)
                    else:
                        yield event

    def _go_to_start(self, stream: IO[bytes], path: Path) -> None:
        stream.seek(self.start)
        head = stream.read(HEADER.size)
        if self.start > path.stat().st_size or (
            len(head) == HEADER.size and (self.start + HEADER.unpack(head)[3]) != HEADER.unpack(head)[4]
        ):
            raise DeployError(f"{path} is the log of another server: {self.start} is no position in it")
        stream.seek(self.start)

    def _refuse(self, event: Event) -> None:
        if event.kind == ENCRYPTION:
            raise DeployError(
                f"{event.file} is encrypted; LOGS=mysql://account@host reads it decrypted, from its server"
            )
        if event.kind == INCIDENT:
            raise DeployError(
                f"the log has a gap: its server lost events before {event.file}:{event.position}"
            )


def _events_of(stream: IO[bytes], file: str) -> Iterator[Event]:
    """Return the events from here on, without half an event at the end: its server was killed."""
    while len(head := stream.read(HEADER.size)) == HEADER.size:
        time, kind, server, length, _, _ = HEADER.unpack(head)
        position = stream.tell() - HEADER.size
        content = head + stream.read(length - HEADER.size)
        if len(content) < length or length < HEADER.size:
            return
        yield Event(file, position, time, kind, server, content)


def _check_join(before: Path, event: Event, read: dict[str, int]) -> None:
    for origin, number in event.last_gtids.items():
        # It is lower after half a transaction of a killed server, which gives the number again.
        if read.get(origin, 0) < number:
            raise DeployError(
                f"{before} lacks its end: {event.file} goes on after {origin}-{number}. It was copied before "
                "it was complete: copy it again. Nothing was touched"
            )


def _ours(db: str, statement: bytes) -> set[str]:
    """Return the databases that a statement shows to be ours: the definer gets rights or routines there."""
    names = {name.decode().replace("\\_", "_") for name in GRANTED.findall(statement)}
    if statement.startswith(b"CREATE") and DEFINER_NAME.encode() in statement and db not in OF_THE_SERVER:
        names.add(db)
    return {name for name in names if name and not name.startswith(SCRATCH)}


def clock(time: float) -> str:
    """Return a time in the zone of this machine."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")


def _flags(rows: bytes) -> int:
    return int.from_bytes(rows[HEADER.size + 6 : HEADER.size + 8], "little")
