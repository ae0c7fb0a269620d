"""Import an address book: a process reads the file, transactions of 200 contacts store it.

The memory of the service holds the contacts of two transactions, independent of the size of the file. So does
that of the process, but for a jCard file, which has a limit of its own (`JCARD_BYTES`). An import that was
interrupted can be repeated: contacts that exist already stay as they are, unless `update` says otherwise.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import re
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager
from itertools import islice
from pathlib import Path
from typing import IO, Any

import orjson

from service import PACKAGE
from service.contacts.derived import derive
from service.contacts.encodings import chunks_of
from service.contacts.import_batch import Batch
from service.contacts.import_report import ImportReport, LoadOptions
from service.contacts.import_store import LAST_PERCENT, ImportStore, Progress
from service.contacts.jcards import is_jcard
from service.contacts.uploads import StoredFile, receive
from service.errors import RequestError
from service.runtime.context import Context, Upload
from service.store.database import encode

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


async def load_upload(
    ctx: Context, upload: Upload, progress: Progress, options: LoadOptions
) -> dict[str, Any]:
    """Import the file in the body of the request; return the report."""
    with tempfile.TemporaryFile() as spool:
        size = await receive(ctx, upload, spool, ctx.settings.import_limit)
        path = _path_of(spool)
        kind = await asyncio.to_thread(kind_of, path)
        return await load_file(ctx, path, size, kind, progress, options)


async def load_stored(
    ctx: Context, stored: StoredFile, progress: Progress, options: LoadOptions
) -> dict[str, Any]:
    """Import a file that was uploaded before; return the report. The file stays, for another attempt."""
    path = str(stored.path)
    kind = await asyncio.to_thread(kind_of, path)
    return await load_file(ctx, path, stored.size, kind, progress, options)


async def load_text(ctx: Context, content: str, kind: str, options: LoadOptions) -> dict[str, Any]:
    """Import the text of a file; return the report."""
    with tempfile.TemporaryFile() as spool:
        data = content.encode()
        spool.write(data)
        spool.flush()
        return await load_file(ctx, _path_of(spool), len(data), kind, lambda _: None, options)


def _path_of(spool: IO[bytes]) -> str:
    """Return a path for the reader of a file without a name, which no killed process leaves behind."""
    return f"/proc/{os.getpid()}/fd/{spool.fileno()}"


async def load_list(
    ctx: Context, contacts: list[dict[str, Any]], options: LoadOptions, origin: str | None = None
) -> dict[str, Any]:
    """Import contacts that are read and cleaned; return the report. `origin`: where they come from."""
    report = ImportReport(ctx, "list", options)
    return await report.run(_store_list(ctx, report, contacts, options, origin))


async def load_file(
    ctx: Context, path: str, size: int, kind: str, progress: Progress, options: LoadOptions
) -> dict[str, Any]:
    """Import a file of `size` bytes; call `progress` after each transaction that changes the percentage."""
    report = ImportReport(ctx, kind, options)
    answer = await report.run(_store_file(ctx, report, path, size, kind, progress, options))
    progress(100)
    return answer


async def _store_list(
    ctx: Context,
    report: ImportReport,
    contacts: list[dict[str, Any]],
    options: LoadOptions,
    origin: str | None,
) -> None:
    await report.describe({"encoding": "utf-8"})
    batch = Batch()
    async with aclosing(ImportStore(ctx, report, options.update, origin, lambda _: None)) as store:
        for line, contact in enumerate(contacts, 1):
            entry = {"line": line, "contact": contact, "source": orjson.dumps(contact).decode()}
            derive(entry, report.phone_region)
            batch.add(entry)
            while batch.is_full:
                batch = await store.write(batch, line * 100 // len(contacts))
        await store.finish(batch)


async def _store_file(
    ctx: Context,
    report: ImportReport,
    path: str,
    size: int,
    kind: str,
    progress: Progress,
    options: LoadOptions,
) -> None:
    """Store the contacts that the reader of a file prints."""
    batch = Batch()
    async with aclosing(ImportStore(ctx, report, options.update, kind, progress)) as store:
        async with READERS, _reader(path, kind, options.charset, report.phone_region) as lines:
            async for line in lines:
                entry = orjson.loads(line)
                if "line" not in entry:
                    head = entry.pop("head", None)
                    await report.describe(entry, head)
                    continue
                if "book" in entry and batch.total == 0:
                    await ctx.shard("my_contact_import_book", encode(entry["book"]))
                if "group" in entry:
                    batch = await store.write_group(batch, entry)
                    continue
                batch.add(entry)
                while batch.is_full:
                    percent = entry["at"] * 100 // max(size, 1)
                    batch = await store.write(batch, min(LAST_PERCENT, percent))
        await store.finish(batch)


@asynccontextmanager
async def _reader(
    path: str, kind: str, charset: str = "", phone_region: str = ""
) -> AsyncIterator[AsyncIterator[bytes]]:
    """Yield the lines of a process that reads the file. The pipe makes it wait while we store contacts."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "service.contacts.reader", path, kind, charset, phone_region),
        stdout=asyncio.subprocess.PIPE,
        cwd=PACKAGE.parent,
        # Ctrl-C in a terminal goes to all processes of the group; the import of the shell ends by itself.
        start_new_session=True,
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
