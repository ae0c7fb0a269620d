"""Open the reference in a browser: sign in, try a call, sign out."""

from __future__ import annotations

import json

import pytest
from playwright.async_api import Browser, expect

from tests.support.browsers import needs_chromium
from tests.support.nodes import NodeMaker
from tests.support.people import PASSWORD, People

expect.set_options(timeout=60_000)
"""Milliseconds: more than a browser needs on a busy machine."""

pytestmark = needs_chromium("the reference page")


async def test_a_reader_signs_in_and_tries_a_call(
    browser: Browser, make_node: NodeMaker, people: People
) -> None:
    node = await make_node(login_attempts=100_000, login_attempts_address=100_000)
    alice = await people.registered("Alice")
    page = await browser.new_page()
    errors: list[str] = []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("console", lambda message: errors.append(message.text) if message.type == "error" else None)
    await page.goto(str(node.make_url("/-/docs/")))
    add = page.locator('section[id="contact.add"]')
    await expect(page.locator("#sign-in")).to_be_visible()
    await expect(add.locator(".try")).to_be_hidden()

    await page.fill("#sign-in [name=ident]", alice.email)
    await page.fill("#sign-in [name=password]", "not the password")
    await page.click("#sign-in button")
    await expect(page.locator("#wrong")).to_have_text("WRONG_CREDENTIALS")
    await page.fill("#sign-in [name=ident]", alice.email)
    await page.fill("#sign-in [name=password]", PASSWORD)
    await page.click("#sign-in button")
    await expect(page.locator("#reader-name")).to_have_text("Alice Test")
    await expect(page.locator("#sign-in")).to_be_hidden()

    await add.locator("summary").click()
    await add.locator("textarea").fill("{oops")
    await add.locator("button").click()
    await expect(add.locator("output")).to_contain_text("The request is not JSON")
    email = [{"email": "grace@navy.example", "is_default": 1}]
    await add.locator("textarea").fill(json.dumps({"firstname": "Grace", "email": email}))
    await add.locator("button").click()
    await expect(add.locator("output")).to_contain_text("HTTP 200")
    await alice.sign_in()
    (contact,) = await alice.ok("contact.show_contact")
    assert (contact["firstname"], contact["email"]) == ("Grace", "grace@navy.example")

    await page.click("#sign-out")
    await expect(page.locator("#sign-in")).to_be_visible()
    await expect(add.locator(".try")).to_be_hidden()
    assert not errors
    await page.close()


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_fits_the_window(browser: Browser, make_node: NodeMaker, width: int) -> None:
    page = await browser.new_page(viewport={"width": width, "height": 800})
    await page.goto(str((await make_node()).make_url("/-/docs/")))
    assert await page.evaluate("document.documentElement.scrollWidth") <= width
    await page.close()
