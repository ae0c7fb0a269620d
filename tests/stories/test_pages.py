"""The pages for people without an account, in a browser: it adds headers to a form that only it can add."""

from __future__ import annotations

import pytest
from playwright.async_api import Browser, Page, expect

from tests.support.browsers import CHROMIUM
from tests.support.links import PASSWORD, invite, link_to, new_address
from tests.support.mail import Postman
from tests.support.people import People, Person
from tests.support.waiting import until

pytestmark = pytest.mark.skipif(
    CHROMIUM is None, reason="the pages of the service: there is no Chromium here (make browser)"
)


async def invitation(browser: Browser, inviter: Person, postman: Postman) -> Page:
    """Open the page of an invitation."""
    secret = await invite(inviter, postman, new_address())
    page = await browser.new_page()
    await page.goto(f"{inviter.base}-/invitation/{secret}")
    return page


async def test_an_invited_person_signs_up(posted: People, postman: Postman, browser: Browser) -> None:
    alice = await posted("Alice")
    page = await invitation(browser, alice, postman)
    await page.get_by_label("First name").fill("Dora")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button", name="Accept").click()
    await expect(page.get_by_text("Dora").first).to_be_visible()
    (entry,) = await alice.ok("contact.show_contact")
    assert (entry["firstname"], entry["status"]) == ("Dora", "informed")


async def test_an_invited_person_refuses(posted: People, postman: Postman, browser: Browser) -> None:
    page = await invitation(browser, await posted("Alice"), postman)
    await page.get_by_role("button", name="Refuse").click()
    await expect(page.get_by_text("You have refused the invitation")).to_be_visible()


async def test_a_forgotten_password_is_set(posted: People, postman: Postman, browser: Browser) -> None:
    alice = await posted("Alice")
    page = await browser.new_page()
    await page.goto(f"{alice.base}-/password")
    await page.get_by_label("Email").fill(alice.email)
    await page.get_by_role("button").click()
    await until(lambda: postman.to(alice.email))
    path = link_to(postman, alice.email).partition("/-/")[2]
    await page.goto(f"{alice.base}-/{path}")
    await page.get_by_label("Password").fill(PASSWORD)
    await page.get_by_role("button").click()
    await expect(page.get_by_text("Your password is set").first).to_be_visible()
    assert (await alice.sign_in(PASSWORD)).data["status"] == "ok"
