"""Pages about mails: the outbox where no mail server is set, and the way out of invitation mails."""

from __future__ import annotations

from ipaddress import ip_address
from typing import Any

from aiohttp import web

from service.database import Database, documents
from service.mail import Mailer, render
from service.settings import Settings

SHOWN = 50


class MailPages:
    """`/-/mail/` and `/-/mail/stop/<id>`."""

    def __init__(self, settings: Settings, db: Database, mailer: Mailer) -> None:
        self._settings = settings
        self._db = db
        self._mailer = mailer

    async def outbox(self, request: web.Request) -> web.Response:
        """Mails that would have been sent; on the machine itself only, and without a mail server only."""
        if self._settings.smtp or not _is_local(request):
            raise web.HTTPNotFound
        (found,) = await self._db.call("yp", "mail_list", SHOWN)
        mails = [self._shown(mail) for mail in documents(found)]
        return web.Response(text=render("outbox.html", "en", {"mails": mails}), content_type="text/html")

    def _shown(self, mail: dict[str, Any]) -> dict[str, Any]:
        message = self._mailer.compose(mail)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        return {"subject": message["Subject"], "email": mail["email"], "text": text}

    async def stop(self, request: web.Request) -> web.Response:
        """GET asks, POST does it: a mail program that follows links must not unsubscribe anybody."""
        stopped = request.method == "POST"
        if stopped:
            ((known,),) = (await self._db.call("yp", "mail_stop", request.match_info["mail"]))[0]
            if not known:
                raise web.HTTPNotFound
        lang = request.headers.get("Accept-Language", "en")[:2]
        page = render("stop.html", lang if lang.isalpha() else "en", {"stopped": stopped, "lang": lang})
        return web.Response(text=page, content_type="text/html")


def _is_local(request: web.Request) -> bool:
    """Whether the visitor sits at this machine; behind a proxy nobody does."""
    if any(name in request.headers for name in ("X-Forwarded-For", "Forwarded", "Via")):
        return False
    try:
        return ip_address(request.remote or "").is_loopback
    except ValueError:
        return False
