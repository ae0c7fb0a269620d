"""Follow the links of mails in a browser that runs no script, on a phone, in French and in English."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from playwright.async_api import Browser, Page, ViewportSize, expect
from yarl import URL

from tests.support.admin import Admin
from tests.support.browsers import needs_chromium
from tests.support.links import PASSWORD, invite, link_to, new_address
from tests.support.mail import Postman
from tests.support.people import People, Person
from tests.support.waiting import until

PHONE = ViewportSize(width=390, height=844)

pytestmark = needs_chromium("the pages for links of mails")


@asynccontextmanager
async def phone(browser: Browser, locale: str) -> AsyncIterator[Page]:
    """Yield a page of a phone; nothing on it may be wider than the screen."""
    context = await browser.new_context(
        viewport=PHONE, locale=locale, is_mobile=True, has_touch=True, java_script_enabled=False
    )
    yield await context.new_page()
    await context.close()


async def fits(page: Page) -> bool:
    """Return whether the page is no wider than the phone, with a viewport of its own."""
    box = await page.locator("main").bounding_box()
    viewport = await page.locator('meta[name="viewport"]').get_attribute("content")
    return box is not None and box["x"] + box["width"] <= PHONE["width"] and "device-width" in str(viewport)


def here(person: Person, link: str) -> str:
    """Return the link of a mail on the node of the test, which has a port of its own."""
    return str(person.base.join(URL(URL(link).path)))


@pytest.mark.parametrize(
    ("locale", "accept", "weak", "welcome"),
    [
        ("en-GB", "Accept and create my account", "This password is easy to guess.", "Welcome, Zoé"),
        (
            "fr-FR",
            "Accepter et créer mon compte",
            "Ce mot de passe est facile à deviner.",
            "Bienvenue, Zoé",
        ),
    ],
)
async def test_an_invited_person_signs_up_on_a_phone(
    browser: Browser,
    posted: People,
    postman: Postman,
    admin: Admin,
    locale: str,
    accept: str,
    weak: str,
    welcome: str,
) -> None:
    alice, address = await posted("Alice"), new_address()
    secret = await invite(alice, postman, address, firstname="Zoé")
    async with phone(browser, locale) as page:
        await page.goto(f"{alice.base}-/invitation/{secret}")
        assert await fits(page)
        await expect(page.locator("h1")).to_contain_text("Alice Test")
        await expect(page.locator("#firstname")).to_have_value("Zoé")
        await page.fill("#password", "password1")
        await page.get_by_text(accept).click()
        await expect(page.get_by_role("alert")).to_contain_text(weak)
        await page.fill("#password", PASSWORD)
        await page.get_by_text(accept).click()
        await expect(page.locator("h1")).to_contain_text(welcome)
        assert await fits(page)
    (entry,) = await alice.ok("contact.show_contact")
    assert (entry["email"], entry["status"], entry["is_drumate"]) == (address, "informed", 1)
    assert admin.one("SELECT lang FROM yp.drumate WHERE email = %s", address) == locale[:2]


async def test_an_invitation_is_refused_and_mails_are_stopped_on_a_phone(
    browser: Browser, posted: People, postman: Postman
) -> None:
    alice, address = await posted("Alice"), new_address()
    secret = await invite(alice, postman, address)
    stop = postman.to(address)[-1]["List-Unsubscribe"].strip("<>")
    async with phone(browser, "en-GB") as page:
        await page.goto(here(alice, stop))
        await page.get_by_role("button", name="No more mails").click()
        await expect(page.locator("main")).to_contain_text("no more invitation mails")
        await page.goto(f"{alice.base}-/invitation/{secret}")
        await page.get_by_text("Refuse the invitation").click()
        await expect(page.locator("h1")).to_contain_text("refused")


async def test_a_new_password_is_set_and_invitations_are_answered_on_a_phone(
    browser: Browser, posted: People, postman: Postman
) -> None:
    alice, bob = await posted("Alice"), await posted("Bob")
    await alice.ok("contact.invite", email=bob.email)
    async with phone(browser, "en-GB") as page:
        await page.goto(f"{bob.base}-/password")
        await page.fill("#email", bob.email)
        await page.get_by_text("Send the link").click()
        await expect(page.locator("main")).to_contain_text("on its way")
        await until(lambda: any("/-/password/" in str(mail) for mail in postman.to(bob.email)))
        await page.goto(here(bob, link_to(postman, bob.email)))
        await page.fill("#password", PASSWORD)
        await page.get_by_text("Set the password").click()
        await expect(page.locator("h1")).to_contain_text("Your password is set")
        await page.goto(f"{bob.base}-/invitations")
        await page.get_by_role("button", name="Accept").click()
        await expect(page.locator("main")).to_contain_text("No invitation waits")
    (entry,) = await alice.ok("contact.show_contact")
    assert entry["entity"] == bob.uid
