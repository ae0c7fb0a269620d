"""Errors of requests and commands, and the refusals of routines."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

import orjson


class RequestError(Exception):
    """Ends a request with an HTTP status, a code, and a reason for the developer of the client.

    `protocol` errors keep their HTTP status for every caller; the others are business refusals, which the
    Drumee frontend gets as HTTP 200 with `data.status` (docs/frontend-contract.md#statuses).
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

    @classmethod
    def too_many(cls, code: str, reason: str, wait: int) -> RequestError:
        """Return a business refusal 429 that says how many seconds to wait."""
        headers = {"Retry-After": str(wait)}
        return cls(429, code, reason, protocol=False, data={"retry_after": wait}, headers=headers)

    @classmethod
    def not_signed_in(cls) -> RequestError:
        """Return the protocol refusal 401 for a caller who is not signed in."""
        return cls(401, "NOT_SIGNED_IN", "sign in first (yp.login)")

    def with_numbers(self, **numbers: int) -> RequestError:
        """Return a copy with these numbers in place of their names in braces in the reason."""
        reason = self.reason.format(**numbers)
        return RequestError(
            self.status,
            self.code,
            reason,
            protocol=self.protocol,
            data=dict(self.data),
            headers=dict(self.headers),
        )


def missing_param(name: str) -> RequestError:
    """Return the error 400 for a mandatory parameter that is missing."""
    return RequestError(400, "MISSING_PARAM", f"{name} is required", data={"param": name})


def invalid_param(name: str, why: str) -> RequestError:
    """Return the error 400 for an invalid parameter."""
    return RequestError(400, "INVALID_PARAM", f"{name}: {why}", data={"param": name})


class Failure(Enum):
    """A failure that is no refusal of a routine; each API has its own message for it."""

    MOVING = "the data of this person or hub is being moved to another shard"
    UNAVAILABLE = "no database answers"
    TIMEOUT = "a CALL takes too long"
    BODY_TOO_LARGE = "the body is larger than the settings allow"
    BODY_UNREADABLE = "the body breaks off, or is not what its headers say"
    BODY_SLOW = "the body does not arrive in time"
    BODY_ENCODED = "the body is compressed"
    RATE_LIMITED = "the caller sends too many requests"
    TOO_MANY_AT_ONCE = "too many requests of the caller wait for the database"
    UNEXPECTED = "an error of the service"


@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal of a routine: SQLSTATE 45000 with a code, and perhaps a field, a value or a reason."""

    code: str
    field: str = ""
    """The parameter, or a place inside it: `emails[0].address`."""
    value: str = ""
    """The value that belongs to another contact, for APIs that show it; shortened when it is long."""
    reason: str = ""
    """For example `no such tag`."""
    retry_after: int = 0
    """Seconds until the same request is not refused any more; 0 when only another one helps."""


def read_refusal(message: str) -> Refusal:
    """Read the MESSAGE_TEXT of a refusal: a bare code, or a JSON object with the fields of Refusal."""
    return Refusal(**orjson.loads(message)) if message.startswith("{") else Refusal(message)


class Refused(Exception):
    """A routine refused a CALL."""

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(refusal)
        self.refusal = refusal

    @property
    def code(self) -> str:
        """The code of the refusal."""
        return self.refusal.code


class DatabaseUnavailableError(Exception):
    """No MariaDB server answers, or the connection broke in the middle of a call."""

    is_undone = False
    """Whether it is certain that the unit of work has written nothing."""


class SlowBodyError(Exception):
    """The client has not sent the body in time."""


MOVING = "MOVING"
"""Signal of a shard for an owner who has moved away (sql/shard/0001_baseline.sql): no refusal, but a 503."""


class EntityMovingError(DatabaseUnavailableError):
    """The data of the user or hub is being moved to another shard."""


class DatabaseTimeoutError(Exception):
    """A CALL ran into max_statement_time."""


class TooManyCallsError(Exception):
    """Too many CALLs of one person wait for a connection already."""


class CommandError(Exception):
    """Ends a command with exit status 2. The message says what failed, and what to do."""


class DeclarationError(ValueError):
    """Declarations, handlers and routines do not match; the message lists every mismatch."""
