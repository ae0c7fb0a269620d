"""Write the address book of a user to a file, from the shell."""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

import typer

from service.admin.acting import FAILURES, acting_as, caller_of, why
from service.admin.progress_bar import progress_bar
from service.admin.registry import Registry
from service.auth.session import Caller
from service.contacts.exporting import BOXES, ExportOptions, export_file
from service.errors import CommandError
from service.settings import Settings


def write(settings: Settings, path: Path, who: str, options: ExportOptions, *, force: bool) -> int:
    """Write the address book of a user to a file that nobody else can read; return the exit status."""
    if path.is_dir():
        raise CommandError(f"F={path} is a folder: name a file")
    _check_absent(path, force=force)
    registry = Registry(settings)
    caller = caller_of(registry, who)
    count = registry.count_contacts(caller.db or "", caller.uid, BOXES[options.option])
    with _complete_or_none(path, force=force) as file, progress_bar(f"writing {path.name}", count) as bar:
        asyncio.run(_write_chunks(settings, caller, file, options, bar))
    typer.echo(f"{path}: {count} contacts of {caller.email}, {path.stat().st_size} bytes")
    return 0


def _check_absent(path: Path, *, force: bool) -> None:
    if path.exists() and not force:
        raise CommandError(f"F={path} exists; FORCE=1 writes over it")


@contextmanager
def _complete_or_none(path: Path, *, force: bool) -> Iterator[BinaryIO]:
    """Yield a file with another name beside `path`, which gets this name when everything is written.

    SIGTERM ends the work as Ctrl-C does, so that nothing is left.
    """
    # also in the background of a shell, where SIGINT is ignored
    former_int = signal.signal(signal.SIGINT, signal.default_int_handler)
    former_term = signal.signal(signal.SIGTERM, lambda *_: signal.raise_signal(signal.SIGINT))
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)  # mode 0600
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(descriptor)
        _check_absent(path, force=force)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
        signal.signal(signal.SIGTERM, former_term)
        signal.signal(signal.SIGINT, former_int)


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
