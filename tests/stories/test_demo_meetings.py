"""Meet on the demo page: three browsers of members, and a guest who comes by the link through the lobby."""

from __future__ import annotations

from playwright.async_api import Browser, expect

from service.admin.demo import ALICE, BOB, CAROL
from tests.support.browsers import needs_chromium
from tests.support.demo_page import DemoPage, Desk

pytestmark = needs_chromium("the demo page")


def attendee(host: Desk, name: str) -> str:
    """Return the selector of somebody's options in the panel of a host."""
    return f'#attendees button[aria-label="Options for {name}"]'


async def start_meeting(host: Desk, title: str) -> str:
    """Start a meeting and open its panel; return the link for guests."""
    await host.open_tab("meetings")
    await host.page.fill("#meeting-title", title)
    # a second press makes no second meeting
    await host.page.locator("#new-meeting button").dblclick()
    await expect(host.page.locator("#stage")).to_have_attribute("data-phase", "live")
    await host.click("#panel-button")
    await host.click('#powers [data-act="link"]')
    link = await host.page.locator("#guest-link").input_value()
    await host.page.keyboard.press("Escape")
    return link


async def knock(guest: Desk, name: str) -> None:
    """Say a name and ask to come in."""
    await guest.page.fill("#guest-name", name)
    await guest.click("#guest-form button")


async def command(host: Desk, name: str, action: str) -> None:
    """Choose an action of the host for a participant."""
    await host.click(attendee(host, name))
    await host.page.locator("dialog button", has_text=action).click()


async def test_a_meeting_from_the_first_guest_in_the_lobby_to_the_end(
    browser: Browser, demo_page: DemoPage
) -> None:
    async with (
        demo_page.people(browser, ALICE, BOB) as (alice, bob),
        demo_page.browse(browser, viewport={"width": 390, "height": 844}) as phone,
    ):
        link = await start_meeting(alice, "Kick-off")
        await alice.page.locator("#powers select").select_option("guests")
        await alice.click('#callable button[aria-label="Invite Bob Stone"]')
        await bob.shows("#incoming .call", "Alice Martin invites you to a meeting")
        await bob.answer()
        await bob.shows("#room-title", "Kick-off")
        guest = await demo_page.open(phone, link)
        await guest.shows("#guest-title", "Kick-off")
        await knock(guest, "Zoë")
        await guest.shows("#state", "You are in the lobby")
        # Only the host is asked, and may let in.
        await alice.shows("#waiting", "Zoë")
        await bob.click("#panel-button")
        await expect(bob.page.locator("#waiting li")).to_have_count(0)
        await expect(bob.page.locator("#powers button")).to_have_count(0)

        await alice.click('#waiting button[aria-label="Deny Zoë"]')
        await guest.hears("has not let you in")
        await knock(guest, "Zoë")
        await alice.click('#waiting button[aria-label="Admit Zoë"]')
        for desk in (alice, bob, guest):
            await desk.is_live(2)
        captions = await bob.page.locator("figcaption").all_text_contents()
        assert sorted(captions) == ["Alice MartinHost", "You", "Zoë"]

        # A screen takes the place of the camera, at the others as well.
        await bob.click("#share")
        tile = alice.page.locator(f'.tile[data-uid="{BOB}"]')
        await expect(tile).to_have_class("tile shares")
        await bob.click("#share")
        await expect(tile).to_have_class("tile")

        await command(alice, "Bob Stone", "Ask for silence")
        await bob.hears("Alice Martin has muted you.")
        await expect(bob.page.locator("#mute")).to_have_attribute("aria-pressed", "true")
        await expect(tile.locator("figcaption")).to_contain_text("muted")
        await bob.click("#mute")
        await expect(tile.locator("figcaption")).not_to_contain_text("muted")

        await alice.click('#powers [data-act="record"]')
        await bob.hears("Alice Martin has started the recording.")
        for desk in (alice, bob, guest):
            await desk.shows("#recording", "Recording")

        # Nobody may come in uninvited while everybody has to wait; the phone is back after a reload.
        await alice.page.locator("#powers select").select_option("everybody")
        await bob.page.reload()
        await demo_page.is_ready(bob)
        for desk in (alice, bob, guest):
            await desk.is_live(2)

        await command(alice, "Zoë", "Take out and keep out")
        await guest.hears("Alice Martin has taken you out of the meeting.")
        await knock(guest, "Zoë")
        await guest.hears("banned")
        for desk in (alice, bob):
            await desk.is_live(1)
        await alice.click('#powers [data-act="end"]')
        await alice.click("dialog .stop")
        await bob.hears("The meeting has ended.")
        for desk in (alice, bob, guest):
            await desk.is_out()
        await alice.click('#meetings-list button[aria-label="Remove Kick-off"]')
        await alice.click("dialog .stop")
        await expect(alice.page.locator('#meetings-list button[aria-label="Join Kick-off"]')).to_have_count(0)
        await guest.page.reload()
        await guest.shows("#guest-title", "This link is not valid any more.")


async def test_a_team_meets_hands_the_host_over_and_keeps_to_its_limits(
    browser: Browser, demo_page: DemoPage
) -> None:
    async with demo_page.people(browser, ALICE, BOB, CAROL) as (alice, bob, carol):
        for desk in (alice, bob, carol):
            await desk.open_tab("meetings")
        join = '#meetings-list button[aria-label="Join Team"]'
        await alice.click(join)
        await bob.hears("Team: The meeting has started")
        await bob.click(join)
        await alice.is_live(1)
        await alice.click("#panel-button")
        await alice.click('#callable button[aria-label="Invite Carol Weiss"]')
        await carol.hears("Team: Alice invites you")

        await alice.click('#powers [data-act="limits"]')
        await alice.page.fill("dialog [name=title]", "Weekly")
        await alice.page.fill("dialog [name=people]", "2")
        await alice.click("dialog [type=submit]")
        await bob.shows("#room-title", "Weekly")
        await carol.click(join)
        await carol.hears("As many as may be are in the room")
        await carol.is_out()
        await alice.click('#powers [data-act="limits"]')
        await alice.page.fill("dialog [name=people]", "0")
        await alice.click("dialog [type=submit]")
        await carol.click(join)
        for desk in (alice, bob, carol):
            await desk.is_live(2)

        await command(alice, "Bob Stone", "Make host")
        await bob.hears("You are a host now.")
        await alice.click("#hangup")
        await bob.click("#panel-button")
        await command(bob, "Carol Weiss", "Take out of the meeting")
        await carol.hears("Bob Stone has taken you out of the meeting.")
        await carol.is_out()
        await bob.click("#hangup")
