"""Whether a request comes from this machine, and from a network that may ask."""

from __future__ import annotations

import re
from ipaddress import ip_address, ip_network

from aiohttp import web

from service.settings import parse_list
from service.web.request import page_host

PROXY_HEADERS = re.compile(r"forwarded|via|x-forwarded-.*|x-real-ip|.*-(connecting|client)-ip", re.IGNORECASE)
LOOPBACK = "loopback"


def is_loopback(host: str) -> bool:
    """Return whether a host name or an address means this machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def is_local(request: web.Request) -> bool:
    """Return whether the request comes from this machine, for this machine, and not through a proxy.

    The Host is that of the page: a foreign name that resolves to 127.0.0.1 (DNS rebinding) is refused.
    """
    through_proxy = any(PROXY_HEADERS.fullmatch(name) for name in request.headers)
    return not through_proxy and is_loopback(request.remote or "") and is_loopback(page_host(request))


def may_ask(request: web.Request, address: str, allowed: str) -> bool:
    """Return whether a caller is in one of the networks, or on this machine if `loopback` is among them."""
    networks = parse_list(allowed)
    if LOOPBACK in networks and is_local(request):
        return True
    try:
        caller = ip_address(address)
    except ValueError:
        return False
    return any(caller in ip_network(network) for network in networks if network != LOOPBACK)
