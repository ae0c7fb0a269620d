"""Messages of `run`, `up` and `down` for the user."""

from __future__ import annotations

import contextlib
import json
import shlex
from typing import TYPE_CHECKING

from service import IS_CHECKOUT, WORK_DIR
from service.local.demo_people import PASSWORD, PEOPLE
from service.local.directories import RUN_DIR

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from service.local.running import RunningService

COOKIES = RUN_DIR / "alice.cookies"
ADA = {
    "firstname": "Ada",
    "lastname": "Lovelace",
    "email": [{"email": "ada@example.org", "is_default": 1}],
}


def typed(command: str) -> str:
    """Return what the user types for a command, in a checkout or with the installed program."""
    return f"make {command}" if IS_CHECKOUT else f"drumee-contacts {command}"


def say(text: str) -> None:
    """Print a line at once."""
    # The terminal may be gone (SIGHUP): that must not keep us from stopping the servers.
    with contextlib.suppress(OSError):
        print(text, flush=True)


def welcome(state: RunningService) -> str:
    """Return where the service is, and what to try with the demo people."""
    frontend = f"\nThe Drumee frontend is at {state.url}/-/" if state.has_frontend else ""
    title = f"\nServing on {state.url}{frontend}"
    return f"{title}\n\n{_invitation(state.url)}" if state.has_demo else title


def _invitation(url: str) -> str:
    emails = [email for email, *_ in PEOPLE.values()]
    login = {"vars": {"ident": emails[0], "password": PASSWORD}}
    return "\n".join(
        (
            f"Sign in as {', '.join(emails)}",
            f"with the password {PASSWORD}. For example, here, in another terminal:",
            "",
            "  " + _curl("-c", url, "yp.login", login),
            "  " + _curl("-b", url, "contact.add", ADA),
            "  " + _curl("-b", url, "contact.show_contact", {}),
        )
    )


def _curl(option: str, url: str, service: str, body: Mapping[str, object]) -> str:
    header = "-H 'Content-Type: application/json'"
    text = json.dumps(body, separators=(",", ":"))
    jar = shlex.quote(display_path(COOKIES))
    return f"curl -sS {option} {jar} {header} -d '{text}' {url}/-/svc/{service}"


def display_path(path: Path) -> str:
    """Return a path as it is typed in the checkout."""
    return str(path.relative_to(WORK_DIR)) if path.is_relative_to(WORK_DIR) else str(path)
