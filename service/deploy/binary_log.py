"""Choose from MariaDB's binary logs: the changes of our databases after a backup, up to a moment.

mariadb-binlog turns events into statements. It can leave out all databases but one, and stops inside a
transaction; so the events are chosen here, in whole transactions, and it gets them as one log.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from service.deploy.guards import RESTORING, UNTOUCHED
from service.deploy.log_events import (
    CHECKSUM_BYTES,
    COMPRESSED_ROWS,
    ENCRYPTION,
    END_OF_STATEMENT,
    FORMAT,
    GTID,
    GTID_LIST,
    INCIDENT,
    MAGIC,
    QUERIES,
    ROTATE,
    ROWS,
    STOP,
    TABLE_MAP,
    UNNEEDED,
    Event,
    LoggedTransaction,
    ended,
    events_of,
    run_in,
)
from service.deploy.logged_statement import CHANGES, changed_databases, has_other_result, verb_of
from service.deploy.state import SCRATCH
from service.store.admin import DEFINER_NAME, DeployError

IN_TRANSACTION = re.compile(rb"(BEGIN|COMMIT|ROLLBACK|SAVEPOINT|RELEASE|XA)\b", re.IGNORECASE)
GRANTED = re.compile(rb"\bON\s+`([^`]+)`\.\*\s+TO\s+\S*" + DEFINER_NAME.encode(), re.IGNORECASE)
OF_MARIADB = {"", "mysql", "sys", "information_schema", "performance_schema"}
FILE = re.compile(r"(.+)\.(\d{6,})")
STATEMENT_BYTES = 4 << 20
"""Rows are cut after these."""
COMPRESSED_TIMES = 10
"""How much longer compressed rows are taken to be."""
CLOCK_SECONDS = 60
"""A statement may have begun so much earlier than one that was committed before it."""


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
            time = datetime.fromisoformat(text)
        except ValueError:
            raise DeployError(
                f"UNTIL={text} is no moment: a time such as '2026-11-28 10:00:00', a position such as "
                "binlog.000007:1234, or a global transaction id such as 0-1-99"
            ) from None
        return cls(text, time=_seconds(text, time))

    def is_before(self, transaction: LoggedTransaction) -> bool:
        """Return whether a transaction is too late: one that was committed at the very time is."""
        if self.time is not None:
            return transaction.time >= self.time
        if self.file:
            end = transaction.end or transaction.position + 1
            return _place(transaction.file, end) > _place(self.file, self.position)
        return False


class RowsOfStatement:
    """The rows of one statement, cut into several where they are many.

    mariadb-binlog makes one statement of all rows up to the flag at their end, and a server takes no
    statement longer than max_allowed_packet.
    """

    def __init__(self, logs: BinaryLogs) -> None:
        self._logs = logs
        self._held: bytes | None = None
        self._maps: list[bytes] = []
        self._bytes = 0
        self._is_over = True

    def add(self, event: Event) -> Iterator[bytes]:
        """Return the rows before these, which are held: they may be the last ones of ours."""
        if self._held is not None and self._bytes >= STATEMENT_BYTES:
            yield ended(self._held, self._logs.has_checksum)
            yield from self._maps
            self._bytes = 0
        elif self._held is not None:
            yield self._held
        self._held = event.content
        self._bytes += len(event.content) * (COMPRESSED_TIMES if event.kind in COMPRESSED_ROWS else 1)
        self._logs.longest = max(self._logs.longest, self._bytes)
        self._is_over = bool(event.flags & END_OF_STATEMENT)

    def pass_over(self, event: Event) -> None:
        """Leave rows of others out; the flag that ends a statement may be theirs."""
        if event.kind in ROWS and event.flags & END_OF_STATEMENT:
            self._is_over = True
            if self._held is not None:
                self._held = ended(self._held, self._logs.has_checksum)

    def end(self, event: Event | None = None) -> Iterator[bytes]:
        """Return the rows that are held; remember the map of a table, which is repeated after a cut."""
        if self._held is not None:
            yield self._held
            self._held = None
        if self._is_over:
            self._maps, self._bytes = [], 0
        if event and event.kind == TABLE_MAP:
            self._maps.append(event.content)
            self._is_over = False


@dataclass
class BinaryLogs:
    """The files that one server has written since a backup."""

    files: Sequence[Path]
    start: int
    """Position in the first file."""
    databases: set[str]
    """Ours; `check` adds shards that were made before the moment."""
    gtids: set[str] | None = None
    """The last transaction of each domain in the backup; None when the archive does not say it."""
    log_format: str = "ROW"
    """Of the server at the backup."""
    ignores_case: bool = False
    """Whether SHARD1 names shard1 on the server."""
    is_decrypted: bool = False
    """Whether a server has sent them; it leaves the event that says how a file is encrypted."""
    longest: int = 0
    """Bytes of rows in the longest statement to replay."""
    ended: int = 0
    """Time of the last event."""
    stop: tuple[str, int] | None = None
    """Place of the first transaction that is too late."""
    halves: dict[tuple[str, int], LoggedTransaction] = field(default_factory=dict)
    """Those that a killed server has not completed."""
    inside: LoggedTransaction | None = None
    """The one in which the moment, a position, lies."""
    has_checksum: bool = False
    """Whether the events of the file that is read have one."""
    _last_of_backup: int = 0
    """Time of the last transaction before the start."""
    _read: dict[str, int] = field(default_factory=dict)
    """Number of the last transaction that was read, by domain and server."""

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
                f"be lost. {UNTOUCHED} The backup was made at {file}:{start}"
            )
        return cls([paths[number] for number in sorted(paths)], start, set(databases))

    def check(self, until: Moment, made: int) -> None:
        """Read all files. Raise DeployError when they cannot be replayed, or do not reach the moment."""
        self._check_places(until)
        self._find_stop(until)
        # The archive has what was committed while the dump began to be made.
        if until.time is not None and (until.time < made or until.time <= self._last_of_backup):
            last = max(made, self._last_of_backup)
            raise DeployError(
                f"the archive was made at {clock(last)}, after UNTIL: take an earlier archive. {UNTOUCHED}"
            )
        self._check_renamed()
        for _ in self.chosen():
            pass

    def remarks(self, until: Moment) -> str:
        """Return what was replayed, and what was left out."""
        remarks = [f"the last event of the logs is of {clock(self.ended)}"]
        if until.time is not None and self.ended < until.time:
            remarks[0] += ", before UNTIL: later changes, if there were any, are in newer logs"
        if self.stop:
            remarks.append("the first transaction that was left out is {}:{}".format(*self.stop))
        if self.inside:
            remarks.append(f"UNTIL is inside of it: {self.inside.gtid} was committed later")
        if self.halves:
            places = ", ".join(f"{file}:{position}" for file, position in self.halves)
            remarks.append(f"left out was half a transaction, which was never committed: {places}")
        return "; ".join(remarks)

    def chosen(self) -> Iterator[bytes]:
        """Return one log: the events of our databases, in whole transactions, up to the moment."""
        yield MAGIC
        others: set[int] = set()
        rows = RowsOfStatement(self)
        for event in self._of_whole_transactions():
            if event.kind == TABLE_MAP:
                (others.discard if event.mapped_db in self.databases else others.add)(event.table)
            if event.kind in {TABLE_MAP, *ROWS} and event.table in others:
                rows.pass_over(event)
            elif event.kind in ROWS:
                yield from rows.add(event)
            elif event.kind == TABLE_MAP or (event.kind not in UNNEEDED and self._is_ours(event)):
                yield from rows.end(event)
                yield self._placed(event)
        yield from rows.end()

    def _of_whole_transactions(self) -> Iterator[Event]:
        """Return the events up to the moment, without half transactions."""
        is_half = False
        for event in self._events():
            if (event.file, event.position) == self.stop:
                break
            if event.kind in {GTID, FORMAT}:
                is_half = (event.file, event.position) in self.halves
            if not is_half:
                yield event

    def _placed(self, event: Event) -> bytes:
        """Return an event; a statement of ours that ran in a database of others needs one that is there."""
        if event.kind not in QUERIES:
            return event.content
        db, _ = event.query(self.has_checksum)
        if not db or self._plain(db) in self.databases:
            return event.content
        # There, a name without a database is an error: it meant a table of the others.
        return run_in(RESTORING, event.content, self.has_checksum)

    def _plain(self, db: str) -> str:
        """Return the name of a database as the archive has it."""
        return db.lower() if self.ignores_case else db

    def _find_stop(self, until: Moment) -> None:
        is_found = False
        after: LoggedTransaction | None = None
        for transaction in self._transactions():
            if after and until.time is not None and transaction.time < until.time - CLOCK_SECONDS:
                raise _clock_was_changed(after, transaction)
            if not self.stop and (is_found or until.is_before(transaction)):
                self.stop, after = (transaction.file, transaction.position), transaction
                if transaction.file == until.file and transaction.position < until.position:
                    self.inside = transaction
            if not transaction.end:
                self.halves[transaction.file, transaction.position] = transaction
            elif transaction.gtid == until.text:
                is_found = True
        if until.time is None and not until.file and not is_found:
            raise DeployError(
                f"no transaction in {self.files[0].name} to {self.files[-1].name} has the id {until.text}, "
                f"after the backup. {UNTOUCHED} `mariadb-binlog -v` shows them"
            )

    def _transactions(self) -> Iterator[LoggedTransaction]:
        """Return all transactions after the backup, and compare what the files say about each other."""
        current: LoggedTransaction | None = None
        is_begun, is_complete, last_kind = False, False, 0
        for event in self._events(is_whole=True):
            is_begun = is_begun or self._begins_at(event)
            if event.kind in {GTID, FORMAT} and current:
                yield current
                current = None
            if event.kind == FORMAT:
                is_complete = last_kind in {ROTATE, STOP}
            elif event.kind == GTID_LIST:
                self._check_join(event, is_complete=is_complete)
            elif event.kind == GTID:
                current = LoggedTransaction.of(event)
            elif event.kind in QUERIES and is_begun and not self.stop:
                self.databases.update(map(self._plain, _ours(*event.query(self.has_checksum))))
            if current and event.kind != GTID and current.is_ended_by(event, self.has_checksum):
                current.end = event.end
                origin, _, number = current.gtid.rpartition("-")
                self._read.pop(origin, None)  # the last one of a domain is to be last
                self._read[origin] = int(number)
                if is_begun:
                    yield current
                else:
                    self._last_of_backup = max(self._last_of_backup, current.time)
                current = None
            last_kind = event.kind
            self.ended = event.time or self.ended
        if not is_begun:
            self._begin_at_end()
        if current:
            yield current

    def _begins_at(self, event: Event) -> bool:
        """Return whether the backup ends where an event begins."""
        is_first = event.file == self.files[0].name
        if is_first and event.kind == FORMAT:
            # Changes that the archive has in earlier files are not later than this one.
            self._last_of_backup = event.time
        if is_first and event.position < self.start:
            return False
        if not is_first:
            self._begin_at_end()
        elif event.position > self.start:
            raise self._of_another_server(f"{self.start} is no position in it")
        self._compare_gtids()
        return True

    def _begin_at_end(self) -> None:
        """Raise DeployError unless the backup ends where the first file does."""
        if self.files[0].stat().st_size != self.start:
            raise self._of_another_server(f"{self.start} is no position in it")

    def _compare_gtids(self) -> None:
        last = {origin.partition("-")[0]: f"{origin}-{number}" for origin, number in self._read.items()}
        if self.gtids is not None and set(last.values()) != self.gtids:
            there, wanted = (", ".join(sorted(each)) or "none" for each in (last.values(), self.gtids))
            raise self._of_another_server(
                f"the last transaction before {self.start} is {there}, in the archive {wanted}"
            )

    def _of_another_server(self, why: str) -> DeployError:
        return DeployError(f"{self.files[0]} is the log of another server: {why}. {UNTOUCHED}")

    def _check_join(self, event: Event, *, is_complete: bool) -> None:
        """Raise DeployError unless a file goes on where the one before ends."""
        lists = _numbers(event)
        before = self._read
        self._read = lists
        number = next(number for number, path in enumerate(self.files) if path.name == event.file)
        # Somebody may have deleted a domain from the list of a server, but not all.
        if number == 0 or (lists.items() <= before.items() and bool(lists) == bool(before)):
            return
        last = self.files[number - 1]
        if not is_complete and any(before.get(origin, 0) < lists[origin] for origin in lists):
            raise DeployError(
                f"{last} lacks its end: {event.file} goes on after {', '.join(event.last_gtids)}. It was "
                f"copied before it was complete: copy it again. {UNTOUCHED}"
            )
        raise DeployError(
            f"{event.file} does not go on where {last.name} ends: it follows "
            f"{', '.join(event.last_gtids) or 'no transaction'}, but the last ones there are "
            f"{', '.join(f'{origin}-{last}' for origin, last in before.items()) or 'none'}. One of the two "
            f"is the log of another server: take both from that of the archive. {UNTOUCHED}"
        )

    def _check_renamed(self) -> None:
        """Raise DeployError when the server has gone on in files of another name."""
        bases = {FILE.sub(r"\1", path.name) for path in self.files}
        last = self.files[-1]
        for path in sorted(last.parent.iterdir()):
            match = FILE.fullmatch(path.name)
            if match and match[1] not in bases and self._read and _list_of(path) == self._read:
                base, number = last.name.rsplit(".", 1)
                following = f"{base}.{int(number) + 1:06d}"
                raise DeployError(
                    f"{path.name} goes on where {last.name} ends: log_bin of the server was renamed, and "
                    f"later changes would be lost. {UNTOUCHED} Rename the copies: {path.name} to "
                    f"{following}, and so on"
                )

    def _check_places(self, until: Moment) -> None:
        if self.start > self.files[0].stat().st_size:
            raise self._of_another_server(f"{self.start} is no position in it")
        first, last, size = self.files[0].name, self.files[-1].name, self.files[-1].stat().st_size
        if until.file and (
            FILE.sub(r"\1", until.file) != FILE.sub(r"\1", first)
            or not _place(first, self.start) <= _place(until.file, until.position) <= _place(last, size)
        ):
            raise DeployError(
                f"UNTIL={until.text} is not in the logs: they go from {first}:{self.start} to {last}:{size}. "
                f"{UNTOUCHED}"
            )

    def _is_ours(self, event: Event) -> bool:
        """Return whether a statement is to be replayed. Raise DeployError for one that cannot be."""
        place = f"{event.file}:{event.position}"
        if event.kind not in QUERIES:
            return True
        db, statement = event.query(self.has_checksum)
        if IN_TRANSACTION.match(statement):
            return True
        if GRANTED.search(statement):
            return True
        changed = {self._plain(name) for name in changed_databases(db, statement)}
        if not changed & self.databases:
            return False
        if not changed <= self.databases:
            raise DeployError(
                f"{place} changes {' and '.join(sorted(changed))} in one statement, and the archive has only "
                f"{', '.join(sorted(changed & self.databases))}. {UNTOUCHED} UNTIL={place} ends before it"
            )
        self._check_format(place, statement)
        return True

    def _check_format(self, place: str, statement: bytes) -> None:
        if verb_of(statement) not in CHANGES:
            return
        if self.log_format == "ROW" or has_other_result(statement):
            raise DeployError(
                f"{place} has a change of rows as a statement: binlog_format was changed after the backup, "
                f"from {self.log_format}, and a statement can have another result when it runs again. "
                f"{UNTOUCHED} UNTIL={place} ends before it"
            )

    def _events(self, *, is_whole: bool = False) -> Iterator[Event]:
        """Return the events of all files; of the first one from the start on, unless it is read whole."""
        for number, path in enumerate(self.files):
            with path.open("rb") as stream:
                if stream.read(len(MAGIC)) != MAGIC:
                    raise DeployError(f"{path} is no binary log, or an encrypted one. {UNTOUCHED}")
                for event in events_of(stream, path.name):
                    if event.kind == FORMAT:
                        self.has_checksum = event.content[-CHECKSUM_BYTES - 1] == 1
                    self._refuse(event)
                    yield event
                    if event.kind == FORMAT and number == 0 and not is_whole:
                        stream.seek(self.start)

    def _refuse(self, event: Event) -> None:
        place = f"{event.file}:{event.position}"
        if event.kind == ENCRYPTION and not self.is_decrypted:
            raise DeployError(
                f"{event.file} is encrypted. {UNTOUCHED} LOGS=mysql://account@host reads it decrypted, from "
                "its server"
            )
        if event.kind == INCIDENT:
            raise DeployError(f"the log has a gap: its server lost events before {place}. {UNTOUCHED}")
        # A server that writes a file has a flag in its first event, which the checksum leaves out.
        if self.has_checksum and event.kind != FORMAT:
            wanted = int.from_bytes(event.content[-CHECKSUM_BYTES:], "little")
            if zlib.crc32(event.content[:-CHECKSUM_BYTES]) != wanted:
                raise DeployError(
                    f"{place} is damaged: its checksum is another one. {UNTOUCHED} Copy {event.file} again"
                )


def _seconds(text: str, time: datetime) -> float:
    """Return the time as seconds since 1970. Raise DeployError when it does not name one second."""
    if time.microsecond:
        raise DeployError(f"UNTIL={text}: binary logs know whole seconds only. {UNTOUCHED}")
    first, second = (time.replace(fold=fold).astimezone() for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return first.timestamp()
    often = "is twice" if first.replace(tzinfo=None) == time else "is not there"
    choice = " or ".join(f"UNTIL='{time.replace(tzinfo=each.tzinfo)}'" for each in (first, second))
    raise DeployError(
        f"UNTIL={text} {often} on the clock of this machine, which is changed in that hour. {UNTOUCHED} "
        f"Name the zone: {choice}"
    )


def _place(file: str, position: int) -> tuple[int, int]:
    """Return a place in the order of the log; the files have one base."""
    return int(file.rpartition(".")[2]), position


def _clock_was_changed(first: LoggedTransaction, later: LoggedTransaction) -> DeployError:
    place, end = f"{first.file}:{first.position}", f"{later.file}:{later.end or later.position}"
    return DeployError(
        f"{place} is of {clock(first.time)}, but {later.file}:{later.position} after it is of "
        f"{clock(later.time)}: the clock of the server was set back, or a statement took that long. A time "
        f"cannot say where to end. {UNTOUCHED} UNTIL={place} ends before the first one, UNTIL={end} "
        "after the other"
    )


def _numbers(event: Event) -> dict[str, int]:
    """Return the last transactions of a list: number by domain and server."""
    parts = (gtid.rpartition("-") for gtid in event.last_gtids)
    return {origin: int(number) for origin, _, number in parts}


def _list_of(path: Path) -> dict[str, int]:
    """Return the last transactions before a file, as its list says."""
    with path.open("rb") as stream:
        if stream.read(len(MAGIC)) == MAGIC:
            for event in events_of(stream, path.name):
                if event.kind == GTID_LIST:
                    return _numbers(event)
                if event.kind != FORMAT:
                    break
    return {}


def _ours(db: str, statement: bytes) -> set[str]:
    """Return the databases that a statement shows to be ours: the definer gets rights or routines there."""
    names = {name.decode().replace("\\_", "_") for name in GRANTED.findall(statement)}
    if statement.startswith(b"CREATE") and DEFINER_NAME.encode() in statement and db not in OF_MARIADB:
        names.add(db)
    return {name for name in names if name and not name.startswith(SCRATCH)}


def clock(time: float) -> str:
    """Return a time in the zone of this machine."""
    return datetime.fromtimestamp(time).astimezone().strftime("%Y-%m-%d %H:%M:%S %Z")
