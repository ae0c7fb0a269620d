"""What an operation of this API is, and what its handler gets and gives."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from aiohttp import web
from marshmallow import Schema

from service.context import Context
from service.dialects.rest.declarations import Declared
from service.dialects.rest.errors import ApiError
from service.dialects.rest.schemas import build_schema
from service.dialects.rest.tokens import Admitted, Gate
from service.dialects.rest.totals import Totals

PREFIX = "/api/v1"


@dataclass(slots=True)
class Ask:
    """A request whose caller and parameters are known."""

    ctx: Context
    gate: Gate
    request: web.Request
    admitted: Admitted | None
    """None for calls without a caller."""
    contact: str
    """Our id of the contact in the path, or ""."""
    query: dict[str, Any]
    body: dict[str, Any]
    if_match: str | None
    """The header, or what stands for it in a batch."""
    charge: Callable[[int], None]
    """Count a request as so many more; ApiError when that is too much."""
    access_changed: Callable[[str], None]
    """Tell the sockets of a person to look whether they may stay."""
    totals: Totals


@dataclass(slots=True)
class Reply:
    """What is answered when all went well."""

    status: int
    body: bytes | None
    headers: dict[str, str] = field(default_factory=dict)
    content_type: str = "application/json"


Run = Callable[[Ask], Awaitable[Reply]]


@dataclass(frozen=True)
class Operation:
    """One method of one path."""

    name: str
    method: str
    path: str
    """Below /api/v1; {id} is a contact."""
    run: Run
    returns: str
    """Name of the answer's schema in the OpenAPI document."""
    service: str
    """The name its pushes bear."""
    query: Declared = field(default_factory=dict)
    body: Declared | None = None
    free_body: bool = False
    """Whether the body is any object: it is no declaration's."""
    upload: bool = False
    """Whether the body is a form with a picture; it is in `Ask.body` as `content` and `kind`."""
    either: tuple[tuple[str, ...], ...] = ()
    """Fields of which one group must be there, and only one."""
    status: int = 200
    errors: tuple[str, ...] = ()
    public: bool = False
    admin: bool = False
    """Whether it takes a key of scope system, for nobody's contacts."""
    query_token: bool = False
    """Whether the token may stand in the query: browsers fetch images without headers."""
    once: bool = False
    """Whether Idempotency-Key is honoured."""
    conditional: bool = False
    """Whether If-Match is."""

    @property
    def doc(self) -> str:
        """Its documentation: that of the handler."""
        return " ".join((self.run.__doc__ or "").split())

    @cached_property
    def query_schema(self) -> Schema:
        """Validates the query."""
        return build_schema(self.query)

    @cached_property
    def body_schema(self) -> Schema:
        """Validates the body."""
        return build_schema(self.body or {})

    def check_either(self, given: dict[str, Any]) -> None:
        """ApiError unless exactly one group of `either` is given."""
        matching = [group for group in self.either if all(name in given for name in group)]
        if self.either and len(matching) != 1:
            words = " or ".join(" with ".join(group) for group in self.either)
            raise ApiError(
                "VALIDATION_ERROR", f"Give {words}", {"field": self.either[0][0], "constraint": "either"}
            )
