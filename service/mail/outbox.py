"""Send invitation mails: stored in the outbox with the invitation, sent after the commit, retried on failure.

The process that answers the request tries first, so that the answer can report a failure. Any process sends
what remains in the outbox (the mail server was down, the process died).
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
from typing import Any
from urllib.parse import unquote, urlsplit

import aiosmtplib
from jinja2 import Environment, FileSystemLoader, select_autoescape

from service import PACKAGE
from service.background import Background
from service.loops import Loop, Loops
from service.mail.calendar import calendar_file
from service.mail.links import mail_link, refusal_link
from service.mail.translations import texts
from service.settings import Settings
from service.store.database import Database, ResultSet, documents
from service.web.deadline import own_limit

log = logging.getLogger(__name__)

TEMPLATES = (PACKAGE / "templates" / "mail", PACKAGE / "templates" / "pages")
POLL_SECONDS = 5.0
ROUND_SECONDS = 10.0
"""Longest round of the loop: one batch to a mail server that does not answer."""
SEND_SECONDS = 8.0
"""Limit for one mail; the outbox retries it later."""
BATCH = 10
LEASE_SECONDS = 120
BLANKS = re.compile(r"[\s\x00-\x1f\x7f]+")

SUBJECTS = {
    "invite_stranger": "%(inviter)s invites you to stay in contact",
    "invite_member": "%(inviter)s invites you to stay in contact",
    "invite_meeting": "%(inviter)s invites you to a meeting",
    "change_meeting": "%(inviter)s has changed a meeting",
    "cancel_meeting": "%(inviter)s has cancelled a meeting",
    "confirm": "Your new account",
    "new_password": "Your new password",
    "webhook_failed": "Your webhook is paused",
}
"""By template, and by the kind of news about a meeting; untranslated."""

Mail = dict[str, Any]
"""id, email, template, lang, data: as `mail_claim` and `contact_invite_open` return it."""


class Mailer:
    """Renders and sends the mails of the outbox."""

    def __init__(self, settings: Settings, db: Database, background: Background, loops: Loops) -> None:
        self._settings = settings
        self._db = db
        self._background = background
        self._loops = loops
        self._loop: Loop | None = None

    def start(self) -> None:
        """Start to send the mails of the outbox; without a mail server in the settings, do nothing."""
        if self._settings.smtp:
            self._loop = self._loops.add(Loop("mail", self._send_due, every=ROUND_SECONDS))

    async def stop(self) -> None:
        """Stop sending. Other processes send the claimed mails once the lease ends."""
        await self._loops.stop(self._loop)

    async def deliver(self, mail: Mail) -> bool:
        """Send a mail whose transaction is committed; return False when it must be retried later."""
        if not self._settings.smtp:
            return True
        with own_limit(SEND_SECONDS + 1):
            return await self._send_and_record(mail)

    def deliver_later(self, mail: Mail) -> None:
        """Send a mail in the background; a failure is retried like any other."""
        if self._settings.smtp:
            self._background.start(self._send_and_record(mail))

    def compose(self, mail: Mail) -> EmailMessage:
        """Return the message, as text and HTML, in the language of the recipient."""
        lang = (mail["lang"] or "en")[:2]
        data, template = mail["data"], mail["template"]
        topic = f"{data['kind']}_meeting" if "kind" in data else template
        subject = texts(lang).gettext(SUBJECTS[topic]) % data
        unsubscribe_url = f"{self._settings.base_url}/-/mail/stop/{mail['id']}"
        values = {
            **data,
            "lang": lang,
            "subject": subject,
            "link": mail_link(self._settings, template, data),
            "refuse": refusal_link(self._settings, template, data),
            "stop": unsubscribe_url,
            "site": self._settings.public_host,
        }
        message = EmailMessage(policy=SMTP)
        # The library refuses line breaks in headers, and a user name may contain them.
        message["Subject"] = _one_line(subject)
        message["From"] = self._settings.mail_from
        message["To"] = mail["email"]
        message["Date"] = format_datetime(localtime())
        message["Message-ID"] = f"<{mail['id']}@{self._settings.public_host or 'localhost'}>"
        message["Auto-Submitted"] = "auto-generated"
        if template.startswith("invite"):
            message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
            message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
        message.set_content(render(f"{template}.txt", lang, values))
        message.add_alternative(render(f"{template}.html", lang, values), subtype="html")
        if template == "invite_meeting" and (calendar := calendar_file(data, mail["email"])):
            message.add_attachment(
                calendar.content,
                maintype="text",
                subtype="calendar",
                filename="meeting.ics",
                params={"method": calendar.method, "charset": "utf-8"},
            )
        return message

    async def _send_and_record(self, mail: Mail) -> bool:
        error = await self._send(mail)
        if error:
            self._background.start(self._db.call("yp", "mail_failed", mail["id"], error))
        else:
            self._background.start(self._db.call("yp", "mail_sent", mail["id"]))
        return not error

    async def _send(self, mail: Mail) -> str:
        """Send a mail; return the error, at most 255 characters, or ""."""
        server = urlsplit(self._settings.smtp)
        try:
            async with asyncio.timeout(SEND_SECONDS):
                await aiosmtplib.send(
                    self.compose(mail),
                    hostname=server.hostname,
                    port=server.port,
                    username=unquote(server.username) if server.username else None,
                    password=unquote(server.password) if server.password else None,
                    use_tls=server.scheme == "smtps",
                    timeout=SEND_SECONDS,
                )
        except (aiosmtplib.SMTPException, OSError, TimeoutError, ValueError) as exc:
            # Neither the address nor the reply of the server, which may contain it, belongs in the log.
            log.warning("mail not sent", extra={"mail": mail["id"], "error": type(exc).__name__})
            return f"{type(exc).__name__}: {exc}"[:255]
        except Exception as exc:
            # A mail that cannot be rendered must count as a failed attempt, and must not stop the batch.
            log.exception("mail not composed", extra={"mail": mail["id"]})
            return f"{type(exc).__name__}: {exc}"[:255]
        return ""

    async def _send_due(self) -> float:
        """Send a batch; return the pause until the next one, in seconds."""
        claim = secrets.token_hex(8)
        (mail_rows,) = await self._db.call("yp", "mail_claim", claim, BATCH, LEASE_SECONDS)
        mails = documents(mail_rows)
        await asyncio.gather(*(self.deliver(mail) for mail in mails))
        return POLL_SECONDS if len(mails) < BATCH else 0.0


def unsent_table(mail_rows: ResultSet) -> str:
    """Return the table that `make mail` prints: one line per unsent mail."""
    lines = [
        f"{mail['status']:8} {mail['attempts']:3} tries  next "
        f"{time.strftime('%Y-%m-%d %H:%M', time.localtime(mail['next_try']))}  {mail['email']}  "
        f"{mail['last_error']}"
        for mail in documents(mail_rows)
    ]
    return "\n".join(lines) or "Nothing is stuck."


def render(name: str, lang: str, values: dict[str, Any]) -> str:
    """Return a template of templates/mail or templates/pages, rendered in a language."""
    return _environment(lang).get_template(name).render(values)


@cache
def _environment(lang: str) -> Environment:
    # Text stays as it is in .txt; everything that users typed is escaped in .html.
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
    """Return the text on one line, at most 200 characters."""
    return BLANKS.sub(" ", text).strip()[:200]
