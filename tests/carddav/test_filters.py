"""Filters of addressbook-query, and the parts of cards."""

from __future__ import annotations

import pytest

from service.carddav.filters import MOST_CONDITIONS, AddressData, read_address_data, read_filter
from service.carddav.xml import parse
from service.errors import RequestError
from tests.support.dav import NAMESPACES, card

ADA = card(
    "1",
    "Ada Bÿron",
    "EMAIL;TYPE=INTERNET,HOME:ada@example.org",
    "EMAIL;TYPE=WORK:countess@math.example",
    "item1.TEL;TYPE=CELL:+44 20 7946 0000",
    "NOTE:first\\, and a very long",
    "  line\\nSECOND",
    "CATEGORIES:Friends,Straße",
    "X-EMPTY:",
).encode()


def matches(filters: str, text: bytes = ADA) -> bool:
    body = f"<C:addressbook-query {NAMESPACES}>{filters}</C:addressbook-query>"
    return read_filter(parse(body.encode())).matches(text)


def prop(name: str, inner: str = "", test: str = "") -> str:
    attribute = f' test="{test}"' if test else ""
    return f'<C:prop-filter name="{name}"{attribute}>{inner}</C:prop-filter>'


def text_match(needle: str, **attributes: str) -> str:
    listed = "".join(f' {name.replace("_", "-")}="{value}"' for name, value in attributes.items())
    return f"<C:text-match{listed}>{needle}</C:text-match>"


def whole(*props: str, test: str = "") -> str:
    attribute = f' test="{test}"' if test else ""
    return f"<C:filter{attribute}>{''.join(props)}</C:filter>"


UNDEFINED = "<C:is-not-defined/>"
TYPE = '<C:param-filter name="type">{}</C:param-filter>'
ASCII = "i;ascii-casemap"
UNICODE = "i;unicode-casemap"


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        ("", True),
        (whole(), True),
        (whole(prop("EMAIL")), True),
        (whole(prop("email")), True),
        (whole(prop("BDAY")), False),
        (whole(prop("X-EMPTY")), True),
        (whole(prop("BDAY", UNDEFINED)), True),
        (whole(prop("EMAIL", UNDEFINED)), False),
        (whole(prop("ITEM1.TEL")), True),
        (whole(prop("ITEM2.TEL")), False),
        (whole(prop("FN", text_match("bÿr"))), True),
        (whole(prop("FN", text_match("BŸR"))), True),
        (whole(prop("FN", text_match("BŸR", collation=UNICODE))), True),
        (whole(prop("FN", text_match("BŸR", collation=ASCII))), False),
        (whole(prop("FN", text_match("aDA", collation=ASCII))), True),
        (whole(prop("FN", text_match("aDA", collation="i;octet"))), False),
        (whole(prop("FN", text_match("ada bÿron", match_type="equals"))), True),
        (whole(prop("FN", text_match("ada", match_type="equals"))), False),
        (whole(prop("FN", text_match("ada", match_type="starts-with"))), True),
        (whole(prop("FN", text_match("byron", match_type="starts-with"))), False),
        (whole(prop("FN", text_match("RON", match_type="ends-with"))), True),
        (whole(prop("FN", text_match("ada", match_type="ends-with"))), False),
        (whole(prop("FN", text_match("ada", negate_condition="yes"))), False),
        (whole(prop("FN", text_match("bob", negate_condition="yes"))), True),
        (whole(prop("BDAY", text_match("bob", negate_condition="yes"))), False),
        (whole(prop("NOTE", text_match("first, and a very long line\nsecond", match_type="equals"))), True),
        (whole(prop("CATEGORIES", text_match("STRASSE"))), True),
        (whole(prop("EMAIL", text_match("ada@"), "")), True),
        (whole(prop("EMAIL", text_match("ada@") + text_match("countess@"), "allof")), True),
        (whole(prop("EMAIL", text_match("ada@") + text_match("bob@"), "allof")), False),
        (whole(prop("EMAIL", text_match("ada@") + text_match("bob@"), "anyof")), True),
        (whole(prop("EMAIL", text_match("ada@") + text_match("bob@"))), True),
        (whole(prop("EMAIL"), prop("BDAY")), True),
        (whole(prop("EMAIL"), prop("BDAY"), test="anyof"), True),
        (whole(prop("EMAIL"), prop("BDAY"), test="allof"), False),
        (whole(prop("EMAIL"), prop("BDAY", UNDEFINED), test="allof"), True),
        (whole(prop("TEL", '<C:param-filter name="TYPE"/>')), True),
        (whole(prop("TEL", '<C:param-filter name="PREF"/>')), False),
        (whole(prop("TEL", f'<C:param-filter name="PREF">{UNDEFINED}</C:param-filter>')), True),
        (whole(prop("TEL", f'<C:param-filter name="TYPE">{UNDEFINED}</C:param-filter>')), False),
        (whole(prop("EMAIL", TYPE.format(text_match("home", match_type="equals")))), True),
        (whole(prop("EMAIL", TYPE.format(text_match("fax")))), False),
    ],
)  # fmt: skip
def test_a_filter_says_which_cards_match(filters: str, expected: bool) -> None:
    assert matches(filters) is expected


@pytest.mark.parametrize(
    "text", [b"", b"no card", b"BEGIN:VCARD", b"\xff\xfe\r\n", b"BEGIN:VCARD\r\nFN\r\nEND:VCARD"]
)
def test_a_broken_card_matches_nothing_and_stops_nothing(text: bytes) -> None:
    assert matches(whole(prop("FN", text_match("x"))), text) is False


@pytest.mark.parametrize(
    ("filters", "condition"),
    [
        (whole(prop("FN", text_match("x", collation="i;klingon"))), "supported-collation"),
        (whole(prop("FN", text_match("x", match_type="like"))), "supported-filter"),
        (whole(prop("FN", text_match("x", negate_condition="maybe"))), "supported-filter"),
        (whole(prop("FN", "<C:time-range/>")), "supported-filter"),
        (whole(prop("", "")), "supported-filter"),
        (whole(prop("FN", "<C:param-filter/>")), "supported-filter"),
        (whole(prop("FN"), test="noneof"), "supported-filter"),
        (whole(prop("FN", test="noneof")), "supported-filter"),
        (whole(*[prop("FN")] * MOST_CONDITIONS), "supported-filter"),
    ],
)
def test_a_filter_that_means_nothing_is_refused(filters: str, condition: str) -> None:
    with pytest.raises(RequestError) as refusal:
        matches(filters)
    assert (refusal.value.status, refusal.value.data["condition"]) == (403, f"<C:{condition}/>")


def address_data(inner: str) -> AddressData | None:
    return read_address_data(parse(f"<D:prop {NAMESPACES}>{inner}</D:prop>".encode()))


def test_a_request_says_in_which_version_and_with_which_properties_it_wants_cards() -> None:
    assert address_data("<D:getetag/>") is None
    assert address_data("<C:address-data/>") == AddressData("3.0")
    assert address_data('<C:address-data content-type="text/vcard" version="4.0"/>') == AddressData("4.0")
    names = '<C:prop name="fn"/><C:prop name="TEL" novalue="yes"/>'
    assert address_data(f"<C:address-data>{names}</C:address-data>") == AddressData(
        "3.0", {"FN": False, "TEL": True}
    )
    for wrong in (
        'version="2.1"',
        'content-type="text/calendar"',
        'content-type="application/vcard+json" version="4.0"',
    ):
        with pytest.raises(RequestError) as refusal:
            address_data(f"<C:address-data {wrong}/>")
        assert refusal.value.data["condition"] == "<C:supported-address-data/>"


def test_the_part_of_a_card_is_a_card() -> None:
    part = AddressData("3.0", {"NOTE": False, "TEL": True, "BDAY": False}).part_of(ADA.decode())
    assert part.splitlines() == [
        "BEGIN:VCARD", "VERSION:3.0", "item1.TEL;TYPE=CELL:", "NOTE:first\\, and a very long",
        "  line\\nSECOND", "END:VCARD",
    ]  # fmt: skip
    assert AddressData("3.0").part_of(ADA.decode()) == ADA.decode()
    folded = "BEGIN:VCARD\r\nTEL;X-A=b;\r\n X-C=d:1\r\nFN:x\r\nEND:VCARD\r\n"
    assert AddressData("3.0", {"TEL": False}).part_of(folded) == folded.replace("FN:x\r\n", "")
