"""Whose a statement of a binary log is: which databases it changes.

The name that a statement changes stands in it, or else it is in the database that was in use. A statement
may use our database and change another one, or the other way round.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import islice, pairwise

TOKEN = re.compile(
    r"(?P<gap>\s+|/\*(?!M?!).*?\*/|/\*M?!\d*|\*/|--(?=\s)[^\n]*|\#[^\n]*)"
    r"|'(?:[^'\\]|\\.|'')*'|`(?:[^`]|``)*`|\"(?:[^\"\\]|\\.|\"\")*\"|[\w$]+|.",
    re.DOTALL,
)
"""The marks of an executable comment are a gap, but not what they enclose."""
HEAD_TOKENS = 400
"""A statement names what it changes before these are over; a list of tables may be longer."""
KINDS = {
    "TABLE", "TABLES", "VIEW", "TRIGGER", "PROCEDURE", "FUNCTION", "EVENT", "SEQUENCE", "PACKAGE", "INDEX",
    "DATABASE", "SCHEMA", "USER", "ROLE", "SERVER",
}  # fmt: skip
DEFINITIONS = {"CREATE", "ALTER", "DROP", "RENAME", "TRUNCATE"}
CHANGES = {"INSERT", "REPLACE", "UPDATE", "DELETE", "LOAD", "SELECT", "WITH", "CALL", "DO"}
"""Statements of rows: a log in the format ROW has the rows instead."""
OF_THE_SERVER = {
    "GRANT", "REVOKE", "SET", "INSTALL", "UNINSTALL", "FLUSH", "ANALYZE", "OPTIMIZE", "REPAIR", "CHECK",
}  # fmt: skip
"""Accounts, plugins, and work on tables that changes no row."""
BEFORE_NAME = {
    "OR", "IF", "NOT", "EXISTS", "BODY", "LOW_PRIORITY", "DELAYED", "HIGH_PRIORITY", "QUICK", "IGNORE",
    "INTO", "FROM", "TEMPORARY", "ONLY",
}  # fmt: skip
BEFORE_TABLE = {",", "(", "JOIN", "STRAIGHT_JOIN", "FROM", "USING", *BEFORE_NAME}
AFTER_TABLE = {
    "ON", "SET", "JOIN", "INNER", "LEFT", "RIGHT", "CROSS", "NATURAL", "STRAIGHT_JOIN", "USING", "WHERE",
    "USE", "FORCE", "IGNORE", "PARTITION", "ORDER", "LIMIT", "FOR",
}  # fmt: skip
"""Words that are no alias."""
BEFORE_TARGET = BEFORE_NAME - {"FROM"}
NO_NAME = {"DEFAULT", "CHARACTER", "CHARSET", "COLLATE", "COMMENT", "UPGRADE", "SET"}
OTHER_RESULT = {
    "UUID", "UUID_SHORT", "SYS_GUID", "SYSDATE", "RAND", "RANDOM_BYTES", "LOAD_FILE", "SLEEP", "GET_LOCK",
    "RELEASE_LOCK", "IS_FREE_LOCK", "IS_USED_LOCK", "USER", "CURRENT_USER", "SESSION_USER", "SYSTEM_USER",
    "FOUND_ROWS", "ROW_COUNT", "VERSION",
}  # fmt: skip
"""Functions with which the format MIXED logs rows: a statement with one comes from the format STATEMENT."""
SERVER = ""
"""In the place of a database, for what belongs to the server."""


def words_of(statement: bytes) -> Iterator[str]:
    """Return the tokens of a statement without comments, and without SET STATEMENT … FOR before it."""
    # Any character set of a client keeps what is asked for here.
    tokens = (m[0] for m in TOKEN.finditer(statement.decode("latin-1")) if m["gap"] is None)
    head = list(islice(tokens, 2))
    if [word.upper() for word in head] == ["SET", "STATEMENT"]:
        for token in tokens:
            if token.upper() == "FOR":
                break
    else:
        yield from head
    yield from tokens


def verb_of(statement: bytes) -> str:
    """Return the first word in capitals."""
    return next(words_of(statement), "").upper()


def changed_databases(db: str, statement: bytes) -> set[str]:
    """Return the databases that a statement changes, when it ran in `db`."""
    words = words_of(statement)
    verb = next(words, "").upper()
    if verb in OF_THE_SERVER:
        return {SERVER}
    if verb in DEFINITIONS:
        return _defined(db, verb, words)
    if verb == "LOAD":
        rest = list(islice(words, HEAD_TOKENS))
        place = next((number for number, word in enumerate(rest) if word.upper() == "TABLE"), -1)
        return {_named(db, rest[place + 1 :])}
    if verb in {"INSERT", "REPLACE", "UPDATE", "DELETE"}:
        rest = list(islice(words, HEAD_TOKENS))
        several = OF_SEVERAL_TABLES[verb](db, rest) if verb in OF_SEVERAL_TABLES else set()
        return several or {_named(db, rest)}
    return {db}


def has_other_result(statement: bytes) -> bool:
    """Return whether the same statement may do something else when it runs again."""
    words = [word.upper() for word in words_of(statement)]
    return words[0] == "LOAD" or any(
        word == "LIMIT" or (word in OTHER_RESULT and following == "(") for word, following in pairwise(words)
    )


def _defined(db: str, verb: str, words: Iterator[str]) -> set[str]:
    if verb == "TRUNCATE":
        rest = list(islice(words, HEAD_TOKENS))
        return {_named(db, rest[1:] if rest and rest[0].upper() in KINDS else rest)}
    kind = next((word.upper() for word in words if word.upper() in KINDS), "")
    if kind in {"", "USER", "ROLE", "SERVER"}:
        return {SERVER}
    if kind in {"DATABASE", "SCHEMA"}:
        return {_database(db, list(islice(words, HEAD_TOKENS)))}
    if kind == "INDEX":
        rest = list(islice(words, HEAD_TOKENS))
        place = next((number for number, word in enumerate(rest) if word.upper() == "ON"), -1)
        return {_named(db, rest[place + 1 :])}
    if verb in {"DROP", "RENAME"}:
        return {_named(db, name) for name in _list(words)}
    return {_named(db, list(islice(words, HEAD_TOKENS)))}


def _updated(db: str, words: Sequence[str]) -> set[str]:
    """Return the databases that an UPDATE of several tables changes; none for one of a single table."""
    start = _place_of("SET", words)
    if not {",", "JOIN", "STRAIGHT_JOIN"} & {word.upper() for word in words[:start]}:
        return set()
    tables = _databases_by_table(words)
    changed: set[str] = set()
    for column in _list(iter(words[start + 1 : _place_of("WHERE", words)])):
        if column[1:2] != ["."]:
            # a column of any of the tables, or the rest of an expression
            changed |= {db, *tables.values()} if column[1:2] == ["="] else set()
        else:
            changed.add(_plain(column[0]) if column[3:4] == ["."] else tables.get(_plain(column[0]), db))
    return changed


def _deleted(db: str, words: Sequence[str]) -> set[str]:
    """Return the databases that a DELETE of several tables changes; none for one of a single table."""
    start = next((number for number, word in enumerate(words) if word.upper() not in BEFORE_TARGET), 0)
    place = _place_of("FROM", words)
    if start == place:
        place = _place_of("USING", words)
        start += 1
        if words[place + 1 : place + 2] in ([], ["("]):
            return set()
    tables = _databases_by_table(words)
    return {
        _plain(name[0]) if name[1:2] == ["."] and name[2:3] != ["*"] else tables.get(_plain(name[0]), db)
        for name in _list(iter(words[start:place]))
        if name
    }


def _databases_by_table(words: Sequence[str]) -> dict[str, str]:
    """Return the database of each table that a statement names with one, by table and by alias."""
    databases: dict[str, str] = {}
    for number, word in enumerate(words):
        before = words[number - 1].upper() if number else ","
        if words[number + 1 : number + 2] == ["."] and before in BEFORE_TABLE:
            table, *rest = words[number + 2 : number + 5]
            alias = rest[1:2] if rest and rest[0].upper() == "AS" else rest[:1]
            names = (table, *(name for name in alias if name.upper() not in AFTER_TABLE))
            databases |= {_plain(name): _plain(word) for name in names}
    return databases


def _place_of(wanted: str, words: Sequence[str]) -> int:
    return next((number for number, word in enumerate(words) if word.upper() == wanted), len(words))


def _list(words: Iterator[str]) -> Iterator[list[str]]:
    """Return the names of DROP TABLE a, b and of RENAME TABLE a TO b, each as its tokens."""
    name: list[str] = []
    for word in words:
        if word == "," or word.upper() == "TO":
            yield name
            name = []
        else:
            name.append(word)
    yield name


def _named(db: str, words: Sequence[str]) -> str:
    """Return the database of the first name: the one in use when it has none."""
    start = next((number for number, word in enumerate(words) if word.upper() not in BEFORE_NAME), 0)
    return _plain(words[start]) if words[start + 1 : start + 2] == ["."] else db


def _database(db: str, words: Sequence[str]) -> str:
    name = next((word for word in words if word.upper() not in BEFORE_NAME), "")
    return _plain(name) if name and name.upper() not in NO_NAME else db


def _plain(name: str) -> str:
    quote = name[:1]
    return name[1:-1].replace(quote * 2, quote) if quote in {"`", '"'} and len(name) > 1 else name


OF_SEVERAL_TABLES = {"UPDATE": _updated, "DELETE": _deleted}
