"""XML that is read within bounds, and XML that is always well-formed."""

from __future__ import annotations

import xml.etree.ElementTree as ET

import pytest

from service.carddav.xml import DEEPEST, MOST_ELEMENTS, BadXmlError, dav, document, element, parse, text

BOMB = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;">]><x>&b;</x>'
EXTERNAL = b'<!DOCTYPE x [<!ENTITY a SYSTEM "file:///etc/passwd">]><x>&a;</x>'


@pytest.mark.parametrize(
    "body",
    [
        BOMB,
        EXTERNAL,
        b'<!DOCTYPE x SYSTEM "http://127.0.0.1/x.dtd"><x/>',
        b"<x>" * (DEEPEST + 1) + b"</x>" * (DEEPEST + 1),
        b"<x>" + b"<y/>" * MOST_ELEMENTS + b"</x>",
        b"<x>" * 500_000,
        b"<x>",
        b"<x/><y/>",
        b"no xml",
        b"<D:x/>",
        b"\xff\xfe\xff",
        b'<?xml version="1.0" encoding="utf-99"?><x/>',
        b"<x>\0</x>",
        b"<x>&nothing;</x>",
    ],
)
def test_what_is_no_harmless_xml_is_refused(body: bytes) -> None:
    with pytest.raises(BadXmlError):
        parse(body)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "iso-8859-1"])
def test_bodies_in_other_encodings_are_read(encoding: str) -> None:
    body = f'<?xml version="1.0" encoding="{encoding}"?><D:x xmlns:D="DAV:">é</D:x>'.encode(encoding)
    root = parse(body)
    assert (root.tag, root.text) == (dav("x"), "é")


def test_a_body_of_the_largest_size_is_read() -> None:
    assert len(parse(b"<x>" + b"<y/>" * (MOST_ELEMENTS - 1) + b"</x>")) == MOST_ELEMENTS - 1


def test_every_text_comes_out_as_it_is_without_what_xml_forbids() -> None:
    every = (
        "".join(chr(code) for code in range(0x3000) if chr(code) not in "\x85\u2028")
        + "]]>&amp;\r\n<\ud800\uffff😀"
    )
    root = ET.fromstring(document("x", [element(dav("y"), text(every))]))
    allowed = [
        c
        for c in every
        if c in "\t\n\r" or "\x20" <= c <= "\ud7ff" or "\ue000" <= c <= "\ufffd" or c > "\uffff"
    ]
    assert root[0].text == "".join(allowed)


def test_names_of_any_namespace_are_written() -> None:
    names = [dav("a"), "{urn:x}b", "c", '{"<&>}d', "{http://apple.com/ns/ical/}calendar-color"]
    root = ET.fromstring(document("x", map(element, names)))
    assert [each.tag for each in root] == names
