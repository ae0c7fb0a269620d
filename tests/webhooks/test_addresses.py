"""The addresses and URLs to which webhooks may go."""

from __future__ import annotations

import pytest

from service.webhooks.addresses import Rules

PUBLIC = ("93.184.216.34", "8.8.8.8", "2606:4700:4700::1111", "::ffff:8.8.8.8", "64:ff9b::8.8.8.8")
PRIVATE = (
    "127.0.0.1", "127.8.8.8", "0.0.0.0", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",
    "100.64.0.1", "100.100.100.200", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255", "192.0.0.192",
    "192.0.2.1", "198.18.0.1", "168.63.129.16", "::1", "::", "fe80::1", "fe80::1%eth0", "fc00::1",
    "fd00:ec2::254", "fec0::1", "ff02::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:169.254.169.254",
    "::127.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::10.0.0.1", "64:ff9b:1::10.0.0.1", "2002:7f00:1::1",
    "2002:a00:1::1", "2001:db8::1", "::ffff:0:127.0.0.1", "2001:0:4136:e378:8000:63bf:3fff:fdd2",
    "192.88.99.1", "3fff::1", "5f00::1", "100::1", "no address",
)  # fmt: skip


@pytest.mark.parametrize("address", PUBLIC)
def test_addresses_of_the_internet_are_allowed_by_https(address: str) -> None:
    rules = Rules()
    assert rules.allows(address, 443, encrypted=True)
    assert rules.allows(address, 8443, encrypted=True)
    assert not rules.allows(address, 443, encrypted=False)
    assert not rules.allows(address, 22, encrypted=True)


@pytest.mark.parametrize("address", PRIVATE)
def test_other_addresses_are_not(address: str) -> None:
    assert not Rules().allows(address, 443, encrypted=True)
    assert not Rules("10.20.0.0/16").allows(address, 443, encrypted=True)


def test_the_setting_allows_its_networks_and_no_others() -> None:
    rules = Rules("10.20.0.0/16, fd00::/8, loopback")
    for address in ("10.20.3.4", "fd00::1", "127.0.0.1", "::1"):
        assert rules.allows(address, 8080, encrypted=False), address
    for address in ("10.21.0.1", "192.168.0.1", "8.8.8.8"):
        assert not rules.allows(address, 8080, encrypted=False), address
    assert rules.allows("8.8.8.8", 443, encrypted=True)


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("https://hooks.example/a?b=c", ""),
        ("https://hooks.example:8443/", ""),
        ("https://8.8.8.8/", ""),
        ("http://hooks.example/", "must begin with https://"),
        ("ftp://hooks.example/", "must begin with https://"),
        ("https:///path", "must begin with https://"),
        ("hooks.example", "must begin with https://"),
        ("https://user@hooks.example/", "must not contain a user or a password"),
        ("https://user:pass@hooks.example/", "must not contain a user or a password"),
        ("https://:pass@hooks.example/", "must not contain a user or a password"),
        ("https://hooks.example/#x", "must not contain a fragment"),
        ("https://hooks.example:22/", "has a port other than 443 and 8443"),
        ("https://hooks.example:99999/", "is not a URL"),
        ("https://127.0.0.1/", "is an address that is not allowed"),
        ("https://[::1]/", "is an address that is not allowed"),
        ("https://[fe80::1%25eth0]/", "is an address that is not allowed"),
        ("https://169.254.169.254/latest", "is an address that is not allowed"),
    ],
)
def test_a_url_is_checked_when_it_is_named(url: str, problem: str) -> None:
    assert Rules().problem(url) == problem


def test_with_the_setting_http_and_other_ports_may_be_named() -> None:
    rules = Rules("loopback")
    assert rules.problem("http://127.0.0.1:8080/") == ""
    assert rules.problem("http://10.0.0.1:8080/") == "is an address that is not allowed"
    assert rules.problem("https://user@hooks.example/") == "must not contain a user or a password"
