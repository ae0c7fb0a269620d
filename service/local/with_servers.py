"""Run work against the configured servers, or against the private ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.errors import CommandError
from service.local.ending import is_ending

if TYPE_CHECKING:
    from service.settings import Settings

    Work = Callable[[Settings], int]


GOES_ON = "the same command again goes on from here"
UNCHANGED = "nothing was changed"


def with_stack(work: Work, after_interruption: str = GOES_ON) -> int:
    """Run `work` against the servers of the settings, or the private ones of the run directory.

    Return its exit status. CommandError says why it failed, or that a signal interrupted it, and then
    `after_interruption`: the state that it has left, and the next command.
    """
    import pymysql

    from service.local.stack import ensure_stack_env
    from service.settings import Settings
    from service.store.denials import explain
    from service.store.server_errors import ends_connection

    try:
        with ensure_stack_env() as env:
            return work(Settings.from_env({**os.environ, **env}))
    except KeyboardInterrupt:
        raise CommandError(f"interrupted; {after_interruption}") from None
    except pymysql.err.MySQLError as exc:
        if is_ending():  # the clean-up has lost its connection
            raise CommandError(f"interrupted; {after_interruption}") from exc
        if ends_connection(exc):
            raise CommandError(
                f"MariaDB does not answer any more: {explain(exc)}; {after_interruption}"
            ) from exc
        raise CommandError(f"MariaDB refused: {explain(exc)}") from exc
