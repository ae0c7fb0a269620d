"""Define operations, and the requests and responses of their handlers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiohttp import web
from marshmallow import Schema

from service.contacts.pictures import API
from service.rest.count_cache import CountCache
from service.rest.declarations import Declarations
from service.rest.errors import rest_error
from service.rest.tokens import Admission, Gate
from service.runtime.context import Context
from service.store.database import Database
from service.web.fields import build_schema

PREFIX = API


@dataclass(slots=True)
class ApiRequest:
    """A request whose caller is known and whose parameters are valid."""

    ctx: Context
    db: Database
    """The connection pools, for the health check; all other work goes through `ctx`."""
    gate: Gate
    http: web.Request
    admission: Admission | None
    """None for public operations."""
    contact_id: str
    """Id (our form) of the contact in the path, or ""."""
    query: dict[str, Any]
    body: dict[str, Any]
    if_match: str | None
    """The header If-Match; in a batch, the field `if_match` of the operation."""
    charge: Callable[[int], None]
    """Count further requests against the rate limit; RequestError when it is exceeded."""
    notify_access_change: Callable[[str], None]
    """Make all processes check the tokens of the sockets of a user."""
    count_cache: CountCache


@dataclass(slots=True)
class ApiResponse:
    """A successful response."""

    status: int
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"
    chunks: AsyncIterator[bytes] | None = None
    """A file of any size, in place of `body`."""


Handler = Callable[[ApiRequest], Awaitable[ApiResponse]]


@dataclass(frozen=True)
class Operation:
    """One method of one path, with its declarations."""

    name: str
    method: str
    path: str
    """Below /api/v1; {id} is a contact."""
    handler: Handler
    returns: str
    """Name of the answer's schema in the OpenAPI document."""
    service: str
    """Name of the pushes that it sends."""
    query: Declarations = field(default_factory=dict)
    body: Declarations | None = None
    free_body: bool = False
    """The body is any object, without declared fields."""
    upload: bool = False
    """The body is a form with a picture; `ApiRequest.body` has its `content` and `kind`."""
    file: bool = False
    """The body is a file, which the handler reads."""
    either: tuple[tuple[str, ...], ...] = ()
    """Groups of body fields, of which the request must fill exactly one."""
    status: int = 200
    errors: tuple[str, ...] = ()
    public: bool = False
    admin: bool = False
    """It requires an API key of scope system, and needs no user."""
    signed_in: bool = False
    """It requires the access token of a sign-in: a key that leaks must not shut its user out."""
    query_token: bool = False
    """The token may be sent in the query, because browsers fetch images without headers."""
    idempotent: bool = False
    """The header Idempotency-Key is honoured."""
    timeout: float = 0
    """Seconds that the handler may take; DRUMEE_REQUEST_TIMEOUT when that is more."""
    conditional: bool = False
    """The header If-Match is honoured."""

    @property
    def doc(self) -> str:
        """Return the docstring of the handler as one line."""
        return " ".join((self.handler.__doc__ or "").split())

    @cached_property
    def query_schema(self) -> Schema:
        """Validates the query."""
        return build_schema(self.query, strict=True)

    @cached_property
    def body_schema(self) -> Schema:
        """Validates the body."""
        return build_schema(self.body or {}, strict=True)

    def check_either(self, body: dict[str, Any]) -> None:
        """Raise RequestError 400 unless the body fills exactly one group of `either`."""
        complete = [group for group in self.either if all(name in body for name in group)]
        if self.either and len(complete) != 1:
            choices = " or ".join(" with ".join(group) for group in self.either)
            raise rest_error(
                "VALIDATION_ERROR", f"Send {choices}", {"field": self.either[0][0], "constraint": "either"}
            )
