"""Open the demo page in two browsers with fake cameras: presence, and calls that end in every way."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect

from service.admin import demo
from service.admin.demo import ALICE, BOB
from service.settings import Settings
from tests.support.browsers import needs_chromium
from tests.support.nodes import NodeMaker

MOVING = """async () => {
    const video = document.getElementById("remote");
    const seen = video.getVideoPlaybackQuality().totalVideoFrames;
    await new Promise((done) => setTimeout(done, 300));
    return video.videoWidth > 0 && video.getVideoPlaybackQuality().totalVideoFrames > seen;
}"""
COLOURED = """() => {
    const pen = document.createElement("canvas").getContext("2d");
    pen.drawImage(document.getElementById("remote"), 0, 0, 1, 1);
    return Math.max(...pen.getImageData(0, 0, 1, 1).data.slice(0, 3)) > 40;
}"""
PATIENCE = 20_000
"""Milliseconds that a browser may need on a busy machine."""

pytestmark = needs_chromium("the demo page")


@pytest.fixture
async def page_of_demo(make_node: NodeMaker, settings: Settings) -> str:
    """Return the address of the page, with the people of `make demo`."""
    demo.load(settings)
    # Other tests have tried wrong passwords for the same people, from the same address.
    node = await make_node(socket_grace=2, login_attempts=100_000, login_attempts_address=100_000)
    return str(node.make_url("/-/demo/"))


@asynccontextmanager
async def sign_in(context: BrowserContext, address: str, uid: str, errors: list[str]) -> AsyncIterator[Page]:
    """Open a tab of this user, connected."""
    page = await context.new_page()
    page.on("pageerror", lambda error: errors.append(str(error)))
    # A policy that blocks a script, a style or a connection is an error of the console.
    page.on("console", lambda message: errors.append(message.text) if "Policy" in message.text else None)
    await page.goto(address)
    await page.locator(f'#users button[data-uid="{uid}"]').click()
    await page.wait_for_selector("body[data-socket]", state="attached")
    yield page
    await page.close()


async def ring(caller: Page, callee: Page, uid: str) -> None:
    """Call the other user, whose page rings."""
    await caller.locator(f'#people li[data-uid="{uid}"] button').click()
    await expect(callee.locator("#status")).to_contain_text(" is calling", timeout=PATIENCE)


@asynccontextmanager
async def call_of_two(browser: Browser, address: str, script: str = "") -> AsyncIterator[tuple[Page, Page]]:
    """Let Alice call Bob, who accepts; yield their pages, which run the script first."""
    errors: list[str] = []
    # Two tabs of one browser share cookies.
    context = await browser.new_context(viewport={"width": 1000, "height": 700})
    await context.add_init_script(script)
    async with (
        sign_in(context, address, ALICE, errors) as alice,
        sign_in(context, address, BOB, errors) as bob,
    ):
        await ring(alice, bob, BOB)
        await bob.locator("#accept").click()
        yield alice, bob
    await context.close()
    assert errors == []


async def test_signing_out_in_one_tab_closes_the_person_s_other_tabs(
    browser: Browser, page_of_demo: str
) -> None:
    errors: list[str] = []
    context = await browser.new_context()
    async with (
        sign_in(context, page_of_demo, ALICE, errors) as one,
        sign_in(context, page_of_demo, ALICE, errors) as other,
        sign_in(context, page_of_demo, BOB, errors) as bob,
    ):
        await one.locator("#out").click()
        for page in (one, other):
            await expect(page.locator("#sign-in")).to_be_visible(timeout=PATIENCE)
            await expect(page.locator("#desk")).to_be_hidden()
        await expect(bob.locator("#desk")).to_be_visible()
    await context.close()
    assert errors == []


async def test_two_browsers_call_see_each_other_hang_up_and_log(
    browser: Browser, page_of_demo: str, tmp_path: Path
) -> None:
    errors: list[str] = []
    # Two tabs of one browser share cookies.
    context = await browser.new_context(viewport={"width": 1000, "height": 700})
    async with (
        sign_in(context, page_of_demo, ALICE, errors) as alice,
        sign_in(context, page_of_demo, BOB, errors) as bob,
    ):
        entry_of_bob = alice.locator(f'#people li[data-uid="{BOB}"]')
        await expect(entry_of_bob.locator(".dot")).to_have_attribute("data-state", "1", timeout=PATIENCE)
        await ring(alice, bob, BOB)
        await expect(bob.locator(f'#people li[data-uid="{ALICE}"] .word')).to_have_text("in a call")
        await _picture(bob, tmp_path, "ringing")
        await bob.locator("#accept").click()
        for page in (alice, bob):
            await page.wait_for_function(
                "() => document.getElementById('stage').classList.contains('live')", timeout=PATIENCE
            )
            await page.wait_for_function(MOVING, timeout=PATIENCE)
        await expect(entry_of_bob.locator(".word")).to_have_text("in a call", timeout=PATIENCE)
        await _picture(alice, tmp_path, "in-call")
        await alice.locator("#mute").click()
        await expect(alice.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await alice.locator("#hangup").click()
        await expect(bob.locator("#status")).to_contain_text("hung up", timeout=PATIENCE)
        for page, way in ((alice, "to Bob Stone"), (bob, "from Alice Martin")):
            entry = page.locator("#log li")
            await expect(entry).to_have_count(1, timeout=PATIENCE)
            await expect(entry).to_contain_text(f"Call {way}")
        await expect(entry_of_bob.locator(".word")).to_have_text("online", timeout=PATIENCE)
        await _picture(alice, tmp_path, "after")

        # Declined: notified once, logged once.
        await ring(bob, alice, ALICE)
        await alice.locator("#decline").click()
        await expect(bob.locator("#status")).to_contain_text("declined", timeout=PATIENCE)
        await expect(bob.locator("#log li")).to_have_count(2, timeout=PATIENCE)
        await expect(bob.locator("#log li").first).to_have_attribute("data-status", "reject")

        # Cancelled: the other side stops ringing.
        await ring(alice, bob, BOB)
        await alice.locator("#hangup").click()
        await expect(bob.locator("#status")).to_contain_text("over", timeout=PATIENCE)
        await expect(bob.locator("#log li").first).to_have_attribute(
            "data-status", "cancel", timeout=PATIENCE
        )
        await expect(bob.locator("#log li")).to_have_count(3)
        assert await alice.locator("#problem").text_content() == ""
    await context.close()
    assert errors == []


async def test_a_tab_that_is_closed_in_a_call_ends_it(browser: Browser, page_of_demo: str) -> None:
    errors: list[str] = []
    context = await browser.new_context()
    async with sign_in(context, page_of_demo, ALICE, errors) as alice:
        async with sign_in(context, page_of_demo, BOB, errors) as bob:
            await ring(alice, bob, BOB)
            await bob.locator("#accept").click()
            await alice.wait_for_function(MOVING, timeout=PATIENCE)
        await expect(alice.locator("#status")).to_contain_text("hung up", timeout=PATIENCE)
        await expect(alice.locator(f'#people li[data-uid="{BOB}"] .word')).to_have_text(
            "offline", timeout=PATIENCE
        )
    await context.close()
    assert errors == []


async def test_without_a_camera_a_card_is_sent_and_the_page_says_so(
    browser: Browser, page_of_demo: str, tmp_path: Path
) -> None:
    refuse = (
        "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    async with call_of_two(browser, page_of_demo, refuse) as (alice, bob):
        for page in (alice, bob):
            await page.wait_for_function(MOVING, timeout=PATIENCE)
            await page.wait_for_function(COLOURED, timeout=PATIENCE)
            await expect(page.locator("#hint")).to_contain_text("No camera or microphone")
        await _picture(alice, tmp_path, "no-camera")
        await bob.locator("#hangup").click()
        await expect(alice.locator("#status")).to_contain_text("hung up", timeout=PATIENCE)
        await expect(alice.locator("#hint")).to_be_empty()


async def test_a_call_survives_a_websocket_that_breaks(browser: Browser, page_of_demo: str) -> None:
    async with call_of_two(browser, page_of_demo) as (alice, bob):
        # Alice may see Bob before he sees her.
        for page in (alice, bob):
            await page.wait_for_function(MOVING, timeout=PATIENCE)
        before = await alice.get_attribute("body", "data-socket")
        await alice.evaluate("socket.close()")
        await expect(alice.locator("body")).not_to_have_attribute(
            "data-socket", str(before), timeout=PATIENCE
        )
        await alice.wait_for_function(MOVING, timeout=PATIENCE)
        # After the grace period the new tab has her seat, and nobody waits for the old one.
        await bob.wait_for_timeout(3000)
        await expect(bob.locator("#stage")).to_have_class("live")
        await alice.locator("#hangup").click()
        await expect(bob.locator("#status")).to_contain_text("hung up", timeout=PATIENCE)
        await expect(bob.locator("#log li").first).to_contain_text("Call from Alice Martin", timeout=PATIENCE)


@pytest.mark.parametrize("width", [390, 1280])
async def test_the_page_fits_the_window(
    browser: Browser, page_of_demo: str, tmp_path: Path, width: int
) -> None:
    errors: list[str] = []
    context = await browser.new_context(viewport={"width": width, "height": 800})
    async with sign_in(context, page_of_demo, ALICE, errors) as alice:
        await expect(alice.locator("#people li").first).to_be_visible()
        assert await alice.evaluate("document.documentElement.scrollWidth") <= width
        await _picture(alice, tmp_path, f"{width}")
    await context.close()
    assert errors == []


async def _picture(page: Page, folder: Path, name: str) -> None:
    """Save a screenshot in pytest's folder, which needs no setting."""
    await page.screenshot(path=folder / f"{name}.png")
