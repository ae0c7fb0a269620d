"""The demo page in Chromium: people who sign in, and measurements of their connections."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from dataclasses import dataclass, field
from typing import Any

from playwright.async_api import Browser, BrowserContext, Error, Locator, Page, expect

PATIENCE = 60_000
"""Milliseconds that a browser may need on a busy machine."""
expect.set_options(timeout=PATIENCE)
WATCH = """
    window.connections = [];
    window.sockets = [];
    window.RTCPeerConnection = class extends RTCPeerConnection {
        constructor(...args) { super(...args); connections.push(this); }
    };
    window.WebSocket = class extends WebSocket {
        constructor(...args) { super(...args); sockets.push(this); }
    };
"""
FLOWS = """async (count) => {
    const open = connections.filter((connection) => connection.connectionState === "connected");
    if (open.length !== count) return false;
    window.former ??= new Map();
    let grows = true;
    for (const connection of open) {
        const stats = [...(await connection.getStats()).values()];
        for (const kind of ["audio", "video"]) {
            for (const [type, counter] of [["inbound-rtp", "bytesReceived"], ["outbound-rtp", "bytesSent"]]) {
                const rows = stats.filter((row) => row.type === type && row.kind === kind);
                const bytes = rows.reduce((sum, row) => sum + row[counter], 0);
                const key = connections.indexOf(connection) + type + kind;
                grows &&= former.has(key) && bytes > former.get(key);
                if (!former.has(key)) former.set(key, bytes);
            }
        }
    }
    return grows;
}"""
"""Whether there are so many connections, and sound and picture go both ways in each: bytes of getStats."""


@dataclass
class Desk:
    """The page of somebody."""

    page: Page

    def person(self, uid: str) -> Locator:
        """The row of somebody in the list of contacts."""
        return self.page.locator(f'#people li[data-uid="{uid}"]')

    @property
    def tiles(self) -> Locator:
        """The tiles on the stage, the own one included."""
        return self.page.locator("#tiles .tile")

    async def dial(self, uid: str) -> None:
        """Call somebody who is free. The page asks before it calls others, and learns late who has left."""
        await expect(self.person(uid).locator(".word")).not_to_have_text("In a call")
        await self.dial_at_once(uid)

    async def dial_at_once(self, uid: str) -> None:
        """Call somebody, also while they are in a call."""
        await self.person(uid).locator(".call").click()

    async def answer(self) -> None:
        """Answer the call that rings."""
        await self.page.locator("#incoming .accept").click()

    async def click(self, selector: str) -> None:
        """Click an element."""
        await self.page.locator(selector).click()

    async def hears(self, words: str) -> None:
        """Expect words in the message of the page."""
        await expect(self.page.locator("#status")).to_contain_text(words)

    async def shows(self, selector: str, words: str) -> None:
        """Expect words in an element."""
        await expect(self.page.locator(selector)).to_contain_text(words)

    async def is_live(self, others: int) -> None:
        """Expect connections to so many others, with sound and picture in both directions."""
        await expect(self.tiles).to_have_count(others + 1)
        await self.page.evaluate("window.former = undefined")
        await self.page.wait_for_function(FLOWS, arg=others, polling=200)

    async def is_out(self) -> None:
        """Expect that the page is in no room."""
        await expect(self.page.locator("#stage")).to_have_attribute("data-phase", "none")

    async def sign_out(self) -> None:
        """Leave, so that no later test meets this person. A page that has crashed is out already."""
        with suppress(Error):
            if await self.page.locator("#out").is_visible():
                await self.click("#out")
                await self.page.locator("#sign-in").wait_for()

    async def open_tab(self, name: str) -> None:
        """Open a view: contacts, calls or meetings."""
        await self.click(f"#tab-{name}")


@dataclass
class DemoPage:
    """The address of the page, and what went wrong in its scripts."""

    address: str
    errors: list[str] = field(default_factory=list)

    @asynccontextmanager
    async def browse(
        self, browser: Browser, script: str = "", **options: Any
    ) -> AsyncIterator[BrowserContext]:
        """Open a browser with cookies of its own, which runs a script before each page."""
        context = await browser.new_context(**options)
        await context.add_init_script(WATCH + script)
        yield context
        await context.close()

    async def open(self, context: BrowserContext, address: str = "") -> Desk:
        """Open a tab."""
        page = await context.new_page()
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        # A policy that blocks a script, a style or a connection is an error of the console.
        page.on(
            "console", lambda message: self.errors.append(message.text) if "Policy" in message.text else None
        )
        await page.goto(address or self.address)
        return Desk(page)

    async def sign_in(self, context: BrowserContext, uid: str) -> Desk:
        """Open a tab of this person, with their lists."""
        desk = await self.open(context)
        await desk.click(f'#users button[data-uid="{uid}"]')
        await self.is_ready(desk)
        return desk

    async def is_ready(self, desk: Desk) -> None:
        """Expect that the page has read its lists."""
        await expect(desk.page.locator("#desk")).to_have_attribute("aria-busy", "false")

    @asynccontextmanager
    async def people(self, browser: Browser, *uids: str, script: str = "") -> AsyncIterator[list[Desk]]:
        """Let people sign in, each in a browser of their own; no script of theirs may fail."""
        async with AsyncExitStack() as stack:
            contexts = [await stack.enter_async_context(self.browse(browser, script)) for _ in uids]
            desks = [await self.sign_in(context, uid) for context, uid in zip(contexts, uids, strict=True)]
            yield desks
            for desk in desks:
                await desk.sign_out()
        assert self.errors == []


ServeDemo = Callable[[int], Awaitable[DemoPage]]
"""Serves the page; the argument is the seconds that a closed page keeps its seats."""
