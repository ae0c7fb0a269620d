"""Open the demo page in several browsers with fake cameras: presence, and calls that end in every way."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from playwright.async_api import Browser, Error, expect

from service.admin.demo import ALICE, BOB, CAROL
from tests.support.browsers import needs_chromium
from tests.support.demo_page import DemoPage, ServeDemo

REFUSE = (
    "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'));"
)

pytestmark = needs_chromium("the demo page")


async def test_signing_out_in_one_tab_closes_the_person_s_other_tabs(
    browser: Browser, demo_page: DemoPage
) -> None:
    async with demo_page.browse(browser) as context:
        one, other = [await demo_page.sign_in(context, ALICE) for _ in range(2)]
        bob = await demo_page.sign_in(context, BOB)
        await one.click("#out")
        for desk in (one, other):
            await expect(desk.page.locator("#sign-in")).to_be_visible()
            await expect(desk.page.locator("#desk")).to_be_hidden()
        await expect(bob.page.locator("#desk")).to_be_visible()
    assert demo_page.errors == []


async def test_two_browsers_call_see_each_other_hang_up_and_log(
    browser: Browser, demo_page: DemoPage, tmp_path: Path
) -> None:
    async with demo_page.people(browser, ALICE, BOB) as (alice, bob):
        log = bob.page.locator("#log li")
        known = await log.count()
        await expect(alice.person(BOB).locator(".dot")).to_have_attribute("data-state", "1")
        await alice.dial(BOB)
        await bob.shows("#incoming .call", "Alice Martin is calling")
        await expect(bob.page).to_have_title(re.compile("☎ Alice Martin is calling"))
        await expect(bob.person(ALICE).locator(".word")).to_have_text("In a call")
        await bob.answer()
        for desk in (alice, bob):
            await desk.is_live(1)
        await expect(alice.person(BOB).locator(".word")).to_have_text("In a call")
        await alice.page.screenshot(path=tmp_path / "in-call.png")
        await alice.click("#mute")
        await expect(alice.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(bob.tiles.first.locator("figcaption")).to_contain_text("muted")
        # Initials stand for a camera that is off.
        await alice.click("#camera")
        await expect(bob.tiles.first.locator(".face .avatar")).to_be_visible()
        await expect(bob.tiles.first.locator(".face .avatar")).to_have_text("AM")
        await alice.click("#camera")
        await expect(bob.tiles.first.locator(".face")).to_be_hidden()
        await alice.click("#hangup")
        await bob.hears("Alice Martin hung up.")
        await bob.is_out()
        await expect(log).to_have_count(known + 1)
        await expect(alice.person(BOB).locator(".word")).to_have_text("Online")

        # Declined: notified once, logged once.
        await bob.dial(ALICE)
        await alice.click("#incoming .decline")
        await bob.hears("Alice Martin has declined the call.")
        await bob.is_out()
        await expect(log).to_have_count(known + 2)
        await expect(log.first).to_have_attribute("data-status", "reject")

        # Cancelled: the other side stops ringing.
        await alice.dial(BOB)
        await expect(bob.page.locator("#incoming .call")).to_be_visible()
        await alice.click("#hangup")
        await bob.hears("has given up the call")
        await expect(bob.page.locator("#incoming .call")).to_have_count(0)
        await expect(log.first).to_have_attribute("data-status", "cancel")

        # The service keeps the log: a page that is loaded anew has it.
        await bob.page.reload()
        await demo_page.is_ready(bob)
        await bob.open_tab("calls")
        await expect(log).to_have_count(known + 3)
        rows = [await log.nth(number).locator(".word").text_content() or "" for number in range(3)]
        # Two of them may have ended in the same second.
        assert sorted(row.rpartition(",")[0].partition(", 0:")[0] for row in rows) == [
            "Incoming call",
            "Incoming call, cancelled",
            "Outgoing call, declined",
        ]
        # The row of the log calls again; nobody is called who is not there.
        await alice.click("#out")
        await expect(bob.person(ALICE).locator(".word")).to_have_text("Offline")
        await log.first.locator(".call").click()
        await bob.hears("Alice Martin is not there, and will find a missed call.")


async def test_who_is_in_a_call_is_busy_and_has_answered_on_one_device(
    browser: Browser, demo_page: DemoPage
) -> None:
    async with demo_page.people(browser, ALICE, BOB, BOB, CAROL) as (alice, bob, phone, carol):
        await alice.dial(BOB)
        await expect(phone.page.locator("#incoming .call")).to_be_visible()
        await bob.answer()
        await phone.hears("Answered on another device.")
        await expect(phone.page.locator("#incoming .call")).to_have_count(0)
        await alice.is_live(1)

        await expect(carol.person(BOB).locator(".word")).to_have_text("In a call")
        await carol.dial_at_once(BOB)
        await carol.shows("dialog", "Bob Stone is in a call")
        await carol.page.keyboard.press("Escape")
        await carol.is_out()
        await carol.dial_at_once(BOB)
        await carol.click("dialog .stop")
        await bob.shows("#incoming .call", "You are in a call.")
        await bob.click("#incoming .decline")
        await carol.hears("Bob Stone is busy: in another call.")
        # One who answers all the same leaves the first call.
        await carol.dial_at_once(BOB)
        await carol.click("dialog .stop")
        await bob.answer()
        await alice.hears("Bob Stone hung up.")
        await carol.is_live(1)


async def test_a_call_survives_a_broken_websocket_and_a_reload(browser: Browser, demo_page: DemoPage) -> None:
    async with demo_page.people(browser, ALICE, BOB) as (alice, bob):
        # A dialog that is open does not hide the call. A call to the caller is an answer.
        await bob.click("#add")
        await alice.dial(BOB)
        await bob.shows("dialog #incoming", "Alice Martin is calling")
        await bob.page.keyboard.press("Escape")
        await expect(bob.page.locator("body > #top .call")).to_be_visible()
        await bob.dial_at_once(ALICE)
        await expect(bob.page.locator("#incoming .call")).to_have_count(0)
        await alice.is_live(1)
        before = await alice.page.get_attribute("body", "data-socket")
        await alice.page.evaluate("sockets.at(-1).close()")
        await expect(alice.page.locator("body")).not_to_have_attribute("data-socket", str(before))
        await alice.is_live(1)

        for desk, other in ((alice, bob), (bob, alice)):
            await desk.page.reload()
            await demo_page.is_ready(desk)
            await desk.is_live(1)
            await other.is_live(1)


async def test_without_a_camera_the_page_shows_initials_and_a_crash_ends_the_call(
    browser: Browser, serve_demo: ServeDemo
) -> None:
    demo_page = await serve_demo(1)
    async with demo_page.people(browser, ALICE, BOB, script=REFUSE) as (alice, bob):
        await alice.dial(BOB)
        await bob.answer()
        for desk, initials in ((alice, "BS"), (bob, "AM")):
            await expect(desk.tiles.first).to_have_attribute("data-state", "connected")
            await expect(desk.tiles.first.locator(".face .avatar")).to_have_text(initials)
            await desk.shows("#hint", "No camera or microphone")
            await expect(desk.page.locator("#mute")).to_be_disabled()
        with suppress(Error):
            await bob.page.goto("chrome://crash")
        await alice.hears("Bob Stone hung up.")
        await alice.is_out()
        await expect(alice.page.locator("#hint")).to_be_empty()
        await expect(alice.person(BOB).locator(".word")).to_have_text("Offline")
