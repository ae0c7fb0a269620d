"""Where the links of mails lead: to the frontend, or without one to our own pages."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from service.settings import Settings


def mail_link(settings: Settings, template: str, data: Mapping[str, Any]) -> str:
    """Return the link of a mail; `data` is that of its row in the outbox."""
    frontend = settings.frontend_home
    match template:
        case "new_password":
            path = f"{data['uid']}/{data['secret']}"
            page_path, frontend_path = f"/-/password/{path}", f"/#/welcome/reset/{path}"
        case "webhook_failed":
            return f"{settings.base_url}/-/docs/"
        case "invite_meeting":
            return str(data["url"])
        case "invite_stranger" | "confirm":
            # The frontend's own page for invitations fails for users who are signed in.
            page_path, frontend_path = (
                f"/-/invitation/{data['secret']}",
                f"/#/welcome/signup/{data['secret']}",
            )
        case _:
            page_path, frontend_path = "/-/invitations", "/"
    return f"{frontend}{frontend_path}" if frontend else f"{settings.base_url}{page_path}"


def refusal_link(settings: Settings, template: str, data: Mapping[str, Any]) -> str:
    """Return the link that refuses the invitation of a mail, if its link for an answer cannot; else ""."""
    if template != "invite_stranger" or not settings.frontend_home:
        return ""
    return f"{settings.base_url}/-/invitation/{data['secret']}"
