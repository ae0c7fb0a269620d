"""Read the XML of requests, and write that of answers."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any
from xml.etree.ElementTree import Element, ParseError, TreeBuilder
from xml.sax.saxutils import escape, quoteattr

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import DefusedXMLParser

DAV = "DAV:"
CARDDAV = "urn:ietf:params:xml:ns:carddav"
CALENDAR_SERVER = "http://calendarserver.org/ns/"
PREFIXES = {DAV: "D", CARDDAV: "C", CALENDAR_SERVER: "CS"}
NAMESPACES = " ".join(f'xmlns:{prefix}="{uri}"' for uri, prefix in PREFIXES.items())
DECLARATION = '<?xml version="1.0" encoding="utf-8"?>\n'
DEEPEST = 32
MOST_ELEMENTS = 25_000
INVALID = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 forbids."""
EXPANDED = re.compile(r"\{([^}]*)\}(.*)", re.DOTALL)
LINE_END = {"\r": "&#13;"}
"""Readers of XML turn a bare CR LF into LF."""


class BadXmlError(Exception):
    """The body is no XML, or none that is read here."""


class BoundedTree(TreeBuilder):
    """Builds a tree that is neither deep nor large."""

    def __init__(self) -> None:
        super().__init__()
        self._depth = 0
        self._count = 0

    def start(self, tag: str, attrs: dict[Any, Any], /) -> Element:
        """Begin an element."""
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST or self._count > MOST_ELEMENTS:
            raise BadXmlError
        return super().start(tag, attrs)

    def end(self, tag: str, /) -> Element:
        """End an element."""
        self._depth -= 1
        return super().end(tag)


def dav(name: str) -> str:
    """Return the expanded name of an element of WebDAV."""
    return f"{{{DAV}}}{name}"


def carddav(name: str) -> str:
    """Return the expanded name of an element of CardDAV."""
    return f"{{{CARDDAV}}}{name}"


def calendar_server(name: str) -> str:
    """Return the expanded name of an element of Apple's Calendar Server."""
    return f"{{{CALENDAR_SERVER}}}{name}"


def parse(body: bytes) -> Element:
    """Return the root of a body. BadXmlError when it is no XML, has a DTD, or is too deep or too large."""
    parser = DefusedXMLParser(target=BoundedTree(), forbid_dtd=True)
    try:
        parser.feed(body)
        root: Element = parser.close()
    except (ParseError, DefusedXmlException, ValueError, LookupError):
        raise BadXmlError from None
    return root


def text(value: str) -> str:
    """Return a text as the content of an element, without characters that XML forbids."""
    return escape(INVALID.sub("", value), LINE_END)


def _name(expanded: str) -> tuple[str, str]:
    """Return (qualified name, declaration of its prefix when the root does not declare it)."""
    match = EXPANDED.fullmatch(expanded)
    uri, local = (match[1], match[2]) if match else ("", expanded)
    if not uri:
        return local, ""
    if uri in PREFIXES:
        return f"{PREFIXES[uri]}:{local}", ""
    return f"X:{local}", f" xmlns:X={quoteattr(uri)}"


def element(expanded: str, content: str = "") -> str:
    """Return an element; `content` is XML."""
    name, declaration = _name(expanded)
    return f"<{name}{declaration}>{content}</{name}>" if content else f"<{name}{declaration}/>"


def document(name: str, content: Iterable[str]) -> bytes:
    """Return a document whose root is `name` of WebDAV."""
    return "".join((DECLARATION, f"<D:{name} {NAMESPACES}>", *content, f"</D:{name}>\n")).encode()
