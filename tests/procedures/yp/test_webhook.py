"""procedures/yp/webhook, called directly."""

from __future__ import annotations

import pytest

from tests.support.scene import Scene

HOOK = "00000000000000ab"
SECRET = "whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz"  # of an example


@pytest.fixture
def hooked(scene: Scene) -> Scene:
    """Give Alice one webhook with one event, and nobody else any."""
    scene.sets("DELETE FROM yp.webhook")
    scene.sets("DELETE FROM yp.webhook_delivery")
    scene.doc(f"yp.webhook_add(:alice, '{HOOK}', 'https://x.example/', '', 'call.*', '{SECRET}', 1)")
    scene.doc(f"yp.webhook_test(:alice, '{HOOK}')")
    return scene


def event(scene: Scene) -> int:
    """Return the id of the oldest event."""
    return int(scene.one("SELECT MIN(id) FROM yp.webhook_delivery"))


def claimed(scene: Scene, claim: str) -> list[str]:
    """Return the webhooks that one process may serve now."""
    return [row[0] for rows in scene.sets(f"yp.webhook_claim('{claim}', 10, 60)") for row in rows]


def test_each_refusal_has_its_code(hooked: Scene) -> None:
    hooked.refuses({
        f"yp.webhook_add(:alice, '{HOOK}', 'https://x.example/', '', '*', '{SECRET}', 1)": "WEBHOOK_LIMIT",
        f"yp.webhook_deliveries(:bob, '{HOOK}', NULL, 10)": "WEBHOOK_NOT_FOUND",
        f"yp.webhook_test(:bob, '{HOOK}')": "WEBHOOK_NOT_FOUND",
        f"yp.webhook_repeat(:bob, '{HOOK}', {event(hooked)})": "DELIVERY_NOT_FOUND",
    })  # fmt: skip


def test_a_webhook_is_claimed_by_one_until_its_lease_is_over_or_its_turn_ends(hooked: Scene) -> None:
    assert claimed(hooked, "a") == [HOOK]
    assert claimed(hooked, "b") == []
    hooked.sets("UPDATE yp.webhook SET leased_until = UNIX_TIMESTAMP()")
    assert claimed(hooked, "b") == [HOOK]
    assert hooked.docs(f"yp.webhook_next('{HOOK}', 'a', 10, 60)") == [], "the turn of another one"
    assert [each["type"] for each in hooked.docs(f"yp.webhook_next('{HOOK}', 'b', 10, 60)")] == [
        "webhook.test"
    ]
    hooked.sets(f"yp.webhook_release('{HOOK}', 'a')")
    assert claimed(hooked, "c") == []
    hooked.sets(f"yp.webhook_release('{HOOK}', 'b')")
    assert claimed(hooked, "c") == [HOOK]
    assert hooked.one(f"CALL yp.webhook_sent('{HOOK}', 'c', {event(hooked)}, 200, 60)") == 1
    hooked.sets(f"yp.webhook_release('{HOOK}', 'c')")
    assert claimed(hooked, "d") == [], "nothing waits"


def test_attempts_come_later_each_time_and_a_day_of_failures_pauses(hooked: Scene) -> None:
    waits = []
    for number in range(12):
        hooked.sets("UPDATE yp.webhook SET next_try = 0")
        claimed(hooked, f"{number:016x}")
        failed = (
            f"CALL yp.webhook_failed('{HOOK}', '{number:016x}', {event(hooked)}, NULL, 'x', 0, '{number}')"
        )
        assert hooked.one(failed) == 0
        waits.append(hooked.one("SELECT next_try - UNIX_TIMESTAMP() FROM yp.webhook"))
    assert [round(wait / 5) for wait in waits] == [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 720, 720]
    hooked.sets("UPDATE yp.webhook SET next_try = 0, failing_since = UNIX_TIMESTAMP() - 86400")
    claimed(hooked, "z")
    assert hooked.one(f"CALL yp.webhook_failed('{HOOK}', 'z', {event(hooked)}, 500, 'x', 0, 'm')") == 1
    mails = hooked.rows("SELECT template FROM yp.mail_outbox WHERE id = 'm'")
    assert mails == [("webhook_failed",)]
    hooked.sets("UPDATE yp.webhook SET next_try = 0")
    assert claimed(hooked, "y") == []
    resumed = hooked.doc(f"yp.webhook_set(:alice, '{HOOK}', '{{\"state\": \"active\"}}', NULL)")
    assert (resumed["state"], resumed["failures"]) == ("active", 0)
    assert claimed(hooked, "y") == [HOOK]


def test_a_late_report_of_a_lost_turn_changes_nothing_but_the_event(hooked: Scene) -> None:
    claimed(hooked, "a")
    assert hooked.one(f"CALL yp.webhook_failed('{HOOK}', 'b', {event(hooked)}, 500, 'x', 1, 'm')") == 0
    assert hooked.rows("SELECT state, failures FROM yp.webhook") == [("active", 0)]
    assert hooked.one(f"CALL yp.webhook_sent('{HOOK}', 'b', {event(hooked)}, 200, 60)") == 0
    assert hooked.one("SELECT state FROM yp.webhook_delivery") == "delivered", "the receiver has it"


def test_owners_list_change_and_end_their_own(hooked: Scene) -> None:
    assert [each["pending"] for each in hooked.docs("yp.webhook_list(:alice, NULL)")] == [1]
    assert hooked.docs("yp.webhook_list(:bob, NULL)") == []
    assert hooked.docs(f"yp.webhook_set(:bob, '{HOOK}', '{{}}', NULL)") == []
    assert hooked.one(f"CALL yp.webhook_drop(:bob, '{HOOK}')") == 0
    hooked.doc(f"yp.webhook_set(:alice, '{HOOK}', '{{\"label\": \"shop\"}}', 'whsec_new')")
    ((_, _, secret, old_secret),) = hooked.sets("yp.webhook_claim('a', 10, 60)")[0]
    assert (secret, old_secret) == ("whsec_new", SECRET)
    (seen,) = hooked.docs("yp.webhook_overview(10)")
    assert (seen["label"], seen["pending"], seen["last"]) == ("shop", 1, event(hooked))
    assert hooked.one(f"CALL yp.webhook_drop(:alice, '{HOOK}')") == 1
    assert hooked.docs("yp.webhook_list(:alice, NULL)") == hooked.docs("yp.webhook_overview(10)") == []
    assert claimed(hooked, "b") == []


def test_the_events_of_an_ended_webhook_are_deleted_in_steps(hooked: Scene) -> None:
    for _ in range(4):
        hooked.doc(f"yp.webhook_test(:alice, '{HOOK}')")
    hooked.sets(f"yp.webhook_drop(:alice, '{HOOK}')")
    remaining = []
    for _ in range(3):
        more = hooked.one("CALL yp.webhook_expire(2)")
        remaining.append((more, hooked.count("yp.webhook_delivery"), hooked.count("yp.webhook")))
    assert remaining == [(1, 3, 1), (1, 1, 1), (0, 0, 0)]


def test_a_webhook_with_too_many_events_gets_no_more_until_half_are_gone(hooked: Scene) -> None:
    hooked.sets("UPDATE yp.webhook SET events = '*'")
    for _ in range(4):
        hooked.doc(f"yp.webhook_test(:alice, '{HOOK}')")
    invite = "yp.webhook_invitation(:bob, :alice, 'invitation.received', NULL)"
    hooked.sets("yp.webhook_bound(5)")
    assert hooked.rows("SELECT is_full, state FROM yp.webhook") == [(0, "active")], "as many as may wait"
    hooked.sets(invite)
    hooked.sets("DELETE FROM yp.mail_outbox")
    for _ in range(2):
        hooked.sets("yp.webhook_bound(5)")
    assert hooked.rows("SELECT is_full, state FROM yp.webhook") == [(1, "failed")]
    assert hooked.rows("SELECT template FROM yp.mail_outbox") == [("webhook_failed",)]
    hooked.sets(invite)
    assert hooked.count("yp.webhook_delivery") == 6
    hooked.doc(f"yp.webhook_set(:alice, '{HOOK}', '{{\"state\": \"active\"}}', NULL)")
    hooked.sets("DELETE FROM yp.webhook_delivery ORDER BY id LIMIT 4")
    hooked.sets("yp.webhook_bound(5)")
    hooked.sets(invite)
    assert hooked.count("yp.webhook_delivery") == 3


def test_a_webhook_with_too_many_bytes_is_full_as_well(hooked: Scene) -> None:
    for size, state in ((49_000, (0, "active")), (50_001, (1, "failed")), (25_001, (1, "failed"))):
        hooked.sets(f"UPDATE yp.webhook_delivery SET data = REPEAT('x', {size})")
        hooked.sets("yp.webhook_bound(10)")
        assert hooked.rows("SELECT is_full, state FROM yp.webhook") == [state]
    hooked.sets("UPDATE yp.webhook_delivery SET data = REPEAT('x', 25000)")
    hooked.sets("yp.webhook_bound(10)")
    assert hooked.one("SELECT is_full FROM yp.webhook") == 0


def test_only_the_owner_of_a_failed_webhook_gets_a_mail(hooked: Scene) -> None:
    hooked.sets("DELETE FROM yp.mail_outbox")
    for number, (owner, state) in enumerate(((":alice", "active"), ("''", "failed"), (":alice", "failed"))):
        hooked.sets(f"UPDATE yp.webhook SET uid = {owner}, state = '{state}'")
        hooked.sets(f"yp.webhook_mail('{HOOK}', '{number:016x}', 'status 500')")
    assert hooked.rows("SELECT id, template FROM yp.mail_outbox") == [(f"{2:016x}", "webhook_failed")]


def test_a_busy_webhook_waits_behind_the_others_after_its_turn(hooked: Scene) -> None:
    other = "00000000000000ac"
    hooked.doc(f"yp.webhook_add(:bob, '{other}', 'https://y.example/', '', '*', '{SECRET}', 1)")
    hooked.doc(f"yp.webhook_test(:bob, '{other}')")
    hooked.sets("UPDATE yp.webhook SET next_try = UNIX_TIMESTAMP() - 1 WHERE id = '00000000000000ac'")
    one = "yp.webhook_claim('{}', 1, 60)"
    assert [row[0] for row in hooked.sets(one.format("a"))[0]] == [HOOK]
    hooked.sets(f"yp.webhook_release('{HOOK}', 'a')")
    assert [row[0] for row in hooked.sets(one.format("b"))[0]] == [other]


def test_a_call_is_followed_row_by_row(hooked: Scene) -> None:
    call = "INSERT INTO yp.call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, "
    call += "expiry, ctime, mtime) VALUES ('r', :bob, :hub, :alice, 's', '{}', 9, 1, 1)"
    hooked.sets("DELETE FROM yp.webhook_delivery")
    hooked.sets(call.format("ringing"))
    hooked.sets("yp.webhook_calls_after(:hub, 'r', NULL)")
    ringing = f'[{{"callee": "{hooked.one("SELECT :bob")}", "status": "ringing"}}]'
    for change in (
        "expiry = 9", "status = 'accepted'", "answered_at = 5", "ended_at = 9",
        "ended_at = NULL, status = 'missed'", "answered_at = NULL", "status = 'declined'",
    ):  # fmt: skip
        hooked.sets(f"UPDATE yp.call_invitation SET {change} WHERE room_id = 'r'")
        hooked.sets(f"yp.webhook_calls_after(:hub, 'r', '{ringing}')")
    types = [row[0] for row in hooked.rows("SELECT type FROM yp.webhook_delivery ORDER BY id")]
    assert types == ["call.started", "call.answered", "call.ended", "call.ended", "call.missed", "call.ended"]


def test_an_event_is_repeated_and_old_ones_expire(hooked: Scene) -> None:
    claimed(hooked, "a")
    hooked.sets(f"yp.webhook_sent('{HOOK}', 'a', {event(hooked)}, 200, 60)")
    (sent,) = hooked.docs(f"yp.webhook_deliveries(:alice, '{HOOK}', NULL, 10)")
    assert (sent["state"], sent["status"]) == ("delivered", 200)
    assert hooked.doc(f"yp.webhook_repeat(:alice, '{HOOK}', {sent['id']})")["state"] == "pending"
    assert hooked.doc(f"yp.webhook_repeat(NULL, NULL, {sent['id']})")["state"] == "pending"
    hooked.sets("yp.webhook_expire(10)")
    assert hooked.count("yp.webhook_delivery") == 1
    hooked.sets("UPDATE yp.webhook_delivery SET at = at - 3 * 86400000 - 1000")
    hooked.sets("yp.webhook_expire(10)")
    assert hooked.count("yp.webhook_delivery") == 0
    hooked.sets("UPDATE yp.entity SET status = 'frozen' WHERE id = :alice")
    hooked.sets("yp.webhook_expire(10)")
    assert hooked.count("yp.webhook") == 0


def test_owners_of_hubs_hear_who_is_seated_and_when_a_meeting_begins(hooked: Scene) -> None:
    hooked.sets("UPDATE yp.webhook SET events = 'meeting.*'")
    hooked.sets("DELETE FROM yp.webhook_delivery")
    joined = hooked.doc("yp.conference_join(:sid_alice, :tab_alice, :hub, NULL, 'meeting', '{}', 10)")
    assert joined is not None
    ((room, socket),) = hooked.rows(
        "SELECT room_id, socket_id FROM yp.conference WHERE socket_id = :tab_alice"
    )
    started = [("meeting.joined",), ("meeting.started",)]
    types = "SELECT type FROM yp.webhook_delivery ORDER BY id"
    assert hooked.rows(types) == started
    hooked.sets(f"yp.webhook_seated(:hub, '{room}', '[\"{socket}\"]', 'meeting.joined')")
    hooked.sets(f"yp.webhook_seated(:hub, '{room}', NULL, 'meeting.joined')")
    hooked.sets(f"yp.webhook_meeting(:hub, '{room}', 'meeting.ended')")
    assert hooked.rows(types) == [*started, ("meeting.joined",), ("meeting.ended",)]


def test_changes_of_contacts_are_written_for_those_who_want_them(hooked: Scene) -> None:
    hooked.sets("UPDATE yp.webhook SET events = 'contact.created'")
    hooked.sets("DELETE FROM yp.webhook_delivery")
    hooked["changes"] = (
        '[{"type": "contact.created", "data": "{\\"user_id\\": \\"x\\"}"}, '
        '{"type": "contact.updated", "data": "{}"}]'
    )
    for who, wanted in (("alice", 1), ("bob", 0)):
        hooked.sets(f"yp.webhook_wanted(:{who}, @wanted)")
        assert hooked.one("SELECT @wanted") == wanted
        hooked.sets(f"yp.webhook_contacts(:{who}, :changes)")
    hooked.sets("yp.webhook_contacts(:alice, NULL)")
    assert hooked.rows("SELECT type, data FROM yp.webhook_delivery") == [
        ("contact.created", '{"user_id": "x"}')
    ]
    hooked.sets("UPDATE yp.webhook SET uid = ''")
    hooked.sets("yp.webhook_wanted(:bob, @wanted)")
    assert hooked.one("SELECT @wanted") == 1, "a webhook of the site"


def test_calls_are_remembered_when_somebody_in_them_has_a_webhook(hooked: Scene) -> None:
    hooked.sets(
        "INSERT INTO yp.call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, "
        "expiry, ctime, mtime) VALUES ('r', :bob, :hub, :alice, 's', 'ringing', 9, 1, 1)"
    )
    hooked.sets("yp.webhook_calls_before(:hub, 'r', @calls)")
    (call,) = hooked.json("SELECT @calls")
    assert call == {"callee": hooked["bob"], "status": "ringing", "answered": None, "ended": None}
    hooked.sets("DELETE FROM yp.webhook")
    hooked.sets("yp.webhook_calls_before(:hub, 'r', @calls)")
    assert hooked.one("SELECT @calls") is None


def test_the_webhooks_of_the_site_follow_a_list(hooked: Scene) -> None:
    entry = f"JSON_OBJECT('id', 'cd', 'name', 'crm', 'url', 'u', 'events', '*', 'secret', '{SECRET}')"
    state = "SELECT state, uid, label FROM yp.webhook WHERE id = 'cd'"
    for webhooks, outcome, row in (
        (f"JSON_ARRAY({entry})", (1, 0), ("active", "", "crm")),
        (f"JSON_ARRAY({entry})", (0, 0), ("active", "", "crm")),
        ("'[]'", (0, 1), ("ended", "ended", "crm")),
        (f"JSON_ARRAY({entry})", (1, 0), ("active", "", "crm")),
    ):
        assert hooked.rows(f"yp.webhook_site({webhooks})") == [outcome]
        assert hooked.rows(state) == [row]
    assert hooked.one(f"SELECT state FROM yp.webhook WHERE id = '{HOOK}'") == "active", "that of a person"


@pytest.mark.parametrize(
    ("events", "kind", "is_taken"),
    [
        ("*", "call.ended", 1),
        ("call.*", "call.ended", 1),
        ("contact.*,call.ended", "call.ended", 1),
        ("contact.*,call.started", "call.ended", 0),
        ("call.end", "call.ended", 0),
        ("*", None, 0),
    ],
)
def test_a_subscription_takes_the_types_that_it_names(
    scene: Scene, events: str, kind: str | None, is_taken: int
) -> None:
    value = "NULL" if kind is None else f"'{kind}'"
    assert scene.one(f"SELECT yp.webhook_takes('{events}', {value})") == is_taken
