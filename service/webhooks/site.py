"""Webhooks of the site: the file of DRUMEE_WEBHOOKS, and the subscriptions that follow it at each start."""

from __future__ import annotations

import hashlib
import logging
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from marshmallow import RAISE, Schema, ValidationError, fields, validate

from service.settings import Settings, SettingsError
from service.store.database import Database, encode
from service.webhooks import signing
from service.webhooks.addresses import Rules
from service.webhooks.events import PATTERNS

log = logging.getLogger(__name__)

URL_LENGTH = 2048


class SiteWebhook(Schema):
    """One table `[[webhook]]` of the file."""

    class Meta:
        """A key that is misspelt must not go unnoticed."""

        unknown = RAISE

    name = fields.String(
        required=True,
        validate=validate.Regexp(r"\A[a-z0-9-]{1,32}\Z", error="must be 1 to 32 of a-z, 0-9 and -"),
    )
    url = fields.String(required=True, validate=validate.Length(max=URL_LENGTH))
    events = fields.List(
        fields.String(validate=validate.OneOf(PATTERNS, error=f"must be among {' '.join(PATTERNS)}")),
        load_default=["*"],
        validate=validate.Length(min=1, error="must name an event"),
    )
    secret = fields.String(required=True)


def site_webhooks(settings: Settings) -> list[dict[str, Any]]:
    """Return the webhooks of the file: id, name, url, events and secret of each, in its order.

    SettingsError when the file cannot be read or a webhook cannot work: it names the webhook and the reason,
    and never a secret.
    """
    if not settings.webhooks:
        return []
    webhooks: list[dict[str, Any]] = []
    for number, table in enumerate(_tables(settings.webhooks), start=1):
        name = table.get("name")
        problems = list(_problems(table, Rules.of(settings)))
        if name in [webhook["name"] for webhook in webhooks]:
            problems.append("its name stands there twice")
        if problems:
            raise _unusable(settings.webhooks, f"webhook {name or number!r}: {'; '.join(problems)}")
        values = SiteWebhook().load(table)
        webhooks.append({**values, "id": webhook_id(values["name"]), "events": ",".join(values["events"])})
    return webhooks


def webhook_id(name: str) -> str:
    """Return the id of a webhook of the site: its events stay with its name, whatever else changes."""
    return hashlib.sha256(f"site webhook {name}".encode()).hexdigest()[:16]


async def follow_settings(db: Database, settings: Settings) -> None:
    """Subscribe the webhooks of the file, change those that differ, and end those that are gone from it."""
    webhooks = site_webhooks(settings)
    (((changed, ended),),) = await db.call("yp", "webhook_site", encode(webhooks))
    if changed or ended:
        counts = {"webhooks": len(webhooks), "changed": changed, "ended": ended}
        log.info("the webhooks of the site follow the settings", extra=counts)


def _tables(path: str) -> list[dict[str, Any]]:
    """Return the tables of the file, of which none is checked."""
    try:
        content = tomllib.loads(Path(path).read_text(encoding="utf-8"))
    except OSError as exc:
        raise _unusable(path, exc.strerror or "it cannot be read") from None
    except UnicodeDecodeError:
        raise _unusable(path, "it is not UTF-8") from None
    except tomllib.TOMLDecodeError as exc:
        raise _unusable(path, f"it is not TOML: {exc}") from None
    tables = content.pop("webhook", [])
    if content or not isinstance(tables, list) or not all(isinstance(table, dict) for table in tables):
        raise _unusable(path, "it may hold tables [[webhook]] only")
    return tables


def _problems(table: dict[str, Any], rules: Rules) -> Iterator[str]:
    """Yield why a webhook cannot work."""
    try:
        values = SiteWebhook().load(table)
    except ValidationError as exc:
        for key, reasons in exc.messages_dict.items():
            yield f"{key}: {_first(reasons)}"
        return
    if problem := rules.problem(values["url"]):
        yield f"url {problem}"
    if not signing.is_secret(values["secret"]):
        low, high = signing.BYTES
        yield f"secret: must be {signing.PREFIX} and {low} to {high} random bytes in base64"


def _first(reasons: Any) -> str:
    """Return the first sentence of the errors of a field; those of a list stand below its places."""
    while isinstance(reasons, dict | list):
        reasons = next(iter(reasons.values() if isinstance(reasons, dict) else reasons))
    return str(reasons).rstrip(".")


def _unusable(path: str, reason: str) -> SettingsError:
    return SettingsError(f"DRUMEE_WEBHOOKS={path!r}: {reason}")
