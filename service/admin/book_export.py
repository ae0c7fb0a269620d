"""Write the address book of a user to a file, from the shell."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import BinaryIO

import typer

from service.admin.acting import FAILURES, acting_as, caller_of, why
from service.admin.progress_bar import progress_bar
from service.admin.registry import Registry
from service.admin.signals import on_signals
from service.auth.session import Caller
from service.contacts.exporting import BOXES, ExportOptions, export_file
from service.errors import CommandError
from service.local.whole_file import whole_file
from service.settings import Settings


def write(settings: Settings, path: Path, who: str, options: ExportOptions, *, force: bool) -> int:
    """Write the address book of a user to a file that nobody else can read; return the exit status."""
    if path.is_dir():
        raise CommandError(f"F={path} is a folder: name a file")
    _check_absent(path, force=force)
    registry = Registry(settings)
    caller = caller_of(registry, who)
    count = registry.count_contacts(caller.db or "", caller.uid, BOXES[options.option])
    with progress_bar(f"writing {path.name}", count) as bar:
        asyncio.run(
            complete_or_none(
                path, lambda file: _write_chunks(settings, caller, file, options, bar), force=force
            )
        )
    typer.echo(f"{path}: {count} contacts of {caller.email}, {path.stat().st_size} bytes")
    return 0


def _check_absent(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise CommandError(f"F={path} exists; FORCE=1 writes over it")


async def complete_or_none(
    path: Path, write_to: Callable[[BinaryIO], Awaitable[None]], *, force: bool
) -> None:
    """Write a file under another name beside `path`; it gets this name when it is complete.

    Ctrl-C and SIGTERM end the work, and nothing is left. CommandError then, and when `path` exists.
    """

    async def work() -> None:
        with whole_file(path) as file:
            await write_to(file)
            _check_absent(path, force=force)

    writing = asyncio.ensure_future(work())
    with on_signals(writing.cancel):
        try:
            await writing
        except asyncio.CancelledError:
            raise CommandError("interrupted; nothing is written") from None


async def _write_chunks(
    settings: Settings, caller: Caller, file: BinaryIO, options: ExportOptions, bar: Callable[[int], None]
) -> None:
    done = 0

    def progress(contacts: int) -> None:
        nonlocal done
        done += contacts
        bar(done)

    async with acting_as(settings, caller, "contact.export_all") as ctx:
        try:
            async for chunk in export_file(ctx, options, progress).chunks:
                await asyncio.to_thread(file.write, chunk)
        except FAILURES as exc:
            raise CommandError(f"nothing is written: {why(exc)}") from exc
