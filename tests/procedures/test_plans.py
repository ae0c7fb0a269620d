"""Lists read an index, not the table: what MariaDB really reads for a page, at 100 and at 5,000 contacts."""

from __future__ import annotations

from typing import Any

import pytest

from service.deploy.deployer import connect
from service.settings import Settings, database_servers
from tests.conftest import Admin
from tests.people import People

FILL = """
    INSERT INTO shard1.contact (owner_id, id, entity, email, firstname, lastname, ctime, mtime)
    SELECT %s, LPAD(HEX(seq), 16, '0'), CONCAT('p', seq, '@x.example'), CONCAT('p', seq, '@x.example'),
           ELT(1 + seq %% 5, 'Ada', 'Alan', 'Grace', 'Edsger', 'Barbara'),
           CONCAT('Name', LPAD(seq, 6, '0')), seq, seq
    FROM shard1.seq_1_to_{count}
"""
TERMS = """
    INSERT INTO shard1.contact_term (owner_id, term, contact_id)
    SELECT owner_id, lastname, id FROM shard1.contact WHERE owner_id = %s
    UNION SELECT owner_id, firstname, id FROM shard1.contact WHERE owner_id = %s
"""


def rows_read(settings: Settings, statement: str, *args: Any) -> int:
    """Rows that the storage engine handed out while the statement ran."""
    connection = connect(database_servers(settings.db_admin))
    with connection.cursor() as cursor:
        cursor.execute("FLUSH STATUS")
        cursor.execute(statement, args)
        while cursor.nextset():
            pass
        cursor.execute("SHOW SESSION STATUS LIKE 'Handler_read%%'", ())
        return sum(int(value) for _, value in cursor.fetchall())


PAGES = {
    "by name": ("my_contact_show", (None, None, "name", "asc", "active", 1, 45)),
    "by name, backwards": ("my_contact_show", (None, None, "name", "desc", "active", 1, 45)),
    "by date": ("my_contact_show", (None, None, "date", "asc", "active", 1, 45)),
    "by date, backwards": ("my_contact_show", (None, None, "date", "desc", "active", 1, 45)),
    "all": ("my_contact_show", (None, None, "name", "asc", "all", 1, 45)),
    "sent": ("my_contact_show", (None, None, "name", "asc", "sent", 1, 45)),
    "archived": ("my_contact_show", (None, None, "name", "asc", "archived", 1, 45)),
    "everybody to pick from": ("my_contact", ("", "", 0, "[]", 1, 45)),
    "a rare word": ("contact_search_by_domain", ("name000077", 1, 45)),
}


@pytest.mark.parametrize("page", PAGES)
async def test_a_page_costs_the_same_in_a_big_book(
    people: People, admin: Admin, settings: Settings, page: str
) -> None:
    small, big = await people("Small"), await people("Big")
    for person, count in ((small, 100), (big, 5000)):
        admin.rows(FILL.format(count=count), person.uid)
        admin.rows(TERMS, person.uid, person.uid)
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_term")
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
    admin.rows("ANALYZE TABLE shard1.contact, shard1.contact_term")
    cost = rows_read(settings, "CALL shard1.contact_search_by_domain(%s, 'a', 1, 45)", big.uid)
    assert cost < 5000, cost
    assert len(admin.rows("CALL shard1.contact_search_by_domain(%s, 'gra', 3, 45)", big.uid)) == 45
