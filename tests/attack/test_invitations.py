"""One person invites the whole world: their mails end at a budget, their contacts do not."""

from __future__ import annotations

import asyncio
import secrets
from typing import Any

import pytest
from yarl import URL

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import FRONTEND, Answer, People, Person

BUDGET = 3
SPENT = "TOO_MANY_INVITATIONS"


def stranger() -> str:
    return f"{secrets.token_hex(6)}@else.example"


def mails_of(admin: Admin, person: Person) -> int:
    return int(admin.one("SELECT COUNT(*) FROM yp.mail_outbox WHERE sender_id = %s", person.uid))


@pytest.fixture
async def nodes(make_node: NodeMaker) -> list[URL]:
    """Start two nodes that allow new accounts three mails, and others five."""
    budget = {"invite_mails": BUDGET + 2, "invite_mails_new": BUDGET, "invite_new_days": 7}
    return [(await make_node(**budget)).make_url("/") for _ in range(2)]


@pytest.fixture
async def alice(nodes: list[URL], people: People) -> Person:
    return await people("Alice", base=nodes[0])


async def invite(person: Person, service: str, address: str) -> Answer:
    """Invite an address with one of the services that can."""
    entry = [{"email": address, "is_default": 1}]
    if service == "contact.invite":
        return await person.call(service, email=address)
    if service == "contact.add":
        return await person.call(service, firstname="F", email=entry, invite=1)
    made = await person.ok("contact.add", firstname="F", email=entry)
    return await person.call(service, contact_id=made["id"], firstname="F", email=entry, invite=1)


SERVICES = ("contact.invite", "contact.add", "contact.update")


@pytest.mark.parametrize("service", SERVICES)
async def test_the_mails_of_a_day_end_at_the_budget(alice: Person, admin: Admin, service: str) -> None:
    for _ in range(BUDGET):
        assert (await invite(alice, service, stranger())).status == 200
    address = stranger()
    refused = await invite(alice, service, address)
    assert (refused.status, refused.code) == (429 if service == "contact.invite" else 207, SPENT)
    assert 86_000 < refused.data["retry_after"] <= 86_400
    assert mails_of(admin, alice) == BUDGET
    assert admin.one("SELECT COUNT(*) FROM yp.token WHERE email = %s", address) == 0
    # The contact is kept, as one who was not invited.
    rows = await alice.ok("contact.show_contact")
    assert sorted(row["status"] for row in rows) == (
        ["sent"] * BUDGET if service == "contact.invite" else ["memory", *["sent"] * BUDGET]
    )
    admin.rows("UPDATE yp.mail_outbox SET ctime = ctime - 86400 WHERE sender_id = %s", alice.uid)
    assert (await invite(alice, "contact.invite", address)).status == 200


async def test_the_answer_says_when_it_is_free_again(alice: Person) -> None:
    for _ in range(BUDGET):
        await alice.ok("contact.invite", email=stranger())
    refused = await alice.call("contact.invite", email=stranger())
    assert int(refused.headers["Retry-After"]) == refused.data["retry_after"]
    in_its_form = await alice.call("contact.invite", FRONTEND, email=stranger())
    assert (in_its_form.status, in_its_form.data["status"]) == (200, SPENT)
    assert in_its_form.data["retry_after"] > 86_000


async def test_two_processes_count_together(nodes: list[URL], alice: Person, admin: Admin) -> None:
    other = Person(nodes[1], alice.email, alice.uid, alice.shard)
    await other.sign_in()
    answers = await asyncio.gather(
        *(invite(person, "contact.invite", stranger()) for person in (alice, other) for _ in range(8))
    )
    await other.http.close()
    assert sorted(answer.status for answer in answers) == [200] * BUDGET + [429] * (16 - BUDGET)
    assert mails_of(admin, alice) == BUDGET


async def test_an_old_account_may_more(alice: Person, admin: Admin) -> None:
    admin.rows("UPDATE yp.drumate SET ctime = ctime - 8 * 86400 WHERE id = %s", alice.uid)
    statuses = [(await invite(alice, "contact.invite", stranger())).status for _ in range(BUDGET + 3)]
    assert statuses == [200] * (BUDGET + 2) + [429]


async def test_members_are_invited_without_a_mail(alice: Person, people: People, admin: Admin) -> None:
    for _ in range(BUDGET):
        await alice.ok("contact.invite", email=stranger())
    bob = await people.registered("Bob")
    await alice.ok("contact.invite", email=bob.email)
    assert mails_of(admin, alice) == BUDGET
    assert admin.one("SELECT COUNT(*) FROM shard1.contact WHERE owner_id = %s", bob.uid) == 1


async def test_a_second_click_is_not_another_mail(alice: Person, admin: Admin) -> None:
    addresses = [stranger() for _ in range(BUDGET)]
    for address in addresses * 2:
        await alice.ok("contact.invite", email=address)
    assert mails_of(admin, alice) == BUDGET


async def test_imports_and_other_apis_reach_nobody(alice: Person, admin: Admin, registry: Registry) -> None:
    contacts: list[dict[str, Any]] = [{"firstname": "A", "email": [{"email": stranger()}]} for _ in range(9)]
    await alice.ok("contact.import", list=contacts)
    assert mails_of(admin, alice) == 0


def test_every_routine_that_writes_mails_counts_them(root: Any) -> None:
    """Every mail to a stranger passes the budget of its sender."""
    texts = {path.stem: path.read_text() for path in (root / "procedures").rglob("*.sql")}
    writers = {name for name, text in texts.items() if "INSERT INTO mail_outbox" in text}
    uncounted = {name for name in writers if "mail_wait(" not in texts[name]}
    # Nobody is signed in there: mailboxes and addresses have limits (tests/accounts/test_passwords.py).
    # meeting_notify calls off what a counted mail has announced. Mails about a webhook go to its owner alone.
    assert uncounted == {"account_mail_open", "meeting_notify", "webhook_mail"}
    assert writers > uncounted
