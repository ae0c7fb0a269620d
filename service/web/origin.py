"""Check the page that sends a request, by its origin and by the fetch headers of browsers."""

from __future__ import annotations

from urllib.parse import urlsplit

from aiohttp import web

from service.settings import Settings

DEFAULT_PORTS = {"http": 80, "https": 443}
PARAM_HEADER = "x-param-"
OWN_PAGES = {"same-origin", "none"}
"""Values of Sec-Fetch-Site for requests of our own pages, and of the user, who types or bookmarks a URL."""

Origin = tuple[str, str, int | None]
"""Scheme, host and port."""


def origin_allowed(request: web.Request, settings: Settings) -> bool:
    """Return whether the page of a request may call. Only browsers send the header Origin."""
    text = request.headers.get("Origin")
    if text is None:
        return True
    origin = parse_origin(text)
    return origin is not None and (
        origin == _own_origin(request, settings) or origin in map(parse_origin, settings.origins)
    )


def parse_origin(text: str) -> Origin | None:
    """Return the origin of a text as `https://host:port`, or None for any other text."""
    try:
        parts = urlsplit(text)
        port = parts.port or DEFAULT_PORTS.get(parts.scheme)
    except ValueError:
        return None
    has_more = "@" in parts.netloc or parts.path not in {"", "/"} or parts.query or parts.fragment
    return None if has_more or not parts.hostname else (parts.scheme, parts.hostname, port)


def _own_origin(request: web.Request, settings: Settings) -> Origin | None:
    """Return the origin of this site as the browser sees it: a proxy may speak TLS in our place."""
    scheme = urlsplit(settings.base_url).scheme if settings.trust_proxy else request.scheme
    return parse_origin(f"{scheme}://{request.host}")


def from_other_page(request: web.Request) -> bool:
    """Return whether a browser says that a page of another origin sends the request, but not which one.

    Sibling subdomains are the same site: SameSite=Strict does not keep the cookie from them.
    """
    return "Origin" not in request.headers and request.headers.get("Sec-Fetch-Site", "none") not in OWN_PAGES


def from_own_page(request: web.Request) -> bool:
    """Return whether a page of this site sends the request, or the user.

    Pages of other origins cannot add headers of their own, and cannot change Sec-Fetch-Site.
    """
    return request.headers.get("Sec-Fetch-Site") in OWN_PAGES or any(
        name.lower().startswith(PARAM_HEADER) for name in request.headers
    )
