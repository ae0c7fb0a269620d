"""A day of people who work with the Drumee frontend, in a browser, on a served build."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, expect
from yarl import URL

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.links import PASSWORD as NEW_PASSWORD
from tests.support.links import invite, link_to, new_address
from tests.support.mail import Postman
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, befriend
from tests.support.waiting import until
from tests.workplace.desk import CHAT, CONTACTS, MEETINGS, Desk, DeskOpener

GUESSED_PASSWORD = "Password123!"
"""Strong enough for the frontend, not for the service."""
CSV = "Given name,Family name,Email,Phone\nLise,Meitner,lise@uranium.example,+1 555 0100\n"
VCARD = (
    "BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Marie Curie\r\nN:Curie;Marie;;;\r\n"
    "EMAIL:marie@radium.example\r\nEND:VCARD\r\n"
)


async def related(people: People, admin: Admin) -> tuple[Person, Person]:
    """Create two people who are in contact."""
    alice, bob = await people("Alice"), await people("Bob")
    await befriend(admin, alice, bob)
    return alice, bob


async def conversation(
    open_desk: DeskOpener, one: Person, other: Person, base: URL | None = None
) -> tuple[Desk, Desk]:
    """Open the conversation of two people on the desks of both."""
    desks = await open_desk(one, base), await open_desk(other, base)
    for desk in desks:
        await desk.open_window(CHAT)
        await expect(desk.page.locator(".chat-room-header__icon.connector")).to_be_visible()
    return desks


async def test_the_frontend_boots_and_signs_in(
    people: People, browser: Browser, open_desk: DeskOpener
) -> None:
    alice = await people("Alice")
    stranger = await Desk.open(browser, alice.base)
    await stranger.try_password(alice.email, "not-the-password")
    await expect(stranger.page.get_by_text("Wrong credentials").first).to_be_visible()
    assert stranger.errors == []
    desk = await open_desk(alice)
    await desk.page.reload()
    await expect(desk.page.locator(".desk-dock__main")).to_be_visible()
    await expect(desk.page.get_by_text("Don't show again")).to_have_count(0)


async def test_an_invited_person_signs_up_and_stands_on_the_desk(
    people: People, postman: Postman, browser: Browser, open_desk: DeskOpener
) -> None:
    alice = await people("Alice")
    inviter = await open_desk(alice)
    await inviter.open_window(CONTACTS)
    secret = await invite(alice, postman, new_address())
    desk = await Desk.open(browser, alice.base, f"/#/welcome/signup/{secret}")
    names = {"first": "Dora", "last": "Doe"}
    await desk.choose_password(GUESSED_PASSWORD, "butler.b2c_signup_password", **names)
    await expect(desk.page.get_by_text("WEAK_PASSWORD")).to_be_visible()
    await expect(desk.page.get_by_text("WEAK_PASSWORD")).to_be_hidden()
    await desk.choose_password(NEW_PASSWORD, "butler.b2c_signup_password", **names)
    await desk.close_welcome()
    await desk.open_window(CONTACTS)
    for each, name in ((desk, "Alice Test"), (inviter, "Dora Doe")):
        await expect(each.contact(name)).to_be_visible()
        await expect(each.page.locator(".window-addressbook [data-online='1']").first).to_be_visible()
    await desk.page.reload()
    await expect(desk.page.locator(".desk-dock__main")).to_be_visible()
    assert desk.errors == []


async def test_a_link_that_was_used_says_so(people: People, postman: Postman, browser: Browser) -> None:
    alice, dora = await people("Alice"), await people.stranger()
    secret = await invite(alice, postman, new_address())
    await dora.ok("butler.b2c_signup_password", secret=secret, firstname="Dora", password=NEW_PASSWORD)
    for path in (f"/#/welcome/signup/{secret}", f"/#/welcome/reset/{alice.uid}/{secret}"):
        visitor = await Desk.open(browser, alice.base, path)
        await expect(visitor.page.get_by_text("Something went wrong.")).to_be_visible()
        await visitor.click("Close")
        await visitor.is_signed_out()
        assert visitor.errors == []


async def test_a_forgotten_password_is_set_by_the_link_of_a_mail(
    people: People, postman: Postman, browser: Browser
) -> None:
    alice = await people("Alice")
    desk = await Desk.open(browser, alice.base, "/#/welcome/reset")
    await desk.send_form({"Email": alice.email}, "Go", "butler.get_reset_token")
    await expect(desk.page.get_by_text("Email has been sent to you")).to_be_visible()
    await until(lambda: postman.to(alice.email))
    # From here the page goes to the form of the sign-in by itself.
    await desk.sign_in(alice.email)
    path = URL(link_to(postman, alice.email))
    phone = await Desk.open(browser, alice.base, f"/#{path.fragment}")
    await phone.choose_password(GUESSED_PASSWORD, "butler.set_password")
    await expect(phone.page.get_by_text("Your password is not strong enough.")).to_be_visible()
    await expect(phone.page.get_by_text("Your password is not strong enough.")).to_be_hidden()
    await phone.choose_password(NEW_PASSWORD, "butler.set_password")
    await expect(phone.page.locator(".desk-dock__main")).to_be_visible()
    await desk.is_signed_out()
    assert [error.partition(" ")[0] for error in phone.errors] == ["412"]


async def test_a_contact_is_added_and_edited(people: People, open_desk: DeskOpener) -> None:
    alice, address = await people("Alice"), new_address()
    desk = await open_desk(alice)
    await desk.open_window(CONTACTS)
    await desk.invite(address)
    await desk.contact(address).click()
    await desk.choose(".addressbook-widget-contact-detail-menu__trigger", "Update data")
    names = {"First name": "Ada", "Last name": "Byron", "Custom name": "Countess"}
    await desk.send_form(names, "Modify", "contact.update")
    await expect(desk.contact("Countess")).to_be_visible()
    (row,) = await alice.ok("contact.show_contact")
    contact = await alice.ok("contact.get_contact", contact_id=row["id"])
    assert (contact["surname"], [e["email"] for e in contact["email"]]) == ("Countess", [address])


async def test_an_invitation_is_accepted_in_another_browser(people: People, open_desk: DeskOpener) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    inviter, invited = await open_desk(alice), await open_desk(bob)
    for desk in (inviter, invited):
        await desk.open_window(CONTACTS)
    await inviter.invite(bob.email)
    await expect(invited.page.locator(".notification-panel__digit")).to_have_text("1")
    await invited.accept_invitation()
    for desk, name in ((invited, "Alice"), (inviter, "Bob")):
        await expect(desk.contact(name)).to_be_visible()
        await expect(desk.page.locator(".window-addressbook [data-online='1']").first).to_be_visible()


async def test_files_of_contacts_are_imported(people: People, open_desk: DeskOpener, tmp_path: Path) -> None:
    desk = await open_desk(await people("Alice"))
    await desk.open_window(CONTACTS)
    for name, text, contact in (("people.csv", CSV, "Lise Meitner"), ("card.cvf", VCARD, "Marie Curie")):
        (tmp_path / name).write_text(text)
        async with desk.page.expect_file_chooser() as chooser:
            await desk.contact_menu("Import from computer")
        await (await chooser.value).set_files(tmp_path / name)
        await expect(desk.contact(contact)).to_be_visible()


async def test_a_call_is_answered(people: People, admin: Admin, open_desk: DeskOpener) -> None:
    caller, callee = await conversation(open_desk, *await related(people, admin))
    await caller.call()
    await expect(callee.page.get_by_text(" is calling you")).to_be_visible()
    await callee.ringing.click()
    # There is no media server here: both say so, after all signals.
    for desk in (caller, callee):
        await desk.has_called("conference.join")
    await callee.has_called("conference.accept")
    assert caller.calls.count("conference.join") == 1


async def test_a_call_is_declined(people: People, admin: Admin, open_desk: DeskOpener) -> None:
    caller, callee = await conversation(open_desk, *await related(people, admin))
    await caller.call()
    await expect(callee.ringing).to_be_visible()
    await callee.page.locator(".window-connect .ctrl-button.line").click()
    await expect(caller.page.locator(".window-connect").get_by_text("Call declined")).to_be_visible()
    for desk in (caller, callee):
        await desk.conversation_shows("Call declined")


async def test_a_call_that_nobody_answers_is_missed(
    people: People, admin: Admin, open_desk: DeskOpener, make_node: NodeMaker, frontend_dir: str
) -> None:
    node = await make_node(frontend_dir=frontend_dir, jitsi_domain="meet.localhost", ring_seconds=3)
    caller, callee = await conversation(open_desk, *await related(people, admin), node.make_url("/"))
    await caller.call()
    await expect(callee.ringing).to_be_visible()
    for desk in (caller, callee):
        await desk.conversation_shows("Missed call")


async def test_a_guest_comes_in_by_the_link_of_a_planned_meeting(
    people: People, browser: Browser, open_desk: DeskOpener
) -> None:
    alice = await people("Alice")
    host = await open_desk(alice)
    await host.open_window(MEETINGS)
    link = URL(await host.plan_meeting("Kick-off"))
    guest = await Desk.open(browser, alice.base, f"{link.path}?{link.query_string}#{link.fragment}")
    await guest.click("Join the conference")
    await guest.send_form({"Enter your name": "Gwen"}, "Join meeting", "conference.join")
    await expect(guest.page.get_by_text("Please wait for the organizer")).to_be_visible()
    await expect(host.page.get_by_text("The first participants have arrived")).to_be_visible()
    await host.click("Rejoin")
    for desk in (guest, host):
        await expect(desk.page.locator(".window-meeting").first).to_be_visible()
    assert guest.errors == []


async def test_a_team_writes_and_meets(people: People, registry: Registry, open_desk: DeskOpener) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    registry.grant(registry.add_hub("Team", alice.uid, "private"), bob.uid, 7)
    writer, reader = await open_desk(alice), await open_desk(bob)
    for desk in (writer, reader):
        await desk.open_window(CHAT)
        await desk.has_called("channel.messages")
    await writer.write("Shall we begin?", "channel.post")
    await reader.conversation_shows("Shall we begin?")
    await reader.has_called("channel.acknowledge")
    for desk in (writer, reader):
        await desk.call()
        await expect(desk.page.locator(".window-meeting").first).to_be_visible()
        await desk.has_called("hub.get_members_by_type")
    await expect(writer.page.get_by_text(" is connecting")).to_be_visible()


async def test_signing_out_closes_the_other_tab(people: People, open_desk: DeskOpener) -> None:
    desk = await open_desk(await people("Alice"))
    other = await desk.another_tab()
    await expect(other.page.locator(".desk-dock__main")).to_be_visible()
    await desk.sign_out()
    for each in (desk, other):
        await each.is_signed_out()
        await expect(each.page.locator(".desk-dock__main")).to_have_count(0)
