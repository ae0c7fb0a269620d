"""The report of an import: its row in the shard, the frames about it, and its end.

docs/decisions/import-reports.md explains states and counts.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

import orjson

from service.background import end
from service.errors import DatabaseUnavailableError, Refused, RequestError
from service.live.phone_numbers import region_for
from service.live.push import live_update
from service.log import kind_of
from service.runtime.context import Context, Download
from service.store.changes import Signature, change_set, new_change_set, sign_as, signature
from service.store.database import Transaction, document, documents, encode

log = logging.getLogger(__name__)

BEAT_SECONDS = 5.0
"""Between two signs of life. After a minute without one, an import counts as interrupted."""
FRAME_SECONDS = 0.5
"""Between two frames about the progress."""
END_SECONDS = 5.0
"""For the end of an import that failed, so that its error is not held up."""
PAGE_ENTRIES = 100
"""Entries of each kind in a report; the rest comes in pages."""
PAGE = 200
"""Texts in one CALL."""
MEDIA_TYPES = {"vcf": "text/vcard", "csv": "text/csv", "list": "application/json"}
EXTENSIONS = {"vcf": "vcf", "csv": "csv", "list": "json"}
BOM = "\ufeff"
"""Excel reads a table as UTF-8 only with it."""
ENDED = "IMPORT_ENDED"


@dataclass(frozen=True)
class LoadOptions:
    """How an import is done."""

    update: str = "skip"
    """For known contacts: add, replace or skip."""
    api: str = "rpc"
    filename: str = ""
    charset: str = ""
    import_id: str = ""
    """16 hexadecimal digits, chosen by a caller that may have to cancel the import."""


class ImportReport:
    """The report of an import that runs."""

    def __init__(self, ctx: Context, kind: str, options: LoadOptions) -> None:
        self.id = options.import_id or new_change_set()
        self._ctx = ctx
        self._kind = kind
        self._options = options
        self.phone_region = ctx.settings.phone_region
        """Country of the person's numbers without a country code; known when the import runs."""
        self._last_frame = 0.0

    async def run(self, work: Coroutine[Any, Any, None]) -> dict[str, Any]:
        """Do the work of the import; return its report. One that was ended by somebody returns it, too."""
        try:
            await self._begin()
        except BaseException:
            work.close()
            raise
        if signature.get() == Signature():
            sign_as(self._ctx.caller.uid, self._options.api)  # no request: a command of the shell
        try:
            with change_set(self.id):
                await self._while_it_lives(work)
        except BaseException as exc:
            if not (isinstance(exc, Refused) and exc.code == ENDED):
                await self._fail(exc)
                raise
        await self._end("done", None)
        return await read(self._ctx, self.id)

    async def describe(self, details: dict[str, Any], head: str | None = None) -> None:
        """Note how the file is read."""
        counts = {"details": details, **({} if head is None else {"head": head})}
        await self._ctx.shard("import_report_write", self.id, encode(counts), "[]")

    async def write(self, tx: Transaction, counts: dict[str, Any], entries: list[dict[str, Any]]) -> None:
        """Add counts and entries, and commit; Refused when somebody has ended the import."""
        caller = self._ctx.caller
        texts = encode(counts), encode(entries)
        await tx.call_and_commit(caller.db or "", "import_report_write", caller.uid, self.id, *texts)

    async def push(self) -> None:
        """Tell the person's tabs how far the import is, unless they have just been told."""
        if time.monotonic() - self._last_frame >= FRAME_SECONDS:
            (report_rows, *_) = await self._ctx.shard("import_report_get", self.id, 0)
            await self._push(document(report_rows))

    async def _begin(self) -> None:
        options = self._options
        fields = {"api": options.api, "kind": self._kind, "update": options.update}
        fields["filename"] = options.filename
        (((chosen, own_number),),) = await self._ctx.shard("import_report_add", self.id, encode(fields))
        self.phone_region = region_for(chosen, own_number, self.phone_region)
        await self.push()

    async def _while_it_lives(self, work: Coroutine[Any, Any, None]) -> None:
        """Do the work, until it is done or somebody ends the import."""
        task = asyncio.create_task(work)
        try:
            while not (await asyncio.wait({task}, timeout=BEAT_SECONDS))[0]:
                await self._ctx.shard("import_report_write", self.id, "{}", "[]")
            await task
        finally:
            await end(task)

    async def _fail(self, exc: BaseException) -> None:
        """End the report of an import that raised an error, which the caller raises again."""
        try:
            async with asyncio.timeout(END_SECONDS):
                await asyncio.shield(asyncio.ensure_future(self._end("failed", reason_of(exc))))
        except Exception as failure:
            # Without an end, it counts as interrupted after a minute.
            log.warning("the report of an import was not ended", extra={"error": kind_of(failure)})

    async def _end(self, state: str, reason: str | None) -> None:
        (report_rows,) = await self._ctx.shard("import_report_end", self.id, state, reason)
        await self._push(document(report_rows))

    async def _push(self, report: dict[str, Any]) -> None:
        self._last_frame = time.monotonic()
        await push_progress(self._ctx, report)


FRAME_FIELDS = (
    *("import_id", "state", "percent", "total", "loaded", "updated"),
    *("alreadyincontact", "noemail", "rejected_count"),
)


async def push_progress(ctx: Context, report: dict[str, Any]) -> None:
    """Send all tabs of the person a frame about an import."""
    (socket_rows,) = await ctx.yp("user_sockets", ctx.caller.uid, None)
    model = {name: report[name] for name in FRAME_FIELDS}
    ctx.pusher.send(socket_rows, live_update("contact.import_progress", model))


def reason_of(exc: BaseException) -> str:
    """Return the word that a report says about an error."""
    if isinstance(exc, asyncio.CancelledError | TimeoutError):
        return "timeout"
    if isinstance(exc, DatabaseUnavailableError):
        return "database"
    if isinstance(exc, RequestError | Refused):
        return exc.code
    return "error"


async def read(ctx: Context, import_id: str) -> dict[str, Any]:
    """Return a report with its first entries, those that were rejected and those that were known."""
    report_rows, *entry_rows = await ctx.shard("import_report_get", import_id, PAGE_ENTRIES)
    report: dict[str, Any] = document(report_rows)
    rejected, known, incomplete = map(documents, entry_rows)
    losses = [
        {"line": entry["line"], "name": entry["name"], "reason": reason}
        for entry in incomplete
        for reason in entry["losses"]
    ]
    return report | {"rejected": rejected, "known": known, "incomplete": losses[:PAGE_ENTRIES]}


async def entries(ctx: Context, import_id: str, rejected: int, after: int) -> list[Any]:
    """Return a page of the contacts that an import rejected, or else knew, after a position."""
    await ctx.shard("import_report_get", import_id, 0)
    (entry_rows,) = await ctx.shard("import_entries", import_id, rejected, after, PAGE_ENTRIES)
    return documents(entry_rows)


async def cancel(ctx: Context, import_id: str) -> dict[str, Any]:
    """End an import that runs; return its report. One that has ended stays as it is."""
    ((row,),) = await ctx.shard("import_report_end", import_id, "cancelled", None)
    report: dict[str, Any] = orjson.loads(row[0])
    if row[1]:
        await push_progress(ctx, report)
    return report


async def rejected_file(ctx: Context, import_id: str) -> Download:
    """Return the rejected cards or rows as a file that can be mended and loaded."""
    ((kind, head),), rows = await ctx.shard("import_rejected", import_id, 0, PAGE)
    name = f"rejected-{import_id}.{EXTENSIONS[kind]}"
    return Download(name, MEDIA_TYPES[kind], _texts(ctx, import_id, kind, head, rows))


async def _texts(ctx: Context, import_id: str, kind: str, head: str, rows: list[Any]) -> AsyncIterator[bytes]:
    """Yield the file in pieces."""
    opening, between, closing = ("[", ",\n", "]\n") if kind == "list" else ("", "", "")
    yield (BOM + _line(head) if kind == "csv" else opening).encode()
    is_first = True
    while rows:
        for _, text in rows:
            yield ("" if is_first else between).encode() + (text if between else _line(text)).encode()
            is_first = False
        _, rows = await ctx.shard("import_rejected", import_id, rows[-1][0], PAGE)
    yield closing.encode()


def _line(text: str) -> str:
    """Return a text that ends with the end of a line."""
    return text if not text or text.endswith(("\n", "\r")) else f"{text}\r\n"
