"""A desk of the Drumee frontend, used as a person uses it: by what is on the screen."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from functools import partial

from playwright.async_api import Browser, Locator, Page, Request, Response, expect
from playwright.async_api import TimeoutError as NoReaction
from yarl import URL

from tests.support.people import PASSWORD
from tests.support.waiting import until

PATIENCE = 20_000
"""Milliseconds that a page may need on a busy machine."""
REACTION = 1000
"""Milliseconds in which a page reacts to a click."""
CONTACTS, MEETINGS, CHAT = range(3)
"""The windows of the dock that other people concern."""
WINDOWS = (".window-addressbook", ".window-schedule", ".window-bigchat")
PERMISSIONS = ["notifications", "camera", "microphone"]
expect.set_options(timeout=PATIENCE)


async def insist(act: Callable[[], Awaitable[None]], reaction: Callable[[], Awaitable[None]]) -> None:
    """Act until the page reacts: it shows buttons and fields before it listens to them."""
    for _ in range(PATIENCE // REACTION):
        await act()
        try:
            return await reaction()
        except (TimeoutError, NoReaction):
            continue
    return await reaction()


class Desk:
    """One tab of the frontend."""

    def __init__(self, page: Page, base: URL) -> None:
        self.page = page
        self.base = base
        self.errors: list[str] = []
        """Exceptions of the page, what its policy forbids, and calls that the service refuses."""
        self.calls: list[str] = []
        """Services that the page has called."""
        page.set_default_timeout(PATIENCE)
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda line: self.errors.append(line.text) if "Policy" in line.text else None)
        page.on("request", self._note_call)
        page.on("response", self._note_refusal)

    @classmethod
    async def open(cls, browser: Browser, base: URL, path: str = "/") -> Desk:
        """Open a page in a profile of its own, at a path of the service."""
        context = await browser.new_context(
            viewport={"width": 1280, "height": 800}, locale="en-US", permissions=PERMISSIONS
        )
        desk = cls(await context.new_page(), base)
        await desk.page.goto(f"{str(base).rstrip('/')}{path}")
        return desk

    async def another_tab(self) -> Desk:
        """Open the frontend in another tab of the same profile."""
        desk = Desk(await self.page.context.new_page(), self.base)
        await desk.page.goto(str(self.base))
        return desk

    def _note_call(self, request: Request) -> None:
        _, is_call, name = request.url.partition("/-/svc/")
        if is_call:
            self.calls.append(name.partition("?")[0])

    async def send_form(self, fields: Mapping[str, str], button: str, service: str) -> None:
        """Fill in fields by placeholder and click a button until the page calls the service.

        A page draws its forms twice: what was filled in too early is gone.
        """

        async def send() -> None:
            for placeholder, text in fields.items():
                await self.page.get_by_placeholder(placeholder, exact=True).locator("visible=true").fill(text)
            await self.click(button)

        await insist(send, partial(self._calls_soon, service))

    async def _calls_soon(self, service: str) -> None:
        """Let the page react; TimeoutError when it has not called the service."""
        await self.page.wait_for_timeout(REACTION)
        if service not in self.calls:
            raise TimeoutError

    async def has_called(self, service: str) -> None:
        """Wait until the page calls a service."""
        await until(lambda: service in self.calls)

    def _note_refusal(self, response: Response) -> None:
        if "/-/svc/" in response.url and response.status != 200:
            self.errors.append(f"{response.status} {response.url}")

    def text(self, text: str) -> Locator:
        """Return the first element that shows exactly this text."""
        return self.page.get_by_text(text, exact=True).locator("visible=true").first

    async def click(self, text: str) -> None:
        """Click what shows this text."""
        await self.text(text).click()

    async def sign_in(self, email: str, password: str = PASSWORD) -> None:
        """Sign in, and close the welcome."""
        await self.try_password(email, password)
        await self.close_welcome()

    async def close_welcome(self) -> None:
        """Wait for the desk, and close the welcome for good."""
        await expect(self.page.locator(".desk-dock__main")).to_be_visible()
        # The desk asks for it when everything else is there.
        await self.has_called("contact.connection_status")
        await self.click("Don't show again")
        await expect(self.text("Don't show again")).to_be_hidden()

    async def try_password(self, email: str, password: str) -> None:
        """Fill in the form of the sign-in and send it."""
        await self.send_form({"Email": email, "Password": password}, "Log in", "yp.login")

    async def choose_password(self, password: str, service: str, **names: str) -> None:
        """Fill in a form for a new password and send it until the page calls the service."""
        self.calls.clear()
        field = self.page.get_by_placeholder("Password", exact=True).locator("visible=true")

        async def send() -> None:
            for name, text in names.items():
                placeholder = f"{name.capitalize()} name"
                await self.page.get_by_placeholder(placeholder, exact=True).locator("visible=true").fill(text)
            await field.fill("")
            # The page judges a password at each key.
            await field.press_sequentially(password)
            await self._accept_terms()
            await self.page.locator("[data-partname=button-wrapper]").click()

        await insist(send, partial(self._calls_soon, service))

    async def _accept_terms(self) -> None:
        """Tick the box of the terms, if the form has one and it is empty."""
        box = self.page.locator("[data-partname=conditions-checkbox]")
        if await box.count() and await box.get_attribute("data-state") != "1":
            await box.click()
            # The frontend takes two quick clicks for one.
            await self.page.wait_for_timeout(REACTION)

    async def is_signed_out(self) -> None:
        """Wait for the form that signs in."""
        await expect(self.page.locator("input[type=password]")).to_be_visible()

    async def sign_out(self) -> None:
        """Sign out by the menu of the person."""
        await self.page.locator(".desk-module__topbar-overlay").click()
        await self.page.locator(".desk-module__topbar-user--item.disconnect").click()

    async def open_window(self, window: int) -> None:
        """Open a window of the dock."""
        await insist(
            self.page.locator(".desk-dock__button.launcher-icon:visible").nth(window).click,
            partial(self.page.locator(WINDOWS[window]).first.wait_for, timeout=3 * REACTION),
        )

    async def choose(self, menu: str, entry: str) -> None:
        """Open the menu with this trigger, and choose an entry."""

        async def open_menu() -> None:
            await self.page.locator(menu).first.click()
            await self.page.wait_for_timeout(REACTION)

        # A click on the menu that is open closes it.
        await insist(open_menu, partial(self.text(entry).click, timeout=REACTION))

    async def contact_menu(self, entry: str) -> None:
        """Choose an entry in the menu of the address book."""
        await self.choose(".window-addressbook-menu__trigger", entry)

    async def accept_invitation(self) -> None:
        """Open the bell, and in it the first notification, an invitation; accept it."""

        async def open_first() -> None:
            await self.page.locator(".notification-panel__container").click()
            await self.page.wait_for_timeout(REACTION)
            # The picture that stands for invitations has no name.
            await self.page.locator(".notification-panel__overlay").click(position={"x": 186, "y": 65})

        await insist(open_first, partial(self.text("Accept").wait_for, timeout=2 * REACTION))
        await insist(partial(self.click, "Accept"), partial(self._calls_soon, "contact.invite_accept"))

    async def invite(self, address: str) -> None:
        """Invite a person by the form of the address book."""
        await self.contact_menu("Invite a contact to their network")
        await self.send_form({"Email": address}, "Invite", "contact.invite")
        await expect(self.page.get_by_text("An invitation mail has been sent to")).to_be_visible()
        await self.click("Close")

    async def plan_meeting(self, title: str) -> str:
        """Plan a meeting; return the link for its guests."""
        form = self.page.get_by_placeholder("Title")
        button = self.page.locator(".window-schedule-topbar__icon.desktopgroup")
        await insist(button.click, partial(form.wait_for, timeout=2 * REACTION))
        async with self.page.expect_response("**/room.public_link") as response:
            await self.send_form({"Title": title, "When": "Monday at ten"}, "Copy link", "room.book")
        return str((await (await response.value).json())["data"]["link"])

    def contact(self, name: str) -> Locator:
        """Return the row of a contact in the address book."""
        return self.page.locator(".window-addressbook").get_by_text(name, exact=True).first

    async def call(self) -> None:
        """Call the person of the conversation that is open, or open the meeting of its team."""
        await self.page.locator(".chat-room-header__icon.connector").click()

    async def write(self, text: str, service: str) -> None:
        """Send a message in the conversation that is open, until the page calls the service."""
        field = self.page.locator(".window-bigchat [contenteditable=true], .window-bigchat textarea").first

        async def send() -> None:
            await field.click()
            await self.page.keyboard.type(text)
            await self.page.keyboard.press("Enter")

        await insist(send, partial(self._calls_soon, service))

    @property
    def ringing(self) -> Locator:
        """Return the button that answers a call."""
        return self.page.locator(".window-connect .ctrl-button.accept[data-partname=ctrl-audio]")

    async def conversation_shows(self, text: str) -> None:
        """Wait for a text in the conversation that is open."""
        await expect(self.page.locator(".window-bigchat").get_by_text(text).first).to_be_visible()


DeskOpener = Callable[..., Awaitable[Desk]]
"""Signs a person in, at a URL of the service if it is not that of the person."""
