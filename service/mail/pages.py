"""Web pages about mails: the outbox when no mail server is set, and the page to unsubscribe."""

from __future__ import annotations

from typing import Any

from aiohttp import web

from service.mail.outbox import Mail, Mailer, render
from service.settings import Settings
from service.store.database import Database, documents
from service.web.local import is_local, is_loopback

PAGE_SIZE = 50
"""Newest mails on the page."""


class MailPages:
    """`/-/mail/` and `/-/mail/stop/<id>`."""

    def __init__(self, settings: Settings, db: Database, mailer: Mailer) -> None:
        self._settings = settings
        self._db = db
        self._mailer = mailer

    async def outbox(self, request: web.Request) -> web.Response:
        """Show the mails that were not sent: only without a mail server, and only on this machine.

        They have the secrets of invitations. A proxy need not show itself, so a public site has no such page.
        """
        is_private = is_loopback(self._settings.public_host) and is_local(request)
        if self._settings.smtp or not is_private:
            raise web.HTTPNotFound
        (mail_rows,) = await self._db.call("yp", "mail_list", PAGE_SIZE)
        mails = [self._summary(mail) for mail in documents(mail_rows)]
        return web.Response(text=render("outbox.html", "en", {"mails": mails}), content_type="text/html")

    def _summary(self, mail: Mail) -> dict[str, Any]:
        """Return subject, email and text of a mail, for the template."""
        message = self._mailer.compose(mail)
        body = message.get_body(("plain",))
        text = body.get_content() if body is not None else ""
        return {"subject": message["Subject"], "email": mail["email"], "text": text}

    async def stop(self, request: web.Request) -> web.Response:
        """Ask for confirmation on GET, unsubscribe on POST: some mail programs follow links."""
        stopped = request.method == "POST"
        if stopped:
            ((known,),) = (await self._db.call("yp", "mail_stop", request.match_info["mail"]))[0]
            if not known:
                raise web.HTTPNotFound
        lang = request.headers.get("Accept-Language", "en")[:2]
        values = {"stopped": stopped, "lang": lang, "site": self._settings.public_host}
        page = render("stop.html", lang if lang.isalpha() else "en", values)
        return web.Response(text=page, content_type="text/html")
