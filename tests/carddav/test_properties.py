"""The properties of the five kinds of resource."""

from __future__ import annotations

import pytest

from service.carddav.properties import PROPERTIES, read_sync_token, sync_token
from service.carddav.xml import PREFIXES, dav
from tests.support.dav import NAMESPACES, DavClient, DavMaker, card

EVERYWHERE = {
    "D:resourcetype", "D:owner", "D:current-user-principal", "D:principal-URL", "D:principal-collection-set",
    "D:current-user-privilege-set", "D:supported-report-set", "C:addressbook-home-set",
}  # fmt: skip
OF_BOOK = {
    "D:displayname", "D:sync-token", "CS:getctag", "C:max-resource-size", "C:supported-address-data",
    "C:supported-collation-set",
}  # fmt: skip
OF_CARD = {"D:getetag", "D:getcontenttype", "D:getcontentlength"}
ALL = [
    f"{PREFIXES[uri.strip('{')]}:{local}" for uri, _, local in (name.partition("}") for name in PROPERTIES)
]


async def with_card(dav_of: DavMaker) -> tuple[DavClient, str]:
    alice = await dav_of()
    assert (await alice.put("ada.vcf", card("1"))).status == 201
    return alice, f"{alice.book}ada.vcf"


async def test_each_kind_of_resource_has_its_properties(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    expected = {
        "/dav/": EVERYWHERE | {"D:displayname"},
        alice.principal: EVERYWHERE | {"D:displayname"},
        alice.home: EVERYWHERE | {"D:displayname"},
        alice.book: EVERYWHERE | OF_BOOK,
        card_path: EVERYWHERE | OF_CARD,
    }
    for path, names in expected.items():
        answer = await alice.propfind(path, *ALL)
        present = {name for name in ALL if answer.status_of(path, name) == 200}
        assert present - {"C:address-data"} == names, path
        assert {answer.status_of(path, name) for name in set(ALL) - present} <= {404}


async def test_a_client_finds_the_book_from_each_resource(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    for path in ("/dav", "/dav/", alice.principal, alice.home, alice.book, card_path):
        answer = await alice.propfind(
            path, "D:current-user-principal", "D:principal-URL", "D:owner", "C:addressbook-home-set"
        )
        for name in ("D:current-user-principal", "D:principal-URL", "D:owner"):
            assert answer.prop(name).findtext(dav("href")) == alice.principal
        assert answer.prop("C:addressbook-home-set").findtext(dav("href")) == alice.home
    answer = await alice.propfind(alice.home, "D:resourcetype", depth="1")
    assert [*answer.responses] == [alice.home, alice.book]
    assert [each.tag for each in answer.prop("D:resourcetype", alice.book)] == [
        dav("collection"), "{urn:ietf:params:xml:ns:carddav}addressbook",
    ]  # fmt: skip
    assert alice.person.email.encode() not in answer.raw


async def test_book_and_card_can_be_written_and_the_rest_can_be_read(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    for path in ("/dav/", alice.principal, alice.home, alice.book, card_path):
        answer = await alice.propfind(path, "D:current-user-privilege-set")
        privileges = {each[0].tag for each in answer.prop("D:current-user-privilege-set")}
        assert dav("read") in privileges
        assert (dav("write") in privileges) is (path in {alice.book, card_path})
    reports = await alice.propfind(alice.book, "D:supported-report-set")
    assert len(reports.prop("D:supported-report-set")) == 3


async def test_the_state_of_the_book_moves_with_each_change(dav_of: DavMaker) -> None:
    alice, _ = await with_card(dav_of)

    async def state() -> str:
        answer = await alice.propfind(alice.book, "D:sync-token", "CS:getctag")
        assert answer.text("D:sync-token") == answer.text("CS:getctag")
        return answer.text("D:sync-token")

    states = [await state()]
    assert states == [await state()]
    for change in (
        alice.put("bob.vcf", card("2")),
        alice.put("ada.vcf", card("1", "Ada King")),
        alice.delete("bob.vcf"),
    ):
        assert (await change).status in {201, 204}
        states.append(await state())
    assert len(set(states)) == 4
    assert states[0].startswith("urn:x-drumee:sync-2:")


@pytest.mark.parametrize(
    "uri",
    [
        "",
        "x",
        "5",
        "urn:x-drumee:sync-2:a2:5",
        "urn:x-drumee:sync:a1:5",
        *(f"urn:x-drumee:sync-2:a1:{n}" for n in ("", "-1", "٥", "9" * 19)),
    ],
)
def test_a_token_that_is_none_is_known(uri: str) -> None:
    assert read_sync_token(sync_token("a1", 5), "a1") == (5, 0)
    assert read_sync_token(sync_token("a1", 5, 7), "a1") == (5, 7)
    assert read_sync_token(uri, "a1") is None


@pytest.mark.parametrize(
    ("method", "body"),
    [
        ("PROPFIND", "<D:propfind {0}><D:prop>{1}</D:prop></D:propfind>"),
        ("PROPFIND", "<D:propfind {0}><D:allprop/><D:include>{1}</D:include></D:propfind>"),
        ("PROPPATCH", "<D:propertyupdate {0}><D:set><D:prop>{1}</D:prop></D:set></D:propertyupdate>"),
        ("REPORT", "<C:addressbook-query {0}><D:prop>{1}</D:prop></C:addressbook-query>"),
        ("REPORT", "<D:sync-collection {0}><D:prop>{1}</D:prop></D:sync-collection>"),
    ],
)
async def test_a_request_that_names_too_many_properties_is_refused(
    dav_of: DavMaker, method: str, body: str
) -> None:
    alice, _ = await with_card(dav_of)
    for count, length, status in ((150, 1, 207), (201, 1, 400), (100, 300, 400)):
        names = "".join(f"<X:{'x' * length}{number}/>" for number in range(count))
        answer = await alice.send(method, alice.book, body.format(NAMESPACES, names), {"Depth": "1"})
        assert answer.status == status, (count, length)


async def test_each_card_names_the_properties_that_it_does_not_have(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    answer = await alice.propfind(alice.book, "X:one", "D:sync-token", "D:getetag", "X:two", depth="1")
    expected = {alice.book: (404, 200, 404, 404), card_path: (404, 404, 200, 404)}
    for path, statuses in expected.items():
        names = ("X:one", "D:sync-token", "D:getetag", "X:two")
        assert tuple(answer.status_of(path, name) for name in names) == statuses


async def test_allprop_and_no_body_answer_what_is_cheap(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    body = f"<D:propfind {NAMESPACES}><D:allprop/><D:include><D:owner/></D:include></D:propfind>"
    for sent in ("", body):
        answer = await alice.send("PROPFIND", alice.book, sent, {"Depth": "1"})
        assert [*answer.responses] == [alice.book, card_path]
        assert answer.text("D:displayname", alice.book) == "Contacts"
        assert answer.text("D:getetag", card_path).startswith('"')
        assert b" 404 " not in answer.raw
    assert answer.status_of(alice.book, "D:owner") == 200


async def test_propname_answers_names_without_values(dav_of: DavMaker) -> None:
    alice = await dav_of()
    answer = await alice.send("PROPFIND", alice.book, f"<D:propfind {NAMESPACES}><D:propname/></D:propfind>")
    assert len(answer.prop("D:resourcetype")) == 0
    assert answer.status_of(alice.book, "C:max-resource-size") == 200


@pytest.mark.parametrize(
    "headers", [{"Prefer": "return=minimal"}, {"Prefer": "x, return=minimal"}, {"Brief": "t"}], ids=str
)
async def test_a_client_that_wants_little_gets_no_404(dav_of: DavMaker, headers: dict[str, str]) -> None:
    alice = await dav_of()
    answer = await alice.propfind(alice.book, "D:displayname", "X:none", **headers)
    assert answer.status_of(alice.book, "D:displayname") == 200
    assert answer.status_of(alice.book, "X:none") == 0
    assert answer.headers["Preference-Applied"] == "return=minimal"
    nothing = await alice.propfind(alice.book, "X:none", **headers)
    assert len(nothing.responses[alice.book].findall(dav("propstat"))) == 1
    assert (await alice.propfind(alice.book, "X:none")).status_of(alice.book, "X:none") == 404


async def test_no_property_can_be_changed_and_each_is_named(dav_of: DavMaker) -> None:
    alice, card_path = await with_card(dav_of)
    body = (
        f"<D:propertyupdate {NAMESPACES}><D:set><D:prop>"
        "<D:displayname>x</D:displayname><X:colour>1</X:colour></D:prop></D:set><D:remove><D:prop><D:getetag/></D:prop></D:remove></D:propertyupdate>"
    )
    for path in (alice.book, alice.home, alice.principal, "/dav/", card_path):
        answer = await alice.send("PROPPATCH", path, body)
        assert [answer.status_of(path, name) for name in ("D:displayname", "X:colour", "D:getetag")] == [
            403
        ] * 3
    assert (await alice.propfind(alice.book, "D:displayname")).text("D:displayname") == "Contacts"
    for wrong in ("", "<x/>", f"<D:propertyupdate {NAMESPACES}/>"):
        assert (await alice.send("PROPPATCH", alice.book, wrong)).status == 400
