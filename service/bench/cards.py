"""Measure CardDAV: the first synchronisation of a big address book, one without changes, and PUTs."""

from __future__ import annotations

import statistics
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element

import aiohttp
from defusedxml.ElementTree import fromstring

from service.bench import names
from service.bench.fixtures import Fixtures
from service.bench.names import CARD_OWNER, key
from service.bench.node import Node
from service.bench.tools import BenchError
from service.carddav.xml import NAMESPACES, dav

TITLE = "CardDAV, a big address book"
CARDS = 10_000
AT_ONCE = 100
"""Cards that a client reads in one request."""
REPEATS = 50
CARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nUID:bench\r\nFN:Ada {0}\r\nN:{0};Ada;;;\r\n"
    "EMAIL:ada@bench.example\r\nEND:VCARD\r\n"
)


async def measure(
    folder: Path, env: Mapping[str, str], fixtures: Fixtures, cards: int = CARDS, repeats: int = REPEATS
) -> dict[str, float]:
    """Measure as a client that reads names and tags first, and then 100 cards a request."""
    fixtures.fill_card_book(cards)
    node = Node(folder, env)
    node.env["DRUMEE_WORKERS"] = "1"
    async with node, aiohttp.ClientSession() as http:
        phone = Phone(node.base, http)
        started = time.perf_counter()
        paths, token = await phone.changes("")
        listed = time.perf_counter()
        for start in range(0, len(paths), AT_ONCE):
            await phone.read(paths[start : start + AT_ONCE])
        ended = time.perf_counter()
        if len(paths) != cards:
            raise BenchError(f"of {cards} cards {len(paths)} were listed")
        return {
            "cards": cards,
            "list_seconds": round(listed - started, 2),
            "first_sync_seconds": round(ended - started, 2),
            "no_changes_median_ms": await _median_ms(repeats, lambda _: phone.changes(token)),
            "put_median_ms": await _median_ms(repeats, phone.put),
        }


async def _median_ms(repeats: int, request: Any) -> float:
    waits = []
    for number in range(repeats):
        started = time.perf_counter()
        await request(number)
        waits.append((time.perf_counter() - started) * 1000)
    return round(statistics.median(waits), 1)


class Phone:
    """A device with an app password."""

    def __init__(self, base: str, http: aiohttp.ClientSession) -> None:
        self._book = f"{base}/dav/a/{key(names.PERSON, CARD_OWNER)}/contacts/"
        self._http = http
        email = f"person{CARD_OWNER}@bench.example"
        self._headers = {
            "Authorization": aiohttp.encode_basic_auth(email, names.api_key(CARD_OWNER), "utf-8"),
            "Depth": "1",
        }

    async def changes(self, token: str) -> tuple[list[str], str]:
        """Return the paths of the cards that have changed since a token, and the new token."""
        inner = f"<D:sync-token>{token}</D:sync-token><D:prop><D:getetag/></D:prop>"
        root = await self._report("D:sync-collection", inner)
        return _paths(root), root.findtext(dav("sync-token"), "")

    async def read(self, paths: list[str]) -> None:
        """Read cards."""
        listed = "".join(f"<D:href>{path}</D:href>" for path in paths)
        inner = f"<D:prop><D:getetag/><C:address-data/></D:prop>{listed}"
        if len(_paths(await self._report("C:addressbook-multiget", inner))) != len(paths):
            raise BenchError("a card was not answered")

    async def put(self, number: int) -> None:
        """Store a card, with another name than before."""
        await self._send("PUT", f"{self._book}bench.vcf", CARD.format(number), (201, 204))

    async def _report(self, name: str, inner: str) -> Element:
        body = f"<{name} {NAMESPACES}>{inner}</{name}>"
        root: Element = fromstring(await self._send("REPORT", self._book, body, (207,)))
        return root

    async def _send(self, method: str, url: str, body: str, statuses: tuple[int, ...]) -> bytes:
        async with self._http.request(method, url, data=body.encode(), headers=self._headers) as response:
            content = await response.read()
        if response.status not in statuses:
            raise BenchError(f"{method} of a card was answered {response.status}")
        return content


def _paths(root: Element) -> list[str]:
    return [each.findtext(dav("href"), "") for each in root.findall(dav("response"))]
