"""Serve a built frontend: its files, and the page that starts it."""

from __future__ import annotations

import asyncio
import re
from pathlib import PurePath
from urllib.parse import urlsplit

from aiohttp import hdrs, web
from jinja2 import Environment, PackageLoader, select_autoescape

from service.auth.session import NOBODY
from service.frontend.build import read_build
from service.frontend.sounds import add_sounds
from service.settings import Settings
from service.web.request import page_language

PAGE = "/-/"
FILES = {"app": "/-/app", "static": "/-/static"}
"""Folders of a build and their paths; `static` may be missing."""
LANGUAGES = ("en", "fr", "km", "ru", "zh")
"""Languages of the frontend, the default first."""
HASHED_NAME = re.compile(r"(?<![0-9a-z])[0-9a-f]{16,}(?![0-9a-z])")
FOREVER = "public, max-age=31536000, immutable"
CHECK_EACH_TIME = "no-cache"
UNKNOWN_TYPE = "application/octet-stream"
TYPES = {
    ".eot": "application/vnd.ms-fontobject",
    ".map": "application/json",
    ".ogg": "audio/ogg",
    ".otf": "font/otf",
    ".ttf": "font/ttf",
    ".webp": "image/webp",
    ".woff": "font/woff",
    ".woff2": "font/woff2",
}
"""Types that Python 3.11 does not know."""

_environment = Environment(loader=PackageLoader("service"), autoescape=select_autoescape())


class BuiltFiles(web.StaticResource):
    """The files of a folder; links that lead out of it are not followed."""

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        try:
            return await super()._handle(request)
        except OSError as exc:  # for example a name that is longer than names can be
            raise web.HTTPNotFound from exc


class FrontendSite:
    """The frontend of DRUMEE_FRONTEND_DIR."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._build = read_build(settings.frontend_dir)
        self._policy = page_policy(settings)

    def add_files(self, router: web.UrlDispatcher) -> None:
        """Add the paths of the files."""
        for name, path in FILES.items():
            folder = self._build.folder / name
            if folder.is_dir():
                router.register_resource(BuiltFiles(path, folder))
            elif name == "static":
                add_sounds(router)

    async def page(self, request: web.Request) -> web.Response:
        """Return the page that starts the frontend; a new build in the folder is noticed."""
        self._build = await asyncio.to_thread(self._build.latest)
        lang = page_language(request, LANGUAGES)
        text = _environment.get_template("frontend.html").render(
            lang=lang,
            site=self._settings.public_host,
            build=self._build,
            values={
                "appHash": self._build.hash,
                "area": request.query.get("area"),
                "keysel": self._settings.cookie,
                "lang": lang,
                "uid": NOBODY,
            },
        )
        headers = {"Content-Security-Policy": self._policy, hdrs.VARY: hdrs.ACCEPT_LANGUAGE}
        return web.Response(text=text, content_type="text/html", headers=headers)


async def to_frontend(request: web.Request) -> web.StreamResponse:
    """Send `/` to the page of the frontend; browsers keep what stands after `#`."""
    raise web.HTTPFound(request.rel_url.with_path(PAGE, keep_query=True))


async def describe_file(request: web.Request, response: web.StreamResponse) -> None:
    """Add type and caching to a file of the frontend: a handler of the signal on_response_prepare.

    The content of a name with a hash never changes. Errors are not cached.
    """
    if not isinstance(response, web.FileResponse) or response.status >= 400:
        return
    path = PurePath(request.path)
    is_hashed = HASHED_NAME.search(path.name)
    response.headers[hdrs.CACHE_CONTROL] = FOREVER if is_hashed else CHECK_EACH_TIME
    response.headers[hdrs.VARY] = hdrs.ACCEPT_ENCODING
    if response.content_type == UNKNOWN_TYPE:
        response.content_type = TYPES.get(path.suffix, UNKNOWN_TYPE)


def page_policy(settings: Settings) -> str:
    """Return the Content-Security-Policy of the page, which calls this site and the media servers only."""
    jitsi, livekit = settings.jitsi_domain, urlsplit(settings.livekit_url)
    media = f" https://{jitsi} wss://{jitsi}" if jitsi else ""
    if livekit.netloc:
        scheme = livekit.scheme.replace("ws", "http")
        media += f" {scheme}://{livekit.netloc} {livekit.scheme}://{livekit.netloc}"
    return "; ".join(
        (
            "default-src 'none'",
            # The frontend compiles its templates in the browser.
            "script-src 'self' 'unsafe-eval'",
            # The frontend adds elements <style>, and attributes.
            "style-src 'self' 'unsafe-inline'",
            "img-src 'self' data: blob:",
            "font-src 'self' data:",
            "media-src 'self' data: blob: mediastream:",
            # 'self' includes the WebSocket of this site.
            f"connect-src 'self'{media}",
            "worker-src 'self' blob:",
            "frame-src 'self' blob:",
            "base-uri 'none'",
            "form-action 'self'",
            "frame-ancestors 'none'",
        )
    )
