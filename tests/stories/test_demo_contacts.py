"""Keep an address book on the demo page: search, add, edit, delete, and import a file."""

from __future__ import annotations

from pathlib import Path

from playwright.async_api import Browser, Locator, expect

from service.admin.demo import ALICE, BOB, DAVE
from tests.support.browsers import needs_chromium
from tests.support.demo_page import DemoPage, Desk

CSV = """First Name,Last Name,E-mail Address,Mobile Phone
Hedy,Lamarr,hedy@film.example,+43 660 1234567
Ada,Lovelace,ada@math.example,+44 20 7946 0999
Nobody,Knows,not an address,
"""
TAGS_OF_ADA = """async () => {
    const call = async (service, args) => {
        const headers = {"Content-Type": "application/json"};
        const body = JSON.stringify({...args, keysel: "demo_a1"});
        return (await (await fetch("/-/svc/" + service, {method: "POST", headers, body})).json()).data;
    };
    const [row] = await call("contact.search", {key: "ada"});
    return (await call("contact.get_contact", {contact_id: row.id})).tag.map(({name}) => name);
}"""

pytestmark = needs_chromium("the demo page")


def entry(desk: Desk, name: str) -> Locator:
    """The row of a contact without an account."""
    return desk.page.locator("#entries li", has_text=name)


async def delete(desk: Desk) -> None:
    """Delete the contact whose form is open."""
    await desk.page.locator("dialog button", has_text="Delete").click()
    await desk.click("dialog .stop")


async def test_an_address_book_from_search_to_import(
    browser: Browser, demo_page: DemoPage, tmp_path: Path
) -> None:
    async with demo_page.people(browser, ALICE) as (alice,):
        page = alice.page
        await page.fill("#search", "ada")
        await expect(page.locator("#entries li")).to_have_count(1)
        await expect(page.locator("#people li")).to_have_count(0)
        await page.fill("#search", "bob")
        await expect(alice.person(BOB)).to_be_visible()
        await page.fill("#search", "nobody at all")
        await alice.shows("#no-contacts", "Nobody by this name.")
        await page.fill("#search", "")

        # The form does not show tags, and leaves them alone.
        await entry(alice, "Ada Lovelace").locator(".entry").click()
        await page.fill("dialog [name=comment]", "Countess")
        await alice.click("dialog [type=submit]")
        await alice.hears("Saved.")
        assert await page.evaluate(TAGS_OF_ADA) == ["Work"]

        await alice.click("#add")
        await page.fill("dialog [name=firstname]", "Mary")
        await page.fill("dialog [name=lastname]", "Jackson")
        await alice.click("dialog [type=submit]")
        await expect(page.locator("dialog .problem")).not_to_be_empty()
        await page.fill("dialog [name=email]", "mary@space.example")
        await page.fill("dialog [name=mobile]", "+1 202 555 0147")
        await alice.click("dialog [type=submit]")
        await alice.hears("Mary Jackson is in your address book.")

        await entry(alice, "Mary Jackson").locator(".entry").click()
        await expect(page.locator("dialog [name=mobile]")).to_have_value("+1 202 555 0147")
        await page.fill("dialog [name=lastname]", "Winston")
        await page.locator("dialog button", has_text="Another email address").click()
        await page.locator("dialog [name=email]").last.fill("mary@home.example")
        await alice.click("dialog [type=submit]")
        await entry(alice, "Mary Winston").locator(".entry").click()
        emails = page.locator("dialog [name=email]")
        await expect(emails).to_have_count(2)
        assert [await email.input_value() for email in await emails.all()] == [
            "mary@space.example",
            "mary@home.example",
        ]
        await delete(alice)
        await alice.hears("Mary Winston is deleted.")
        await expect(entry(alice, "Mary Winston")).to_have_count(0)

        path = tmp_path / "people.csv"
        path.write_text(CSV)
        await page.set_input_files("#file", path)
        await page.select_option("dialog [name=update]", "add")
        await alice.click("dialog [type=submit]")
        await alice.shows("dialog .counts", "in the file")
        counts = await page.locator("dialog .counts > div").all_text_contents()
        assert counts == ["in the file3", "new1", "changed1", "known already1", "left out1"]
        async with page.expect_download() as download:
            await alice.click("dialog a")
        rejected = (await (await download.value).path()).read_text()
        assert (rejected.count("\n"), "Nobody" in rejected, "Hedy" in rejected) == (2, True, False)
        await alice.click("dialog .primary")
        await expect(entry(alice, "Hedy Lamarr")).to_be_visible()
        await page.set_input_files("#file", {"name": "x.bin", "mimeType": "", "buffer": b"\x00\x01"})
        await alice.click("dialog [type=submit]")
        await expect(page.locator("dialog .problem")).not_to_be_empty()
        await page.keyboard.press("Escape")
        # The next run of this story begins with the same address book.
        await entry(alice, "Hedy Lamarr").locator(".entry").click()
        await delete(alice)
        await alice.hears("Hedy Lamarr is deleted.")


async def test_an_invitation_is_accepted_and_both_may_call(browser: Browser, demo_page: DemoPage) -> None:
    async with demo_page.people(browser, BOB, DAVE) as (bob, dave):
        await bob.click("#add")
        await bob.page.fill("dialog [name=firstname]", "Dave")
        await bob.page.fill("dialog [name=email]", "dave@acme.test")
        await bob.page.check("dialog [name=invite]")
        await bob.click("dialog [type=submit]")
        await dave.click('#invitations button[aria-label="Accept Bob Stone"]')
        await bob.click('#invitations button[aria-label="OK Dave"]')
        await expect(bob.page.locator("#invitations li")).to_have_count(0)
        for desk, uid in ((bob, DAVE), (dave, BOB)):
            await expect(desk.person(uid).locator(".word")).to_contain_text("Online")
        # Without the relation there is nobody to call. The next run of this story begins as strangers.
        await bob.person(DAVE).locator(".entry").click()
        await delete(bob)
        await expect(dave.person(BOB)).to_have_count(0)
        await entry(dave, "Bob Stone").locator(".entry").click()
        await delete(dave)
        await expect(entry(dave, "Bob Stone")).to_have_count(0)
