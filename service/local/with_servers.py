"""Run work against the configured servers, or against the private ones."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import TYPE_CHECKING

from service.errors import CommandError

if TYPE_CHECKING:
    from service.settings import Settings

    Work = Callable[[Settings], int]


def with_stack(work: Work) -> int:
    """Run `work` against the servers of the settings, or the private ones of the run directory.

    Return its exit status. CommandError says why it failed, or that the user interrupted it.
    """
    import pymysql

    from service.local.stack import ensure_stack_env
    from service.settings import Settings
    from service.store.denials import explain

    try:
        with ensure_stack_env() as env:
            return work(Settings.from_env({**os.environ, **env}))
    except pymysql.err.MySQLError as exc:
        raise CommandError(f"MariaDB refused: {explain(exc)}") from exc
    except KeyboardInterrupt:
        raise CommandError("interrupted; the same command again goes on from here") from None
