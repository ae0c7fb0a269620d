"""Lists read an index, not the table: count the rows read for a page of 100 and of 5,000 contacts."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest

from service.admin.registry import Registry
from service.deploy.deployer import connect
from service.settings import Settings, database_servers
from service.store.database import encode
from tests.support.admin import Admin
from tests.support.people import People

FILL = """
    INSERT INTO shard1.contact (owner_id, id, entity, email, firstname, lastname, ctime, mtime)
    SELECT %s, LPAD(HEX(seq), 16, '0'), CONCAT('p', seq, '@x.example'), CONCAT('p', seq, '@x.example'),
           ELT(1 + seq %% 5, 'Ada', 'Alan', 'Grace', 'Edsger', 'Barbara'),
           CONCAT('Name', LPAD(seq, 6, '0')), seq, seq
    FROM shard1.seq_1_to_{count}
"""
TERMS = """
    INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id)
    SELECT owner_id, 0, 'text', lastname, id FROM shard1.contact WHERE owner_id = %s
    UNION SELECT owner_id, 0, 'text', firstname, id FROM shard1.contact WHERE owner_id = %s
"""


def rows_read(settings: Settings, statement: str, *args: Any) -> int:
    """Return the rows that the storage engine read for a statement."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute("FLUSH STATUS")
        cursor.execute(statement, args)
        while cursor.nextset():
            pass
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'", ())
        return sum(int(value) for _, value in cursor.fetchall())


def total(settings: Settings, statement: str, *args: Any) -> int:
    """Return the total, which is the last result set."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute(statement, args)
        cursor.nextset()
        return int(cursor.fetchall()[0][0])


PAGES = {
    "by name": ("my_contact_list", (None, None, "name", "asc", "active", 1, 45, None)),
    "by name, backwards": ("my_contact_list", (None, None, "name", "desc", "active", 1, 45, None)),
    "by date": ("my_contact_list", (None, None, "date", "asc", "active", 1, 45, None)),
    "by date, backwards": ("my_contact_list", (None, None, "date", "desc", "active", 1, 45, None)),
    "all": ("my_contact_list", (None, None, "name", "asc", "all", 1, 45, None)),
    "sent": ("my_contact_list", (None, None, "name", "asc", "sent", 1, 45, None)),
    "archived": ("my_contact_list", (None, None, "name", "asc", "archived", 1, 45, None)),
    "everybody to pick from": ("my_contact", ("", "", 0, "[]", 1, 45)),
    "a rare word": ("contact_search_by_domain", ("name000077", 1, 45)),
}


@pytest.fixture(scope="module", autouse=True)
def no_big_books_for_others(admin: Admin) -> Iterator[None]:
    """Empty the tables of owners in the end: later tests that work on all books take a minute else."""
    yield
    tables = admin.rows(
        "SELECT c.TABLE_NAME FROM information_schema.COLUMNS AS c JOIN information_schema.TABLES AS t "
        "USING (TABLE_SCHEMA, TABLE_NAME) "
        "WHERE c.TABLE_SCHEMA = 'shard1' AND c.COLUMN_NAME = 'owner_id' AND t.TABLE_TYPE = 'BASE TABLE'"
    )
    for (name,) in tables:
        admin.rows(f"SET STATEMENT foreign_key_checks = 0 FOR TRUNCATE shard1.{name}")


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_costs_the_same_in_a_big_book(
    people: People, admin: Admin, settings: Settings, page: str
) -> None:
    small, big = await people("Small"), await people("Big")
    for person, count in ((small, 100), (big, 5000)):
        admin.rows(FILL.format(count=count), person.uid)
        admin.rows(TERMS, person.uid, person.uid)
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_index")
    routine, args = PAGES[page]
    marks = ", ".join(["%s"] * (len(args) + 1))
    costs = [
        rows_read(settings, f"CALL shard1.{routine}({marks})", person.uid, *args) for person in (small, big)
    ]
    assert costs[1] <= 1.5 * costs[0] + 100, costs


async def test_a_frequent_word_fills_its_page_from_the_index_of_names(
    people: People, admin: Admin, settings: Settings
) -> None:
    big = await people("Big")
    admin.rows(FILL.format(count=20_000), big.uid)
    admin.rows(TERMS, big.uid, big.uid)
    admin.rows(RECORDS[1].format(count=20_000), big.uid)
    card = '"is_archived": 0'
    admin.rows("UPDATE shard1.contact_record SET rpc_card = %s WHERE owner_id = %s", card, big.uid)
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_index, shard1.contact_record")
    cost = rows_read(settings, "CALL shard1.contact_search_by_domain(%s, 'a', 1, 45)", big.uid)
    assert cost < 5000, cost
    for call in ("contact_search(%s, 'gra', '', 0, '[]', 'contact', 1, 45)",
                 "contact_search(%s, 'gra', 'archived', 0, '[]', 'contact', 1, 45)",
                 "contact_search_live(%s, 'gra', '', 0, '[]', 'contact', 1, 45)"):  # fmt: skip
        assert rows_read(settings, f"CALL shard1.{call}", big.uid) < 2000, call
    assert len(admin.rows("CALL shard1.contact_search_by_domain(%s, 'gra', 3, 45)", big.uid)) == 45


RECORDS = (
    "INSERT INTO shard1.contact_ledger (owner_id, rev, active) VALUES (%s, {count}, {count})",
    """
    INSERT INTO shard1.contact_record
        (owner_id, contact_id, rev, created_rev, state, created_at, updated_at, digest, record)
    SELECT %s, LPAD(HEX(seq), 16, '0'), seq, seq, 'active', '2026-01-01', '2026-01-01', '', '{{"id": 1}}'
    FROM shard1.seq_1_to_{count}
    """,
    """
    INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id, name)
    SELECT %s, 0, k.kind,
           CASE k.kind
               WHEN 'text' THEN CONCAT('name', LPAD(seq, 6, '0'))
               WHEN 'tag' THEN MD5(ELT(1 + seq %% 50, 'work', CONCAT('t', seq %% 50)))
               WHEN 'source' THEN MD5(IF(seq %% 200, 'local', 'google'))
               WHEN 'company' THEN CONCAT('Firm ', seq %% 40)
               WHEN 'company_part' THEN CONCAT('irm ', seq %% 40)
               WHEN 'phone' THEN LPAD(seq DIV 2, 9, '6')
               ELSE LPAD(seq * 7919 %% 1000003, 9, '0')
           END,
           LPAD(HEX(seq), 16, '0'), LPAD(seq * 7919 %% 1000003, 9, '0')
    FROM shard1.seq_1_to_{count}
    JOIN (
        SELECT 'display_name' AS kind UNION ALL SELECT 'company' UNION ALL SELECT 'created_at'
        UNION ALL SELECT 'updated_at' UNION ALL SELECT 'source' UNION ALL SELECT 'tag' UNION ALL SELECT 'text'
        UNION ALL SELECT 'name' UNION ALL SELECT 'phone' UNION ALL SELECT 'company_part'
    ) AS k
    WHERE k.kind <> 'tag' OR seq %% 50 < 2
    """,
)
SORTS = ("display_name", "company", "created_at", "updated_at")
RECORD_PAGES = {
    **{
        f"{sort} {order}": ("my_contact_records", (f'{{"sort": "{sort}", "order": "{order}"}}', 20, 0))
        for sort in SORTS
        for order in ("asc", "desc")
    },
    "with the trash": ("my_contact_records", ('{"deleted": "also"}', 20, 0)),
    "a rare word": ("my_contact_records", ('{"search": "name000077"}', 20, 0)),
    "a rare word, by its letters": ("my_contact_records", ('{"search": "name000077", "floor": 1}', 20, 0)),
    "two words, one of them rare": ("my_contact_records", ('{"search": "name000077 na"}', 20, 0)),
    "nobody": ("my_contact_records", ('{"search": "nobody"}', 20, 0)),
    "changes": ("my_contact_changes", (40, 20)),
    "events": ("my_contact_events", (90, 20)),
    "duplicates": ("my_contact_duplicates", ("phone:", 20)),
    "the state of the cards": ("my_card_token", ()),
    "the first cards": ("my_card_changes", (0, 20, 0)),
    "the next cards of a first reading": ("my_card_changes", (40, 20, 90)),
    "changes of cards": ("my_card_changes", (40, 20, 0)),
    "cards": ("my_cards", ('["0000000000000001.vcf", "0000000000000002.vcf", "none.vcf"]', "", 1_000_000)),
}


def book_of_records(admin: Admin, uid: str, count: int) -> None:
    """Insert records and their index entries, without contacts."""
    for statement in RECORDS:
        admin.rows(statement.format(count=count), uid)


@pytest.fixture(scope="module")
def big(admin: Admin, registry: Registry) -> str:
    """Return the owner of 100,000 records, which the tests below only read."""
    email = "big@plans.example"
    ((uid, *_),) = registry.call(
        "yp", "drumate_create", None, email, "big.plans", "", "Big", "Test", None, "shard1"
    )
    book_of_records(admin, uid, 100_000)
    admin.rows("ANALYZE TABLE shard1.contact_record, shard1.contact_index")
    return str(uid)


async def test_a_page_of_records_costs_the_same_in_a_big_book(
    people: People, admin: Admin, settings: Settings, big: str
) -> None:
    small = await people("Small")
    book_of_records(admin, small.uid, 100)
    admin.rows("ANALYZE TABLE shard1.contact_record, shard1.contact_index")
    for page, (routine, args) in RECORD_PAGES.items():
        marks = ", ".join(["%s"] * (len(args) + 1))
        costs = [
            rows_read(settings, f"CALL shard1.{routine}({marks})", uid, *args) for uid in (small.uid, big)
        ]
        limit = 12_000 if "words" in page or page == "duplicates" else 1.5 * costs[0] + 200
        assert costs[1] <= limit, (page, costs)


def test_a_filter_costs_what_it_finds(settings: Settings, big: str) -> None:
    finds = {'{"tag": ["work"]}': 2000, '{"source": "google"}': 500, '{"company": "irm 39"}': 2500}
    for query, match_count in finds.items():
        cost = rows_read(settings, "CALL shard1.my_contact_records(%s, %s, 20, 0)", big, query)
        # Temporary rows count as well.
        assert cost < 20 * match_count + 5000, (query, cost)
    # A word in every contact: they are counted once, and the page is read in its order.
    cost = rows_read(settings, "CALL shard1.my_contact_records(%s, %s, 20, 0)", big, '{"search": "na"}')
    assert cost < 115_000, cost
    known = '{"search": "na", "known": {"rev": 100000, "total": 100000}}'
    cost = rows_read(settings, "CALL shard1.my_contact_records(%s, %s, 20, 0)", big, known)
    assert cost < 1000, cost


@pytest.fixture
def frequent_words(admin: Admin, big: str) -> Iterator[dict[str, int]]:
    """Give a word to every second and to every third contact; return which."""
    words = {"second": 2, "third": 3}
    for word, step in words.items():
        admin.rows(
            "INSERT INTO shard1.contact_index (owner_id, is_deleted, kind, word, contact_id, name) "
            "SELECT %s, 0, 'text', %s, LPAD(HEX(seq), 16, '0'), LPAD(seq * 7919 %% 1000003, 9, '0') "
            "FROM shard1.seq_1_to_100000 WHERE seq %% %s = 0",
            big, word, step,
        )  # fmt: skip
    yield words
    admin.rows("DELETE FROM shard1.contact_index WHERE owner_id = %s AND word IN ('second', 'third')", big)


def test_contact_records_by_filter_fills_a_page_of_several_frequent_words(
    admin: Admin, settings: Settings, big: str, frequent_words: dict[str, int]
) -> None:
    statement = "CALL shard1.my_contact_records(%s, %s, 20, %s)"
    for words, order in itertools.product(("na second third", "third second", "na third"), ("asc", "desc")):
        steps = [frequent_words.get(word, 1) for word in words.split()]
        matches = [seq for seq in range(1, 100_001) if not any(seq % step for step in steps)]
        matches.sort(key=lambda seq: f"{seq * 7919 % 1000003:09}", reverse=order == "desc")
        query = {"search": words, "order": order, "known": {"rev": 100_000, "total": len(matches)}}
        position = {"rev": 100_000, "offset": 20, "contact": f"{matches[19]:016X}"}
        for offset in (0, 20, 60):
            for asked in (query, {**query, "after": position}):
                page = [seq for _, seq in admin.rows(statement, big, encode(asked), offset)]
                assert page == matches[offset : offset + 20], (asked, offset)
        cost = rows_read(settings, statement, big, encode(query), 0)
        assert cost < 2000, (words, order, cost)
        assert total(settings, statement, big, encode({"search": words}), 0) == len(matches), words


def test_a_floor_of_a_frequent_word_is_counted_to_1_001(
    admin: Admin, settings: Settings, big: str, frequent_words: dict[str, int]
) -> None:
    statement = "CALL shard1.my_contact_records(%s, %s, 20, %s)"
    matches = sorted(
        range(2, 100_001, frequent_words["second"]), key=lambda seq: f"{seq * 7919 % 1000003:09}"
    )
    query = {"search": "second", "floor": 1}
    for order, expected in (("asc", matches), ("desc", matches[::-1])):
        page = [seq for _, seq in admin.rows(statement, big, encode({**query, "order": order}), 40)]
        assert page == expected[40:60]
    assert total(settings, statement, big, encode(query), 0) == 1001
    # a count of all 50,000 alone reads twice as many
    assert rows_read(settings, statement, big, encode(query), 0) < 25_000
    # behind the floor, and in two lists, all are counted
    assert total(settings, statement, big, encode(query), 981) == len(matches)
    assert total(settings, statement, big, encode({**query, "deleted": "also"}), 0) == len(matches)
    assert total(settings, statement, big, encode({"search": "second"}), 0) == len(matches)


def test_a_floor_of_several_frequent_words_is_counted_to_1_001(
    admin: Admin, settings: Settings, big: str, frequent_words: dict[str, int]
) -> None:
    statement = "CALL shard1.my_contact_records(%s, %s, 20, %s)"
    steps = frequent_words["second"] * frequent_words["third"]
    matches = sorted(range(steps, 100_001, steps), key=lambda seq: f"{seq * 7919 % 1000003:09}")
    query = {"search": "second third", "floor": 1}
    page = [seq for _, seq in admin.rows(statement, big, encode(query), 40)]
    assert (page, total(settings, statement, big, encode(query), 0)) == (matches[40:60], 1001)
    # a count of all reads 83,000 words
    assert rows_read(settings, statement, big, encode(query), 0) < 45_000
    known = {**query, "known_floor": {"rev": 100_000, "total": 1001}}
    assert total(settings, statement, big, encode(known), 0) == 1001
    assert rows_read(settings, statement, big, encode(known), 0) < 2000
    for exact in ({**known, "floor": 0}, {"search": "second third"}):
        assert total(settings, statement, big, encode(exact), 0) == len(matches)


def test_contact_records_by_word_reads_a_frequent_word_up_to_the_end_of_the_page(
    settings: Settings, big: str, frequent_words: dict[str, int]
) -> None:
    statement = "CALL shard1.my_contact_records(%s, %s, 20, 0)"
    for word, order in itertools.product(frequent_words, ("asc", "desc")):
        known = {"known_floor": {"rev": 100_000, "total": 1001}}
        query = {"search": word, "order": order, "floor": 1, **known}
        assert rows_read(settings, statement, big, encode(query)) < 100, (word, order)
        # counted as well
        assert rows_read(settings, statement, big, encode({**query, "known_floor": None})) < 5000


def test_all_cards_cost_a_few_rows_each(admin: Admin, settings: Settings, big: str) -> None:
    admin.rows(FILL.format(count=100_000), big)
    try:
        admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_record")
        # temporary rows count as well
        limits = {"my_card_list(%s)": 6, "my_card_changes(%s, 0, 1000000000, 0)": 16}
        for call, rows_each in limits.items():
            cost = rows_read(settings, f"CALL shard1.{call}", big)
            assert cost < 100_000 * rows_each, (call, cost)
        names = encode([f"{number:016X}.vcf" for number in range(1, 200)])
        cost = rows_read(settings, "CALL shard1.my_cards(%s, %s, '', 1000000)", big, names)
        assert cost < 200 * 60, cost
    finally:
        admin.rows("DELETE FROM shard1.contact WHERE owner_id = %s", big)


FAR_BACK = 90_000


def test_a_page_far_back_skips_entries_of_an_index(admin: Admin, settings: Settings, big: str) -> None:
    admin.rows(FILL.format(count=100_000), big)
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_index")
    show = f"CALL shard1.my_contact_list(%s, NULL, NULL, %s, %s, 'active', {FAR_BACK // 45}, 45, NULL)"
    records = f"CALL shard1.my_contact_records(%s, %s, 20, {FAR_BACK})"
    for sort, order in itertools.product(SORTS, ("asc", "desc")):
        query = {"sort": sort, "order": order}
        # Rows that are only passed are read once; rows that are stored and sorted would be read twice.
        cost = rows_read(settings, records, big, encode(query))
        assert cost < FAR_BACK + 1000, (query, cost)
        (last,) = admin.rows(
            "SELECT contact_id FROM shard1.contact_index "
            "WHERE owner_id = %s AND is_deleted = 0 AND kind = %s "
            f"ORDER BY word {order}, contact_id {order} LIMIT {FAR_BACK - 1}, 1",
            big,
            sort,
        )
        position = {"rev": 100_000, "offset": FAR_BACK, "contact": last[0]}
        cost = rows_read(settings, records, big, encode({**query, "after": position}))
        assert cost < 300, (query, cost)
    for sort, order in itertools.product(("name", "date"), ("asc", "desc")):
        cost = rows_read(settings, show, big, sort, order)
        assert cost < FAR_BACK + 1000, (sort, order, cost)


async def test_a_free_name_of_a_tag_costs_one_pass_over_the_names(
    people: People, admin: Admin, settings: Settings
) -> None:
    person = await people("Alice")
    admin.rows(
        "INSERT INTO shard1.tag (owner_id, tag_id, name, ctime) SELECT %s, LPAD(seq, 16, '0'),"
        " IF(seq = 1, 'Work', CONCAT('Work (', seq, ')')), 1 FROM shard1.seq_1_to_1000",
        person.uid,
    )
    for name, free in (("work", "work (1001)"), ("Rome", "Rome")):
        statement = "SELECT shard1.tag_name_free(%s, %s, NULL)"
        assert admin.one(statement, person.uid, name) == free
        # names, numbers, and both once more as groups; each number against each name would be 500,000
        assert rows_read(settings, statement, person.uid, name) < 40_000


CALLS = """
    INSERT INTO yp.call_invitation (room_id, callee_id, hub_id, caller_id, caller_socket, status, expiry,
                                    ctime, mtime, logged_at)
    SELECT CONCAT('plan', seq), LPAD(seq % 500, 16, 'e'), LPAD('plan', 16, 'e'), LPAD(seq % 400, 16, 'c'),
           'x', IF(seq % 2, 'missed', 'ringing'), 4294967295, UNIX_TIMESTAMP(), UNIX_TIMESTAMP(), 1
    FROM yp.seq_1_to_20000
"""
ROOMS = """
    INSERT INTO yp.conference_room (hub_id, id, type, ctime, minutes, started_at)
    SELECT LPAD('plan', 16, 'e'), CONCAT('plan', seq), 'meeting', 1, 60, 4000000000
    FROM yp.seq_1_to_20000
"""


def test_who_comes_back_reads_their_own_calls_and_the_clock_of_rooms_an_index(
    settings: Settings, admin: Admin
) -> None:
    admin.rows(CALLS)
    admin.rows(ROOMS)
    admin.rows("ANALYZE TABLE yp.call_invitation, yp.conference_room")
    admin.rows(
        "INSERT INTO yp.socket (id, uid, session_id, node, ctime) "
        "VALUES ('plan', LPAD(7, 16, 'e'), REPEAT('5', 64), REPEAT('9', 16), 1)"
    )
    admin.rows(
        "INSERT INTO yp.lost_socket (id, session_id, heard_at, lost_at, rooms) "
        "VALUES ('plan', REPEAT('5', 64), UNIX_TIMESTAMP() - 60, UNIX_TIMESTAMP(), '[]')"
    )
    try:
        own_calls = admin.one("SELECT COUNT(*) FROM yp.call_invitation WHERE callee_id = LPAD(7, 16, 'e')")
        assert rows_read(settings, "CALL yp.socket_missed('plan', 'plan')") < 20 * own_calls
        overdue = "BEGIN NOT ATOMIC START TRANSACTION; CALL yp.conference_overdue(); ROLLBACK; END"
        assert rows_read(settings, overdue) < 20
    finally:
        for table in ("call_invitation", "conference_room"):
            admin.rows(f"DELETE FROM yp.{table} WHERE hub_id = LPAD('plan', 16, 'e')")
        for table in ("socket", "lost_socket"):
            admin.rows(f"DELETE FROM yp.{table} WHERE id = 'plan'")


PERSON = {"line": 1, "default": "new@y.example", "firstname": "New", "lastname": "One", "mobile": [],
          "email": [{"email": "new@y.example", "is_default": 1, "category": "priv"}], "address": [],
          "tag": [], "group": []}  # fmt: skip
WRITES = {
    "import": ("my_contact_import", (encode([{**PERSON, "id": "00000000000fffff"}]), "csv")),
    "an import of a known address": (
        "my_contact_import",
        (encode([{**PERSON, "id": "00000000000fffff", "default": "p1@x.example"}]), "csv"),
    ),
    "create": (
        "my_contact_create",
        (encode({"from_api": 1, "firstname": "New", "email": PERSON["email"]}),),
    ),
    "patch": ("my_contact_patch", ("0" * 15 + "1", encode({"from_api": 1, "company": "Acme"}), None)),
    "add": ("my_contact_add", (encode({"firstname": "New", "email": PERSON["email"]}),)),
    "the place of a card": ("my_card_open", ("x.vcf", "uid", "[]")),
    "no change of a card": ("my_card_changes", (10**6, 100, 0)),
}


@pytest.mark.parametrize("write", WRITES)
async def test_a_write_costs_the_same_in_a_big_book(
    people: People, admin: Admin, settings: Settings, write: str
) -> None:
    small, big = await people("Small"), await people("Big")
    for person, count in ((small, 100), (big, 5000)):
        admin.rows(FILL.format(count=count), person.uid)
        for statement in RECORDS[:2]:
            admin.rows(statement.format(count=count), person.uid)
        admin.rows("UPDATE shard1.contact_ledger SET rev = 1000000 WHERE owner_id = %s", person.uid)
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_record")
    routine, args = WRITES[write]
    marks = ", ".join(["%s"] * (len(args) + 1))
    call = f"BEGIN NOT ATOMIC START TRANSACTION; CALL shard1.{routine}({marks}); ROLLBACK; END"
    costs = [rows_read(settings, call, person.uid, *args) for person in (small, big)]
    assert costs[1] <= 1.2 * costs[0] + 50, costs


MEETINGS = (
    """
    INSERT INTO yp.entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
    SELECT CONCAT('aaaa', LPAD(seq, 12, '0')), 'hub', ELT(1 + seq % 3, 'private', 'share', 'dmz'), 1,
           'shard1', LPAD(seq, 16, 'a'), 1, 1
    FROM yp.seq_1_to_1000
    """,
    """
    INSERT INTO yp.permission (hub_id, resource_id, entity_id, level, ctime, mtime)
    SELECT CONCAT('aaaa', LPAD(1 + seq DIV 10, 12, '0')), '*', LPAD(seq, 16, 'b'), IF(seq % 10, 4, 7), 1, 1
    FROM yp.seq_0_to_9999
    """,
    """
    INSERT INTO yp.socket (id, uid, session_id, node, ctime)
    SELECT CONCAT('plan', seq), LPAD(seq, 16, 'b'), SHA2(seq, 256), REPEAT('9', 16), 1 FROM yp.seq_0_to_9999
    """,
    """
    INSERT INTO yp.conference_room (hub_id, id, type, ctime, started_at, people)
    SELECT CONCAT('aaaa', LPAD(seq, 12, '0')), CONCAT('plan', seq), 'meeting', 1, 1, 8 FROM yp.seq_1_to_1000
    """,
    """
    INSERT INTO yp.conference (room_id, socket_id, hub_id, uid, type, role, status, level, ctime, mtime)
    SELECT CONCAT('plan', 1 + seq DIV 10), CONCAT('plan', seq), CONCAT('aaaa', LPAD(1 + seq DIV 10, 12, '0')),
           LPAD(seq, 16, 'b'), 'meeting', IF(seq % 10, 'attendee', 'host'),
           IF(seq % 10 < 8, 'started', 'waiting'), IF(seq % 10, 4, 7), 1, 1
    FROM yp.seq_0_to_9999
    """,
)


def test_ten_thousand_in_meetings_are_compared_with_their_grants_by_a_few_lookups_each(
    settings: Settings, admin: Admin
) -> None:
    for statement in MEETINGS:
        admin.rows(statement)
    admin.rows("ANALYZE TABLE yp.conference, yp.conference_room, yp.permission, yp.entity")
    try:
        for call, lookups in (
            ("conference_review(10)", 9),
            ("conference_evict(10)", 9),
            ("conference_fill()", 4),
        ):
            statement = f"BEGIN NOT ATOMIC START TRANSACTION; CALL yp.{call}; ROLLBACK; END"
            assert rows_read(settings, statement) < lookups * 10_000, call
    finally:
        admin.rows("DELETE FROM yp.socket WHERE node = REPEAT('9', 16)")
        admin.rows("DELETE FROM yp.conference_room WHERE id LIKE 'plan%%' AND hub_id LIKE 'aaaa%%'")
        admin.rows("DELETE FROM yp.entity WHERE id LIKE 'aaaa%%' AND home_id LIKE 'aaa%%'")


SUBSCRIPTIONS = (
    """
    INSERT INTO yp.webhook (id, uid, url, events, secret, ctime, mtime)
    SELECT LPAD(HEX(seq), 16, '0'), LPAD(seq % 20, 16, 'e'), 'https://x.example/', '*', 's', seq, 1
    FROM yp.seq_1_to_{count}
    """,
    """
    INSERT INTO yp.entity (id, type, area, dom_id, db_name, home_id, ctime, mtime)
    SELECT LPAD(seq, 16, 'e'), 'drumate', 'personal', 1, 'shard1', LPAD(seq, 16, 'a'), 1, 1
    FROM yp.seq_0_to_19
    """,
    """
    INSERT INTO yp.webhook_delivery (webhook_id, type, at, data, state)
    SELECT LPAD(HEX(1 + seq % 20), 16, '0'), 'contact.created', UNIX_TIMESTAMP() * 1000, '{{}}',
           IF(seq % 100 < 20, 'pending', 'delivered')
    FROM yp.seq_1_to_{events}
    """,
    "ANALYZE TABLE yp.webhook, yp.webhook_delivery",
)
"""200 subscriptions of 20 people; events of 20 of them, of which a fifth waits."""
OUTBOX_CALLS = {
    "webhook_list('{owner}', NULL)": None,
    "webhook_deliveries('{owner}', '{webhook}', NULL, 21)": 150,
    "webhook_deliveries('{owner}', '{webhook}', 50000, 21)": 150,
    "webhook_next('{webhook}', 'c', 20, 30)": 100,
    "webhook_claim('c', 50, 30)": 400,
    "webhook_wanted('{owner}', @wanted)": 5,
    "webhook_expire(1000)": 1000,
    "webhook_overview(200)": None,
    "webhook_bound(20000)": None,
}
"""Rows that a CALL reads at most; None: the events that wait, and no others."""


def test_the_outbox_of_webhooks_is_read_by_index_among_100000_events(
    settings: Settings, admin: Admin
) -> None:
    events, waiting = 100_000, 20_000
    try:
        for statement in SUBSCRIPTIONS:
            admin.rows(statement.format(count=200, events=events))
        names = {"owner": f"{1:e>16}", "webhook": f"{1:016X}"}
        for call, limit in OUTBOX_CALLS.items():
            statement = f"CALL yp.{call.format(**names)}"
            cost = rows_read(settings, f"BEGIN NOT ATOMIC START TRANSACTION; {statement}; ROLLBACK; END")
            assert cost <= (limit or 1.1 * waiting + 2000), (call, cost)
        # An end of 5,000 events is taken in steps.
        admin.rows("UPDATE yp.webhook SET state = 'ended', uid = 'ended' WHERE id = %s", names["webhook"])
        for rest in (4000, 3000):
            assert admin.rows("CALL yp.webhook_expire(1000)") == [(1,)]
            rows = admin.one(
                "SELECT COUNT(*) FROM yp.webhook_delivery WHERE webhook_id = %s", names["webhook"]
            )
            assert rows == rest
    finally:
        for table in ("webhook", "webhook_delivery"):
            admin.rows(f"DELETE FROM yp.{table}")
        admin.rows("DELETE FROM yp.entity WHERE id LIKE 'eeee%'")
