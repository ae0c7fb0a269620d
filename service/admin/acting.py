"""Act for a user as an administrator: no request, no password."""

from __future__ import annotations

import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import typer

from service.admin.registry import Registry
from service.app import command_process
from service.auth.session import Caller, parse_caller
from service.contacts.import_report import reason_of
from service.errors import (
    CommandError,
    DatabaseTimeoutError,
    DatabaseUnavailableError,
    EntityMovingError,
    Refused,
    RequestError,
)
from service.live.push import PUSHES_LOST
from service.runtime.context import Context, run_after_commit
from service.settings import Settings

FAILURES = (RequestError, Refused, DatabaseUnavailableError, DatabaseTimeoutError, RuntimeError)
"""How the work of a command fails."""


def caller_of(registry: Registry, who: str) -> Caller:
    """Return a user by email or uid."""
    data = registry.caller_card(who)
    if data is None:
        raise CommandError(f"USER={who} is no user with an active account: give an email or uid")
    try:
        return parse_caller(data)
    except EntityMovingError:
        raise CommandError(f"{who} is being moved to another shard; try again in a minute") from None


class _CommandLog(logging.Handler):
    """Keeps the log of a process away from the terminal; counts the pushes that Redis has not taken."""

    lost_pushes = 0

    def emit(self, record: logging.LogRecord) -> None:
        """Count the pushes of a record; the command itself says how its own work has failed."""
        self.lost_pushes += vars(record).get("count", 0) if record.getMessage() == PUSHES_LOST else 0


@contextmanager
def _without_log() -> Iterator[None]:
    """Say at the end, in a sentence, when live updates were lost."""
    logger, handler = logging.getLogger("service"), _CommandLog()
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        if handler.lost_pushes:
            typer.echo(
                "no Redis answers at DRUMEE_REDIS: open tabs show the change when they are loaded again",
                err=True,
            )


@asynccontextmanager
async def acting_as(settings: Settings, caller: Caller, service: str) -> AsyncIterator[Context]:
    """Yield a context in which a user acts; what it pushes is sent at the end."""
    with _without_log():
        async with command_process(settings) as process:
            ctx = process.context_of_command(service, caller)
            try:
                yield ctx
            finally:
                run_after_commit(ctx)


def why(exc: Exception) -> str:
    """Return the reason of a failure."""
    if isinstance(exc, DatabaseUnavailableError):
        return "no database takes it: the server is away, or it only reads; try the same command later"
    return exc.reason if isinstance(exc, RequestError) else reason_of(exc)
