"""The events of MariaDB's binary logs, as its "Replication protocol" describes them."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import IO

MAGIC = b"\xfebin"
HEADER = struct.Struct("<IBIIIH")  # time, kind, server, length, position of the next event, flags
QUERY_HEAD = struct.Struct("<IIBHH")  # thread, seconds, length of the database, error, length of settings
GTID_HEAD = struct.Struct("<QIB")  # sequence number, domain, flags
GTID_ENTRY = struct.Struct("<IIQ")  # domain, server, sequence number
LENGTH_PLACE = 9
CHECKSUM_BYTES = 4
LOAD_BYTES = 13  # the file of LOAD DATA, and the place of its name
COUNT_BITS = (1 << 28) - 1
"""The others are flags of a list."""

QUERY, STOP, ROTATE, FORMAT, TRANSACTION_END, TABLE_MAP, INCIDENT, PREPARED = 2, 3, 4, 15, 16, 19, 26, 38
GTID, GTID_LIST, ENCRYPTION, QUERY_COMPRESSED = 162, 163, 164, 165
LOAD_DATA = 18
QUERIES = {QUERY, QUERY_COMPRESSED, LOAD_DATA}
COMPRESSED_ROWS = set(range(166, 172))
ROWS = {23, 24, 25, 30, 31, 32, *COMPRESSED_ROWS}
UNNEEDED = {STOP, ROTATE, 9, 10, 11, 17, 160, 161, GTID_LIST, ENCRYPTION}
"""Ends of files, what LOAD DATA reads, texts of statements whose rows follow, bookkeeping of the server."""
END_OF_STATEMENT = 1
STANDALONE = 1
"""Flag of a transaction of one statement, without COMMIT."""
ENDS = {b"COMMIT", b"ROLLBACK"}


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
    def end(self) -> int:
        """Return the position of the next event."""
        return self.position + len(self.content)

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
        number, domain, _ = GTID_HEAD.unpack_from(self.content, HEADER.size)
        return f"{domain}-{self.server}-{number}"

    @property
    def is_standalone(self) -> bool:
        """Return whether the transaction that begins here has one statement, without COMMIT."""
        return bool(GTID_HEAD.unpack_from(self.content, HEADER.size)[2] & STANDALONE)

    @property
    def last_gtids(self) -> list[str]:
        """Return the last transactions before a file, of the list at its begin; a domain's last one last."""
        start = HEADER.size + 4
        count = int.from_bytes(self.content[HEADER.size : start], "little") & COUNT_BITS
        entries = GTID_ENTRY.iter_unpack(self.content[start : start + count * GTID_ENTRY.size])
        return [f"{domain}-{server}-{number}" for domain, server, number in entries]

    @property
    def flags(self) -> int:
        """Return the flags of rows."""
        return int.from_bytes(self.content[HEADER.size + 6 : HEADER.size + 8], "little")

    def query(self, has_checksum: bool) -> tuple[str, bytes]:
        """Return the database in use, and the statement."""
        _, _, length, _, settings = QUERY_HEAD.unpack_from(self.content, HEADER.size)
        start = HEADER.size + QUERY_HEAD.size + settings + (LOAD_BYTES if self.kind == LOAD_DATA else 0)
        end = len(self.content) - (CHECKSUM_BYTES if has_checksum else 0)
        text = self.content[start + length + 1 : end]
        if self.kind == QUERY_COMPRESSED:
            text = zlib.decompress(text[1 + (text[0] & 7) :])
        return self.content[start : start + length].decode(), text


@dataclass
class LoggedTransaction:
    """A transaction with its place in the files."""

    file: str
    position: int
    time: int
    """At which its last statement began."""
    gtid: str
    is_standalone: bool
    end: int = 0
    """Position after it; 0 while it is half."""

    @classmethod
    def of(cls, event: Event) -> LoggedTransaction:
        """Return the transaction that begins with an event."""
        return cls(event.file, event.position, event.time, event.gtid, event.is_standalone)

    def is_ended_by(self, event: Event, has_checksum: bool) -> bool:
        """Return whether an event is its last one."""
        if event.kind in {TRANSACTION_END, PREPARED}:
            return True
        if event.kind not in QUERIES:
            return False
        return self.is_standalone or event.query(has_checksum)[1].strip().upper() in ENDS


def events_of(stream: IO[bytes], file: str) -> Iterator[Event]:
    """Return the events from here on, without half an event at the end: its server was killed."""
    while len(head := stream.read(HEADER.size)) == HEADER.size:
        time, kind, server, length, _, _ = HEADER.unpack(head)
        position = stream.tell() - HEADER.size
        content = head + stream.read(length - HEADER.size) if length >= HEADER.size else b""
        if len(content) < HEADER.size or len(content) < length:
            return
        yield Event(file, position, time, kind, server, content)


def ended(rows: bytes, has_checksum: bool) -> bytes:
    """Return rows with the flag that ends a statement."""
    content = bytearray(rows)
    content[HEADER.size + 6] |= END_OF_STATEMENT
    return _sealed(content, has_checksum)


def run_in(db: str, query: bytes, has_checksum: bool) -> bytes:
    """Return a query event with another database in use."""
    thread, seconds, length, error, settings = QUERY_HEAD.unpack_from(query, HEADER.size)
    start = HEADER.size + QUERY_HEAD.size + settings
    head = bytearray(query[:start])
    QUERY_HEAD.pack_into(head, HEADER.size, thread, seconds, len(db), error, settings)
    return _sealed(head + db.encode() + query[start + length :], has_checksum)


def _sealed(content: bytearray, has_checksum: bool) -> bytes:
    """Return an event with its length and its checksum."""
    content[LENGTH_PLACE : LENGTH_PLACE + 4] = len(content).to_bytes(4, "little")
    if has_checksum:
        content[-CHECKSUM_BYTES:] = zlib.crc32(content[:-CHECKSUM_BYTES]).to_bytes(4, "little")
    return bytes(content)
