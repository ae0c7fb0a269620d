"""What can go wrong with a request, and what a caller sees of it."""

from __future__ import annotations

import re
from typing import Any


class RequestError(Exception):
    """Ends a request with an HTTP status, a code, and a sentence for the developer who reads it.

    `protocol` errors keep their HTTP status for every caller; the others are business refusals, which the
    Drumee frontend gets as HTTP 200 with `data.status` (frontend contract 1.8-1.10).
    """

    def __init__(
        self,
        status: int,
        code: str,
        reason: str,
        *,
        protocol: bool = True,
        data: dict[str, Any] | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        super().__init__(f"{code}: {reason}")
        self.status = status
        self.code = code
        self.reason = reason
        self.protocol = protocol
        self.data = data or {}
        self.headers = headers or {}


def missing_param(name: str) -> RequestError:
    """400: a mandatory parameter is absent."""
    return RequestError(400, "MISSING_PARAM", f"{name} is required", data={"param": name})


def invalid_param(name: str, why: str) -> RequestError:
    """400: a parameter cannot be used."""
    return RequestError(400, "INVALID_PARAM", f"{name}: {why}", data={"param": name})


def unavailable(what: str) -> RequestError:
    """503: something we depend on is away; worth trying again soon."""
    return RequestError(
        503, "UNAVAILABLE", f"{what} is not available, try again", headers={"Retry-After": "2"}
    )


CLASH = re.compile(r"(emails\[[0-9]+\]\.address) (\S+)")


class Refused(Exception):
    """A routine raised SQLSTATE 45000: the code, and perhaps a detail after it.

    A detail that says which address belongs to another contact (my_contact_clash) is `clash` instead: its
    place and the address, for APIs that tell.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code, _, detail = message.partition(" ")
        found = CLASH.fullmatch(detail)
        self.clash = (found[1], found[2]) if found else None
        self.detail = "" if found else detail


class DatabaseUnavailableError(Exception):
    """No MariaDB server answers, or the connection broke in the middle of a call."""

    what = "the database"
    """What is not available, in words for the caller."""


MOVING = "MOVING"
"""What a shard says of an owner who has left it (sql/shard/0006_moved_out.sql): no refusal, but a 503."""


class EntityMovingError(DatabaseUnavailableError):
    """The data of this person or hub is on its way to another shard."""

    what = "this data, which is being moved just now,"


class DatabaseTimeoutError(Exception):
    """A CALL ran into max_statement_time."""
