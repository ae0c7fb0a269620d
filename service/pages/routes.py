"""Route the paths of the pages and answer their requests."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import ClassVar

from aiohttp import web

from service.auth.session import open_session, session_id, set_session_cookie
from service.errors import Failure, Refusal, RequestError
from service.mail.outbox import render
from service.pages.forms import FORMS, Form, Page
from service.runtime.context import Context, run_after_commit
from service.runtime.exchange import Exchange
from service.runtime.process import Process
from service.web.access_log import RequestLog
from service.web.bodies import is_encoded, refuses_encoded
from service.web.fields import load
from service.web.origin import from_other_page, origin_allowed
from service.web.request import page_language, read_args

LANGUAGES = ("en", "fr")
SOON = {"Retry-After": "2"}
BUSY = "Too many requests came from your network. Please wait a minute."
FAILURES: Mapping[Failure, RequestError] = {
    failure: RequestError(status, failure.name, reason, headers=headers)
    for failure, (status, reason, headers) in {
        Failure.MOVING: (503, "This account is being moved. Please try again in a minute.", SOON),
        Failure.UNAVAILABLE: (503, "This service is not available. Please try again in a minute.", SOON),
        Failure.TIMEOUT: (504, "This took too long. Please try again in a minute.", SOON),
        Failure.BODY_TOO_LARGE: (413, "The form is too large.", {}),
        Failure.BODY_UNREADABLE: (400, "The form cannot be read.", {}),
        Failure.BODY_SLOW: (408, "The form did not arrive in time.", {}),
        Failure.BODY_ENCODED: (415, "The form cannot be read.", {}),
        Failure.RATE_LIMITED: (429, BUSY, {}),
        Failure.TOO_MANY_AT_ONCE: (429, BUSY, SOON),
        Failure.UNEXPECTED: (500, "An error on our side. Please try again later.", {}),
    }.items()
}
"""Failures of the service as sentences for people; the templates translate them."""
REFUSALS = {
    "INVALID_TOKEN": (404, "This link does not exist."),
    "EXPIRIED_TOKEN": (410, "This link was used before, or is too old."),
    "EMAIL_IN_USE": (409, "This address has an account already."),
    "NO_INVITE": (404, "This invitation has been answered, or is withdrawn."),
    "NOT_A_DRUMATE": (404, "This invitation has been answered, or is withdrawn."),
    "SELF_CONTACT": (400, "This invitation is your own."),
    "NO_SHARD": (503, "This service is not available. Please try again in a minute."),
}
"""Codes of routines, with status and sentence."""


class Pages:
    """Answers the paths of the forms (service/pages/forms.py)."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def add_routes(self, router: web.UrlDispatcher) -> None:
        """Add the path of every form."""
        for path, form in FORMS.items():
            router.add_route("*", path, self._handler(form))

    def _handler(self, form: Form) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        @refuses_encoded
        async def handle(request: web.Request) -> web.Response:
            return await PageExchange(self._process, request, form).run()

        return handle


class PageExchange(Exchange):
    """One request for a page."""

    failures: ClassVar = FAILURES

    def __init__(self, process: Process, request: web.Request, form: Form) -> None:
        super().__init__(process, request, RequestLog(f"page.{form.name}", f"page.{form.name}"))
        self.form = form
        self.lang = page_language(request, LANGUAGES)

    async def answer(self) -> web.Response:
        """Show the form, or do what it was sent for; a form with a mistake is shown again."""
        if is_encoded(self.request):
            raise self.failure(Failure.BODY_ENCODED)
        self._check_method()
        sid = session_id(self.request, self.process.settings, {})
        self.caller = await open_session(self.process.db, sid, None, None)
        self.count_caller(self.caller)
        context = self.context = self.make_context(self.form.name, {}, self.caller)
        context.sid = sid
        place = {**self.request.match_info, "lang": self.lang}
        if self.request.method != "POST":
            return self._page(await self.form.show(context, place))
        page = await self._send(context, place)
        response = self._page(page)
        run_after_commit(context)
        if context.new_sid:
            set_session_cookie(response, self.process.settings, self.process.settings.cookie, context.new_sid)
        return response

    def _check_method(self) -> None:
        if self.request.method not in {"GET", "HEAD", "POST"}:
            allowed = {"Allow": "GET, HEAD, POST"}
            raise RequestError(405, "METHOD_NOT_ALLOWED", "The form cannot be read.", headers=allowed)
        is_other = from_other_page(self.request) or not origin_allowed(self.request, self.process.settings)
        if self.request.method == "POST" and is_other:
            raise RequestError(403, "FORBIDDEN_ORIGIN", "This form was sent by another site.")

    async def _send(self, context: Context, place: Mapping[str, str]) -> Page:
        sent = await read_args(self.request)
        try:
            values = load(self.form.schema, {name: sent.get(name, "") for name in self.form.fields})
            return await self.form.send(context, place, values)
        except RequestError as exc:
            if exc.status not in {400, 429}:
                raise
            page = await self.form.show(context, place)
            public_fields = {name: text for name, text in sent.items() if "password" not in name}
            return Page(
                page.template, {**page.values, "sent": public_fields, "mistake": exc.reason}, exc.status
            )

    def _page(self, page: Page) -> web.Response:
        settings = self.process.settings
        values = {
            "sent": {},
            "mistake": "",
            **page.values,
            # the language of the reader, not that of the inviter
            "lang": self.lang,
            "site": settings.public_host,
            "home": settings.frontend_home,
        }
        text = render(page.template, self.lang, values)
        return web.Response(text=text, status=page.status, content_type="text/html")

    def name_refusal(self, refusal: Refusal) -> RequestError | None:
        """Return the sentence for a refusal of a routine."""
        if refusal.code not in REFUSALS:
            return None
        status, reason = REFUSALS[refusal.code]
        return RequestError(status, refusal.code, reason)

    async def write_error(self, error: RequestError) -> web.Response:
        """Return a page with the reason."""
        values = {"lang": self.lang, "site": self.process.settings.public_host, "reason": error.reason}
        text = render("error.html", self.lang, values)
        return web.Response(text=text, status=error.status, content_type="text/html", headers=error.headers)
