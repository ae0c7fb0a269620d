"""A CardDAV client for tests, and its answers."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from typing import Any
from urllib.parse import unquote

import aiohttp
from yarl import URL

from service.carddav.xml import calendar_server, carddav, dav
from tests.support.people import Person

NAMESPACES = (
    'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:carddav" xmlns:CS="http://calendarserver.org/ns/"'
    ' xmlns:X="https://x.example/ns"'
)
EXPAND = {"D": dav, "C": carddav, "CS": calendar_server, "X": "{{https://x.example/ns}}{}".format}


def expanded(name: str) -> str:
    """Return the expanded name of `D:href`."""
    prefix, _, local = name.partition(":")
    return EXPAND[prefix](local)


def card(uid: str, name: str = "Ada Byron", *lines: str, version: str = "3.0") -> str:
    """Return the text of a card."""
    first, _, last = name.partition(" ")
    head = (f"VERSION:{version}", f"UID:{uid}", f"FN:{name}", f"N:{last};{first};;;")
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", *head, *lines, "END:VCARD"))


def group_card(uid: str, name: str, *members: str, version: str = "3.0") -> str:
    """Return the text of a group; `members` are UIDs, or lines with a colon."""
    prefix = "X-ADDRESSBOOKSERVER-" if version == "3.0" else ""
    lines = (each if ":" in each else f"{prefix}MEMBER:urn:uuid:{each}" for each in members)
    head = (f"VERSION:{version}", f"{prefix}KIND:group", f"UID:{uid}", f"FN:{name}", f"N:{name};;;;")
    return "".join(f"{line}\r\n" for line in ("BEGIN:VCARD", *head, *lines, "END:VCARD"))


@dataclass(frozen=True)
class DavAnswer:
    """Status, body and headers of an answer."""

    status: int
    raw: bytes
    headers: Any

    @property
    def xml(self) -> ET.Element:
        return ET.fromstring(self.raw)

    @property
    def condition(self) -> tuple[int, str]:
        """Return (status, expanded name of the condition) of an error."""
        return self.status, self.xml[0].tag

    @property
    def responses(self) -> dict[str, ET.Element]:
        """Return the response elements by path."""
        assert self.status == 207, (self.status, self.raw)
        return {each.findtext(dav("href"), ""): each for each in self.xml.findall(dav("response"))}

    @property
    def names(self) -> list[str]:
        """Return the last parts of the paths, decoded, in their order."""
        return [unquote(path).rstrip("/").rpartition("/")[2] for path in self.responses]

    def prop(self, name: str, path: str | None = None) -> ET.Element:
        """Return a property of the only resource, or of the one at a path; it must be there."""
        node = self.responses[path] if path else next(iter(self.responses.values()))
        for stat in node.findall(dav("propstat")):
            value = stat.find(f"{dav('prop')}/{expanded(name)}")
            if value is not None and " 200 " in stat.findtext(dav("status"), ""):
                return value
        raise AssertionError((name, self.raw))

    def text(self, name: str, path: str | None = None) -> str:
        return self.prop(name, path).text or ""

    def status_of(self, path: str, name: str = "") -> int:
        """Return the status of a resource, or of one of its properties."""
        node = self.responses[path]
        if not name:
            return int(node.findtext(dav("status"), "HTTP/1.1 0").split()[1])
        for stat in node.findall(dav("propstat")):
            if stat.find(f"{dav('prop')}/{expanded(name)}") is not None:
                return int(stat.findtext(dav("status"), "").split()[1])
        return 0

    @property
    def token(self) -> str:
        return self.xml.findtext(dav("sync-token"), "")


class DavClient:
    """A user with an app password."""

    def __init__(self, person: Person, password: str, base: URL | None = None) -> None:
        self.person = person
        self.base = base or person.base
        self.password = password
        self.http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())

    @property
    def home(self) -> str:
        return f"/dav/a/{self.person.uid}/"

    @property
    def book(self) -> str:
        return f"{self.home}contacts/"

    @property
    def principal(self) -> str:
        return f"/dav/p/{self.person.uid}/"

    @property
    def authorization(self) -> str:
        return aiohttp.encode_basic_auth(self.person.email, self.password, "utf-8")

    async def send(
        self, method: str, path: str, body: str | bytes = b"", headers: dict[str, str] | None = None
    ) -> DavAnswer:
        """Send a request; `path` is absolute, or the name of a card, encoded."""
        sent = {"Authorization": self.authorization} if self.password else {}
        url = URL(f"{self.base.origin()}{path if path.startswith('/') else self.book + path}", encoded=True)
        content = body.encode() if isinstance(body, str) else body
        async with self.http.request(
            method, url, data=content or None, headers={**sent, **(headers or {})}, allow_redirects=False
        ) as answer:
            return DavAnswer(answer.status, await answer.read(), answer.headers)

    async def propfind(self, path: str, *names: str, depth: str = "0", **headers: str) -> DavAnswer:
        """Ask for properties by name, such as `D:href`."""
        props = "".join(f"<{name}/>" for name in names)
        body = f"<D:propfind {NAMESPACES}><D:prop>{props}</D:prop></D:propfind>"
        return await self.send("PROPFIND", path, body, {"Depth": depth, **headers})

    async def put(self, name: str, text: str | bytes, **headers: str) -> DavAnswer:
        """Store a card."""
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.send("PUT", name, text, {"Content-Type": "text/vcard; charset=utf-8", **named})

    async def delete(self, name: str, **headers: str) -> DavAnswer:
        named = {key.replace("_", "-"): value for key, value in headers.items()}
        return await self.send("DELETE", name, headers=named)

    async def report(self, name: str, inner: str, path: str = "", **headers: str) -> DavAnswer:
        """Send a report to the book; `inner` is the XML in it."""
        body = f"<{name} {NAMESPACES}>{inner}</{name}>"
        return await self.send("REPORT", path or self.book, body, {"Depth": "1", **headers})

    async def query(self, filters: str, more: str = "<D:prop><D:getetag/></D:prop>") -> DavAnswer:
        return await self.report("C:addressbook-query", f"{more}{filters}")

    async def multiget(self, hrefs: Iterable[str], prop: str = "<D:getetag/><C:address-data/>") -> DavAnswer:
        listed = "".join(f"<D:href>{each}</D:href>" for each in hrefs)
        return await self.report("C:addressbook-multiget", f"<D:prop>{prop}</D:prop>{listed}")

    async def sync(self, token: str = "", more: str = "") -> DavAnswer:
        """Ask for the changes since a token."""
        inner = (
            f"<D:sync-token>{token}</D:sync-token><D:sync-level>1</D:sync-level>{more}"
            "<D:prop><D:getetag/></D:prop>"
        )
        return await self.report("D:sync-collection", inner)


DavMaker = Callable[..., Awaitable[DavClient]]
