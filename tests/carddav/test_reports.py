"""The reports, over HTTP."""

from __future__ import annotations

import asyncio
import threading

import pytest

from service.carddav.filters import CardFilter
from service.carddav.xml import carddav, dav
from tests.support.admin import Admin
from tests.support.dav import NAMESPACES, DavClient, DavMaker, card, group_card

VALID_TOKEN = (403, dav("valid-sync-token"))


async def with_cards(dav_of: DavMaker, *names: str) -> DavClient:
    alice = await dav_of()
    for name in names:
        assert (await alice.put(f"{name}.vcf", card(f"uid-{name}", f"{name.title()} Byron"))).status == 201
    return alice


async def test_multiget_answers_each_path_as_it_was_named(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada")
    assert (await alice.put("a%40b.vcf", card("2"))).status == 201
    paths = [f"{alice.book}a@b.vcf", f"{alice.book}a%40b.vcf", f"{alice.base.origin()}{alice.book}ada.vcf",
             f"{alice.book}none.vcf", "/elsewhere", alice.book]  # fmt: skip
    answer = await alice.multiget(paths)
    assert [*answer.responses] == paths
    for path in paths[:3]:
        assert answer.text("C:address-data", path).startswith("BEGIN:VCARD\r\nVERSION:3.0\r\n")
        assert (
            answer.text("D:getetag", path)
            == (await alice.send("GET", path.removeprefix(str(alice.base.origin())))).headers["ETag"]
        )
    assert [answer.status_of(path) for path in paths[3:]] == [404] * 3


@pytest.mark.parametrize("prop", ["<D:getetag/>", "<C:address-data/>"])
async def test_multiget_answers_a_path_once(dav_of: DavMaker, prop: str) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    paths = [f"{alice.book}{name}.vcf" for name in ("bob", "none", "ada")]
    answer = await alice.multiget(["/x", *paths, *reversed(paths), "/x"], prop)
    listed = [each.findtext(dav("href")) for each in answer.xml.findall(dav("response"))]
    assert listed == [*paths, "/x"]


async def test_a_filter_does_not_make_others_wait(dav_of: DavMaker, monkeypatch: pytest.MonkeyPatch) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    filters_end = threading.Event()
    matches = CardFilter.matches

    def slow(self: CardFilter, text: bytes) -> bool:
        assert filters_end.wait(60)
        return matches(self, text)

    monkeypatch.setattr(CardFilter, "matches", slow)
    query = asyncio.create_task(alice.query(text_filter("bob")))
    assert (await alice.sync()).status == 207
    assert not query.done()
    filters_end.set()
    assert (await query).names == ["bob.vcf"]


async def test_multiget_without_texts_answers_etags(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada")
    path = f"{alice.book}ada.vcf"
    answer = await alice.multiget([path, f"{alice.book}none.vcf"], "<D:getetag/><D:getcontenttype/>")
    assert answer.text("D:getcontenttype", path) == "text/vcard; charset=utf-8"
    assert answer.status_of(f"{alice.book}none.vcf") == 404


async def test_multiget_of_a_thousand_paths(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    paths = [f"{alice.book}{number}.vcf" for number in range(998)] + [
        f"{alice.book}ada.vcf",
        f"{alice.book}bob.vcf",
    ]
    answer = await alice.multiget(paths)
    assert len(answer.responses) == 1000
    assert sum(answer.status_of(path) == 404 for path in paths) == 998


async def test_texts_come_in_the_version_and_with_the_properties_that_are_wanted(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada")
    path = f"{alice.book}ada.vcf"
    four = await alice.multiget([path], '<C:address-data content-type="text/vcard" version="4.0"/>')
    assert "VERSION:4.0\r\n" in four.text("C:address-data", path)
    part = await alice.multiget([path], '<C:address-data><C:prop name="FN"/></C:address-data>')
    assert part.text("C:address-data", path) == "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Ada Byron\r\nEND:VCARD\r\n"
    two = await alice.multiget([path], '<C:address-data content-type="text/vcard" version="2.1"/>')
    assert two.condition == (403, carddav("supported-address-data"))


def text_filter(needle: str) -> str:
    return (
        f'<C:filter><C:prop-filter name="FN"><C:text-match>{needle}</C:text-match></C:prop-filter></C:filter>'
    )


async def test_a_query_answers_the_cards_that_match(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob", "carol")
    assert sorted((await alice.query("")).names) == ["ada.vcf", "bob.vcf", "carol.vcf"]
    assert sorted((await alice.query(text_filter("O"))).names) == ["ada.vcf", "bob.vcf", "carol.vcf"]
    assert (await alice.query(text_filter("bob"))).names == ["bob.vcf"]
    assert (await alice.query(text_filter("dave"))).names == []
    with_text = await alice.query(text_filter("carol"), "<D:prop><C:address-data/></D:prop>")
    assert "FN:Carol Byron" in with_text.text("C:address-data")
    wrong = text_filter("a").replace("<C:text-match", '<C:text-match collation="x"')
    assert (await alice.query(wrong)).condition == (403, carddav("supported-collation"))


@pytest.mark.parametrize("name", ["KIND", "X-ADDRESSBOOKSERVER-KIND"])
async def test_a_query_for_groups_finds_them_by_the_names_of_both_versions(
    dav_of: DavMaker, name: str
) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    await alice.put("three.vcf", group_card("three", "Three", "uid-ada"))
    await alice.put("four.vcf", group_card("four", "Four", "uid-ada", version="4.0"))
    match = '<C:text-match match-type="equals">group</C:text-match>'
    groups = f'<C:filter><C:prop-filter name="{name}">{match}</C:prop-filter></C:filter>'
    people = f'<C:filter><C:prop-filter name="{name}"><C:is-not-defined/></C:prop-filter></C:filter>'
    for version in ("3.0", "4.0"):
        prop = f'<D:prop><C:address-data content-type="text/vcard" version="{version}"/></D:prop>'
        assert sorted((await alice.query(groups, prop)).names) == ["four.vcf", "three.vcf"]
        assert sorted((await alice.query(people, prop)).names) == ["ada.vcf", "bob.vcf"]


async def test_a_card_answers_queries_about_itself(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    path = f"{alice.book}ada.vcf"
    assert (await alice.report("C:addressbook-query", text_filter("byron"), path)).names == ["ada.vcf"]
    assert (await alice.report("C:addressbook-query", text_filter("bob"), path)).names == []
    for name in ("C:addressbook-query", "C:addressbook-multiget"):
        assert (await alice.report(name, "", f"{alice.book}none.vcf")).status == 404
    assert (await alice.report("C:addressbook-multiget", f"<D:href>{path}</D:href>", path)).names == [
        "ada.vcf"
    ]
    reports = (await alice.propfind(path, "D:supported-report-set")).prop("D:supported-report-set")
    assert len(reports) == 2


async def test_a_query_that_takes_less_than_there_is_gets_507(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob", "carol")
    for number in (1, 2):
        answer = await alice.query(f"<C:limit><C:nresults>{number}</C:nresults></C:limit>")
        assert len(answer.responses) == number + 1
        assert answer.status_of(alice.book) == 507
        assert (
            answer.responses[alice.book].find(f"{dav('error')}/{dav('number-of-matches-within-limits')}")
            is not None
        )
    for many in ("3", "0003", "0" * 5000 + "3", "9" * 5000, "1" + "0" * 9):
        whole = await alice.query(f"<C:limit><C:nresults>{many}</C:nresults></C:limit>")
        assert len(whole.responses) == 3, many
    for wrong in ("0", "-1", "x", "", "٣", "0" * 5000, "3" * 5000 + "x"):
        assert (await alice.query(f"<C:limit><C:nresults>{wrong}</C:nresults></C:limit>")).status == 400, (
            wrong
        )


async def test_a_client_that_synchronises_gets_everything_then_the_changes(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob")
    first = await alice.sync()
    assert sorted(first.names) == ["ada.vcf", "bob.vcf"]
    nothing = await alice.sync(first.token)
    assert (nothing.names, nothing.token) == ([], first.token)
    await alice.put("ada.vcf", card("uid-ada", "Ada King"))
    await alice.put("carol.vcf", card("uid-carol", "Carol"))
    await alice.delete("bob.vcf")
    second = await alice.sync(first.token)
    assert sorted(second.names) == ["ada.vcf", "bob.vcf", "carol.vcf"]
    assert second.status_of(f"{alice.book}bob.vcf") == 404
    assert (
        second.text("D:getetag", f"{alice.book}ada.vcf")
        == (await alice.send("GET", "ada.vcf")).headers["ETag"]
    )
    assert (await alice.sync(second.token)).names == []
    assert sorted((await alice.sync()).names) == ["ada.vcf", "carol.vcf"], "no removals at the start"
    assert (await alice.sync(first.token)).raw == second.raw, "the same question, the same answer"


async def test_a_client_that_takes_one_change_at_a_time_gets_all(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada", "bob", "carol", "dave")
    token, names = "", []
    for _ in range(10):
        answer = await alice.sync(token, "<D:limit><D:nresults>1</D:nresults></D:limit>")
        token = answer.token
        names += [name for name in answer.names if name != "contacts"]
        if alice.book not in answer.responses:
            break
        assert answer.status_of(alice.book) == 507
    assert sorted(names) == ["ada.vcf", "bob.vcf", "carol.vcf", "dave.vcf"]
    assert (await alice.sync(token)).names == []


async def test_a_client_reads_all_cards_in_pages_although_history_has_expired(
    dav_of: DavMaker, admin: Admin
) -> None:
    names = [f"card-{number}" for number in range(6)]
    alice = await with_cards(dav_of, *names)
    one = "<D:limit><D:nresults>1</D:nresults></D:limit>"

    async def expire() -> None:
        # the history of all changes is older than it is kept
        admin.rows("UPDATE shard1.contact_event SET at = 1 WHERE owner_id = %s", alice.person.uid)
        admin.rows("CALL shard1.my_history_expire(%s, 30, 1000)", alice.person.uid)

    await expire()
    state: set[str] = set()
    token = ""
    for turn in range(20):
        if turn == 3:
            await alice.delete("card-0.vcf")
            await alice.put("card-1.vcf", card("uid-card-1", "Changed Byron"))
        answer = await alice.sync(token, one)
        token = answer.token
        for name in answer.names:
            is_gone = answer.status_of(f"{alice.book}{name}") == 404 if name != "contacts" else False
            state = state - {name} if is_gone else state | {name}
        if alice.book not in answer.responses:
            break
    assert state - {"contacts"} == {f"{name}.vcf" for name in names[1:]}
    assert (await alice.sync(token, one)).names == []

    half = (await alice.sync("", one)).token
    await alice.delete("card-2.vcf")
    await expire()
    assert (await alice.sync(half, one)).condition == VALID_TOKEN, "the removal cannot be told any more"
    assert sorted((await alice.sync()).names) == [f"{name}.vcf" for name in names[1:2] + names[3:]]


async def test_a_token_of_nobody_of_somebody_else_or_of_tomorrow_begins_again(dav_of: DavMaker) -> None:
    alice, bob = await with_cards(dav_of, "ada"), await dav_of("Bob")
    token = (await alice.sync()).token
    number = token.rpartition(":")[2]
    for wrong in (
        "x",
        "https://elsewhere.example/ns/sync/1",
        (await bob.sync()).token,
        number,
        f"{token}0000",
        f"{token}:{number}0000",
        f"{token}:",
        f"{token}x",
    ):
        assert (await alice.sync(wrong)).condition == VALID_TOKEN, wrong


async def test_a_sync_may_ask_for_texts(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada")
    inner = "<D:sync-token/><D:sync-level>1</D:sync-level><D:prop><C:address-data/></D:prop>"
    answer = await alice.report("D:sync-collection", inner, Depth="0")
    assert "FN:Ada Byron" in answer.text("C:address-data")


async def test_other_reports_and_other_places_are_refused(dav_of: DavMaker) -> None:
    alice = await with_cards(dav_of, "ada")
    refused = (403, dav("supported-report"))
    for name in ("D:expand-property", "D:principal-property-search", "C:nothing", "X:x"):
        assert (await alice.report(name, "")).condition == refused
    for path in ("/dav/", alice.principal, alice.home):
        assert (await alice.report("C:addressbook-query", "", path)).condition == refused
    assert (await alice.report("D:sync-collection", "", f"{alice.book}ada.vcf")).condition == refused
    for wrong in ("", "x", "<x>"):
        assert (await alice.send("REPORT", alice.book, wrong)).status == 400


@pytest.mark.parametrize("name", ["C:addressbook-query", "C:addressbook-multiget", "D:sync-collection"])
async def test_a_report_without_anything_in_it_is_answered(dav_of: DavMaker, name: str) -> None:
    alice = await with_cards(dav_of, "ada")
    answer = await alice.report(name, "")
    assert answer.status == 207
    assert NAMESPACES.split()[0] in answer.raw.decode()
