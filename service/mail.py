"""Invitation mails: written to the outbox with the invitation, sent after the commit, tried again on failure.

The process that answers the request sends first, so that the answer can tell whether it worked. Whatever is
left in the outbox (the mail server was away, the process died) any process sends later.
"""

from __future__ import annotations

import asyncio
import logging
import re
import secrets
import time
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime, localtime
from functools import cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
from jinja2 import Environment, FileSystemLoader, select_autoescape

from service.database import Database, ResultSet, documents
from service.errors import DatabaseTimeoutError, DatabaseUnavailableError
from service.settings import Settings
from service.tasks import Background, end
from service.texts import texts

log = logging.getLogger(__name__)

TEMPLATES = Path(__file__).with_name("templates") / "mail"
POLL_SECONDS = 5.0
SEND_SECONDS = 8.0
"""A mail server that takes longer is as good as away; the outbox tries again."""
BATCH = 10
LEASE_SECONDS = 120
BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")

Mail = dict[str, Any]
"""id, email, template, lang, data: as `mail_claim` and `contact_invite_open` return it."""


class Mailer:
    """Renders and sends the mails of the outbox."""

    def __init__(self, settings: Settings, db: Database, background: Background) -> None:
        self._settings = settings
        self._db = db
        self._background = background
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        """Send what the outbox holds, from now on; without a mail server nothing is sent."""
        if self._settings.smtp:
            self._task = asyncio.create_task(self._send_forever(), name="mail")

    async def stop(self) -> None:
        """Stop sending; what was claimed and not sent is for others, when the lease ends."""
        await end(self._task)

    async def deliver(self, mail: Mail) -> bool:
        """Send a mail whose transaction was committed; False when it will have to be tried again."""
        if not self._settings.smtp:
            return True
        error = await self._send(mail)
        if error:
            self._background.start(self._db.call("yp", "mail_failed", mail["id"], error))
        else:
            self._background.start(self._db.call("yp", "mail_sent", mail["id"]))
        return not error

    def compose(self, mail: Mail) -> EmailMessage:
        """The message, as text and HTML, in the language of the recipient."""
        base = self._settings.base_url
        lang = (mail["lang"] or "en")[:2]
        data = mail["data"]
        secret = data.get("secret")
        stop = f"{base}/-/mail/stop/{mail['id']}"
        subject = texts(lang).gettext("%(inviter)s invites you to stay in contact") % data
        values = {
            **data,
            "lang": lang,
            "subject": subject,
            "link": f"{base}/#/welcome/invitation/{secret}" if secret else f"{base}/",
            "stop": stop,
        }
        message = EmailMessage(policy=SMTP)
        # the library refuses line breaks in headers; what people call themselves must not stop the mail
        message["Subject"] = _one_line(subject)
        message["From"] = self._settings.mail_from
        message["To"] = mail["email"]
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{mail['id']}@{self._settings.public_host or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        message["List-Unsubscribe"] = f"<{stop}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(render(f"{mail['template']}.txt", lang, values))
        message.add_alternative(render(f"{mail['template']}.html", lang, values), subtype="html")
        return message

    async def _send(self, mail: Mail) -> str:
        """Why it could not be sent, or ''."""
        server = urlsplit(self._settings.smtp)
        try:
            await asyncio.wait_for(
                aiosmtplib.send(
                    self.compose(mail),
                    hostname=server.hostname,
                    port=server.port,
                    username=unquote(server.username) if server.username else None,
                    password=unquote(server.password) if server.password else None,
                    use_tls=server.scheme == "smtps",
                    timeout=SEND_SECONDS,
                ),
                SEND_SECONDS,
            )
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as exc:
            # the address and what the server said about it stay out of the log
            log.warning("mail not sent", extra={"mail": mail["id"], "error": type(exc).__name__})
            return f"{type(exc).__name__}: {exc}"[:255]
        return ""

    async def _send_forever(self) -> None:
        while True:
            try:
                sent = await self._send_due()
            except (DatabaseUnavailableError, DatabaseTimeoutError) as exc:
                log.warning("outbox not read", extra={"error": str(exc)})
                sent = 0
            except Exception:
                # one bad mail must not end the sending of all others
                log.exception("outbox failed")
                sent = 0
            if sent < BATCH:
                await asyncio.sleep(POLL_SECONDS)

    async def _send_due(self) -> int:
        """Send a batch; how many it was."""
        claim = secrets.token_hex(8)
        (found,) = await self._db.call("yp", "mail_claim", claim, BATCH, LEASE_SECONDS)
        mails = documents(found)
        await asyncio.gather(*(self.deliver(mail) for mail in mails))
        return len(mails)


def stuck_table(found: ResultSet) -> str:
    """What `make mail` prints: one line a mail that was not sent."""
    lines = [
        f"{mail['status']:8} {mail['attempts']:3} tries  next "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(mail['next_try']))}  {mail['email']}  "
        f"{mail['last_error']}"
        for mail in documents(found)
    ]
    return "\n".join(lines) or "Nothing is stuck."


def render(name: str, lang: str, values: dict[str, Any]) -> str:
    """A template of templates/mail, in a language."""
    return _environment(lang).get_template(name).render(values)


@cache
def _environment(lang: str) -> Environment:
    # the texts are written plainly in .txt; everything people typed is escaped in .html
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=select_autoescape(["html"]),
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.install_gettext_translations(texts(lang), newstyle=True)  # type: ignore[attr-defined]
    return environment


def _one_line(text: str) -> str:
    return BLANKS.sub(" ", text).strip()[:200]
