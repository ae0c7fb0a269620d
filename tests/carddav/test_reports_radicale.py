"""The same requests to Radicale and to the service, and the same answers: what matches, and each status."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote

import pytest

from tests.support.dav import NAMESPACES, DavAnswer, DavClient, DavMaker, card
from tests.support.radicale import BOOK, OtherServer

CARDS = {
    "ada.vcf": card(
        "1", "Ada Byron", "EMAIL;TYPE=HOME:ada@example.org", "TEL;TYPE=CELL:+44 1", "NOTE:met, twice"
    ),
    "bob@home.vcf": card("2", "Bob Ångström", "EMAIL;TYPE=WORK:bob@work.example", "EMAIL:b@x.example"),
    "Ünï cödé.vcf": card("3", "Çelik Straße", "ORG:Work;Sales", "CATEGORIES:Friends"),
}
PROPS = ("D:resourcetype", "D:getetag", "D:getcontenttype", "X:none", "D:current-user-principal")


class Pair:
    """Both servers, with the same cards."""

    def __init__(self, client: DavClient, other: OtherServer) -> None:
        self.client = client
        self.other = other

    async def send(
        self, method: str, name: str, body: str = "", **headers: str
    ) -> tuple[DavAnswer, DavAnswer]:
        """Send a request to a card, or with "" to the book; return (our answer, that of Radicale)."""
        quoted = "".join(f"%{byte:02X}" for byte in name.encode())
        ours = await self.client.send(method, self.client.book + quoted, body, headers)
        return ours, self.other.send(method, BOOK + name, body.replace(self.client.book, BOOK), headers)


@pytest.fixture
async def pair(dav_of: DavMaker, tmp_path: Path) -> Pair:
    both = Pair(await dav_of(), OtherServer(tmp_path))
    for name, text in CARDS.items():
        ours, expected = await both.send("PUT", name, text)
        assert (ours.status, expected.status) == (201, 201)
    return both


def shape(answer: DavAnswer) -> dict[str, dict[str, int] | int]:
    """Return the status of each resource, or of each of its properties."""
    statuses: dict[str, dict[str, int] | int] = {}
    for path in answer.responses:
        name = unquote(path).rpartition("/")[2]
        statuses[name] = answer.status_of(path) or {
            each: answer.status_of(path, each)
            for each in (*PROPS, "C:address-data")
            if answer.status_of(path, each)
        }
    return statuses


def prop_filter(name: str, inner: str = "", test: str = "anyof") -> str:
    return f'<C:prop-filter name="{name}" test="{test}">{inner}</C:prop-filter>'


def text_match(text: str, how: str = "contains", negate: str = "no") -> str:
    return f'<C:text-match match-type="{how}" negate-condition="{negate}">{text}</C:text-match>'


PARAM = '<C:param-filter name="TYPE">{}</C:param-filter>'
FILTERS = [
    "<C:filter/>",
    *(
        f'<C:filter test="{test}">{prop_filter("EMAIL")}{prop_filter("NOTE")}</C:filter>'
        for test in ("anyof", "allof")
    ),
    *(
        f"<C:filter>{each}</C:filter>"
        for each in (
            prop_filter("NOTE"),
            prop_filter("BDAY"),
            prop_filter("EMAIL", "<C:is-not-defined/>"),
            *(
                prop_filter("FN", text_match("ada byron", how))
                for how in ("equals", "contains", "starts-with", "ends-with")
            ),
            *(
                prop_filter("FN", text_match("BYRON", how))
                for how in ("equals", "contains", "starts-with", "ends-with")
            ),
            prop_filter("FN", text_match("ångström")),
            prop_filter("FN", text_match("Byron", negate="yes")),
            prop_filter("EMAIL", text_match("bob@") + text_match("work"), "allof"),
            prop_filter("EMAIL", text_match("ada@") + text_match("bob@"), "anyof"),
            prop_filter("EMAIL", PARAM.format(text_match("work", "equals"))),
            prop_filter("TEL", PARAM.format("<C:is-not-defined/>")),
            prop_filter("EMAIL", PARAM.format("")),
        )
    ),
]


@pytest.mark.parametrize("filters", FILTERS)
async def test_a_query_finds_the_same_cards(pair: Pair, filters: str) -> None:
    body = f"<C:addressbook-query {NAMESPACES}><D:prop><D:getetag/></D:prop>{filters}</C:addressbook-query>"
    ours, expected = await pair.send("REPORT", "", body, Depth="1")
    assert shape(ours) == shape(expected)


@pytest.mark.parametrize("depth", ["0", "1"])
async def test_propfind_has_the_same_properties(pair: Pair, depth: str) -> None:
    props = "".join(f"<{name}/>" for name in PROPS if name != "D:getcontenttype")
    body = f"<D:propfind {NAMESPACES}><D:prop>{props}</D:prop></D:propfind>"
    ours, expected = await pair.send("PROPFIND", "", body, Depth=depth)
    ours_by_name, other = shape(ours), shape(expected)
    # Radicale names an ETag of the whole book as well.
    assert ours_by_name.pop("") == {
        "D:resourcetype": 200,
        "D:getetag": 404,
        "X:none": 404,
        "D:current-user-principal": 200,
    }
    other.pop("")
    assert ours_by_name == other


async def test_multiget_answers_the_same_paths(pair: Pair) -> None:
    paths = [pair.client.book + name for name in ("ada.vcf", "bob@home.vcf", "bob%40home.vcf", "none.vcf")]
    listed = "".join(f"<D:href>{path}</D:href>" for path in paths)
    prop = "<D:prop><D:getetag/><C:address-data/></D:prop>"
    body = f"<C:addressbook-multiget {NAMESPACES}>{prop}{listed}</C:addressbook-multiget>"
    ours, expected = await pair.send("REPORT", "", body)
    assert shape(ours) == shape(expected)


async def test_a_sync_has_the_same_changes(pair: Pair) -> None:
    def body(token: str) -> str:
        return (
            f"<D:sync-collection {NAMESPACES}><D:sync-token>{token}</D:sync-token>"
            "<D:sync-level>1</D:sync-level><D:prop><D:getetag/></D:prop></D:sync-collection>"
        )

    async def changes(tokens: tuple[str, str]) -> tuple[str, str]:
        ours = await pair.client.send("REPORT", pair.client.book, body(tokens[0]))
        expected = pair.other.send("REPORT", BOOK, body(tokens[1]))
        assert shape(ours) == shape(expected)
        return ours.token, expected.token

    tokens = await changes(("", ""))
    await pair.send("PUT", "ada.vcf", CARDS["ada.vcf"].replace("Ada", "Augusta"))
    await pair.send("DELETE", "bob@home.vcf")
    await pair.send("PUT", "new.vcf", card("9"))
    tokens = await changes(tokens)
    await changes(tokens)
    ours, expected = await pair.send("REPORT", "", body("https://elsewhere.example/1"))
    assert ours.condition == expected.condition


async def test_writes_have_the_same_statuses(pair: Pair) -> None:
    steps: list[tuple[str, str, str, dict[str, str]]] = [
        ("PUT", "ada.vcf", CARDS["ada.vcf"], {"If-None-Match": "*"}),
        ("PUT", "ada.vcf", CARDS["ada.vcf"], {"If-Match": '"x"'}),
        ("PUT", "none.vcf", card("7"), {"If-Match": '"x"'}),
        ("PUT", "other.vcf", CARDS["ada.vcf"], {}),
        ("DELETE", "ada.vcf", "", {"If-Match": '"x"'}),
        ("DELETE", "none.vcf", "", {}),
        ("DELETE", "ada.vcf", "", {}),
        ("GET", "ada.vcf", "", {}),
        ("GET", "none.vcf", "", {}),
    ]
    for method, name, body, headers in steps:
        ours, expected = await pair.send(method, name, body, **headers)
        # Radicale answers a DELETE with a multistatus.
        status = 204 if (method, expected.status) == ("DELETE", 200) else expected.status
        assert ours.status == status, (method, name, headers)
