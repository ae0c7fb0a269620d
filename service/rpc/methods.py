"""The HTTP methods of a service: GET for services that only read, POST for those that write."""

from __future__ import annotations

from enum import Enum

from aiohttp import web

from service.errors import RequestError
from service.settings import Settings
from service.web.origin import from_other_page, from_own_page, origin_allowed


class Writes(Enum):
    """Whether a service changes anything, and who may ask for it: `writes` of a declaration."""

    NO = False
    YES = True
    POST = "post"
    """Signs in: no link may do that, not even one of our own pages."""
    LINK = "link"
    """Another site sends the browser here, with a secret that is good once."""

    @property
    def methods(self) -> tuple[str, ...]:
        """Return the methods, as the header Allow and the reference list them."""
        return ("GET", "HEAD", "POST") if self is Writes.NO else ALLOWED[self]


ALLOWED = {Writes.YES: ("POST",), Writes.POST: ("POST",), Writes.LINK: ("GET", "POST")}


def check_request(request: web.Request, settings: Settings, writes: Writes) -> None:
    """Raise RequestError 403 or 405 when the page that sends the request, or its method, does not fit."""
    method, methods = request.method, writes.methods
    is_safe = writes is Writes.NO or (writes is Writes.LINK and method == "GET")
    if not origin_allowed(request, settings) or (from_other_page(request) and not is_safe):
        raise RequestError(403, "FORBIDDEN_ORIGIN", "pages of other origins may not call")
    # The frontend fetches some services that write (docs/frontend-contract.md#arguments).
    is_fetched = writes is Writes.YES and method == "GET" and from_own_page(request)
    if method not in methods and not is_fetched:
        reason = f"{method} is not allowed; use {' or '.join(methods)}"
        raise RequestError(405, "METHOD_NOT_ALLOWED", reason, headers={"Allow": ", ".join(methods)})
