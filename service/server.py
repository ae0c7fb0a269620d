"""Serve with several processes, managed by gunicorn."""

from __future__ import annotations

import asyncio
import gc
import os
import shutil
import sys
from pathlib import Path
from typing import Any

from aiohttp import web
from gunicorn.app.base import BaseApplication
from prometheus_client import multiprocess

from service import log
from service.app import READINESS, make_app
from service.errors import DeclarationError
from service.frontend.build import read_build
from service.rpc.startup_checks import load_services
from service.settings import Settings
from service.store.database import Database
from service.store.health import DATABASE_AWAY, when_database_answers
from service.web.server import Runner
from service.webhooks.site import follow_settings, site_webhooks

GRACE_SECONDS = 20


class Application(BaseApplication):  # type: ignore[misc]  # gunicorn has no types
    """gunicorn with our settings instead of its own configuration files."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        super().__init__()

    def load_config(self) -> None:
        """Set the options of gunicorn, which calls this."""
        options = {
            "bind": f"{self._settings.host}:{self._settings.port}",
            "workers": self._settings.workers,
            "worker_class": f"aiohttp.{_worker_class()}",
            "worker_tmp_dir": "/dev/shm" if Path("/dev/shm").is_dir() else None,  # noqa: S108
            "graceful_timeout": GRACE_SECONDS
            + round(self._settings.drain_seconds + self._settings.successor_seconds),
            "timeout": 60,
            "loglevel": "warning",
            "proc_name": "drumee",
            "post_fork": self._started,
            "child_exit": _ended,
            "on_exit": _remove_metrics,
        }
        for name, value in options.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """Return a factory, which each worker of gunicorn calls on its own event loop."""

        async def factory() -> web.AppRunner:
            app = await when_database_answers(lambda: make_app(self._settings))
            return Runner(app, app[READINESS].leave)

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
    _drop_metrics(worker.pid)


def _drop_metrics(pid: int) -> None:
    """Remove the state of a process that works no more, as when its loops last finished a round."""
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        multiprocess.mark_process_dead(pid)  # type: ignore[no-untyped-call]


def _remove_metrics(_server: Any) -> None:
    shutil.rmtree(os.environ.get("PROMETHEUS_MULTIPROC_DIR", ""), ignore_errors=True)


async def check(settings: Settings) -> None:
    """Check declarations and routines once, before the workers start; webhooks follow the settings.

    DeclarationError when they do not match.
    """
    db = Database(settings)
    try:
        await load_services(db)
        # Here, where one process does it: the workers would wait for each other.
        await follow_settings(db, settings)
    finally:
        await db.close()
        # It probed the database; to the workers, its probes would look late for ever.
        _drop_metrics(os.getpid())


def serve(settings: Settings) -> int:
    """Serve until a signal stops the service; return 2, or raise BuildError, when it cannot start."""
    log.configure(settings.log_level)
    if settings.frontend_dir:
        read_build(settings.frontend_dir)  # Its error would end each worker anew.
    site_webhooks(settings)  # before the database is asked
    try:
        asyncio.run(check(settings))
    except (DeclarationError, *DATABASE_AWAY) as exc:
        print(f"the service does not start:\n{exc}", file=sys.stderr)
        return 2
    # The workers share what is loaded by now: a search for garbage would copy its pages into each of them.
    gc.collect()
    gc.freeze()
    Application(settings).run()
    return 0
