"""List webhooks for operators, add and drop those of the site, and repeat deliveries."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from service.errors import CommandError
from service.rest.webhooks import new_secret
from service.settings import parse_list
from service.store.database import documents
from service.webhooks.addresses import Rules
from service.webhooks.deliverer import overview_table
from service.webhooks.events import PATTERNS

if TYPE_CHECKING:
    from service.admin.registry import Registry

SITE = ""
"""Owner of the webhooks of the site."""
LISTED = 200


def change_or_list(registry: Registry, repeat: int, url: str, events: str, drop: str) -> str:
    """Do what the options say; without one, return the table of all webhooks."""
    if repeat:
        registry.call("yp", "webhook_repeat", None, None, repeat)
        return f"{repeat} is delivered again"
    if drop:
        ((dropped,),) = registry.call("yp", "webhook_drop", SITE, drop)
        if not dropped:
            raise CommandError(f"DROP={drop} is no webhook of the site")
        return f"{drop} has ended"
    if url:
        return _add(registry, url, parse_list(events))
    return overview_table(documents(registry.call("yp", "webhook_overview", LISTED)))


def _add(registry: Registry, url: str, patterns: list[str]) -> str:
    if problem := Rules.of(registry.settings).problem(url):
        raise CommandError(f"URL={url} {problem}")
    if unknown := sorted(set(patterns) - set(PATTERNS)):
        raise CommandError(f"EVENTS={unknown[0]} is none of {' '.join(PATTERNS)}")
    webhook_id, secret = secrets.token_hex(8), new_secret()
    registry.call("yp", "webhook_add", SITE, webhook_id, url, "", ",".join(patterns), secret, 0)
    return f"{webhook_id} gets {' '.join(patterns)}; its secret is {secret}"
