"""The demo page for everybody: axe-core, narrow windows, targets for fingers, and the keyboard alone."""

from __future__ import annotations

from pathlib import Path

from axe_playwright_python.async_playwright import Axe
from playwright.async_api import Browser, expect

from service.admin.demo import ALICE, BOB
from tests.support.browsers import needs_chromium
from tests.support.demo_page import DemoPage, Desk

LOOKS = ((1280, "light"), (390, "dark"))
"""Width of the window and colour scheme."""
TARGET = 44
"""Pixels that a finger needs."""
SMALL = """(least) => [...document.querySelectorAll("button, input:not([type=checkbox]), select")]
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([node, { width, height }]) => width && height && (width < least || height < least))
    .map(([node, { width, height }]) => `${node.id || node.textContent} ${width} x ${height}`)"""
CUT = """(width) => [...document.querySelectorAll("body *")]
    .filter((node) => node.checkVisibility() && !node.closest(".unseen, [aria-hidden]"))
    .map((node) => [node, node.getBoundingClientRect()])
    .filter(([node, { left, right }]) => right > left && (left < -1 || right > width + 1))
    .map(([node, { left, right }]) => `${node.tagName} ${node.id} ${left} to ${right}`)"""

pytestmark = needs_chromium("the demo page")


async def inspect(desk: Desk, view: str, pictures: Path) -> None:
    """Expect no violation of axe, nothing outside of the window, and targets of 44 px, in each look."""
    page = desk.page
    for width, scheme in LOOKS:
        await page.set_viewport_size({"width": width, "height": 800})
        await page.emulate_media(color_scheme=scheme, reduced_motion="reduce")  # type: ignore[arg-type]
        violations = (await Axe().run(page)).response["violations"]
        problems = [
            (rule["id"], node["html"], node["any"][:1]) for rule in violations for node in rule["nodes"]
        ]
        assert problems == [], f"{view}, {width} px, {scheme}"
        assert await page.evaluate(SMALL, TARGET) == [], f"{view}, {width} px"
        assert await page.evaluate(CUT, width) == [], f"{view}, {width} px"
        await page.screenshot(path=pictures / f"{view}-{width}.png")


async def test_each_view_is_accessible_and_fits_the_window(
    browser: Browser, demo_page: DemoPage, tmp_path: Path
) -> None:
    async with (
        demo_page.browse(browser) as visitor,
        demo_page.people(browser, ALICE, BOB) as (alice, bob),
    ):
        await inspect(await demo_page.open(visitor), "sign-in", tmp_path)
        await inspect(alice, "contacts", tmp_path)
        await alice.click("#entries .entry >> nth=0")
        await inspect(alice, "form", tmp_path)
        await alice.page.keyboard.press("Escape")
        await alice.page.set_input_files(
            "#file", {"name": "x.csv", "mimeType": "text/csv", "buffer": b"First Name,E-mail\nNobody,none\n"}
        )
        await alice.click("dialog [type=submit]")
        await alice.shows("dialog .counts", "in the file")
        await inspect(alice, "report", tmp_path)
        await alice.page.keyboard.press("Escape")

        await alice.dial(BOB)
        await expect(bob.page.locator("#incoming .call")).to_be_visible()
        await inspect(bob, "ringing", tmp_path)
        await bob.answer()
        await alice.is_live(1)
        await inspect(alice, "call", tmp_path)
        await alice.click("#hangup")
        await bob.is_out()
        await bob.open_tab("calls")
        await expect(bob.page.locator("#log li").first).to_be_visible()
        await inspect(bob, "calls", tmp_path)

        await alice.open_tab("meetings")
        await alice.page.fill("#meeting-title", "Planning")
        await alice.click("#new-meeting button")
        await alice.click("#panel-button")
        await alice.click('#powers [data-act="link"]')
        link = await alice.page.locator("#guest-link").input_value()
        await inspect(alice, "link", tmp_path)
        await alice.page.keyboard.press("Escape")
        await alice.page.locator("#powers select").select_option("guests")
        guest = await demo_page.open(visitor, link)
        await guest.page.fill("#guest-name", "Zoë")
        await inspect(guest, "door", tmp_path)
        await guest.click("#guest-form button")
        await alice.shows("#waiting", "Zoë")
        await inspect(guest, "lobby", tmp_path)
        await inspect(alice, "panel", tmp_path)
        await alice.click("#panel-close")
        await alice.click("#hangup")
        await inspect(alice, "meetings", tmp_path)


async def test_a_device_is_added_and_revoked(browser: Browser, demo_page: DemoPage, tmp_path: Path) -> None:
    async with demo_page.people(browser, ALICE) as (alice,):
        await alice.click("#devices")
        await alice.shows("dialog .empty", "No device")
        await inspect(alice, "no-device", tmp_path)
        await alice.page.fill("dialog input", "My phone")
        await alice.click("dialog [type=submit]")
        await alice.shows("dialog .facts", "alice@example.org")
        await alice.shows("dialog .facts", "clk_")
        assert await alice.page.evaluate("document.querySelector('.qr').naturalWidth") > 0
        await alice.shows("dialog .list", "My phone")
        await inspect(alice, "devices", tmp_path)

        await alice.page.fill("dialog input", "My Mac")
        async with alice.page.expect_download() as download:
            await alice.click('dialog [data-act="profile"]')
        profile = await (await download.value).path()
        assert b"com.apple.carddav.account" in profile.read_bytes()
        await expect(alice.page.locator("dialog .list li")).to_have_count(2)

        await alice.page.get_by_label("Revoke My phone").click()
        await expect(alice.page.locator("dialog .list li")).to_have_count(1)
        await alice.page.keyboard.press("Escape")
        await alice.click("#devices")
        await alice.shows("dialog .list", "My Mac")
        await alice.page.get_by_label("Revoke My Mac").click()
        await alice.shows("dialog .empty", "No device")
        await alice.page.keyboard.press("Escape")


async def test_a_call_with_the_keyboard_alone(browser: Browser, demo_page: DemoPage) -> None:
    async with demo_page.people(browser, ALICE, BOB) as (alice, bob):
        keyboard = alice.page.keyboard
        await alice.page.locator("#tab-contacts").focus()
        await keyboard.press("ArrowRight")
        await expect(alice.page.locator("#tab-calls")).to_be_focused()
        await expect(alice.page.locator("#calls")).to_be_visible()
        await keyboard.press("ArrowLeft")
        await expect(alice.page.locator("#contacts")).to_be_visible()

        # A dialog keeps the focus, and gives it back.
        await alice.page.locator("#add").focus()
        await keyboard.press("Enter")
        for _ in range(12):
            await keyboard.press("Tab")
            assert await alice.page.evaluate("document.activeElement.closest('dialog, body').tagName") in {
                "DIALOG",
                "BODY",
            }
        await keyboard.press("Escape")
        await expect(alice.page.locator("dialog")).to_have_count(0)
        await expect(alice.page.locator("#add")).to_be_focused()

        await alice.person(BOB).locator(".call").focus()
        await keyboard.press("Enter")
        await expect(bob.page.locator("#alert")).to_have_text("Alice Martin is calling")
        # The banner comes first in the page: two steps to Answer.
        await bob.page.locator("#incoming .decline").focus()
        await bob.page.keyboard.press("Tab")
        await bob.page.keyboard.press("Enter")
        await alice.is_live(1)
        # A change of the tile must not take the focus away.
        await alice.page.locator("#mute").focus()
        await keyboard.press("Space")
        await expect(bob.tiles.first.locator("figcaption")).to_contain_text("muted")
        await expect(alice.page.locator("#mute")).to_be_focused()
        await keyboard.press("Space")
        await expect(alice.page.locator("#mute")).to_have_attribute("aria-pressed", "false")
        await alice.page.locator("#hangup").focus()
        await keyboard.press("Enter")
        await bob.hears("Alice Martin hung up.")
