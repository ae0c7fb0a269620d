"""channel.*: members of a team hub write to each other."""

from __future__ import annotations

from typing import Any

import orjson

from service.admin.registry import Registry
from tests.support.chat_files import fetch, uploaded
from tests.support.people import FRONTEND, Answer, People, Person


async def send(person: Person, service: str, hub: str, **args: Any) -> Answer:
    """Post a service as the window of a team hub does."""
    return await person.call(service, FRONTEND, hub_id=hub, device_id="ddi_4", **args)


async def team(people: People, registry: Registry) -> tuple[str, Person, Person, Person]:
    """Return a team hub, its owner, a member who may read, and somebody else."""
    alice, bob, carol = await people("Alice"), await people("Bob", shard="shard2"), await people("Carol")
    hub = registry.add_hub("Team", alice.uid, "private")
    registry.grant(hub, bob.uid, 2)
    return hub, alice, bob, carol


async def test_a_message_reaches_the_members_and_is_read(people: People, registry: Registry) -> None:
    hub, alice, bob, carol = await team(people, registry)
    tabs = [await person.tab() for person in (alice, bob)]
    stranger_tab = await carol.tab()
    sent = await send(bob, "channel.post", hub, message="Hello <b>", attachment=[], echoId="9")
    assert (sent.status, sent.data["echoId"], sent.data["author_id"]) == (200, "9", bob.uid)
    for tab in tabs:
        model = (await tab.expect("channel.post"))["model"]
        assert (model["hub_id"], model["message"], model["firstname"]) == (hub, "Hello <b>", "Bob")
    # The window acknowledges each message that comes, and asks for the page when it opens.
    answer = await send(alice, "channel.acknowledge", hub, message_id=sent.data["message_id"])
    assert answer.data["message_id"] == sent.data["message_id"]
    seen = (await tabs[1].expect("channel.acknowledge"))["model"]
    assert orjson.loads(seen["metadata"])["_seen_"][seen["entity_id"]] > 0
    query = f"hub_id={hub}&order=desc&page=1&pagelength=45&socket_id=undefined&"
    (row,) = (await bob.get("channel.messages", query)).data
    assert (row["is_seen"], row["is_readed"], row["hub_id"]) == (1, 1, hub)
    await send(alice, "channel.post", hub, message="Yes", thread_id=sent.data["message_id"])
    newest, _ = (await bob.get("channel.messages", query)).data
    assert (newest["thread"]["message"], newest["is_readed"]) == ("Hello <b>", 0)
    assert (await tabs[0].expect("channel.acknowledge", 2))["model"]["message"] == "Yes"
    await stranger_tab.nothing("channel.post", 0.1)


async def test_nobody_else_reads_or_writes(people: People, registry: Registry) -> None:
    hub, alice, _, carol = await team(people, registry)
    sent = (await send(alice, "channel.post", hub, message="Secret")).data
    calls: dict[str, dict[str, Any]] = {
        "channel.messages": {},
        "channel.post": {"message": "x"},
        "channel.acknowledge": {},
        "channel.delete": {"messages": [sent["message_id"]], "option": "me"},
        "chat.attachment": {"message_id": sent["message_id"]},
    }
    registry.call("yp", "permission_grant", hub, "tea", carol.uid, 4, 0)
    for service, args in calls.items():
        assert (await send(carol, service, hub, **args)).code == "WEAK_PRIVILEGE", service
        # Somebody who may enter one room of the hub is no member, whichever room the request names.
        assert (await send(carol, service, hub, nid="tea", **args)).code == "NOT_A_MEMBER", service
        assert (await send(await people.stranger(), service, hub, **args)).status == 401
        # Neither is the own account a hub.
        if service != "chat.attachment":
            assert (await send(carol, service, carol.uid, **args)).code == "NOT_A_MEMBER"


async def test_files_of_a_hub_are_those_of_its_members(people: People, registry: Registry) -> None:
    hub, alice, bob, carol = await team(people, registry)
    nid = await uploaded(bob, "plan.txt", b"plan")
    sent = (await send(bob, "channel.post", hub, message="", attachment=[nid])).data
    assert (sent["is_attachment"], sent["attachment"][0]["hub_id"]) == (1, hub)
    query = f"message_id={sent['message_id']}&hub_id={hub}&page=1&pagelength=45&"
    (file,) = (await alice.get("chat.attachment", query)).data
    assert (file["nid"], file["filename"], file["ext"]) == (nid, "plan", "txt")
    assert (await fetch(alice, nid, hub))[:2] == (200, b"plan")
    assert (await fetch(carol, nid, hub))[0] == 404
    deleted = await send(bob, "channel.delete", hub, messages=[sent["message_id"]], option="all")
    assert [row["message_id"] for row in deleted.data] == [sent["message_id"]]
    assert (await fetch(alice, nid, hub))[0] == 404


async def test_a_message_goes_for_one_or_for_all(people: People, registry: Registry) -> None:
    hub, alice, bob, _ = await team(people, registry)
    tab = await bob.tab()
    one, two = [(await send(alice, "channel.post", hub, message=word)).data for word in ("one", "two")]
    refused = await send(bob, "channel.delete", hub, messages=[one["message_id"]], option="all")
    assert (refused.status, refused.code) == (403, "INVALID_OPTION")
    await send(alice, "channel.delete", hub, messages=[one["message_id"]], option="me")
    assert len((await send(bob, "channel.messages", hub)).data) == 2
    await send(alice, "channel.delete", hub, messages=[two["message_id"]], option="all")
    assert (await tab.expect("channel.delete"))["model"]["message_id"] == two["message_id"]
    assert [m["message"] for m in (await send(bob, "channel.messages", hub)).data] == ["one"]
    assert (await send(alice, "channel.messages", hub)).data == []
    nothing = await send(alice, "channel.post", hub, message="")
    assert (nothing.status, nothing.code) == (412, "MISSING_PARAM")
