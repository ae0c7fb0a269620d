"""Load a file into the address book of a user, from the shell."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import typer

from service.admin.acting import FAILURES, acting_as, caller_of, why
from service.admin.progress_bar import progress_bar
from service.admin.registry import Registry
from service.admin.signals import on_signals
from service.auth.session import Caller
from service.contacts import import_report
from service.contacts.import_report import LoadOptions
from service.contacts.importing import kind_of, load_file
from service.errors import CommandError
from service.runtime.context import Context
from service.settings import Settings
from service.store.changes import new_change_set

SAMPLE = 20
"""Contacts of each kind that are printed."""


def load(settings: Settings, path: Path, who: str, update: str, charset: str) -> int:
    """Load a file into the address book of a user, and print the report; return the exit status.

    1 when the load ended early. CommandError when it cannot begin.
    """
    size = _size_of(path, settings.import_limit)
    caller = caller_of(Registry(settings), who)
    options = LoadOptions(update, "shell", path.name, charset, new_change_set())
    return asyncio.run(_load(settings, caller, path, size, options))


def _size_of(path: Path, limit: int) -> int:
    """Return the bytes of a file that can be loaded."""
    if not path.exists():
        raise CommandError(f"F={path}: there is no such file")
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise CommandError(f"F={path} is no file: name a vCard, jCard or CSV file")
    if not status.st_size:
        raise CommandError(f"F={path} is empty")
    if status.st_size > limit:
        raise CommandError(f"F={path} has {status.st_size} bytes; DRUMEE_IMPORT_LIMIT allows {limit}")
    path.open(
        "rb"
    ).close()  # as long as nothing is begun, whoever may not read it gets the error of the system
    return status.st_size


async def _load(settings: Settings, caller: Caller, path: Path, size: int, options: LoadOptions) -> int:
    async with acting_as(settings, caller, "contact.load") as ctx:
        report: dict[str, Any] | None
        try:
            with progress_bar(f"loading {path.name}", 100) as bar:
                report = await _loaded(ctx, path, size, options, bar)
        except FAILURES as exc:
            typer.echo(f"{path.name} is not loaded: {why(exc)}", err=True)
            report = await _report_of(ctx, options.import_id)
    if report is None:
        return 1
    typer.echo("\n".join(report_lines(report)))
    return 0 if report["state"] == "done" else 1


async def _loaded(
    ctx: Context, path: Path, size: int, options: LoadOptions, bar: Callable[[int], None]
) -> dict[str, Any]:
    """Load a file; return its report. Ctrl-C cancels the import, a second one does not wait for its end."""
    kind = await asyncio.to_thread(kind_of, str(path))
    loading = asyncio.ensure_future(load_file(ctx, str(path), size, kind, bar, options))
    ending: set[asyncio.Task[None]] = set()

    def stop() -> None:
        if ending:
            loading.cancel()
        ending.add(asyncio.ensure_future(_cancel(ctx, options.import_id, loading)))

    with on_signals(stop):
        try:
            return await loading
        except asyncio.CancelledError:
            text = f"interrupted; the report of import {options.import_id} says how much is stored, if any"
            raise CommandError(text) from None
        finally:
            await asyncio.gather(*ending)


async def _cancel(ctx: Context, import_id: str, loading: asyncio.Future[Any]) -> None:
    """Cancel an import; one that has not begun, or whose database does not answer, is just left."""
    try:
        await import_report.cancel(ctx, import_id)
    except FAILURES:
        loading.cancel()


async def _report_of(ctx: Context, import_id: str) -> dict[str, Any] | None:
    """Return the report of an import that failed, if it has begun and the database answers."""
    try:
        return await import_report.read(ctx, import_id)
    except FAILURES:
        return None


def report_lines(report: dict[str, Any]) -> list[str]:
    """Return a report for people: counts, what was left out or changed and why, the import id."""
    known = report["alreadyincontact"] - report["updated"]
    counts = f"{report['loaded']} new, {report['updated']} updated, {known} known"
    state = report["state"] + (f" ({report['reason']})" if report["reason"] else "")
    lines = [f"{state}: {report['total']} read, {counts}, {report['rejected_count']} rejected"]
    if "charset_doubt" in report:
        lines.append(f"the encoding, {report['encoding']}, is a guess; CHARSET= names another one")
    lines += _some("rejected", report["rejected"], report["rejected_count"])
    lines += _some("known", report["known"], report["alreadyincontact"])
    lines += _some("not kept whole", report["incomplete"], len(report["incomplete"]))
    return [*lines, f"import {report['import_id']}"]


def _some(title: str, entries: list[dict[str, Any]], count: int) -> list[str]:
    """Return a line for each of the first entries, and how many more there are."""
    lines = [_printable(f"{title}, line {entry['line']}: {_entry_text(entry)}") for entry in entries[:SAMPLE]]
    more = count - len(lines)
    return [*lines, f"{title}: {more} more"] if more > 0 else lines


def _entry_text(entry: dict[str, Any]) -> str:
    """Return the name of a contact, the reason, and what it has got."""
    added = "; ".join(f"{field} {_value_text(value)}" for field, value in entry.get("added", {}).items())
    texts = (entry["name"], entry.get("reason", ""), added and f"added {added}")
    return ": ".join(filter(None, texts))


def _value_text(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key} {_value_text(each)}" for key, each in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _printable(text: str) -> str:
    """Return a text of a file without what a terminal would obey."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
