"""The objects that all requests of a process share, independent of the API."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

from aiohttp import web

from service.auth import devices
from service.auth.guests import GuestLimits
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
        self.limit = RateLimit(self.settings.rate_limit)

    def make_context(
        self, request: web.Request, service: str, args: dict[str, Any], caller: Caller, db: RoutineCaller
    ) -> Context:
        """Return the context of a handler; `service` is the name of its pushes."""
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
            host=page_host(request),
            address=client_address(request, self.settings),
            device_cookie=request.cookies.get(devices.COOKIE, ""),
            user_agent=_plain(request.headers.get("User-Agent", ""))[:255],
            received_us=time.time_ns() // 1000,
            from_frontend=from_frontend(request),
        )


def _plain(text: str) -> str:
    """Return a header's text as UTF-8 can hold it."""
    return text.encode("utf-8", "replace").decode()
