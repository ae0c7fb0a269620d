"""Import an address book: a process reads the file, transactions of 100 contacts store it.

Memory holds the contacts of one transaction, independent of the size of the file. An import that was
interrupted can be repeated: contacts that exist already stay as they are.
"""

from __future__ import annotations

import asyncio
import codecs
import re
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any

import orjson

from service import PACKAGE
from service.contacts.encodings import chunks_of
from service.contacts.jcards import is_jcard
from service.contacts.names import name_words, names_agree
from service.contacts.pictures import picture_path
from service.contacts.uploads import StoredFile, receive
from service.errors import RequestError
from service.runtime.context import Context, Upload, in_transaction
from service.store.database import document, encode

BATCH = 100
"""Contacts of one transaction. It takes a fifth of a second, for which other changes of the owner wait."""
BATCH_BYTES = 2_000_000
"""Of their cards and pictures."""
REPORTED = 100
"""Rejected contacts that the answer lists."""
CHUNK_BYTES = 65_536
READERS = asyncio.Semaphore(2)
"""Limits the files that are read at the same time; further imports wait."""
KINDS = {"vcf", "csv"}
FIRST_CARD = re.compile(
    rb"(?:\A|[\r\n])[\0\xef\xbb\xbf \t]*BEGIN[ \t]*:[ \t]*VCARD[ \t\0]*(?:[\r\n]|\Z)", re.IGNORECASE
)
SAMPLE_CHUNKS = 4
"""Pieces of a file, from its start, in which its first card is looked for."""
TEXT_PER_NUL = 50
"""Bytes of a text for each NUL in it: a broken cell of a table may have one."""

Progress = Callable[[int], None]
"""Receives percent, from 0 to 100."""


@dataclass
class Report:
    """The counts of an import, and the contacts that wait for the next transaction."""

    total: int = 0
    loaded: int = 0
    noemail: int = 0
    alreadyincontact: int = 0
    encoding: str = "utf-8"
    """The encoding in which the file was read."""
    rejected: list[dict[str, Any]] = field(default_factory=list)
    columns: dict[str, Any] | None = None
    """Which columns of a table are used, as `Columns.report` says it; None without a table."""
    groups: int = 0
    """Cards of `loaded` that became groups."""
    incomplete: list[dict[str, Any]] = field(default_factory=list)
    """What of the contacts in `loaded` is not stored."""
    batch: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Contacts that are not stored yet, by id."""
    names: dict[str, list[frozenset[str]]] = field(default_factory=dict)
    """The names of the batch (`name_words`), by email address."""
    cards: list[dict[str, Any]] = field(default_factory=list)
    """The cards of contacts of the batch, as `my_contact_import_cards` takes them."""
    size: int = 0
    """Bytes of the batch, about."""

    def add(self, entry: dict[str, Any]) -> None:
        """Count an entry of the reader, and add its contact to the batch if it can be stored."""
        self.total += 1
        line, contact = entry["line"], entry.get("contact")
        if contact is None:
            self.reject(line, entry["error"], entry["name"])
            return
        addresses = {entry["email"] for entry in contact["email"]}
        if not addresses and not contact.keys() & {"uid", "entity"}:
            self.reject_unreachable(line, contact)
        elif self._is_in_batch(addresses, words := name_words(contact)):
            self.alreadyincontact += 1
        else:
            for address in addresses:
                self.names.setdefault(address, []).append(words)
            contact_id = secrets.token_hex(8)
            self.batch[contact_id] = {**contact, "id": contact_id, "line": line}
            self._add_card(contact_id, entry.get("card", {}))
            self._note(line, entry.get("losses", ()), _name(contact))

    def _add_card(self, contact_id: str, card: dict[str, Any]) -> None:
        """Add the card and the picture of a contact to the batch."""
        if digest := card.pop("digest", None):
            self.batch[contact_id]["avatar_path"] = picture_path(contact_id, digest)
        if card:
            self.cards.append({"id": contact_id, **card})
            self.size += len(card.get("card", "")) + len(card.get("picture", ""))

    def _note(self, line: int, reasons: Iterable[str], name: str) -> None:
        """Note what of a contact is not stored."""
        room = REPORTED - len(self.incomplete)
        self.incomplete += [{"line": line, "name": name, "reason": r} for r in islice(reasons, room)]

    @property
    def is_full(self) -> bool:
        """Whether the batch has to be stored before the next contact."""
        return len(self.batch) >= BATCH or self.size > BATCH_BYTES

    def _is_in_batch(self, addresses: set[str], words: frozenset[str]) -> bool:
        """Return whether the batch has a contact with one of the addresses and this name."""
        others = (other for address in addresses for other in self.names.get(address, []))
        return any(names_agree(words, other) for other in others)

    def reject_unreachable(self, line: int, contact: dict[str, Any]) -> None:
        """Count a contact without an address or a registered user."""
        self.noemail += 1
        self.reject(line, "no email address", _name(contact))

    def reject(self, line: int, reason: str, name: str) -> None:
        """Note a contact that is not stored."""
        if len(self.rejected) < REPORTED:
            self.rejected.append({"line": line, "name": name, "reason": reason})

    def answer(self) -> dict[str, Any]:
        """Return the counts and rejected contacts."""
        return {
            "total": self.total,
            "loaded": self.loaded,
            "noemail": self.noemail,
            "alreadyincontact": self.alreadyincontact,
            "encoding": self.encoding,
            "rejected": self.rejected,
            "incomplete": self.incomplete,
            "groups": self.groups,
            **({"columns": self.columns} if self.columns else {}),
        }


def _name(contact: dict[str, Any]) -> str:
    """Return how the answer calls a contact."""
    name = f"{contact.get('firstname', '')} {contact.get('lastname', '')}".strip()
    called: str = contact.get("display_name") or name or contact.get("company") or ""
    return called


def check_kind(kind: str) -> str:
    """Return vcf or csv; RequestError 415 for any other kind."""
    if kind not in KINDS:
        raise RequestError(415, "WRONG_FORMAT", "only vcf and csv can be loaded", protocol=False)
    return kind


def kind_of(path: str) -> str:
    """Return vcf or csv by the start of a file, whatever its name; RequestError 415 when it is no text.

    The Drumee frontend lets through vCards only under a misspelt name (docs/frontend-contract.md#uploads).
    """
    with Path(path).open("rb") as file:
        sample = b"".join(islice(chunks_of(file), SAMPLE_CHUNKS))
    if FIRST_CARD.search(sample) or is_jcard(sample) or not sample.removeprefix(codecs.BOM_UTF8).strip():
        return "vcf"
    if sample.count(0) * TEXT_PER_NUL > len(sample):
        raise RequestError(415, "WRONG_FORMAT", "the file is neither a vCard nor a table", protocol=False)
    return "csv"


async def load_upload(ctx: Context, upload: Upload, progress: Progress, charset: str = "") -> dict[str, Any]:
    """Import the file in the body of the request; return the report."""
    with tempfile.NamedTemporaryFile(prefix="drumee-load-") as spool:
        size = await receive(ctx, upload, spool, ctx.settings.import_limit)
        kind = await asyncio.to_thread(kind_of, spool.name)
        return await _load_file(ctx, spool.name, size, kind, progress, charset)


async def load_stored(
    ctx: Context, stored: StoredFile, progress: Progress, charset: str = ""
) -> dict[str, Any]:
    """Import a file that was uploaded before; return the report. The file stays, for another attempt."""
    path = str(stored.path)
    kind = await asyncio.to_thread(kind_of, path)
    return await _load_file(ctx, path, stored.size, kind, progress, charset)


async def load_text(ctx: Context, content: str, kind: str) -> dict[str, Any]:
    """Import the text of a file; return the report."""
    with tempfile.NamedTemporaryFile(prefix="drumee-load-") as spool:
        data = content.encode()
        spool.write(data)
        spool.flush()
        return await _load_file(ctx, spool.name, len(data), kind, lambda _: None)


async def load_list(
    ctx: Context, contacts: list[dict[str, Any]], origin: str | None = None
) -> dict[str, Any]:
    """Import contacts that are read and cleaned; return the report. `origin`: where they come from."""
    report = Report()
    for line, contact in enumerate(contacts, 1):
        report.add({"line": line, "contact": contact})
        if report.is_full:
            await _store_batch(ctx, report, origin)
    await _store_batch(ctx, report, origin)
    return report.answer()


async def _load_file(
    ctx: Context, path: str, size: int, kind: str, progress: Progress, charset: str = ""
) -> dict[str, Any]:
    """Import a file of `size` bytes; call `progress` after each transaction that changes the percentage."""
    report = Report()
    last_percent = -1
    async with READERS, _reader(path, kind, charset) as lines:
        async for line in lines:
            entry = orjson.loads(line)
            if "encoding" in entry:
                report.encoding = entry["encoding"]
                continue
            if "columns" in entry:
                report.columns = entry["columns"]
                continue
            if "book" in entry and report.total == 0:
                await ctx.shard("my_contact_import_book", encode(entry["book"]))
            if "group" in entry:
                await _store_group(ctx, report, entry, kind)
                continue
            report.add(entry)
            if not report.is_full:
                continue
            await _store_batch(ctx, report, kind)
            percent = min(99, entry["at"] * 100 // max(size, 1))
            if percent > last_percent:
                last_percent = percent
                progress(percent)
    await _store_batch(ctx, report, kind)
    progress(100)
    return report.answer()


async def _store_batch(ctx: Context, report: Report, origin: str | None) -> None:
    """Store the batch of a report in one transaction."""
    if not report.batch:
        return
    contacts, cards = encode(list(report.batch.values())), encode(report.cards)

    async def work(ctx: Context) -> dict[str, Any]:
        (count_rows,) = await ctx.shard("my_contact_import", contacts, origin)
        if report.cards:
            await ctx.shard("my_contact_import_cards", cards)
        counts: dict[str, Any] = document(count_rows)
        return counts

    counts = await in_transaction(ctx, work)
    report.loaded += counts["loaded"]
    report.alreadyincontact += counts["alreadyincontact"]
    by_line = {contact["line"]: contact for contact in report.batch.values()}
    for line in counts["nobody"]:
        report.reject_unreachable(line, by_line[line])
    report.batch.clear()
    report.names.clear()
    report.cards.clear()
    report.size = 0


async def _store_group(ctx: Context, report: Report, entry: dict[str, Any], origin: str) -> None:
    """Store a group of a file, after the contacts that are its members."""
    await _store_batch(ctx, report, origin)
    report.total += 1
    if not entry["group"]["name"]:
        report.reject(entry["line"], "a group without a name", "")
        return
    await ctx.shard("my_contact_import_group", encode(entry["group"]))
    report.loaded += 1
    report.groups += 1


@asynccontextmanager
async def _reader(path: str, kind: str, charset: str = "") -> AsyncIterator[AsyncIterator[bytes]]:
    """Yield the lines of a process that reads the file. The pipe makes it wait while we store contacts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.contacts.reader", path, kind, charset),
        stdout=asyncio.subprocess.PIPE,
        cwd=PACKAGE.parent,
    )
    try:
        assert process.stdout is not None  # noqa: S101  # for mypy: we asked for the pipe
        yield _lines(process.stdout)
        if await process.wait():
            raise RuntimeError("the reader of address books failed")
    finally:
        if process.returncode is None:
            process.kill()
        # asyncio's wait() ends only when the output was read to its end, which nobody does after an error
        await process.communicate()


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Yield lines of any length. StreamReader.readline would need a buffer as big as the longest line."""
    rest = b""
    while chunk := await output.read(CHUNK_BYTES):
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            yield line
