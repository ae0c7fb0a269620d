"""Send invitation mails to a real SMTP server."""

from __future__ import annotations

import secrets
from email.message import EmailMessage
from typing import Any

import pytest

from service.admin.registry import Registry
from service.mail.outbox import Mailer
from tests.support.admin import Admin
from tests.support.mail import Postman, body_of
from tests.support.people import FRONTEND, People, Person
from tests.support.waiting import until

BUDGET = (50, 10, 7)
"""Mails a day, those of a new account, days for which an account is new."""


def somebody() -> str:
    return f"{secrets.token_hex(6)}@else.example"


async def outbox(admin: Admin, address: str, wanted: str) -> list[tuple[Any, ...]]:
    """Return the rows of an address, once one has the status (it is written after the answer)."""

    def stored() -> list[tuple[Any, ...]]:
        rows = admin.rows(
            "SELECT status, attempts, data, last_error FROM yp.mail_outbox WHERE recipient = %s", address
        )
        return rows if rows and rows[0][0] == wanted and (wanted == "sent" or rows[0][1]) else []

    rows: list[tuple[Any, ...]] = await until(stored)
    return rows


async def test_a_stranger_gets_a_link_that_works(posted: People, postman: Postman, admin: Admin) -> None:
    alice, address = await posted("Alice"), somebody()
    await alice.ok("contact.invite", email=address, message="Come <b>in</b> & see")
    (mail,) = postman.to(address)
    assert mail["Subject"] == "Alice Test invites you to stay in contact"
    assert mail["From"] == "Drumee <noreply@drumee.example>"
    token = admin.rows("SELECT 1 FROM yp.token WHERE email = %s", address)
    assert len(token) == 1
    link = next(w for w in body_of(mail).split() if "/-/invitation/" in w)
    status = await alice.ok("contact.invitation_status", token=link.rpartition("/")[2])
    assert status["status"] == "unregister"
    # User input is plain text in both forms; nothing in the mail calls home.
    assert "Come <b>in</b> & see" in body_of(mail)
    assert "Come &lt;b&gt;in&lt;/b&gt; &amp; see" in body_of(mail, "html")
    assert "<img" not in body_of(mail, "html")
    # Both forms are complete; the text has its paragraphs.
    assert f'<a href="{link}"' in body_of(mail, "html")
    stop = mail["List-Unsubscribe"].strip("<>")
    assert f'<a href="{stop}"' in body_of(mail, "html")
    plain = body_of(mail).splitlines()
    assert (plain[-2:], plain[:2]) == (["", stop], ["Hello,", ""])
    # The outbox does not keep the link.
    assert (await outbox(admin, address, "sent"))[0][2] == '{"name": null}'


@pytest.mark.parametrize("service", ["contact.invite", "contact.add"])
async def test_a_stranger_is_greeted_by_the_name_that_the_inviter_gave(
    posted: People, postman: Postman, service: str
) -> None:
    alice, address = await posted("Alice"), somebody()
    place = {"email": address} if service == "contact.invite" else {
        "email": [{"email": address, "is_default": 1}], "invite": 1,
    }  # fmt: skip
    await alice.ok(service, firstname="Zoë <b>", lastname="Doe", **place)
    (mail,) = postman.to(address)
    assert "Hello Zoë <b>," in body_of(mail)
    assert "Hello Zoë &lt;b&gt;," in body_of(mail, "html")


async def test_a_member_gets_a_mail_in_their_language(posted: People, postman: Postman, admin: Admin) -> None:
    alice, bob = await posted("Alice"), await posted("Bob")
    admin.rows("UPDATE yp.drumate SET lang = 'fr' WHERE id = %s", bob.uid)
    await alice.ok("contact.invite", email=bob.email)
    (mail,) = postman.to(bob.email)
    assert mail["Subject"] == "Alice Test vous invite à rester en contact"
    invites = f"Alice Test ({alice.email}) vous invite à rester en contact."
    assert body_of(mail).splitlines()[:3] == ["Bonjour Bob,", "", invites]
    assert "Bonjour Bob," in body_of(mail, "html")
    assert "/invitation/" not in body_of(mail)
    assert "/-/invitations\n" in body_of(mail).replace("\r", "")


async def test_headers_cannot_be_injected(posted: People, postman: Postman, admin: Admin) -> None:
    alice, address = await posted("Alice"), somebody()
    admin.rows(
        "UPDATE yp.drumate SET firstname = %s WHERE id = %s", "Eve\r\nBcc: victim@else.example", alice.uid
    )
    await alice.ok("contact.invite", email=address, message="x\r\n.\r\nMAIL FROM:<a@b.c>")
    (mail,) = postman.to(address)
    assert mail["Bcc"] is None
    assert mail["Subject"].startswith("Eve Bcc: victim@else.example")
    # Mails of other tests may still be in the outbox.
    assert not [m for m in postman.mails if m["To"] in {"victim@else.example", "a@b.c"}]


async def test_many_invitations_are_one_mail(posted: People, postman: Postman) -> None:
    alice, address = await posted("Alice"), somebody()
    for _ in range(5):
        await alice.ok("contact.invite", email=address)
    assert len(postman.to(address)) == 1


@pytest.mark.parametrize("service", ["invite", "add", "update"])
async def test_a_failure_is_reported_and_tried_again(
    posted: People, postman: Postman, admin: Admin, service: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.mail.outbox.POLL_SECONDS", 0.1)
    alice, address = await posted("Alice"), somebody()
    args: dict[str, Any] = {"email": address}
    if service != "invite":
        args = {"email": [{"email": address, "is_default": 1}], "invite": 1}
    if service == "update":
        made = await alice.ok("contact.add", firstname="F", email=args["email"])
        args["contact_id"] = made["id"]
    postman.refuse = True
    answer = await alice.call(f"contact.{service}", **args)
    assert (answer.status, answer.code) == (207, "EMAIL_NOT_SENT")
    assert (answer.data["status"], answer.data["failed"]) == ("EMAIL_NOT_SENT", [address])
    contact = await alice.ok("contact.get_contact", contact_id=answer.data["id"])
    assert contact["status"] == "sent"
    ((_, attempts, _, error),) = await outbox(admin, address, "pending")
    assert attempts >= 1
    assert "451" in error
    postman.refuse = False
    admin.rows("UPDATE yp.mail_outbox SET next_try = 0 WHERE recipient = %s", address)
    await outbox(admin, address, "sent")
    assert len(postman.to(address)) == 1


async def test_a_mail_that_cannot_be_written_holds_up_no_other(
    posted: People, postman: Postman, admin: Admin, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.mail.outbox.POLL_SECONDS", 0.1)
    compose, spoiled = Mailer.compose, somebody()

    def broken(self: Mailer, mail: dict[str, Any]) -> EmailMessage:
        if mail["email"] == spoiled:
            raise LookupError("no such template")
        return compose(self, mail)

    monkeypatch.setattr(Mailer, "compose", broken)
    alice, good = await posted("Alice"), somebody()
    for address in (spoiled, good):
        await alice.call("contact.invite", email=address)
    admin.rows("UPDATE yp.mail_outbox SET next_try = 0 WHERE recipient = %s", spoiled)
    ((_, attempts, _, error),) = await outbox(admin, spoiled, "pending")
    assert attempts >= 1
    assert error == "LookupError: no such template"
    await outbox(admin, good, "sent")


async def test_the_frontend_gets_the_failure_in_its_form(posted: People, postman: Postman) -> None:
    alice, address = await posted("Alice"), somebody()
    postman.refuse = True
    answer = await alice.call("contact.invite", FRONTEND, email=address)
    assert answer.status == 200
    assert "error" not in answer.body
    assert (answer.data["status"], answer.data["failed"]) == ("EMAIL_NOT_SENT", [address])
    assert answer.data["id"]


async def test_mails_of_a_process_that_died_are_sent_by_another(
    posted: People, postman: Postman, admin: Admin, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("service.mail.outbox.POLL_SECONDS", 0.1)
    alice, address = await posted("Alice"), somebody()
    registry.call(
        "yp",
        "contact_invite_open",
        alice.uid,
        address,
        address,
        None,
        "secret",
        secrets.token_hex(8),
        *BUDGET,
    )
    admin.rows("UPDATE yp.mail_outbox SET next_try = 0 WHERE recipient = %s", address)
    await outbox(admin, address, "sent")
    assert len(postman.to(address)) == 1


async def test_a_mail_is_given_up_after_a_number_of_tries(
    admin: Admin, people: People, registry: Registry
) -> None:
    alice, address, mail = await people("Alice"), somebody(), secrets.token_hex(8)
    registry.call("yp", "contact_invite_open", alice.uid, address, address, None, "secret", mail, *BUDGET)
    waits = []
    for _ in range(16):
        admin.rows("UPDATE yp.mail_outbox SET next_try = 0 WHERE id = %s", mail)
        registry.call("yp", "mail_failed", mail, "no")
        waits.append(
            admin.rows(
                "SELECT status, CAST(next_try AS SIGNED) - CAST(mtime AS SIGNED) "
                "FROM yp.mail_outbox WHERE id = %s",
                mail,
            )[0]
        )
    assert waits[:3] == [("pending", 60), ("pending", 120), ("pending", 240)]
    assert max(w for s, w in waits if s == "pending") == 6 * 3600
    assert waits[-1][0] == "failed"


async def test_an_unsubscribed_address_gets_no_mail(posted: People, postman: Postman) -> None:
    alice, bob, address = await posted("Alice"), await posted("Bob"), somebody()
    await alice.ok("contact.invite", email=address)
    (mail,) = postman.to(address)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    path = "/-/mail/stop/" + mail["List-Unsubscribe"].strip("<>").rpartition("/")[2]
    url = alice.base.join(alice.base.with_path(path))
    async with bob.http.get(url, headers={"Accept-Language": "fr"}) as page:
        assert "Ne plus recevoir" in await page.text()
    await bob.ok("contact.invite", email=f"{secrets.token_hex(4)}.{address}")
    async with bob.http.post(url) as page:
        assert page.status == 200
    await bob.ok("contact.invite", email=address)
    assert len(postman.to(address)) == 1
    async with bob.http.post(url.with_path("/-/mail/stop/0123456789abcdef")) as page:
        assert page.status == 404


async def test_without_a_mail_server_mails_are_shown_on_this_machine(people: People) -> None:
    alice, address = await people("Alice"), somebody()
    made = await alice.ok("contact.invite", email=address, message="<i>hi</i>")
    assert made["status"] == "sent"
    url = alice.base.with_path("/-/mail/")
    async with alice.http.get(url) as page:
        page_text = await page.text()
        assert address in page_text
        assert "&lt;i&gt;hi&lt;/i&gt;" in page_text
    async with alice.http.get(url, headers={"X-Forwarded-For": "192.0.2.1"}) as page:
        assert page.status == 404


async def test_with_a_mail_server_nothing_is_shown(posted: People) -> None:
    person: Person = await posted("Alice")
    async with person.http.get(person.base.with_path("/-/mail/")) as page:
        assert page.status == 404
