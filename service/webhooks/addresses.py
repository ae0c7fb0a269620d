"""The addresses to which webhooks may go: those of the internet, and private ones that a setting names."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from yarl import URL

from service.settings import Settings, parse_list

PORTS = {443, 8443}
"""Of receivers in the internet: a webhook must not talk to other services."""
NAT64 = ip_network("64:ff9b::/96")
SIX_TO_FOUR = ip_network("2002::/16")
RESERVED = (ip_network("192.88.99.0/24"), ip_network("3fff::/20"))
"""Relays of 6to4, and documentation (RFC 9637): the library takes them for addresses of the internet."""
WITH_IPV4 = (IPv6Network("::/96"), IPv6Network("::ffff:0:0:0/96"), IPv6Network("64:ff9b:1::/48"))
"""Networks of IPv6 that stand for addresses of IPv4 in other ways: nobody needs them."""
METADATA = {ip_address("168.63.129.16"), ip_address("192.0.0.192")}
"""Addresses of clouds that answer with secrets of the machine, and look public. Others are link-local."""
LOOPBACK = "loopback"

Address = IPv4Address | IPv6Address


@dataclass(frozen=True)
class Rules:
    """Where webhooks may go."""

    private: str = ""
    """DRUMEE_WEBHOOK_PRIVATE."""

    @classmethod
    def of(cls, settings: Settings) -> Rules:
        """Return the rules of a site."""
        return cls(settings.webhook_private)

    def allows(self, host: str, port: int, *, encrypted: bool) -> bool:
        """Return whether a connection to this address is allowed. `host` is an IP address."""
        try:
            address = ip_address(host.partition("%")[0])
        except ValueError:
            return False
        return self._is_listed(address) or (encrypted and port in PORTS and _is_public(address))

    def problem(self, text: str) -> str:
        """Return the rule that a URL breaks, as a sentence that follows its name; "" when there is none.

        The addresses of a name are checked when a connection is made: they may change.
        """
        try:
            url = URL(text)
            port = url.port
        except ValueError:
            return "is not a URL"
        if url.scheme not in ({"https", "http"} if self.private else {"https"}) or not url.raw_host:
            return "must begin with https://"
        if url.raw_user is not None or url.raw_password is not None:
            return "must not contain a user or a password"
        if url.raw_fragment:
            return "must not contain a fragment"
        if not self.private and port not in PORTS:
            return "has a port other than 443 and 8443"
        if _is_ip(url.raw_host) and not self.allows(
            url.raw_host, port or 443, encrypted=url.scheme == "https"
        ):
            return "is an address that is not allowed"
        return ""

    def _is_listed(self, address: Address) -> bool:
        networks = parse_list(self.private)
        return (LOOPBACK in networks and address.is_loopback) or any(
            address in ip_network(network) for network in networks if network != LOOPBACK
        )


def _is_public(address: Address) -> bool:
    """Return whether an address, and the one that it stands for, belongs to the internet."""
    return all(_is_global(each) for each in _meant(address))


def _meant(address: Address) -> Iterator[Address]:
    """Yield the address, and the one of IPv4 inside."""
    yield address
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            yield address.ipv4_mapped
        if address in NAT64:
            yield IPv4Address(int(address) & 0xFFFFFFFF)
        if address in SIX_TO_FOUR and address.sixtofour:
            yield address.sixtofour


def _is_global(address: Address) -> bool:
    if isinstance(address, IPv6Address):
        if address.ipv4_mapped:
            return True  # the address inside decides
        if address.is_site_local or any(address in network for network in WITH_IPV4):
            return False
        if address in NAT64:
            return True
    return (
        address.is_global
        and not (address.is_multicast or address.is_reserved or address in METADATA)
        and not any(address in network for network in RESERVED)
    )


def _is_ip(host: str) -> bool:
    try:
        ip_address(host.partition("%")[0])
    except ValueError:
        return False
    return True
