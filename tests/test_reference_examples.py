"""The examples of the reference are real: one request and its answer for every service.

`RECORD=1 make test T=tests/test_reference_examples.py` writes them anew.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import AsyncIterator
from typing import Any

import orjson
import pytest

from service import PACKAGE
from service.admin.registry import Registry
from service.rpc.declarations import load_declarations
from service.web.fields import load
from tests.support.admin import Admin
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab
from tests.support.recorder import Recorder, misfit

JSON_TYPES: dict[str, type | tuple[type, ...]] = {
    "string": str, "integer": int, "number": (int, float), "boolean": bool, "array": list, "object": dict,
}  # fmt: skip
EXAMPLES = PACKAGE / "templates" / "examples.json"
VCARD = b"BEGIN:VCARD\r\nVERSION:3.0\r\nFN:Emmy Noether\r\nEMAIL:emmy@algebra.example\r\nEND:VCARD\r\n"
TABLE = (
    b"First Name,Last Name,E-mail Address,E-mail Type,Birthday\r\n"
    b"Emmy,Noether,emmy@algebra.example,SMTP,1882-03-23\r\n"
)
MEETING = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "meeting"}
CALL = {"audio": 1, "video": 0, "screen": 0, "muted": 0, "type": "connect"}


class Story:
    """A day with contacts, groups, tags, a conversation, a meeting and calls, which calls every service."""

    def __init__(self, rec: Recorder, people: People, registry: Registry, admin: Admin) -> None:
        self.rec, self.people, self.registry, self.admin = rec, people, registry, admin
        self.ada: Person
        self.bob: Person
        self.tab: Tab

    async def run(self) -> None:
        """Call every service at least once."""
        await self.sign_in()
        await self.contacts()
        await self.lists_of_contacts()
        await self.details()
        await self.invitations()
        await self.links()
        await self.accounts()
        await self.groups()
        await self.files()
        await self.tags()
        await self.chat()
        await self.unwanted_messages()
        await self.team()
        await self.plans()
        await self.meeting()
        await self.calls()
        await self.sign_out()

    async def sign_in(self) -> None:
        self.ada = await self.people.registered("Ada")
        self.bob = await self.people("Bob")
        call = self.rec.call
        await call(self.ada, "yp.hello")
        await call(self.ada, "yp.login", vars={"ident": self.ada.email, "password": "correct horse battery"})
        await call(self.ada, "yp.get_env")
        await call(self.ada, "yp.ping")
        self.tab = await self.ada.tab()
        await call(self.ada, "bootstrap.authn")
        await call(self.ada, "desk.get_env")
        await call(self.ada, "desk.create_wicket")
        await call(self.ada, "desk.home")
        await call(self.ada, "media.home", hub_id=self.ada.uid)
        await call(self.ada, "desk.set_online_status")
        await call(self.ada, "reminder.list")
        await call(self.ada, "drumate.intro_acknowledged")

    async def contacts(self) -> None:
        call, ada = self.rec.call, self.ada
        added = await call(
            ada,
            "contact.add",
            firstname="Grace",
            lastname="Hopper",
            email=[{"email": "grace@navy.example", "category": "prof", "is_default": 1}],
            mobile=[{"phone": "555 0100", "areacode": "+1", "category": "prof", "is_default": 1}],
            address=[{"street": "1 Harbor Street", "city": "Arlington", "country": "USA"}],
            comment="Met at the spring fair.",
        )
        grace = added["id"]
        more = [
            {"email": "grace@navy.example", "category": "prof", "is_default": 1},
            {"email": "grace@home.example", "category": "priv", "is_default": 0},
        ]
        await call(ada, "contact.update", contact_id=grace, surname="Amazing Grace", email=more)
        await call(ada, "contact.get_contact", contact_id=grace)
        await call(ada, "contact.get", email="grace@navy.example")
        await call(ada, "contact.email_in_use", email="grace@navy.example")
        (changed, *_) = (await call(ada, "contact.history", contact_id=grace))["changes"]
        await call(ada, "contact.revert", contact_id=grace, to=changed["rev"] - 1)
        await ada.ok("contact.revert", contact_id=grace, to=changed["rev"])
        await call(ada, "contact.change_status", contact_id=grace, status="archived")
        await ada.ok("contact.change_status", contact_id=grace, status="active")
        self.grace = grace

    async def lists_of_contacts(self) -> None:
        call, ada = self.rec.call, self.ada
        await call(ada, "contact.show_contact", option="active", pagelength=20)
        await call(ada, "contact.show", pagelength=20)
        await call(ada, "contact.my_contacts", value="gra", pagelength=20)
        await call(ada, "contact.search", key="gra")
        await call(ada, "contact.search_my_contacts", name="gra")
        await call(ada, "desk.search", string="gra")
        await call(ada, "contact.search_drumee_contacts", name="bob")
        await call(ada, "contact.show_gmail_contacts")
        await call(ada, "contact.summary", hub_id=ada.uid, nid="0")

    async def details(self) -> None:
        call, ada = self.rec.call, self.ada
        contact = await ada.ok("contact.get_contact", contact_id=self.grace)
        spare = next(entry for entry in contact["email"] if not entry["is_default"])
        for kind, entry in (
            ("email", spare),
            ("phone", contact["mobile"][0]),
            ("address", contact["address"][0]),
        ):
            key = {f"{kind}_id": entry[f"{kind}_id"]}
            await call(ada, f"contact.delete_contact_{kind}", contact_id=self.grace, **key)
        alan = await ada.ok("contact.add", email=[{"email": "alan@bombe.example", "is_default": 1}])
        await call(ada, "contact.delete_contact", contact_id=alan["id"])
        await ada.ok("contact.add", email=[{"email": "kurt@proof.example", "is_default": 1}])
        await call(ada, "contact.delete", email="kurt@proof.example")

    async def invitations(self) -> None:
        call, ada, bob = self.rec.call, self.ada, self.bob
        carol = await self.people("Carol")
        await call(bob, "contact.invite", email=ada.email, message="Hello Ada, shall we connect?")
        await call(ada, "contact.invite_get")
        await call(ada, "contact.invite_count")
        await call(ada, "contact.invite_accept", email=bob.email)
        await call(bob, "contact.accept_informed", email=ada.email)
        await call(ada, "contact.invite_drumate", uid=carol.uid, message="Hello Carol")
        await call(carol, "contact.invite_refuse", email=ada.email)
        await call(ada, "contact.connection_status")
        entry = await ada.ok("contact.get", uid=bob.uid)
        await call(ada, "contact.block", contact_id=entry["id"])
        await call(ada, "contact.unblock", contact_id=entry["id"])

    async def links(self) -> None:
        """Follow the link of an invitation mail, to an address that got an account only later."""
        late = await self.people.registered("Dora")
        self.admin.rows("UPDATE yp.drumate SET email = CONCAT('hidden.', email) WHERE id = %s", late.uid)
        await self.ada.ok("contact.invite", email=late.email, firstname="Dora")
        secret = self.admin.one(
            "SELECT JSON_VALUE(data, '$.secret') FROM yp.mail_outbox WHERE recipient = %s", late.email
        )
        self.admin.rows("UPDATE yp.drumate SET email = SUBSTRING(email, 8) WHERE id = %s", late.uid)
        await late.sign_in()
        await self.rec.call(late, "contact.invitation_status", token=str(secret), uid=late.uid)
        await self.rec.call(late, "contact.join", token=str(secret))

    async def accounts(self) -> None:
        """Sign up by a link, and change the password. Without a mail server, links stay in the outbox."""
        call, visitor = self.rec.call, await self.people.stranger()
        address, password = f"dora.{secrets.token_hex(4)}@else.example", "nine loud yellow trains"
        await call(visitor, "butler.signup", email=address, lang="en")
        secret = self._secret_for(address)
        await call(visitor, "butler.check_token", secret=secret)
        form = {"firstname": "Dora", "lastname": "Doe", "password": password}
        await call(visitor, "butler.b2c_signup_password", secret=secret, **form)
        changed = {"old_password": password, "new_password": "four quiet green boats"}
        await call(visitor, "drumate.change_password", **changed)
        self.admin.rows("UPDATE yp.mail_outbox SET ctime = ctime - 61 WHERE recipient = %s", address)
        await call(visitor, "butler.get_reset_token", email=address, lang="en")
        uid = (await visitor.ok("yp.hello"))["id"]
        new = {"id": uid, "password": password}
        await call(visitor, "butler.set_password", secret=self._secret_for(address), **new)

    def _secret_for(self, address: str) -> str:
        """Return the secret of the link in the newest mail to an address."""
        return str(
            self.admin.one(
                "SELECT JSON_VALUE(data, '$.secret') FROM yp.mail_outbox WHERE recipient = %s "
                "ORDER BY ctime DESC LIMIT 1",
                address,
            )
        )

    async def groups(self) -> None:
        call, ada = self.rec.call, self.ada
        group = await call(ada, "contact.create_group", name="Pioneers", comment="Navy and friends")
        key = {"group_id": group["group_id"]}
        await call(ada, "contact.add_to_group", **key, contact_id=[self.grace])
        await call(ada, "contact.show_groups")
        await call(ada, "contact.show_members", **key)
        await call(ada, "contact.set_group_avatar", **key, nid="")
        await call(ada, "contact.get_group_avatar", **key)
        await call(ada, "contact.remove_from_group", **key, contact_id=[self.grace])
        await call(ada, "contact.delete_group", **key)

    async def files(self) -> None:
        rec, ada, tab = self.rec, self.ada, self.tab
        await rec.upload(ada, "media.upload", VCARD, filename="friends.vcf", socket_id=tab.id)
        await rec.upload(ada, "contact.load", TABLE, filename="friends.csv", socket_id=tab.id)
        (report,) = await rec.call(ada, "contact.load_reports")
        load = {"import_id": report["import_id"]}
        for name in ("load_report", "load_entries"):
            await rec.call(ada, f"contact.{name}", **load)
        await rec.page(ada, "contact.load_rejected", **load)
        await rec.call(ada, "contact.load_cancel", **load)
        person = {"firstname": "Rosalind", "email": [{"email": "rosalind@helix.example", "is_default": 1}]}
        await rec.call(ada, "contact.import", list=[person])
        await rec.page(ada, "contact.export_all", format="vcf", option="active")
        await rec.call(ada, "contact.google_auth")
        state = rec.examples["contact.google_auth"]["data"]["url"].rpartition("state=")[2].partition("&")[0]
        await rec.page(ada, "butler.google_callback", state=state, error="access_denied")

    async def tags(self) -> None:
        call, ada = self.rec.call, self.ada
        work = (await call(ada, "tagcontact.add", name="Work"))["tag_id"]
        friends = (await ada.ok("tagcontact.add", name="Friends"))["tag_id"]
        await call(ada, "tagcontact.rename", tag_id=work, name="Office")
        await call(ada, "tagcontact.tag_assign", tag_id=friends, parent_id=work)
        await call(ada, "tagcontact.entity_assign", entity_id=self.grace, tag=[work])
        await call(ada, "tagcontact.entity_assign_get", entity_id=self.grace)
        await call(ada, "tagcontact.show_tag_by")
        await call(ada, "tagcontact.reposition", content=[friends, work])
        await call(ada, "tagcontact.remove", tag_id=friends)

    async def chat(self) -> None:
        call, ada, bob = self.rec.call, self.ada, self.bob
        await call(ada, "drumate.notification_center")
        await call(ada, "drumate.notification_remove", entity_id=bob.uid)
        await call(ada, "chat.chat_rooms", flag="contact")
        await call(ada, "chat.chat_room_info", key=bob.uid)
        plan, draft = [await self._uploaded(f"plan{n}.txt") for n in (1, 2)]
        await call(ada, "chat.upload_remove", nid=draft)
        words = {"message": "See you at ten.", "attachment": [plan], "echoId": "c12"}
        sent = await call(ada, "chat.post", entity_id=bob.uid, **words)
        await call(ada, "chat.attachment", message_id=sent["message_id"])
        await self.rec.page(ada, "media.orig", nid=plan, hub_id=ada.uid)
        await call(ada, "chat.messages", key=bob.uid)
        await call(ada, "chat.acknowledge", entity_id=bob.uid)

    async def _uploaded(self, filename: str) -> str:
        folder = (await self.ada.ok("media.home"))["chat_upload_id"]
        answer = await self.rec.upload(self.ada, "media.upload", b"ten", filename=filename, nid=folder)
        return str(answer["nid"])

    async def team(self) -> None:
        """Write into the conversation of a team hub."""
        call, ada, bob = self.rec.call, self.ada, self.bob
        hub = self.registry.add_hub("Team", ada.uid, "private")
        self.registry.grant(hub, bob.uid, 2)
        sent = await call(ada, "channel.post", hub_id=hub, message="Who brings the cake?", echoId="c13")
        await call(bob, "channel.acknowledge", hub_id=hub, message_id=sent["message_id"])
        await call(bob, "channel.messages", hub_id=hub)
        await call(ada, "channel.delete", hub_id=hub, messages=[sent["message_id"]], option="all")

    async def plans(self) -> None:
        call, ada = self.rec.call, self.ada
        wicket = (await ada.ok("desk.get_env"))["wicket_id"]
        await call(ada, "media.attributes", hub_id=wicket)
        words = {"title": "Kick-off", "date": "Monday at ten", "message": "Who does what."}
        node = await call(ada, "room.book", hub_id=wicket, **words)
        guests = [{"email": "emmy@algebra.example", "name": "Emmy"}]
        await call(ada, "room.update", hub_id=wicket, nid=node["nid"], flag="member", attendees=guests)
        await call(ada, "media.show_node_by", hub_id=wicket)
        await call(ada, "room.public_link", hub_id=wicket, nid=node["nid"], days=7)
        await call(ada, "room.remove", hub_id=wicket, nid=node["nid"])

    async def unwanted_messages(self) -> None:
        posted = await self.ada.ok("chat.post", entity_id=self.bob.uid, message="Wrong window", attachment=[])
        await self.rec.call(self.ada, "chat.delete", messages=[posted["message_id"]], option="all")

    async def meeting(self) -> None:
        call, ada, tab = self.rec.call, self.ada, self.tab
        hub = self.registry.add_hub("Team", ada.uid, "dmz")
        token, _ = self.registry.add_link(hub, "Weekly meeting", 7)
        await call(await self.people.stranger(), "dmz.login", token=token)
        here = {"hub_id": hub, "socket_id": tab.id}
        joined = await call(
            ada, "conference.join", **here, metadata={**MEETING, "participant_id": "abcd1234"}
        )
        here["room_id"] = joined["user"]["room_id"]
        await call(ada, "conference.update", **here, metadata={**MEETING, "muted": 1}, event="MUTED")
        hello = {"room_id": here["room_id"], "id": "abcd1234"}
        await call(ada, "conference.broadcast", **here, event="HELLO", payload=hello)
        place = {"hub_id": hub, "room_id": here["room_id"]}
        await call(ada, "conference.attendee", **place, participant_id="abcd1234")
        await self.commands(hub, here)
        await call(ada, "conference.leave", **here)
        team = self.registry.add_hub("Research", ada.uid, "private")
        self.registry.grant(team, self.bob.uid, 2)
        await call(ada, "hub.get_members_by_type", hub_id=team, type="all")
        room = (await ada.ok("media.home", hub_id=team))["home_id"]
        await call(ada, "hub.poke", hub_id=team, uid=self.bob.uid, nid=room)

    async def commands(self, hub: str, here: dict[str, Any]) -> None:
        """Give each command of a host once."""
        call, ada, bob, tab = self.rec.call, self.ada, self.bob, await self.bob.tab()
        self.registry.grant(hub, bob.uid, 4)
        room = {"room_id": here["room_id"], "socket_id": here["socket_id"]}
        door = {"hub_id": hub, "room_id": here["room_id"], "socket_id": tab.id, "metadata": MEETING}
        await call(ada, "conference.room", **room, title="Weekly", people=20)
        await call(ada, "conference.lock", **room, who="everybody")
        await bob.ok("conference.join", **door)
        await call(ada, "conference.admit", **room, to=tab.id)
        await call(ada, "conference.mute", **room, to=tab.id)
        await call(ada, "conference.recording", **room, on=1)
        await call(ada, "conference.set_role", **room, to=tab.id, role="host")
        await call(ada, "conference.kick", **room, to=tab.id)
        await bob.ok("conference.join", **door)
        await call(ada, "conference.deny", **room, to=tab.id)
        await call(ada, "conference.end", **room)
        await ada.ok("conference.join", **here, metadata=MEETING)

    async def calls(self) -> None:
        call, ada, bob, tab = self.rec.call, self.ada, self.bob, self.tab
        bob_tab = await bob.tab()
        wicket = (await ada.ok("desk.get_env"))["wicket_id"]
        ring = {"hub_id": wicket, "guest_id": bob.uid, "socket_id": tab.id, "metadata": CALL}
        room = (await call(ada, "conference.invite", **ring))["room_id"]
        caller = await call(bob, "conference.get_caller", guest_id=ada.uid)
        await call(bob, "conference.accept", caller=caller, socket_id=bob_tab.id)
        callee = {"entity_id": bob.uid, "drumate_id": bob.uid}
        log = {"callee": callee, "event": "leave", "duration": 61000, "room_id": room}
        await call(ada, "conference.logCall", **log)
        await ada.ok("conference.leave", room_id=room, socket_id=tab.id)
        await ada.ok("conference.invite", **ring)
        caller = await bob.ok("conference.get_caller", guest_id=ada.uid)
        await call(bob, "conference.decline", caller=caller, socket_id=bob_tab.id)
        room = (await ada.ok("conference.invite", **ring))["room_id"]
        await call(ada, "conference.cancel", room_id=room, socket_id=tab.id)
        await ada.ok("conference.invite", **ring)
        await call(ada, "conference.revoke", hub_id=wicket, callee=callee, socket_id=tab.id)

    async def sign_out(self) -> None:
        ada, call = self.ada, self.rec.call
        await call(self.bob, "yp.reset_session")
        phone = await self.people.stranger()
        phone.email = ada.email
        await phone.sign_in()
        await call(phone, "drumate.sessions")
        (session,) = [s for s in await phone.ok("drumate.sessions") if s["current"]]
        await call(ada, "drumate.logout_session", id=session["id"])
        await call(ada, "drumate.logout_everywhere", keep_current=1)
        await self.rec.call(self.ada, "drumate.logout")


@pytest.fixture
async def guests(make_node: NodeMaker, registry: Registry, password_hash: str) -> AsyncIterator[People]:
    """Create people of a site that is open to everybody, and has credentials for Google."""
    google = {"google_client_id": "drumee-example", "google_client_secret": "unused"}
    server = await make_node(signup="open", **google)
    people = People(server.make_url("/"), registry, password_hash)
    yield people
    await people.close()


async def test_the_examples_have_the_shape_of_current_answers(
    guests: People, registry: Registry, admin: Admin
) -> None:
    recorder = Recorder()
    await Story(recorder, guests, registry, admin).run()
    current = recorder.steady()
    if os.environ.get("RECORD"):
        EXAMPLES.write_bytes(orjson.dumps(current, option=orjson.OPT_INDENT_2) + b"\n")
    recorded = orjson.loads(EXAMPLES.read_bytes())
    assert recorded.keys() == load_declarations().keys()
    problems = {name: misfit(recorded[name], example) for name, example in current.items()}
    assert not {name: problem for name, problem in problems.items() if problem}


@pytest.mark.parametrize("name", load_declarations())
def test_an_example_keeps_to_its_declaration(name: str) -> None:
    service, example = load_declarations()[name], orjson.loads(EXAMPLES.read_bytes())[name]
    assert set(example["args"]) <= service.params.keys() | {"filename", "socket_id"}
    load(service.schema, example["args"])
    assert list(undeclared(service.declaration["returns"], example.get("data"))) == []
    assert list(mistyped(service.declaration["returns"], example.get("data"), name)) == []


def undeclared(returns: dict[str, Any], value: Any) -> list[str]:
    """Return the fields of an answer that its declaration does not name."""
    if isinstance(value, list) and isinstance(returns.get("items"), dict):
        items = returns["items"]
        fields = items.get("properties", items)
        return [name for item in value for name in undeclared({"properties": fields}, item)]
    if not isinstance(value, dict) or "properties" not in returns:
        return []
    fields = returns["properties"]
    inner = [n for key, item in value.items() if key in fields for n in undeclared(fields[key], item)]
    return [*sorted(value.keys() - fields.keys()), *inner]


def mistyped(returns: dict[str, Any], value: Any, place: str) -> list[str]:
    """Return the fields of an answer whose type is not the declared one; null fits everywhere."""
    declared = returns.get("type")
    if value is None:
        return []
    if isinstance(declared, str) and not isinstance(value, JSON_TYPES[declared]):
        return [f"{place}: no {declared}"]
    if isinstance(value, list) and isinstance(returns.get("items"), dict):
        items = returns["items"]
        inner = items if isinstance(items.get("type"), str) else {"properties": items}
        return [wrong for item in value for wrong in mistyped(inner, item, f"{place}[]")]
    if not isinstance(value, dict):
        return []
    fields = returns.get("properties", {})
    named = {key: item for key, item in value.items() if key in fields}
    return [wrong for key, item in named.items() for wrong in mistyped(fields[key], item, f"{place}.{key}")]
