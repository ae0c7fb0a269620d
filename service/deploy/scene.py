"""The demo people, and what the examples of the headers need besides: statements for an empty shard.

Each runs in the shard; `yp` is the registry beside it.
"""

from __future__ import annotations

from collections.abc import Iterator

from service.local.demo_people import PEOPLE

ALICE, BOB, CAROL, DAVE, ERIN = PEOPLE
TEAM = "00000000000000f1"
ROOM = "00000000000000f2"
FRIENDS = ((ALICE, BOB), (ALICE, CAROL), (BOB, CAROL), (ALICE, DAVE))


def people(shard: str) -> Iterator[str]:
    """Return the statements for the people of `make demo` and their hub, in a shard of this name."""
    yield f"INSERT INTO yp.shard (name, is_open, ctime) VALUES ('{shard}', 1, 1)"
    for uid, (email, firstname, lastname, domain) in PEOPLE.items():
        name, place = email.partition("@")[0], f"'{domain}'" if domain else "NULL"
        yield (
            f"CALL yp.drumate_create('{uid}', '{email}', '{name}', '-', '{firstname}', '{lastname}', "
            f"{place}, '{shard}')"
        )
    for one, other in FRIENDS:
        yield from befriend(one, other)
        yield from befriend(other, one)
    yield f"CALL yp.hub_create('{TEAM}', 'Team', '{ALICE}', 'private')"
    yield f"CALL yp.permission_grant('{TEAM}', '*', '{BOB}', 4, 0)"
    yield f"CALL yp.permission_grant('{TEAM}', '*', '{CAROL}', 2, 0)"
    for tag in ("Work", "Family"):
        yield f"CALL tag_add('{ALICE}', '{tag}', NULL)"
    yield (
        f'CALL my_contact_add(\'{ALICE}\', \'{{"firstname": "Ada", "lastname": "Lovelace", '
        '"email": [{"email": "ada@math.example", "category": "prof", "is_default": 1}]}\')'
    )
    yield f"CALL contact_group_add('{ALICE}', 'Pioneers', NULL, '[]')"


def befriend(owner: str, peer: str) -> Iterator[str]:
    """Return the statements that make a user a contact of another one."""
    yield f"CALL my_contact_add('{owner}', JSON_OBJECT('invitee_id', '{peer}'))"
    yield (
        f"CALL contact_relate('{owner}', (SELECT id FROM contact WHERE owner_id = '{owner}' "
        f"AND peer_id = '{peer}'), '{peer}', 'active')"
    )


EXAMPLES = (
    # Alice is signed in as example-sid, with one tab, in a meeting of her team; Bob rings her.
    "INSERT INTO yp.session (id, uid, ttl, expiry, ctime, mtime) "
    f"VALUES (SHA2('example-sid', 256), '{ALICE}', 60, UNIX_TIMESTAMP() + 60, 1, 1), "
    f"(SHA2('example-bob-sid', 256), '{BOB}', 60, UNIX_TIMESTAMP() + 60, 1, 1)",
    "INSERT INTO yp.node (id, ctime, heartbeat) VALUES ('00000000000000e1', 1, UNIX_TIMESTAMP())",
    "INSERT INTO yp.socket (id, uid, session_id, node, ctime) "
    f"VALUES ('example-socket', '{ALICE}', SHA2('example-sid', 256), '00000000000000e1', 1), "
    f"('example-bob', '{BOB}', SHA2('example-bob-sid', 256), '00000000000000e1', 1)",
    f"INSERT INTO yp.conference_room (id, hub_id, type, ctime) VALUES ('{ROOM}', '{TEAM}', 'meeting', 1)",
    "INSERT INTO yp.conference (room_id, socket_id, hub_id, uid, type, role, status, level, ctime, mtime) "
    f"VALUES ('{ROOM}', 'example-socket', '{TEAM}', '{ALICE}', 'meeting', 'host', 'started', 7, 1, 1), "
    f"('{ROOM}', 'example-bob', '{TEAM}', '{BOB}', 'meeting', 'attendee', 'started', 4, 2, 2)",
    "INSERT INTO yp.call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, expiry, "
    f"ctime, mtime) VALUES ('{ROOM}', '{ALICE}', '{TEAM}', '{BOB}', 'example-bob', 'ringing', "
    "UNIX_TIMESTAMP() + 60, 1, 1)",
    # Alice was sent to another site; Bob sent a link and accepted an invitation; Erin invited Alice.
    f"CALL yp.set_redirect_state('example', '{ALICE}', 'verifier')",
    "INSERT INTO yp.token (id, method, email, inviter_id, expiry, ctime) VALUES "
    f"(SHA2('example', 256), 'signup', 'alice@example.org', '{BOB}', UNIX_TIMESTAMP() + 60, 1), "
    f"(SHA2('example-signup-secret', 256), 'signup', 'new@example.org', '{BOB}', UNIX_TIMESTAMP() + 60, 1), "
    "(SHA2('example-password-secret', 256), 'forgot_password', 'alice@example.org', "
    f"'{ALICE}', UNIX_TIMESTAMP() + 60, 1)",
    f"UPDATE contact SET status = 'informed' WHERE owner_id = '{ALICE}' AND peer_id = '{BOB}'",
    "INSERT INTO contact (owner_id, id, entity, peer_id, status, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c02', '{ERIN}', '{ERIN}', 'received', 1, 1)",
    # Alice's contact with every field, a tag, a group, and a hub that is open to guests.
    "INSERT INTO contact (owner_id, id, entity, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c01', 'ada.l@example.com', 1, 1)",
    "INSERT INTO contact_email (owner_id, id, contact_id, email, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', 'countess@example.com', 1)",
    "INSERT INTO contact_phone (owner_id, id, contact_id, phone, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', '1', 1)",
    "INSERT INTO contact_address (owner_id, id, contact_id, city, position) "
    f"VALUES ('{ALICE}', '0000000000000e01', '0000000000000c01', 'London', 1)",
    f"INSERT INTO tag (owner_id, tag_id, name, ctime) VALUES ('{ALICE}', '0000000000000d01', 'Maths', 1)",
    # Another entry about the same person, and one in the trash.
    "INSERT INTO contact (owner_id, id, entity, firstname, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000c03', '0000000000000c03', 'Ada', 1, 1), "
    f"('{ALICE}', '0000000000000c04', '0000000000000c04', 'Charles', 1, 1)",
    f"CALL my_contact_trash('{ALICE}', '0000000000000c04', NULL)",
    "INSERT INTO contact_group (owner_id, id, name, ctime, mtime) "
    f"VALUES ('{ALICE}', '0000000000000b01', 'Engines', 1, 1)",
    # An import that runs.
    f"CALL import_report_add('{ALICE}', '0000000000000f01', "
    '\'{"api": "rpc", "kind": "csv", "filename": "a.csv", "update": "skip"}\')',
    # A webhook of Alice, and an event that waits.
    f"CALL yp.webhook_add('{ALICE}', '0000000000000d01', 'https://hook.example/', '', '*', "
    "'whsec_MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIz', 10)",
    "INSERT INTO yp.webhook_delivery (id, webhook_id, type, at, data) "
    "VALUES (1, '0000000000000d01', 'webhook.test', 1, '{}')",
    "INSERT INTO attachment (owner_id, id, filename, mimetype, filesize, ctime) "
    f"VALUES ('{ALICE}', '000000000000000000000000000000d7', 'plan.pdf', 'application/pdf', 7, 1)",
    f"CALL yp.hub_create('00000000000000f3', 'Open', '{ALICE}', 'dmz')",
    f"CALL meeting_book('00000000000000f3', '{ALICE}', '00000000000000fa', '{{\"title\": \"Tea\"}}', 9)",
)
"""What the values in the examples stand for."""
