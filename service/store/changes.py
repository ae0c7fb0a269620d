"""Who changes contacts in the running request: the signature of the events that its transactions write."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Signature:
    """The actor, the API, and what several changes have in common."""

    actor: str | None = None
    """uid of the user; None for the service itself."""
    api: str = "system"
    change_set: str | None = None
    """Id of a merge, an import or a revert; None for a single change."""


signature: ContextVar[Signature] = ContextVar("signature", default=Signature())  # noqa: B039  # it is frozen
"""Signs the changes of the running task."""


def sign_as(actor: str | None, api: str) -> None:
    """Sign the changes of this task, and of those that it starts, from now on."""
    signature.set(Signature(actor, api))


def new_change_set() -> str:
    """Return the id of a new change set, 16 hexadecimal digits."""
    return secrets.token_hex(8)


@contextmanager
def change_set(change_set_id: str) -> Iterator[None]:
    """Give the changes within a common id; a change set within another one belongs to the outer one."""
    current = signature.get()
    token = signature.set(replace(current, change_set=current.change_set or change_set_id))
    try:
        yield
    finally:
        signature.reset(token)
