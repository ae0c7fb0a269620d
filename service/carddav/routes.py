"""Route the paths below /dav/ and answer their requests."""

from __future__ import annotations

from typing import ClassVar

from aiohttp import hdrs, web

from service.auth.session import Caller
from service.carddav import xml
from service.carddav.auth import open_app_password
from service.carddav.book import Book
from service.carddav.errors import FAILURES, XML_TYPE, dav_error, name_refusal, not_found
from service.carddav.methods import CardWork
from service.carddav.resources import METHODS, ROOT, Resource, ResourceKind, find_resource
from service.errors import Failure, Refusal, RequestError
from service.runtime.context import run_after_commit
from service.runtime.exchange import Exchange
from service.runtime.process import Process
from service.web.access_log import RequestLog
from service.web.bodies import is_encoded, refuses_encoded
from service.web.deadline import allow
from service.web.origin import origin_allowed

WELL_KNOWN = "/.well-known/carddav"
MAKES_COLLECTION = {"MKCOL", "MKCALENDAR"}
WORK_SECONDS = 120.0
"""Time for a request that reads a whole address book."""
CLASSES = "1, 3, addressbook"


class CardDavApi:
    """Answers `/dav/*`, and shows clients the way there."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the tree, and the path that leads to it."""
        router.add_route("*", f"/{ROOT}", self.handle)
        router.add_route("*", f"/{ROOT}/{{path:.*}}", self.handle)
        router.add_route("*", f"{WELL_KNOWN}{{slash:/?}}", to_tree)

    @refuses_encoded
    async def handle(self, request: web.Request) -> web.Response:
        """Answer a request below /dav/."""
        return await DavExchange(self._process, request).run()


async def to_tree(_: web.Request) -> web.Response:
    """Show a client the way to its address book."""
    raise web.HTTPMovedPermanently(Resource(ResourceKind.ROOT).href)


class DavExchange(Exchange):
    """One request. Its path is never logged: it holds the id of a user and the name of a card."""

    api_name: ClassVar = "carddav"
    failures: ClassVar = FAILURES

    def __init__(self, process: Process, request: web.Request) -> None:
        self.resource = find_resource(request.rel_url.raw_path)
        self.methods = METHODS[self.resource.kind] if self.resource else ()
        method = request.method.lower() if request.method in self.methods else "unknown"
        super().__init__(process, request, RequestLog(f"dav/{method}", f"dav/{method}"))

    async def answer(self) -> web.Response:
        """Run the method."""
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        if not origin_allowed(self.request, self.process.settings):
            raise dav_error(403, "FORBIDDEN_ORIGIN", "Pages of other sites may not call")
        method = self.request.method
        if method == "OPTIONS" and hdrs.AUTHORIZATION not in self.request.headers:
            self.count(f"address {self.address_key}")
            return web.Response(headers={hdrs.ALLOW: ", ".join(self.methods)})
        caller = self.caller = await self._admit()
        resource = self._own_resource(caller)
        if method not in self.methods:
            raise self._no_method(resource)
        context = self.context = self.make_context("contact.update", {}, caller)
        allow(WORK_SECONDS)
        work = CardWork(self.request, resource, caller, Book(context))
        response = await work.run(method)
        run_after_commit(context)
        return response

    async def _admit(self) -> Caller:
        """Authenticate the caller. Wrong app passwords are limited by address, and right ones by user."""
        try:
            caller = await open_app_password(self.request, self.process.app_passwords, self.address_key)
        except RequestError:
            self.count(f"address {self.address_key}")
            raise
        self.count_caller(caller)
        return caller

    def _own_resource(self, caller: Caller) -> Resource:
        """Return the resource; RequestError 404 when it is not there, or somebody else's."""
        resource = self.resource
        if resource is None and self.request.method in MAKES_COLLECTION:
            raise dav_error(403, "FORBIDDEN", "Collections cannot be made here")
        if resource is None or (resource.uid and resource.uid != caller.uid):
            raise not_found()
        return resource

    def _no_method(self, resource: Resource) -> RequestError:
        """Return 403 for a card that is to become a collection, else 405."""
        if self.request.method in MAKES_COLLECTION and resource.kind is ResourceKind.CARD:
            return dav_error(403, "FORBIDDEN", "Collections cannot be made here")
        allowed = {"Allow": ", ".join(self.methods)}
        return dav_error(405, "METHOD_NOT_ALLOWED", f"Use {allowed['Allow']}", headers=allowed)

    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return the error of this API for a refusal."""
        return name_refusal(refusal)

    async def write_error(self, error: RequestError) -> web.Response:
        """Return an error as XML, with the condition that the request breaks."""
        condition = error.data.get("condition", "")
        body = xml.document("error", [condition]) if condition else error.reason.encode()
        content_type = XML_TYPE if condition else "text/plain"
        return web.Response(
            status=error.status, body=body, content_type=content_type, charset="utf-8", headers=error.headers
        )

    def finish(self, response: web.Response) -> None:
        """Add the classes of WebDAV, and the state of the rate limit."""
        response.headers["DAV"] = CLASSES
        if self.allowance is not None:
            response.headers.update(self.allowance.headers)
