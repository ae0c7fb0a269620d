"""The paths of the tree."""

from __future__ import annotations

import pytest

from service.carddav.resources import Resource, ResourceKind, find_card, find_resource

BOOK = "/dav/a/00000000000000a1/contacts/"


@pytest.mark.parametrize(
    ("path", "resource"),
    [
        ("/dav", Resource(ResourceKind.ROOT)),
        ("/dav/", Resource(ResourceKind.ROOT)),
        ("/dav/p/a1/", Resource(ResourceKind.PRINCIPAL, "a1")),
        ("/dav/p/a1", Resource(ResourceKind.PRINCIPAL, "a1")),
        ("/dav/a/a1/", Resource(ResourceKind.HOME, "a1")),
        ("/dav/a/a1/contacts", Resource(ResourceKind.BOOK, "a1")),
        ("/dav/a/a1/contacts/", Resource(ResourceKind.BOOK, "a1")),
        ("/dav/a/a1/contacts/x.vcf", Resource(ResourceKind.CARD, "a1", "x.vcf")),
        ("/dav/a/a1/%63ontacts/x%40y.vcf", Resource(ResourceKind.CARD, "a1", "x@y.vcf")),
        ("/dav/a/a1/contacts/x@y.vcf", Resource(ResourceKind.CARD, "a1", "x@y.vcf")),
        ("/dav/a/a1/contacts/%C3%A9%20%2B+%25.vcf", Resource(ResourceKind.CARD, "a1", "é ++%.vcf")),
        ("/dav/a/a1/contacts/" + "x" * 255, Resource(ResourceKind.CARD, "a1", "x" * 255)),
        ("/dav/a/a1/contacts/" + "x" * 256, None),
        ("/dav/a/a1/contacts/a%2Fb.vcf", None),
        ("/dav/a/a1/contacts/%00", None),
        ("/dav/a/a1/contacts/a%0Ab", None),
        ("/dav/a/a1/contacts/%2E%2E", None),
        ("/dav/a/a1/contacts/%FF.vcf", None),
        ("/dav/a/a1/contacts/x.vcf/", None),
        ("/dav/a/a1/other/", None),
        ("/dav/a/", None),
        ("/dav/a//contacts/", None),
        ("/dav/p//", None),
        ("/dav//", None),
        ("/dav/x/a1/", None),
        ("/other/", None),
        ("", None),
    ],
)
def test_a_path_stands_for_a_resource_or_for_nothing(path: str, resource: Resource | None) -> None:
    assert find_resource(path) == resource


@pytest.mark.parametrize("name", ["x.vcf", "a b@c.vcf", "é%.vcf", "😀", "a;b?c#d&<>'\"+.vcf"])
def test_the_path_of_a_card_leads_back_to_it(name: str) -> None:
    resource = Resource(ResourceKind.CARD, "00000000000000a1", name)
    assert resource.href.isascii()
    assert find_resource(resource.href) == resource


def test_a_card_is_named_by_a_path_or_a_url() -> None:
    uid = "00000000000000a1"
    for href in (f"{BOOK}x@y.vcf", f" {BOOK}x%40y.vcf\n", f"https://other.example{BOOK}x%40y.vcf"):
        assert find_card(href, uid) == "x@y.vcf"
    for href in (
        BOOK,
        "x@y.vcf",
        "",
        "http://[",
        f"{BOOK}a/b.vcf",
        "/dav/a/00000000000000a2/contacts/x@y.vcf",
    ):
        assert find_card(href, uid) is None
