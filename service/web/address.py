"""The address of a caller, and the key under which every limit counts it."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import NewType

from aiohttp import web

from service.settings import Settings

AddressKey = NewType("AddressKey", str)
"""Key of a limit by address: callers who share it share the limit."""
NETWORK_BITS = 64
"""One site gets at least this much of IPv6, and its holder may use every address in it."""


def client_address(request: web.Request, settings: Settings) -> str:
    """Return the IP address of the caller, as a trusted proxy reports it; "" when that is no address."""
    # A proxy may add a header line of its own instead of extending the caller's: read all of them.
    forwarded = ",".join(request.headers.getall("X-Forwarded-For", [])) if settings.trust_proxy else ""
    address = forwarded.rpartition(",")[2].strip() or request.remote or ""
    try:
        return str(_unmapped(address))
    except ValueError:
        return ""


def client_key(request: web.Request, settings: Settings) -> AddressKey:
    """Return the key under which limits count the address of the caller."""
    return address_key(client_address(request, settings))


def address_key(address: str) -> AddressKey:
    """Return the key of an address: an IPv4 address as it is, an IPv6 address as its /64.

    A text that is no address is one key, together with all others: "".
    """
    try:
        ip = _unmapped(address)
    except ValueError:
        return AddressKey("")
    if isinstance(ip, IPv4Address):
        return AddressKey(str(ip))
    if ip.sixtofour is not None:
        # The holder of one IPv4 address has 65,536 networks of this kind.
        return AddressKey(str(ip.sixtofour))
    network = int(ip) >> (128 - NETWORK_BITS) << (128 - NETWORK_BITS)
    return AddressKey(f"{IPv6Address(network)}/{NETWORK_BITS}")


def _unmapped(address: str) -> IPv4Address | IPv6Address:
    """Parse an address; an IPv4 address in IPv6 form becomes IPv4. ValueError for other texts."""
    ip = ip_address(address)
    if isinstance(ip, IPv4Address):
        return ip
    return ip.ipv4_mapped or ip
