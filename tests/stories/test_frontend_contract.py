"""The calls of the Drumee frontend, as it sends them, and where each fault that it once showed is held.

The requests were recorded from the real frontend, version 3.1.11: names, headers, empty lists, `undefined`.
`make test-frontend` drives the frontend itself.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import orjson
import pytest
from yarl import URL

from tests.docs.pages import ROOT
from tests.support.people import Answer, People, Person, Tab

HELD = {
    "an edit with empty lists erases addresses": (
        "tests/modules/test_contact.py",
        "test_an_edit_with_the_empty_lists_of_the_frontend_keeps_addresses_and_numbers",
    ),
    "guests get no socket before dmz.login": (
        "tests/modules/test_dmz.py",
        "test_a_visitor_has_a_socket_before_the_link_makes_it_that_of_the_guest",
    ),
    "conversations are blank": ("tests/modules/test_media.py", "test_home_of_a_user_and_of_a_hub"),
    "external meetings cannot be planned": (
        "tests/modules/test_room.py",
        "test_an_external_meeting_from_the_planner_to_the_end",
    ),
    "the panel of the bell is blank": (
        "tests/modules/test_drumate.py",
        "test_the_bell_shows_each_inviter_and_the_address_book_their_number",
    ),
    "a refusal opens an empty dialog": ("tests/rpc/test_dispatcher.py", "test_the_frontend_never_gets_400"),
    "the acting tab is not told": (
        "tests/contacts/test_invitations.py",
        "test_accept_notifies_all_tabs_of_the_accepter",
    ),
    "the bar of an import never ends": (
        "tests/contacts/test_importing.py",
        "test_every_load_ends_with_progress_100",
    ),
    "the welcome returns": (
        "tests/modules/test_drumate.py",
        "test_the_introduction_is_shown_until_it_was_seen",
    ),
    "other tabs stay after a sign-out": (
        "tests/modules/test_yp.py",
        "test_signing_out_ends_the_session_its_sockets_and_tells_the_other_tabs",
    ),
    "team meetings cannot be opened": (
        "tests/modules/test_hub.py",
        "test_members_open_the_meeting_of_their_team_hub",
    ),
    "a missed call reads as an outgoing one": (
        "tests/modules/test_conference_calls.py",
        "test_a_call_nobody_answers_is_missed_on_both_sides_and_in_the_log",
    ),
    "waiting guests get credentials": (
        "tests/modules/test_dmz.py",
        "test_a_guest_who_waits_gets_no_credentials_of_media_servers",
    ),
    "the caller is told twice": (
        "tests/modules/test_conference_calls.py",
        "test_a_client_that_accepts_before_it_joins_tells_the_caller_once",
    ),
    "refused tags are no list": (
        "tests/modules/test_tagcontact.py",
        "test_the_frontend_gets_a_list_when_tags_cannot_be_assigned",
    ),
    "the search box fails": ("tests/modules/test_desk.py", "test_the_search_box_finds_contacts_and_hubs"),
    "imported numbers turn wrong in the form": (
        "tests/contacts/test_reader.py",
        "test_a_number_is_split_as_the_edit_form_takes_it",
    ),
    "only the last callee of three is logged": (
        "tests/modules/test_conference_calls.py",
        "test_a_third_person_is_rung_into_the_running_call",
    ),
    "the media account has its domain twice": (
        "tests/modules/test_dmz.py",
        "test_configs_hold_jitsi_and_turn_credentials_that_coturn_accepts",
    ),
    "after a sign-in or a sign-up the page is blank or shows the form": (
        "tests/stories/test_frontend_start.py",
        "test_a_frontend_that_starts_again_starts_at_the_desk",
    ),
    "a link that was used shows a blank page": (
        "tests/accounts/test_signup.py",
        "test_links_that_are_no_invitations_are_refused",
    ),
    "a refused password empties the form of the sign-up": (
        "tests/accounts/test_signup.py",
        "test_weak_passwords_are_refused_and_the_link_stays",
    ),
    "a refused new password shows no message": (
        "tests/accounts/test_passwords.py",
        "test_a_link_is_good_for_its_account_only",
    ),
    "the page of an invitation fails for users who are signed in": (
        "tests/frontend/test_site.py",
        "test_links_of_mails_lead_into_the_served_frontend",
    ),
    "two tabs with one link become two guests": (
        "tests/modules/test_dmz.py",
        "test_two_tabs_that_open_a_link_at_once_are_one_guest",
    ),
    "guests cannot sign out": (
        "tests/modules/test_dmz.py",
        "test_a_guest_who_signs_out_leaves_the_meeting_in_all_tabs",
    ),
    "unread messages of teams vanish at a reload": (
        "tests/modules/test_hub.py",
        "test_messages_of_a_team_are_unread_after_a_reload_until_somebody_reads_them",
    ),
    "browsers cannot send the forms of invitation pages": (
        "tests/stories/test_sign_up.py",
        "test_an_invited_person_signs_up_on_a_phone",
    ),
    "a new contact is shown as offline": (
        "tests/contacts/test_invitations.py",
        "test_new_contacts_see_each_other_online_at_once",
    ),
}
"""By fault: the file and the test that hold it from the wire."""
HEADERS = {
    "Accept": "*/*",
    "Content-Type": "application/json",
    "x-param-lang": "en",
    "x-param-page-language": "en",
    "x-param-device": "desktop",
    "x-param-device-id": "ddi_04",
    "x-param-keysel": "regsid",
    "Sec-Fetch-Site": "same-origin",
}


@pytest.mark.parametrize("fault", HELD)
def test_each_fault_is_held_by_a_test(fault: str) -> None:
    path, name = HELD[fault]
    assert f"def {name}(" in (ROOT / path).read_text()


class Frontend:
    """The two helpers by which the frontend calls: each call has socket_id and device_id."""

    def __init__(self, person: Person, tab: Tab) -> None:
        self.person = person
        self.own = {"socket_id": tab.id, "device_id": f"ddi_{tab.id}"}

    async def post(self, service: str, **args: Any) -> Any:
        """Send an object."""
        return self._data(service, await self.person.call(service, HEADERS, **self.own, **args))

    async def fetch(self, service: str, **args: Any) -> Any:
        """Send pairs, with the text undefined for what is absent and & at the end; else one bare object."""
        query = "".join(f"{name}={value}&" for name, value in {**self.own, **args}.items())
        if None in args.values():
            query = quote(orjson.dumps({**self.own, **args}).decode(), safe="")
        url = URL(f"{self.person.base}-/svc/{service}?{query}", encoded=True)
        async with self.person.http.get(url, headers=HEADERS) as response:
            body = orjson.loads(await response.read())
            return self._data(service, Answer(response.status, body, response.headers))

    def _data(self, service: str, answer: Answer) -> Any:
        """Return what the frontend passes on: it takes nothing but 200, and reads `__status__`."""
        assert answer.status == 200, (service, answer.body)
        assert (answer.body["__ack__"], answer.body["__status__"]) == (service, "online")
        assert "error" not in answer.body
        return answer.data


async def test_a_morning_at_the_desk(people: People) -> None:
    """What a desk calls from its start to the address book, a conversation and the planner."""
    alice, bob = await people("Alice"), await people("Bob")
    await alice.ok("contact.invite", email=bob.email)
    await bob.ok("contact.invite_accept", email=alice.uid)
    desk, own = Frontend(alice, await alice.tab()), {"hub_id": alice.uid}
    page = {"page": 1, "pagelength": 45}
    environment = await desk.fetch("yp.get_env")
    assert (environment["user"]["signed_in"], environment["user"]["connection"]) == (1, "online")
    assert (await desk.post("bootstrap.authn"))["token"]
    assert {row["area"] for row in await desk.post("drumate.notification_center", **own)} == {"personal"}
    place = await desk.fetch("desk.get_env", **own)
    assert place.keys() >= {"home_id", "wicket_id", "hub_id", "privilege"}
    assert await desk.post("reminder.list", **own) == []
    assert await desk.fetch("desk.home", **own, **page) == []
    assert isinstance(await desk.post("contact.connection_status", **own), list)
    assert (await desk.post("drumate.intro_acknowledged", **own))["profile"]["intro"] == "no"
    assert isinstance(await desk.fetch("contact.invite_get", **own), list)
    assert await desk.fetch("tagcontact.show_tag_by", order="asc", **own, **page) == []
    (row,) = await desk.fetch("contact.show_contact", tag_id="undefined", option="active", **own, **page)
    assert (row["type"], row["entity"]) == ("my_contact", bob.uid)
    contact = {"firstname": "Bob", "lastname": "Stone", "surname": "Bobby", "comment": "", "tag": []}
    lists: dict[str, Any] = {"email": [], "mobile": [], "address": [], "tags": [{"tag": 0}, {"tag": 0}]}
    edited = await desk.post("contact.update", **own, **contact, **lists, contact_id=row["id"])
    assert (edited["id"], edited["surname"], edited["email"][0]["email"]) == (row["id"], "Bobby", bob.email)
    rooms = await desk.fetch("chat.chat_rooms", flag="all", tag_id=None, option="active", **own, **page)
    assert [(room["drumate_id"], room["entity_id"], room["display"]) for room in rooms] == [
        (bob.uid, bob.uid, "Bobby")
    ]
    assert (await desk.fetch("media.home", **own)).keys() >= {"chat_upload_id", "hub_id", "home_id", "name"}
    messages = await desk.fetch("chat.messages", entity_id=bob.uid, order="desc", **own, **page)
    assert [message["message_type"] for message in messages] == ["chat", "chat"]
    written = {"entity_id": bob.uid, "attachment": [], "message": "Lunch?", "echoId": "906"}
    assert (await desk.post("chat.post", **own, **written))["echoId"] == "906"
    hits = await desk.fetch("desk.search", string="Bob", **own, **page)
    assert [hit["id"] for hit in hits] == [row["id"]]
    wicket = {"hub_id": place["wicket_id"]}
    planner = await desk.post("media.attributes", **wicket)
    listed = {"nid": planner["actual_home_id"], "sort": "rank", "order": "ASC", "usePid": "undefined"}
    assert await desk.fetch("media.show_node_by", **wicket, **listed, **page) == []
