"""Create address books of any size in a few statements; each row is equal to one of `contact.add`."""

from __future__ import annotations

from typing import Any


def _words(text: str) -> list[str]:
    return text.split()


# Their numbers share no divisor (61, 53, 23), so that counting up passes through all combinations.
FIRST_NAMES = _words("""
    Ada Agnès Ahmed Aisha Akira Alan Amélie Ana Anders Anja Anton Beatriz Björn Boris Carla Chen
    Chiara Claire Dagmar David Diego Dmitri Elena Élodie Emil Emma Esra Fatima Felix Fiona Gabriel
    Grace Greta Hana Hugo Ines Ivan Jamila Jan Jasmin Jean-Pierre Jonas José Julia Kofi Lars Léa
    Lucía Maja Marco María Mehmet Mina Nadia Noah Olga Oscar Priya Rosa Samuel Zoë
""")
SURNAME_STARTS = _words("""
    Abel Acker Alder Ander Arnold Baker Barn Berg Birk Black Brand Brook Carl Castel Chester Clay
    Cold Craw Dahl Dan Dors Eck Eden Ever Fair Feld Forst Gar Glad Gold Grim Hag Hart Hein Holm
    Hunt Kirch Klein Lang Lind Marsh Moor Nord Oster Palm Quint Rich Rosen Sand Stein Thorn Wald Wind
""")
SURNAME_ENDS = _words("""
    acre bach berg bourne by dale den er field ford gate ham hill house ley man mark mond ner sen
    son stad well
""")
DOMAINS = ("example.org", "example.com", "mail.example", "work.example")

RARE = [start + end for start in SURNAME_STARTS[:8] for end in ("field", "stad")]
"""Search words for one family: 1 of 1,219."""
FAMILIES = [start + end for start, end in zip(SURNAME_STARTS[1:16], SURNAME_ENDS[1:16], strict=True)]
"""As rare, and in a book of 15 contacts already."""
PERSONS = FIRST_NAMES[1:16]
"""1 of 61, also in that book."""
FREQUENT = [start[:3] for start in SURNAME_STARTS[8:16]]
"""The first letters of a search word: 1 of 53."""

CONTACTS = """
    INSERT INTO {db}.contact (owner_id, id, entity, email, firstname, lastname, category,
                              metadata, changed, ctime, mtime)
    SELECT %s, LOWER(HEX(RANDOM_BYTES(8))), b.email, b.email, b.firstname, b.lastname, 'independant',
           JSON_OBJECT('source', b.email), b.ctime * 1000000, b.ctime, b.ctime
    FROM (
        SELECT a.firstname, a.lastname, a.ctime,
               CONCAT(LOWER(a.lastname), '.', a.seq, '@',
                      ELT(1 + a.seq MOD {domains}, {domain_marks})) AS email
        FROM (
            SELECT seq,
                   ELT(1 + seq MOD {firsts}, {first_marks}) AS firstname,
                   CONCAT(ELT(1 + seq MOD {starts}, {start_marks}),
                          ELT(1 + seq MOD {ends}, {end_marks})) AS lastname,
                   UNIX_TIMESTAMP() - seq * 600 AS ctime
            FROM {db}.seq_1_to_{size}
        ) AS a
    ) AS b
"""
EMAILS = """
    INSERT INTO {db}.contact_email (owner_id, id, contact_id, email, category, is_default, position)
    SELECT owner_id, LOWER(HEX(RANDOM_BYTES(8))), id, email, 'priv', 1, 1
    FROM {db}.contact WHERE owner_id = %s
"""
NAME_TERMS = """
    INSERT IGNORE INTO {db}.contact_index (owner_id, is_deleted, kind, word, contact_id)
    SELECT c.owner_id, 0, 'text', LEFT(j.word, 64), c.id
    FROM {db}.contact AS c, JSON_TABLE(
        {db}.text_words(CONCAT_WS(' ', c.firstname, c.lastname, c.surname), 'plain'),
        '$[*]' COLUMNS (word VARCHAR(255) PATH '$')
    ) AS j
    WHERE c.owner_id = %s AND j.word <> ''
"""
EMAIL_TERMS = """
    INSERT IGNORE INTO {db}.contact_index (owner_id, is_deleted, kind, word, contact_id)
    SELECT owner_id, 0, 'text', LEFT(email, 64), contact_id
    FROM {db}.contact_email WHERE owner_id = %s
"""
TABLES = ("contact", "contact_email", "contact_index")


RECORDS = 500
"""Contacts created in one transaction."""


def fill(connection: Any, db: str, owner: str, size: int) -> None:
    """Insert `size` contacts into an address book over an admin's connection, without records for /api/v1."""
    lists = (DOMAINS, FIRST_NAMES, SURNAME_STARTS, SURNAME_ENDS)
    counts = dict(zip(("domains", "firsts", "starts", "ends"), map(len, lists), strict=True))
    marks = dict(
        zip(
            ("domain_marks", "first_marks", "start_marks", "end_marks"),
            (", ".join(["%s"] * len(each)) for each in lists),
            strict=True,
        )
    )
    statement = CONTACTS.format(db=db, size=size, **counts, **marks)
    with connection.cursor() as cursor:
        cursor.execute(statement, (owner, *(word for each in lists for word in each)))
        for derived in (EMAILS, NAME_TERMS, EMAIL_TERMS):
            cursor.execute(derived.format(db=db), (owner,))
        cursor.execute("ANALYZE TABLE " + ", ".join(f"{db}.{table}" for table in TABLES))


def make_records(connection: Any, db: str) -> None:
    """Create the records of /api/v1 for all books, by the routines that do so after an upgrade."""
    connection.begin()
    with connection.cursor() as cursor:
        cursor.execute(f"CALL {db}.contact_sweep()")
        done = RECORDS
        # A CALL creates those of one owner, and returns 0 when none remain.
        while done:
            connection.commit()
            connection.begin()
            cursor.execute(f"CALL {db}.contact_catch_up({RECORDS})")
            ((done, _owner),) = cursor.fetchall()
        connection.commit()
        cursor.execute(f"ANALYZE TABLE {db}.contact_record, {db}.contact_index")


def contact_ids(connection: Any, db: str, owner: str, limit: int) -> list[str]:
    """Return the ids of some contacts of a book."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM {db}.contact WHERE owner_id = %s ORDER BY id LIMIT %s", (owner, limit)
        )
        return [contact_id for (contact_id,) in cursor.fetchall()]
