"""The way to the tree, its methods, and what others see of it: nothing."""

from __future__ import annotations

import logging

import pytest

from tests.support.dav import DavMaker, card
from tests.support.nodes import NodeMaker

COLLECTION = "OPTIONS, PROPFIND, PROPPATCH, REPORT"
EVERY_METHOD = (
    *("GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "PROPFIND", "PROPPATCH", "REPORT"),
    *("MKCOL", "MKCALENDAR", "MOVE", "COPY", "LOCK", "UNLOCK", "ACL", "SEARCH"),
)
CARD = "OPTIONS, GET, HEAD, PUT, DELETE, PROPFIND, PROPPATCH, REPORT"


async def test_the_well_known_path_and_the_root_lead_to_the_tree(dav_of: DavMaker) -> None:
    nobody = await dav_of(password="")
    for path in ("/.well-known/carddav", "/.well-known/carddav/", "/"):
        for method in EVERY_METHOD:
            answer = await nobody.send(method, path)
            # a browser asks for the front page
            place = "/-/docs/" if path == "/" and method in {"GET", "HEAD"} else "/dav/"
            assert answer.headers["Location"] == place, (path, method)
            assert answer.status == (302 if place == "/-/docs/" else 301), (path, method)


async def test_options_names_the_classes_and_the_methods(dav_of: DavMaker) -> None:
    alice, nobody = await dav_of(), await dav_of(password="")
    places = (("/dav/", COLLECTION), (alice.book, COLLECTION), (f"{alice.book}x.vcf", CARD))
    for client in (alice, nobody):
        for path, allowed in places:
            answer = await client.send("OPTIONS", path)
            assert (answer.status, answer.headers["DAV"]) == (200, "1, 3, addressbook")
            assert answer.headers["Allow"] == allowed
    wrong = await dav_of(person=alice.person, password="clk_" + "0" * 32)
    assert (await wrong.send("OPTIONS", "/dav/")).status == 401


async def test_collections_are_neither_made_nor_removed_nor_moved(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("ada.vcf", card("1"))
    for path in (f"{alice.home}other/", f"{alice.book}x.vcf", f"{alice.book}x/y/", "/dav/x/"):
        assert (await alice.send("MKCOL", path)).status == 403, path
    for path in ("/dav/", alice.principal, alice.home, alice.book):
        for method in ("DELETE", "PUT", "GET", "MOVE", "COPY", "MKCOL", "POST", "LOCK", "ACL"):
            answer = await alice.send(method, path, headers={"Destination": f"{alice.home}other/"})
            assert (answer.status, answer.headers["Allow"]) == (405, COLLECTION), (path, method)
    for method in ("MOVE", "COPY", "LOCK", "UNLOCK", "POST", "PATCH"):
        answer = await alice.send(method, "ada.vcf", headers={"Destination": f"{alice.book}b.vcf"})
        assert (answer.status, answer.headers["Allow"]) == (405, CARD)
    assert (await alice.propfind(alice.book, "D:getetag", depth="1")).names == ["contacts", "ada.vcf"]


async def test_paths_of_others_look_like_paths_that_are_not_there(dav_of: DavMaker) -> None:
    alice, bob = await dav_of(), await dav_of("Bob")
    await bob.put("secret.vcf", card("1", "Secret Person"))
    bob_paths = (bob.principal, bob.home, bob.book, f"{bob.book}secret.vcf", f"{bob.book}none.vcf")
    nowhere = ("/dav/a/ffffffffffffff00/", "/dav/a/x/contacts/", "/dav/x", "/dav/a/", f"{alice.home}other/")
    for method in ("PROPFIND", "PROPPATCH", "REPORT", "GET", "HEAD", "PUT", "DELETE", "MOVE", "POST"):
        answers = [await alice.send(method, path, card("2")) for path in (*bob_paths, *nowhere)]
        assert {(answer.status, answer.raw) for answer in answers} in (
            {(404, b"Not found")}, {(404, b"")},
        ), method  # fmt: skip
    stolen = await alice.multiget([f"{bob.book}secret.vcf", f"{alice.book}secret.vcf"])
    assert [stolen.status_of(path) for path in stolen.responses] == [404, 404]
    assert (await bob.send("GET", "secret.vcf")).status == 200


async def test_pages_of_other_sites_cannot_use_what_a_browser_remembers(dav_of: DavMaker) -> None:
    alice = await dav_of()
    await alice.put("ada.vcf", card("1"))
    for method in ("GET", "PUT", "DELETE", "PROPFIND", "OPTIONS"):
        answer = await alice.send(method, "ada.vcf", card("2"), {"Origin": "https://evil.example"})
        assert answer.status == 403
        assert "Access-Control-Allow-Origin" not in answer.headers
    assert (await alice.send("GET", "ada.vcf")).status == 200


async def test_bodies_that_are_compressed_are_refused(dav_of: DavMaker) -> None:
    alice = await dav_of()
    assert (await alice.put("ada.vcf", card("1"), Content_Encoding="gzip")).status == 415


async def test_requests_of_a_user_are_limited(dav_of: DavMaker, make_node: NodeMaker) -> None:
    node = await make_node(rate_limit=60)
    alice = await dav_of(base=node.make_url("/"))
    statuses = [(await alice.propfind("/dav/", "D:displayname")).status for _ in range(80)]
    assert statuses[0] == 207
    assert statuses[-1] == 429


@pytest.mark.parametrize("method", ["PROPFIND", "PUT", "GET", "DELETE", "MKCOL"])
async def test_the_log_names_neither_card_nor_address(
    dav_of: DavMaker, caplog: pytest.LogCaptureFixture, method: str
) -> None:
    alice = await dav_of()
    with caplog.at_level(logging.INFO, "service"):
        await alice.send(method, "grace-hopper.vcf", card("uid-secret", "Grace Hopper"))
    lines = " ".join(str(record.__dict__) for record in caplog.records)
    assert "dav/" in lines
    for secret in ("grace", "Hopper", "uid-secret", alice.person.email, alice.password):
        assert secret not in lines
