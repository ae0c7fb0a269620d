"""Loading an address book: a file on its way in, a process that reads it, and transactions of a few hundred.

Whatever its size, of a file there is in memory what one transaction holds. A load that was cut short is begun
again: who is in the address book already is left as he is.
"""

from __future__ import annotations

import asyncio
import secrets
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import orjson

from service import ROOT
from service.context import Context, Upload
from service.database import document
from service.errors import RequestError
from service.uploads import Stored, receive

BATCH = 300
REPORTED = 100
"""Rejected rows that the answer names."""
PIECE = 65_536
AT_ONCE = asyncio.Semaphore(2)
"""Files that one process reads at a time; the others wait."""
KINDS = {".vcf": "vcf", ".csv": "csv"}

Progress = Callable[[int], None]


@dataclass
class Loaded:
    """What became of the contacts of a file."""

    total: int = 0
    loaded: int = 0
    noemail: int = 0
    alreadyincontact: int = 0
    rejected: list[dict[str, Any]] = field(default_factory=list)
    batch: dict[str, dict[str, Any]] = field(default_factory=dict)
    """Contacts not written yet, by id."""
    addresses: set[str] = field(default_factory=set)
    """Of the contacts not written yet."""

    def take(self, line: int, contact: dict[str, Any] | None, error: str) -> None:
        """Count a contact, and keep it for the next transaction if it can be written."""
        self.total += 1
        if contact is None:
            self._reject(line, error)
            return
        addresses = {entry["email"] for entry in contact["email"]}
        if not addresses and not contact.keys() & {"uid", "entity"}:
            self.nobody(line)
        elif addresses & self.addresses:
            self.alreadyincontact += 1
        else:
            self.addresses |= addresses
            new = secrets.token_hex(8)
            self.batch[new] = {**contact, "id": new, "line": line}

    def nobody(self, line: int) -> None:
        """Count a contact that nobody could be reached by."""
        self.noemail += 1
        self._reject(line, "no email address")

    def _reject(self, line: int, reason: str) -> None:
        if len(self.rejected) < REPORTED:
            self.rejected.append({"line": line, "reason": reason})

    def answer(self) -> dict[str, Any]:
        """The result as callers get it."""
        return {
            "total": self.total,
            "loaded": self.loaded,
            "noemail": self.noemail,
            "alreadyincontact": self.alreadyincontact,
            "rejected": self.rejected,
        }


def kind_of(filename: str) -> str:
    """vcf or csv by the name of a file; RequestError 415 for anything else."""
    dot = filename.rfind(".")
    kind = KINDS.get(filename[dot:].lower()) if dot >= 0 else None
    if kind is None:
        raise RequestError(415, "WRONG_FORMAT", "only .csv and .vcf files can be loaded", protocol=False)
    return kind


async def load_upload(ctx: Context, upload: Upload, kind: str, told: Progress) -> dict[str, Any]:
    """Load the file that the request carries."""
    with tempfile.NamedTemporaryFile(prefix="drumee-load-") as spool:
        size = await receive(ctx, upload, spool, ctx.settings.import_limit)
        return await _load_file(ctx, spool.name, size, kind, told)


async def load_stored(ctx: Context, stored: Stored, kind: str, told: Progress) -> dict[str, Any]:
    """Load a file that was uploaded before. It stays, for the case that this is cut short."""
    return await _load_file(ctx, str(stored.path), stored.size, kind, told)


async def load_text(ctx: Context, content: str, kind: str) -> dict[str, Any]:
    """Load a file that came as a parameter."""
    with tempfile.NamedTemporaryFile(prefix="drumee-load-") as spool:
        data = content.encode()
        spool.write(data)
        spool.flush()
        return await _load_file(ctx, spool.name, len(data), kind, lambda _: None)


async def load_list(
    ctx: Context, contacts: list[dict[str, Any]], origin: str | None = None
) -> dict[str, Any]:
    """Load contacts that were read already, and cleaned."""
    found = Loaded()
    for line, contact in enumerate(contacts, 1):
        found.take(line, contact, "")
        if len(found.batch) >= BATCH:
            await _write(ctx, found, origin)
    await _write(ctx, found, origin)
    return found.answer()


async def _load_file(ctx: Context, path: str, size: int, kind: str, told: Progress) -> dict[str, Any]:
    found = Loaded()
    shown = -1
    async with AT_ONCE, _reader(path, kind) as lines:
        async for line in lines:
            entry = orjson.loads(line)
            if "book" in entry and found.total == 0:
                await ctx.mine("my_contact_import_book", orjson.dumps(entry["book"]).decode())
            found.take(entry["line"], entry.get("contact"), entry.get("error", ""))
            if len(found.batch) < BATCH:
                continue
            await _write(ctx, found, kind)
            percent = min(99, entry["at"] * 100 // max(size, 1))
            if percent > shown:
                shown = percent
                told(percent)
    await _write(ctx, found, kind)
    told(100)
    return found.answer()


async def _write(ctx: Context, found: Loaded, origin: str | None) -> None:
    if not found.batch:
        return
    contacts = orjson.dumps(list(found.batch.values())).decode()
    (done,) = await ctx.mine("my_contact_import", contacts, origin)
    counts = document(done)
    found.loaded += counts["loaded"]
    found.alreadyincontact += counts["alreadyincontact"]
    for line in counts["nobody"]:
        found.nobody(line)
    found.batch.clear()
    found.addresses.clear()


@asynccontextmanager
async def _reader(path: str, kind: str) -> AsyncIterator[AsyncIterator[bytes]]:
    """The lines of a process that reads the file; the pipe holds it back while we write."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.importer", path, kind),
        stdout=asyncio.subprocess.PIPE,
        cwd=ROOT,
    )
    try:
        assert process.stdout is not None  # noqa: S101  # for mypy: we asked for the pipe
        yield _lines(process.stdout)
        if await process.wait():
            raise RuntimeError("the reader of address books failed")
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _lines(output: asyncio.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length; a StreamReader that allowed for the longest would fill up with short ones."""
    rest = b""
    while piece := await output.read(PIECE):
        *lines, rest = (rest + piece).split(b"\n")
        for line in lines:
            yield line
