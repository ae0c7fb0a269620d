"""Take the body of a routine apart, and write a probe of it: each statement behind EXPLAIN.

The server stays the judge of the language: this module only finds where statements and conditions begin. No
library reads MariaDB's language of routines.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from service.schema.sqltext import code_only

PROBE = "drumee_probe"
FAULT = "drumee_fault"
"""Name of the first column of a fault."""
CHECK = f"""
BEGIN
    DECLARE CONTINUE HANDLER FOR SQLEXCEPTION BEGIN
        GET DIAGNOSTICS CONDITION 1 @drumee_number = MYSQL_ERRNO, @drumee_message = MESSAGE_TEXT;
        SELECT {{start}} AS {FAULT}, {{end}} AS last, @drumee_number AS number, @drumee_message AS message;
    END;
    {{code}};
END;
"""
NO_ROW = "DECLARE CONTINUE HANDLER FOR NOT FOUND BEGIN END;"
TOKEN = re.compile(r"@*[\w$]+|`[^`]*`|:=|\.\.|[^\s\w]")
QUERIES = frozenset({"SELECT", "WITH", "INSERT", "REPLACE", "UPDATE", "DELETE", "VALUES", "("})
UNCHECKED = frozenset({
    "SIGNAL", "RESIGNAL", "LEAVE", "ITERATE", "GET", "CLOSE",
    "START", "COMMIT", "ROLLBACK", "SAVEPOINT", "RELEASE",
})  # fmt: skip
NOT_VARIABLES = frozenset({"NAMES", "CHARACTER", "CHARSET", "PASSWORD", "TRANSACTION", "ROLE", "DEFAULT"})
"""Words after SET that set something else."""
SCOPES = frozenset({"SESSION", "GLOBAL", "LOCAL"})
MOST_PIECES = 2000
"""MariaDB reads as many in 1 s, three times as many in 10 s, and cannot be interrupted there."""
EXECUTABLE_COMMENT = re.compile(r"/\*M?!")
TABLE_CHANGES = frozenset({"CREATE", "DROP"})
"""Of temporary tables, which later statements use."""


class UnknownFormError(Exception):
    """A body has a form that is not known here."""


class ProbeBody:
    """The body of a routine, read from token to token."""

    def __init__(self, text: str, params: Iterable[str] = ()) -> None:
        """Take the text, and the names of the parameters."""
        self._text = text
        self._code = code_only(text)
        self._tokens = list(TOKEN.finditer(self._code))
        self._variables = {name.lower() for name in params}
        """All names of parameters and variables so far, whatever their block."""
        self._opened: dict[str, str] = {}
        """The OPEN of each cursor, which has its arguments."""
        self._at = 0
        self._pieces: list[str] = []
        self._cursors = 0
        self._defaults: list[tuple[int, int]] = []
        self.calls: list[tuple[int, str, str, int]] = []
        """(offset, database or '', name, number of arguments)"""
        self._kinds: dict[str, Callable[[], None]] = {
            "BEGIN": self._block, "IF": self._if, "CASE": self._case,
            "WHILE": self._while, "REPEAT": self._repeat, "LOOP": self._loop, "FOR": self._for,
            "SET": self._set, "RETURN": self._return, "DO": self._return, "CALL": self._call,
            "OPEN": self._open, "FETCH": self._fetch,
        }  # fmt: skip

    def probe(self) -> str:
        """Return BEGIN … END with a check of each statement."""
        if EXECUTABLE_COMMENT.search(self._code):  # code or not, as the server decides
            raise UnknownFormError
        self._statement()
        if self._at < len(self._tokens) or len(self._pieces) > MOST_PIECES:
            raise UnknownFormError
        return "".join(self._pieces)

    # tokens

    def _word(self, ahead: int = 0) -> str:
        place = self._at + ahead
        return self._tokens[place][0].upper() if place < len(self._tokens) else ""

    def _take(self, *words: str) -> None:
        for word in words:
            if self._word() != word:
                raise UnknownFormError
            self._at += 1

    def _start(self) -> int:
        if self._at >= len(self._tokens):
            raise UnknownFormError
        return self._tokens[self._at].start()

    def _until(self, *words: str) -> tuple[int, int]:
        """Go to the next of these words outside of brackets and CASE … END; return the place before it."""
        start = end = self._start()
        depth = 0
        while depth > 0 or self._word() not in words:
            word = self._word()
            depth += {"(": 1, "CASE": 1, ")": -1, "END": -1}.get(word, 0)
            if not word or depth < 0:
                raise UnknownFormError
            end = self._tokens[self._at].end()
            self._at += 1
        return start, end

    # output

    def _write(self, text: str) -> None:
        self._pieces.append(f"{text}\n")

    def _check(self, start: int, end: int, code: str) -> None:
        self._pieces.append(CHECK.format(start=start, end=end, code=code))

    def _check_expression(self, *stops: str) -> None:
        start, end = self._until(*stops)
        self._check(start, end, f"EXPLAIN SELECT ({self._text[start:end]})")

    # statements

    def _statement(self) -> None:
        if self._word(1) == ":":
            self._at += 2
        word = self._word()
        if kind := self._kinds.get(word):
            kind()
        elif word in QUERIES:
            self._query()
        elif word in UNCHECKED or word in TABLE_CHANGES:
            start, end = self._until(";")
            self._take(";")
            if word in TABLE_CHANGES:
                self._write(f"{self._text[start:end]};")
        else:
            raise UnknownFormError

    def _statements(self, *ends: str) -> None:
        while self._word() not in ends:
            self._statement()

    def _end(self, *words: str) -> None:
        """Take END, the words, a label and the semicolon; the outermost END has none."""
        self._take("END", *words)
        if self._word() not in {";", ""}:
            self._at += 1
        if self._word():
            self._take(";")

    def _block(self) -> None:
        self._take("BEGIN")
        self._write("BEGIN")
        while self._word() == "DECLARE":
            self._declare()
        self._check_defaults()
        self._statements("END")
        self._end()
        self._write("END;" if self._word() else "END")

    def _declare(self) -> None:
        if self._word(2) == "HANDLER":
            self._at += 3
            self._take("FOR")
            self._condition()
            while self._word() == ",":
                self._take(",")
                self._condition()
            self._statement()
            return
        self._note_variables()
        start, end = self._until("DEFAULT", "CURSOR", ";")
        if self._word() == "DEFAULT":
            # a default value would be computed, by routines that may refuse
            self._write(f"{self._text[start:end]};")
            self._take("DEFAULT")
            start, end = self._until(";")
            self._defaults.append((start, end))
        else:
            _, end = self._until(";")
            self._write(f"{self._text[start:end]};")
        self._take(";")

    def _condition(self) -> None:
        """Take one of: NOT FOUND, SQLSTATE VALUE '…', SQLWARNING, a number, a name."""
        word = self._word()
        self._at += 1
        if word == "NOT":
            self._take("FOUND")
        elif word == "SQLSTATE":
            if self._word() == "VALUE":
                self._take("VALUE")
            quote = self._word()
            self._take(quote, quote)

    def _note_variables(self) -> None:
        """Note the names behind DECLARE: one, or several with commas between them."""
        ahead = 1
        self._variables.add(_plain(self._word(ahead)))
        while self._word(ahead + 1) == ",":
            ahead += 2
            self._variables.add(_plain(self._word(ahead)))

    def _check_defaults(self) -> None:
        """Check the default values of variables behind the declarations, where a statement may stand."""
        for start, end in self._defaults:
            self._check(start, end, f"EXPLAIN SELECT ({self._text[start:end]})")
        self._defaults.clear()

    def _if(self) -> None:
        self._take("IF")
        self._check_expression("THEN")
        self._take("THEN")
        self._statements("ELSEIF", "ELSE", "END")
        while self._word() == "ELSEIF":
            self._take("ELSEIF")
            self._check_expression("THEN")
            self._take("THEN")
            self._statements("ELSEIF", "ELSE", "END")
        self._else()
        self._end("IF")

    def _else(self) -> None:
        if self._word() == "ELSE":
            self._take("ELSE")
            self._statements("END")

    def _case(self) -> None:
        self._take("CASE")
        if self._word() != "WHEN":
            self._check_expression("WHEN")
        while self._word() == "WHEN":
            self._take("WHEN")
            self._check_expression("THEN")
            self._take("THEN")
            self._statements("WHEN", "ELSE", "END")
        self._else()
        self._end("CASE")

    def _while(self) -> None:
        self._take("WHILE")
        self._check_expression("DO")
        self._take("DO")
        self._statements("END")
        self._end("WHILE")

    def _repeat(self) -> None:
        self._take("REPEAT")
        self._statements("UNTIL")
        self._take("UNTIL")
        self._check_expression("END")
        self._end("REPEAT")

    def _loop(self) -> None:
        self._take("LOOP")
        self._statements("END")
        self._end("LOOP")

    def _for(self) -> None:
        """Declare the row of the loop: its fields are names as well."""
        self._take("FOR")
        name = self._word().lower()
        self._at += 1
        self._take("IN")
        start, end = self._until("DO")
        self._take("DO")
        source = self._text[start:end]
        if ".." in source:
            self._write(f"BEGIN DECLARE {name} BIGINT; BEGIN")
        else:
            self._cursors += 1
            is_query = source.startswith("(")
            cursor = f"{PROBE}_{self._cursors}" if is_query else source.partition("(")[0]
            declaration = f"DECLARE {cursor} CURSOR FOR {source[1:-1]};" if is_query else ""
            self._write(f"BEGIN {declaration}")
            self._check(start, end, f"OPEN {cursor if is_query else source}; CLOSE {cursor}")
            self._write(f"BEGIN DECLARE {name} ROW TYPE OF {cursor};")
        self._statements("END")
        self._end("FOR")
        self._write("END; END;")

    def _set(self) -> None:
        self._take("SET")
        if self._word() == "STATEMENT":
            self._until("FOR")
            self._take("FOR")
            self._statement()
            return
        if self._word() in NOT_VARIABLES or (self._word() in SCOPES and self._word(1) == "TRANSACTION"):
            self._until(";")
            self._take(";")
            return
        while True:
            start, end = self._until("=", ":=")
            self._at += 1
            self._check_value(self._text[start:end])
            if self._word() == ";":
                break
            self._take(",")
        self._take(";")

    def _check_value(self, target: str) -> None:
        """Check the value of a variable: those of the server take words such as ON, each takes DEFAULT."""
        is_ours = re.match("@[^@]", target) or _plain(target.partition(".")[0]) in self._variables
        if self._word(1) in {",", ";"} and (self._word() == "DEFAULT" or not is_ours):
            self._at += 1
        else:
            self._check_expression(",", ";")

    def _return(self) -> None:
        self._at += 1
        self._check_expression(";")
        self._take(";")

    def _call(self) -> None:
        start = self._start()
        self._take("CALL")
        database, name = "", self._word().strip("`").lower()
        self._at += 1
        if self._word() == ".":
            database, name = name, self._word(1).strip("`").lower()
            self._at += 2
        count = 0
        if self._word() == "(":
            self._take("(")
            while self._word() != ")":
                self._check_expression(",", ")")
                count += 1
                if self._word() == ",":
                    self._take(",")
            self._take(")")
        self._take(";")
        self.calls.append((start, database, name, count))

    def _open(self) -> None:
        self._take("OPEN")
        name = self._word()
        start, end = self._until(";")
        arguments = self._code[start:end].partition("(")[2].rpartition(")")[0]
        self._take(";")
        cursor = f"`{_plain(name)}`"
        self._check(start, end, f"OPEN {self._text[start:end]}; CLOSE {cursor}")
        # the variables of its arguments may have ended where it is read
        self._opened[cursor] = f"OPEN {cursor}{_empty(arguments)}"

    def _fetch(self) -> None:
        """Count the columns of a cursor and its variables."""
        before, _ = self._until("INTO")
        cursor = f"`{_plain(self._tokens[self._at - 1][0])}`"
        start, end = self._until(";")
        self._take(";")
        if opening := self._opened.get(cursor):
            fetch = f"FETCH {cursor} {self._text[start:end]}"
            self._check(before, end, f"BEGIN {NO_ROW} {opening}; {fetch}; CLOSE {cursor}; END")

    def _query(self) -> None:
        start, end, is_select = self._start(), 0, self._word() in {"SELECT", "WITH"}
        _, end = self._until("INTO", ";") if is_select else self._until(";")
        if self._word() == "INTO":
            self._select_into(start, end)
            return
        self._take(";")
        self._check(start, end, f"EXPLAIN {self._text[start:end]}")

    def _select_into(self, start: int, before: int) -> None:
        """Check a query that fills variables: EXPLAIN does not count them, the FETCH of a cursor does."""
        self._take("INTO")
        first = self._start()
        self._at += 3 if self._word(1) == "." else 1
        while self._word() == ",":
            self._at += 4 if self._word(2) == "." else 2
        last = self._tokens[self._at - 1].end()
        variables = self._text[first:last]
        end = last if self._word() == ";" else self._until(";")[1]
        self._take(";")
        self._check(start, end, f"EXPLAIN {self._text[start:end]}")
        query = f"{self._text[start:before]} {self._text[last:end]}"
        cursor = f"DECLARE {PROBE} CURSOR FOR {query}; {NO_ROW}"
        if "@" in self._code[first:last]:  # a FETCH takes none
            count = self._code.count(",", first, last) + 1
            variables = ", ".join(f"{PROBE}_{number}" for number in range(count))
            cursor = f"DECLARE {variables} LONGTEXT; {cursor}"
        fetch = f"OPEN {PROBE}; FETCH {PROBE} INTO {variables}; CLOSE {PROBE};"
        self._check(start, end, f"BEGIN {cursor} {fetch} END")


def _plain(name: str) -> str:
    """Return a name as the server compares it."""
    return name.strip().strip("`").lower()


def _empty(arguments: str) -> str:
    """Return as many empty arguments in brackets; nothing when there are none."""
    while (flat := re.sub(r"\([^()]*\)", "", arguments)) != arguments:
        arguments = flat
    return f"({', '.join('NULL' for _ in arguments.split(','))})" if arguments.strip() else ""
