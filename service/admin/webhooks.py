"""List webhooks for operators, resume those of the site, and repeat deliveries."""

from __future__ import annotations

from typing import TYPE_CHECKING

from service.errors import CommandError
from service.store.database import documents
from service.webhooks.deliverer import overview_table
from service.webhooks.site import webhook_id

if TYPE_CHECKING:
    from service.admin.registry import Registry

SITE = ""
"""Owner of the webhooks of the site."""
LISTED = 200


def change_or_list(registry: Registry, repeat: int, resume: str) -> str:
    """Do what the options say; without one, return the table of all webhooks."""
    if repeat:
        registry.call("yp", "webhook_repeat", None, None, repeat)
        return f"{repeat} is delivered again"
    if resume:
        if not registry.call("yp", "webhook_set", SITE, webhook_id(resume), '{"state": "active"}', None):
            raise CommandError(f"RESUME={resume} is no webhook of the site")
        return f"{resume} is active"
    return overview_table(documents(registry.call("yp", "webhook_overview", LISTED)))
