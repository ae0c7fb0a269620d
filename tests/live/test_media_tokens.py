"""Tokens of Jitsi and LiveKit: for one person, one room, a short time; and for nobody else."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from joserfc import jwt
from joserfc.jwk import OctKey

from service.admin.demo import WRITE
from service.admin.registry import Registry
from service.live.media_tokens import media_room
from tests.support.admin import Admin
from tests.support.conferences import MEETING, join_meeting
from tests.support.guests import enter, guest_of
from tests.support.nodes import NodeMaker
from tests.support.people import People, Person, Tab

SECRETS = {"jitsi": "the secret of prosody", "livekit": "the secret of livekit"}
SERVERS = {
    "jitsi_domain": "jit.example.org",
    "jitsi_app_id": "drumee",
    "jitsi_app_secret": SECRETS["jitsi"],
    "livekit_url": "wss://sfu.example.org",
    "livekit_api_key": "key",
    "livekit_api_secret": SECRETS["livekit"],
    "media_ttl": 300,
}


def claims_of(configs: dict[str, Any], server: str) -> dict[str, Any]:
    """Return the claims of a token with a good signature; check that it expires when the answer says."""
    access = configs[server]
    token = jwt.decode(access["token"], OctKey.import_key(SECRETS[server]), algorithms=["HS256"])
    assert token.claims["exp"] == access["expires"]
    return dict(token.claims)


@dataclass
class Site:
    """A service with both media servers, and Alice, who is host of a room of her dmz hub."""

    people: People
    base: Any
    alice: Person
    desk: Tab
    hub: str
    link: str
    room: str
    joined: dict[str, Any]

    @property
    def here(self) -> dict[str, str]:
        """The room and the socket of Alice."""
        return {"room_id": self.room, "socket_id": self.desk.id}


@pytest.fixture
async def site(make_node: NodeMaker, people: People, registry: Registry) -> Site:
    base = (await make_node(**SERVERS)).make_url("/")
    alice = await people("Alice", base=base)
    hub = registry.add_hub("Open", alice.uid, "dmz")
    link, room = registry.add_link(hub, "Tea", 1)
    desk = await alice.tab()
    joined = await join_meeting(alice, desk, hub, room)
    return Site(people, base, alice, desk, hub, link, room, joined)


async def test_a_host_gets_tokens_for_the_room_until_they_expire(site: Site, admin: Admin) -> None:
    configs, room = site.joined["configs"], media_room(site.hub, site.room)
    # Without a shared account the frontend finds an empty one: it reads both parts.
    assert (configs["domain"], configs["auth"]) == ("jit.example.org", ["", ""])
    now = admin.one("SELECT UNIX_TIMESTAMP()")
    jitsi = claims_of(configs, "jitsi")
    assert 0 <= now + 300 - jitsi.pop("exp") <= 5
    assert 0 <= now - 30 - jitsi.pop("nbf") <= 5
    user = {"id": site.alice.uid, "name": "Alice Test", "moderator": True, "affiliation": "owner"}
    assert jitsi == {
        "iss": "drumee", "aud": "jitsi", "sub": "jit.example.org", "room": room, "moderator": True,
        "context": {"user": user},
    }  # fmt: skip
    livekit = claims_of(configs, "livekit")
    assert 0 <= now + 300 - livekit.pop("exp") <= 5
    assert 0 <= now - 30 - livekit.pop("nbf") <= 5
    assert orjson.loads(livekit.pop("metadata")) == {"uid": site.alice.uid}
    grants = dict.fromkeys(("roomJoin", "canPublish", "canSubscribe", "canPublishData", "roomAdmin"), True)
    assert livekit == {
        "iss": "key", "sub": site.desk.id, "name": "Alice Test", "video": {"room": room, **grants},
    }  # fmt: skip
    assert configs["livekit"]["url"] == "wss://sfu.example.org"
    assert configs["jitsi"]["room"] == configs["livekit"]["room"] == room


async def test_who_waits_gets_nothing_and_who_is_let_in_is_no_moderator(site: Site) -> None:
    await site.alice.ok("conference.lock", who="guests", **site.here)
    guest, ticket, tab = await guest_of(site.people, site.link, site.base)
    assert (await enter(guest, tab, ticket, "Zoë"))["configs"] == {}
    own = {"room_id": site.room, "socket_id": tab.id}
    assert (await guest.ok("conference.room", **own))["configs"] == {}
    await site.alice.ok("conference.admit", to=tab.id, **site.here)
    configs = (await guest.ok("conference.room", **own))["configs"]
    jitsi, livekit = claims_of(configs, "jitsi"), claims_of(configs, "livekit")
    assert (jitsi["moderator"], jitsi["context"]["user"]["moderator"]) == (False, False)
    assert (jitsi["context"]["user"]["name"], jitsi["context"]["user"]["affiliation"]) == ("Zoë", "member")
    assert (livekit["video"]["roomAdmin"], livekit["sub"], livekit["name"]) == (False, tab.id, "Zoë")


async def test_a_new_token_has_the_role_of_the_moment_and_a_later_end(
    site: Site, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    bob = await site.people("Bob", base=site.base)
    registry.grant(site.hub, bob.uid, WRITE)
    tab = await bob.tab()
    joined = await join_meeting(bob, tab, site.hub, site.room)
    own = {"room_id": site.room, "socket_id": tab.id}
    roles = [claims_of(joined["configs"], "jitsi")["moderator"]]
    # The clock of the process is wrong; that of the database counts.
    now = time.time()
    monkeypatch.setattr(time, "time", lambda: now + 7200)
    for role in ("host", "attendee"):
        await site.alice.ok("conference.set_role", to=bob.uid, role=role, **site.here)
        room = await bob.ok("conference.room", **own)
        assert room["user"]["role"] == role
        roles.append(claims_of(room["configs"], "jitsi")["moderator"])
        assert claims_of(room["configs"], "livekit")["video"]["roomAdmin"] is (role == "host")
    assert roles == [False, True, False]
    assert joined["configs"]["jitsi"]["expires"] <= room["configs"]["jitsi"]["expires"] < now + 400
    # Tokens are in answers to their owner only.
    assert all("token" not in str(frame) for frame in [*tab.frames, *site.desk.frames])

    await site.alice.ok("conference.kick", to=bob.uid, ban=1, **site.here)
    assert (await bob.call("conference.room", **own)).status == 403
    again = await bob.call("conference.join", hub_id=site.hub, **own, **MEETING)
    assert (again.code, again.data) == ("BANNED", {"status": "BANNED"})


async def test_the_room_of_another_hub_with_the_same_id_is_another_room(site: Site) -> None:
    mallory = await site.people("Mallory", base=site.base)
    tab = await mallory.tab()
    configs = (await join_meeting(mallory, tab, mallory.uid, site.room))["configs"]
    assert claims_of(configs, "jitsi")["moderator"] is True
    for server in SECRETS:
        assert configs[server]["room"] != site.joined["configs"][server]["room"]
    everything = (await join_meeting(mallory, tab, mallory.uid, "*"))["configs"]
    assert claims_of(everything, "jitsi")["room"] not in {"*", configs["jitsi"]["room"]}


def test_the_name_of_a_room_differs_by_case_and_by_hub() -> None:
    names = {media_room(*each) for each in (("a", "room"), ("a", "Room"), ("b", "room"), ("a ", "room"))}
    assert len(names) == 4
    assert all(len(name) == 32 and name == name.lower() for name in names)
