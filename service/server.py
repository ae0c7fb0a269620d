"""Serve with several processes, managed by gunicorn."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from gunicorn.app.base import BaseApplication
from prometheus_client import multiprocess

from service import log
from service.acl import DeclarationError, check_routines, load_declarations
from service.app import RUNNER_OPTIONS, make_app
from service.database import Database
from service.errors import DatabaseUnavailableError
from service.floor import load_schema
from service.settings import Settings

GRACE_SECONDS = 20


class Server(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with our settings instead of its own configuration files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Called by gunicorn."""
        options = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "workers": self._settings.workers,
            "worker_class": f"aiohttp.{_worker_class()}",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "graceful_timeout": GRACE_SECONDS,
            "timeout": 60,
            "loglevel": "warning",
            "proc_name": "drumee",
            "post_fork": self._started,
            "child_exit": _ended,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Called by gunicorn in each worker: a factory, so that all is made on the worker's own loop."""

        async def factory() -> web.AppRunner:
            return web.AppRunner(await make_app(self._settings), **RUNNER_OPTIONS)

        return factory

    def _started(self, _server: Any, _worker: Any) -> None:
        log.configure(self._settings.log_level)


def _worker_class() -> str:
    try:
        import uvloop  # noqa: F401
    except ImportError:
        return "GunicornWebWorker"
    return "GunicornUVLoopWebWorker"


def _ended(_server: Any, worker: Any) -> None:
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


async def check(settings: Settings) -> None:
    """What each worker would find wrong, found once."""
    services = load_declarations()
    db = Database(settings)
    try:
        check_routines(services, await load_schema(db))
    finally:
        await db.close()


def serve(settings: Settings) -> int:
    """Run until told to stop; 2 when the service must not start."""
    log.configure(settings.log_level)
    try:
        asyncio.run(check(settings))
    except (DeclarationError, DatabaseUnavailableError) as exc:
        print(f"the service does not start:\n{exc}", file=sys.stderr)
        return 2
    Server(settings).run()
    return 0
