"""room.*, media.attributes and media.show_node_by, as the planner of external meetings calls them."""

from __future__ import annotations

from datetime import UTC, date, datetime
from email.message import EmailMessage
from typing import Any
from urllib.parse import quote

import orjson
from icalendar import Calendar, Component

from service.admin.registry import Registry
from tests.support.admin import Admin
from tests.support.mail import Postman, body_of
from tests.support.people import FRONTEND, Answer, People, Person
from tests.support.waiting import until

FIELDS = {"id", "nid", "hub_id", "home_id", "actual_home_id", "area", "privilege", "filename"}
"""What the planner reads of the place in which it opens."""


async def send(person: Person, service: str, **args: Any) -> Answer:
    """Post a service as the frontend does."""
    return await person.call(service, FRONTEND, **args, device_id="ddi_4")


async def planner(person: Person) -> dict[str, Any]:
    """Open the planner; return the place in which it opens: the wicket."""
    wicket = (await person.ok("desk.get_env"))["wicket_id"]
    answer = await send(person, "media.attributes", hub_id=wicket)
    assert answer.status == 200, answer.body
    place: dict[str, Any] = answer.data
    return place


async def book(person: Person, place: dict[str, Any], **words: str) -> dict[str, Any]:
    """Schedule a meeting with the form of the planner."""
    form = {"title": "Kick-off <b>", "date": "Monday at ten", "message": "Who does\nwhat.", "email": []}
    here = {"hub_id": place["hub_id"], "nid": place["actual_home_id"], "permission": 15}
    answer = await send(person, "room.book", **form | words, **here)
    assert answer.status == 200, answer.body
    node: dict[str, Any] = answer.data
    return node


async def plans(person: Person, place: dict[str, Any]) -> list[dict[str, Any]]:
    """Fetch the list of the planner."""
    query = f"page=1&nid={place['actual_home_id']}&sort=rank&order=ASC&hub_id={place['hub_id']}&"
    answer = await person.get("media.show_node_by", f"{query}usePid=undefined&pagelength=45&")
    assert answer.status == 200, answer.body
    rows: list[dict[str, Any]] = answer.data
    return rows


async def test_an_external_meeting_from_the_planner_to_the_end(
    people: People, registry: Registry, admin: Admin
) -> None:
    alice, guest = await people("Alice", shard="shard2"), await people.stranger()
    place = await planner(alice)
    assert place.keys() >= FIELDS
    assert (place["area"], place["privilege"], place["id"]) == ("dmz", 63, place["home_id"])
    assert await plans(alice, place) == []
    node = await book(alice, place)
    assert (node["filename"], node["filetype"], node["privilege"]) == ("Kick-off <b>", "schedule", 63)
    content = orjson.loads(orjson.loads(node["metadata"])["content"])
    assert (content["title"], content["message"]) == ("Kick-off <b>", "Who does\nwhat.")
    assert (content["date"], content["room_id"], content["attendees"]) == ("Monday at ten", node["nid"], [])
    assert [row["nid"] for row in await plans(alice, place)] == [node["nid"]]
    assert (await send(alice, "media.attributes", hub_id=place["hub_id"], nid=node["nid"])).data == node

    # The page of the guest has the link, and waits until Alice starts the meeting.
    this = {"hub_id": place["hub_id"], "nid": node["nid"]}
    link = (await send(alice, "room.public_link", **this)).data["link"]
    assert (await send(alice, "room.public_link", **node)).data["link"] == link
    page, secret = link.rsplit("/", 1)
    assert page.endswith("/-/?area=dmz#/dmz/meeting")
    await guest.tab()
    ticket = await guest.ok("dmz.login", token=secret)
    assert (ticket["validity"], ticket["nid"], ticket["filename"]) == (
        "TICKET_OK",
        node["nid"],
        "Kick-off <b>",
    )
    tab, guest_tab = await alice.tab(), await guest.tab()
    room = {**this, "room_id": node["nid"], "type": "meeting"}
    lobby = await guest.ok("conference.join", **room, socket_id=guest_tab.id, metadata={"guest_name": "Zoë"})
    assert lobby["user"]["status"] == "waiting"
    started = await alice.ok("conference.join", **room, socket_id=tab.id, metadata={"type": "meeting"})
    assert (started["user"]["role"], started["details"]["filename"]) == ("host", "Kick-off <b>")
    await guest_tab.expect("conference.start")

    # A guest of the room sees none of the other plans.
    await book(alice, place, title="Secret")
    inside = {"hub_id": place["hub_id"], "room_id": node["nid"]}
    assert (await send(guest, "media.show_node_by", **inside)).data == []
    assert (await send(guest, "media.attributes", **inside, nid=node["nid"])).status == 404
    for service in ("room.book", "room.public_link", "room.remove"):
        assert (await send(guest, service, **room)).status == 401, service

    for _ in range(2):
        assert (await send(alice, "room.remove", **this)).data == {"nid": node["nid"]}
    assert [row["filename"] for row in await plans(alice, place)] == ["Secret"]
    assert (await guest.ok("dmz.login", token=secret))["validity"] == "TICKET_INVALID"
    assert (await send(alice, "room.public_link", **this)).code == "NODE_NOT_FOUND"
    grants = "SELECT COUNT(*) FROM yp.permission WHERE hub_id = %s AND resource_id = %s"
    assert admin.one(grants, place["hub_id"], node["nid"]) == 0


async def test_plans_belong_to_their_owner(people: People, registry: Registry) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    place = await planner(alice)
    node = await book(alice, place)
    this = {"hub_id": place["hub_id"], "nid": node["nid"]}
    for service in ("media.attributes", "media.show_node_by", "room.book", "room.public_link", "room.remove"):
        answer = await send(bob, service, **this)
        assert (answer.status, answer.code) == (403, "WEAK_PRIVILEGE"), service
        assert (await send(bob, service, **this | {"hub_id": "feedfeedfeedfeed"})).status == 404
        assert (await send(await people.stranger(), service, **this)).status == 401
    # A member who may read sees the meetings, and plans none.
    team = registry.add_hub("Team", alice.uid, "dmz")
    registry.grant(team, bob.uid, 2)
    theme = await book(alice, {"hub_id": team, "actual_home_id": "undefined"}, title="Theme")
    rows = await plans(bob, {"hub_id": team, "actual_home_id": "undefined"})
    assert [(row["nid"], row["privilege"]) for row in rows] == [(theme["nid"], 3)]
    assert (await send(bob, "room.remove", hub_id=team, nid=theme["nid"])).status == 403
    # Nothing of one hub is reached through another one.
    own = await planner(bob)
    for service in ("media.attributes", "room.public_link"):
        answer = await send(bob, service, hub_id=own["hub_id"], nid=node["nid"])
        assert (answer.status, answer.code) == (404, "NODE_NOT_FOUND")
    assert (await send(bob, "room.remove", hub_id=own["hub_id"], nid=node["nid"])).status == 200
    assert [row["nid"] for row in await plans(alice, place)] == [node["nid"]]


async def test_a_form_that_is_left_empty_makes_a_meeting_too(people: People) -> None:
    alice = await people("Alice")
    place = await planner(alice)
    node = await book(alice, place, title="", date="", message="")
    assert node["filename"] == "Meeting with Alice Test"
    assert (await book(alice, place, title="x" * 255))["filename"] == "x" * 100
    refused = await send(alice, "room.book", hub_id=place["hub_id"], title="x" * 256)
    assert (refused.status, refused.code) == (412, "INVALID_PARAM")
    for service in ("room.public_link", "room.remove"):
        answer = await send(alice, service, hub_id=place["hub_id"], nid="undefined")
        assert (answer.status, answer.code) == (412, "MISSING_PARAM"), service


async def test_a_team_hub_has_meetings_without_a_link(people: People, registry: Registry) -> None:
    alice = await people("Alice")
    hub = registry.add_hub("Team", alice.uid, "private")
    node = await book(alice, {"hub_id": hub, "actual_home_id": "undefined"})
    answer = await send(alice, "room.public_link", hub_id=hub, nid=node["nid"])
    assert (answer.status, answer.code) == (404, "HUB_NOT_FOUND")
    ends = await send(alice, "media.attributes", hub_id=hub, nid=hub)
    assert (ends.data["filename"], ends.data["filetype"]) == ("Team", "hub")


async def test_a_link_may_end_by_itself(people: People, admin: Admin) -> None:
    alice, guest = await people("Alice"), await people.stranger()
    place = await planner(alice)
    this = {"hub_id": place["hub_id"], "nid": (await book(alice, place))["nid"]}
    link = (await send(alice, "room.public_link", **this, days=1, hours=1)).data
    admin.rows(
        "UPDATE yp.dmz_link SET expiry = 1 WHERE hub_id = %s AND expiry = %s", this["hub_id"], link["expiry"]
    )
    secret = link["link"].rsplit("/", 1)[1]
    assert (await guest.ok("dmz.login", token=secret))["validity"] == "TICKET_INVALID"
    again = (await send(alice, "room.public_link", **this)).data
    assert again == {"link": link["link"], "expiry": 0}
    assert (await guest.ok("dmz.login", token=secret))["validity"] == "TICKET_OK"


async def change(person: Person, node: dict[str, Any], flag: str, **parts: Any) -> Answer:
    """Change a meeting as its window does: it fetches, with the arguments as JSON."""
    sent = {"service": "room.update", "nid": node["nid"], "hub_id": node["hub_id"], "flag": flag, **parts}
    return await person.get("room.update", quote(orjson.dumps(sent).decode(), safe=""))


async def test_new_attendees_get_the_link_and_a_calendar_file(posted: People, postman: Postman) -> None:
    alice, guest = await posted("Alice"), await posted.stranger()
    node = await book(alice, await planner(alice), title="Plan; B, é" + "x" * 60, message="One\nTwo")
    address = f"guest{node['nid']}@out.example"
    invited = [{"email": address, "name": "Zoë <b>", "id": address}]
    start = "2031-03-01T10:00:00+01:00"
    assert (await change(alice, node, "when", date=start)).data["date"] == start
    for _ in range(2):
        answer = await change(alice, node, "member", attendees=invited)
        assert (answer.status, answer.data["room_id"]) == (200, node["nid"])
        assert answer.data["attendees"] == [{"email": address, "name": "Zoë <b>"}]
    (mail,) = await mails_to(postman, address, 1)
    assert mail["Subject"] == "Alice Test invites you to a meeting"
    link = (await send(alice, "room.public_link", **{n: node[n] for n in ("hub_id", "nid")})).data["link"]
    assert link in body_of(mail)
    assert "Hello Zoë <b>," in body_of(mail)
    assert "Hello Zoë &lt;b&gt;," in body_of(mail, "html")
    (file,) = mail.iter_attachments()
    assert (file.get_content_type(), file.get_filename()) == ("text/calendar", "meeting.ics")
    calendar, event = parsed(mail)
    assert (calendar["method"], event["uid"], event["sequence"]) == ("REQUEST", f"{node['nid']}@drumee", 1)
    assert event.decoded("dtstart") == datetime(2031, 3, 1, 9, tzinfo=UTC)
    assert event.decoded("dtend") == datetime(2031, 3, 1, 10, tzinfo=UTC)
    assert (event["url"], event["description"]) == (link, "One\nTwo")
    assert event["summary"] == "Plan; B, é" + "x" * 60
    assert (event["organizer"], event["attendee"]) == (f"mailto:{alice.email}", f"mailto:{address}")
    assert event["attendee"].params["CN"] == "Zoë <b>"
    assert (await guest.ok("dmz.login", token=link.rsplit("/", 1)[1]))["validity"] == "TICKET_OK"


async def test_attendees_hear_of_changes_and_of_the_end(posted: People, postman: Postman) -> None:
    alice = await posted("Alice")
    node = await book(alice, await planner(alice), title="Plan", date="2031-03-01T10:00:00Z")
    staying, former = [f"{name}{node['nid']}@out.example" for name in ("staying", "former")]
    people = [{"email": staying, "name": "Zoë"}, {"email": former, "name": "Max"}]
    await change(alice, node, "member", attendees=people)
    assert (await change(alice, node, "when", date="2031-03-02")).data["sequence"] == 1
    await change(alice, node, "title", title="Plan")  # nothing is new
    await change(alice, node, "member", attendees=people[:1])
    this = {"hub_id": node["hub_id"], "nid": node["nid"]}
    for _ in range(2):
        assert (await send(alice, "room.remove", **this)).status == 200
    stories = {staying: ("REQUEST", "REQUEST", "CANCEL"), former: ("REQUEST", "REQUEST", "CANCEL")}
    for address, methods in stories.items():
        mails = await mails_to(postman, address, 3)
        events = {int(str(parsed(mail)[1]["sequence"])): parsed(mail) for mail in mails}
        assert sorted(str(calendar["method"]) for calendar, _ in map(parsed, mails)) == sorted(methods)
        assert {event["uid"] for _, event in map(parsed, mails)} == {f"{node['nid']}@drumee"}
        assert events[1][1].decoded("dtstart") == date(2031, 3, 2), "a whole day"
        assert events[1][1].decoded("dtend") == date(2031, 3, 3)
    end = next(m for m in mails if "cancelled" in m["Subject"])
    assert end["Subject"] == "Alice Test has cancelled a meeting"
    assert parsed(end)[1]["status"] == "CANCELLED"
    assert "has cancelled a meeting to which you were invited" in body_of(end)
    assert "/dmz/meeting/" not in body_of(end) + body_of(end, "html")


async def mails_to(postman: Postman, address: str, count: int) -> list[EmailMessage]:
    """Wait until an address has `count` mails; return them."""
    await until(lambda: len(postman.to(address)) >= count)
    mails = postman.to(address)
    assert len(mails) == count
    return mails


def parsed(mail: EmailMessage) -> tuple[Component, Component]:
    """Return the calendar file of a mail, read by the library, and its event."""
    (file,) = mail.iter_attachments()
    calendar = Calendar.from_ical(str(file.get_content()))
    assert file.get_param("method") == calendar["method"]
    (event,) = calendar.walk("VEVENT")
    return calendar, event


async def test_a_meeting_is_changed_part_by_part(people: People) -> None:
    alice, bob = await people("Alice"), await people("Bob")
    node = await book(alice, await planner(alice), title="Old")
    assert (await change(alice, node, "title", title="New")).data["title"] == "New"
    assert (await change(alice, node, "title", title="")).data["title"] == "New"
    changed = (await change(alice, node, "agenda", message="Less", title="No")).data
    assert (changed["message"], changed["title"], changed["date"]) == ("Less", "New", "Monday at ten")
    assert [row["filename"] for row in await plans(alice, await planner(alice))] == ["New"]
    assert (await change(bob, node, "title", title="Mine")).code == "WEAK_PRIVILEGE"
    unknown = node | {"nid": "feedfeedfeedfeed"}
    assert (await change(alice, unknown, "title", title="x")).code == "NODE_NOT_FOUND"
    assert (await change(alice, node, "member", attendees=[{"email": "nobody"}])).code == "INVALID_PARAM"
