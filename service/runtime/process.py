"""The objects that all requests of a process share, independent of the API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web
from cachetools import LRUCache

from service.auth import devices
from service.auth.app_passwords import AppPasswords
from service.auth.guests import GuestLimits
from service.auth.one_packet import MOST_ANSWERS, GateArgs, Guess
from service.auth.secret import SigningSecret
from service.auth.session import Caller
from service.auth.sign_in import Passwords
from service.live.call_log import CallLog
from service.live.calls import RingTimeouts
from service.live.resources import Resources
from service.mail.outbox import Mailer
from service.runtime.context import Context
from service.runtime.page_positions import PagePositions
from service.store.database import RoutineCaller
from service.web.address import client_address
from service.web.ratelimit import RateLimit
from service.web.request import from_frontend, page_host


class Process:
    """The database, the pushes, the limits and the background work of this process."""

    def __init__(
        self,
        resources: Resources,
        call_log: CallLog,
        ring_timeouts: RingTimeouts,
        mailer: Mailer,
        service_names: Sequence[str],
    ) -> None:
        self.settings, self.db, self.pusher = resources.settings, resources.db, resources.pusher
        self.presence, self.background = resources.presence, resources.background
        self.loops, self.shares = resources.loops, resources.shares
        self.call_log, self.ring_timeouts = call_log, ring_timeouts
        self.mailer = mailer
        self.service_names = sorted(service_names)
        self.nodes = resources.nodes
        self.page_positions = PagePositions()
        self.guests = GuestLimits(self.settings, self.pusher.redis)
        self.secret = SigningSecret(self.db)
        self.passwords = Passwords(self.settings, self.db, self.pusher.redis)
        self.app_passwords = AppPasswords(self.settings, self.db, self.pusher.redis, self.background)
        self.limit = RateLimit(self.settings.rate_limit)
        self.gate_answers: LRUCache[GateArgs, Guess] = LRUCache(MOST_ANSWERS)
        """The last answers of the gate."""

    def make_context(
        self, request: web.Request, service: str, args: dict[str, Any], caller: Caller, db: RoutineCaller
    ) -> Context:
        """Return the context of a handler; `service` is the name of its pushes."""
        return self._context(
            service,
            args,
            caller,
            db,
            host=page_host(request),
            address=client_address(request, self.settings),
            device_cookie=request.cookies.get(devices.COOKIE, ""),
            user_agent=_plain(request.headers.get("User-Agent", ""))[:255],
            from_frontend=from_frontend(request),
        )

    def context_of_command(self, service: str, caller: Caller) -> Context:
        """Return the context of a command of the shell, which acts for a user without a request."""
        return self._context(
            service,
            {},
            caller,
            self.db,
            host="",
            address="",
            device_cookie="",
            user_agent="",
            from_frontend=False,
        )

    def _context(
        self, service: str, args: dict[str, Any], caller: Caller, db: RoutineCaller, **origin: Any
    ) -> Context:
        """Return a context; `origin` has the fields that a request fills."""
        return Context(
            settings=self.settings,
            db=db,
            pusher=self.pusher,
            presence=self.presence,
            call_log=self.call_log,
            ring_timeouts=self.ring_timeouts,
            nodes=self.nodes,
            passwords=self.passwords,
            guests=self.guests,
            secret=self.secret,
            mailer=self.mailer,
            loops=self.loops,
            page_positions=self.page_positions,
            service=service,
            service_names=self.service_names,
            args=args,
            caller=caller,
            sid=None,
            received_us=time.time_ns() // 1000,
            **origin,
        )


def _plain(text: str) -> str:
    """Return a header's text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()
