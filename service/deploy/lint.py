"""Our rules for `procedures/` and `sql/`. Each is a function: the docstring is its reason.

A rule yields (place, message): the place is an offset in the file, the message says what to write instead.
A statement that breaks `locks` on purpose says so in a comment above it or in it: `-- unlocked: why`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

import orjson

from service import ROOT
from service.acl import COMMON_ERRORS
from service.deploy.callers import callers_of
from service.deploy.files import SIGNAL, FileError, Routine, load_routines, parse_routine, reachable_signals
from service.deploy.header import Header, read_header
from service.deploy.sqltext import (
    Reference,
    Statement,
    block_end,
    code_only,
    query_of,
    references,
    statements,
)
from service.dialects.filemail import errors as filemail
from service.dialects.rest import errors as rest

Found = Iterator[tuple[int, str]]
LONGEST_HEADER = 8000
TOOLS = ("service/bench/", "service/cli.py", "service/demo.py", "service/deploy/")
"""Callers that show a refusal to an administrator as it is."""
UNLOCKED = re.compile(r"--\s*unlocked: \S")


@dataclass(frozen=True)
class Finding:
    """One thing that is not in order."""

    path: Path
    line: int
    rule: str
    message: str
    why: str = ""

    def __str__(self) -> str:
        reason = f"\n    why: {self.why}" if self.why else ""
        return f"{self.path}:{self.line}: {self.rule}: {self.message}{reason}"


@dataclass(frozen=True)
class RoutineText:
    """A routine and the text of its file."""

    routine: Routine
    text: str

    @cached_property
    def body_start(self) -> int:
        """Offset of the body in the file."""
        return self.text.index(self.routine.body)

    @cached_property
    def code(self) -> str:
        """The body without comments and strings; offsets are those of `routine.body`."""
        return code_only(self.routine.body)

    @cached_property
    def header(self) -> Header:
        """The header."""
        return read_header(self.routine)

    def words(self, pattern: str) -> Iterator[tuple[int, str]]:
        """(offset in the file, text) of every match in the code of the body."""
        for match in re.finditer(pattern, self.code, re.IGNORECASE):
            yield self.body_start + match.start(), " ".join(match[0].split())

    def own_tables(self) -> Iterator[tuple[Statement, Reference]]:
        """Every reference to a table of the routine's own database."""
        known = tables(self.routine.scope)
        for statement in statements(self.code):
            for reference in references(statement.text):
                if reference.table in known:
                    yield statement, reference

    def comments_of(self, statement: Statement) -> str:
        """The lines of a statement as they stand in the file, with the comments above it."""
        before = self.routine.body[: statement.start].splitlines()
        above: list[str] = []
        while before and (not before[-1].strip() or before[-1].strip().startswith("--")):
            above.insert(0, before.pop())
        end = statement.start + len(statement.text)
        return "\n".join(above) + self.routine.body[statement.start : end]


@cache
def tables(scope: str) -> frozenset[str]:
    """Tables and views that the files of one class of databases make."""
    text = "\n".join(p.read_text() for p in sorted((ROOT / "sql" / scope).rglob("*.sql")))
    made = re.findall(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)", text)
    return frozenset(made)


@cache
def declared_codes() -> frozenset[str]:
    """Every error code that a declaration in acl/ or another API knows."""
    found = {*COMMON_ERRORS, *filemail.REFUSALS, *rest.REFUSALS}
    for path in sorted((ROOT / "acl").glob("*.json")):
        for service in orjson.loads(path.read_bytes())["services"].values():
            found |= {error["code"] for error in service["errors"]}
    return frozenset(found)


# --- rules for routines ----------------------------------------------------------------------------


def header_says_what_it_does(r: RoutineText) -> Found:
    """Who calls a routine reads its header, not its body; `help` and the reference show nothing else."""
    if r.header.name != r.routine.name or not r.header.summary:
        yield 0, f"begin with `-- {r.routine.name}: what it does in one sentence.`"
    for section in ("Params", "Returns", "Errors", "Example"):
        if not r.header.text(section).strip():
            yield 0, f"the header has no `{section}:`; write `none` or `nothing` when there is nothing"
    if len(r.routine.header.encode()) > LONGEST_HEADER:
        yield 0, f"the header is longer than {LONGEST_HEADER} bytes; it travels as the routine's comment"
    if any(ord(letter) > 0xFFFF for letter in r.routine.header):
        yield 0, "the header has a character beyond U+FFFF, which the server cannot keep in a comment"


def header_lists_the_parameters(r: RoutineText) -> Found:
    """A parameter that is not explained is guessed at; one that is gone misleads."""
    listed = list(r.header.entries("Params"))
    actual = list(r.routine.params)
    if listed != actual:
        yield 0, f"`Params:` lists {_names(listed)}, the routine takes {_names(actual)}; make them equal"


def header_lists_the_errors(r: RoutineText) -> Found:
    """The codes decide what the client sees; those of routines that it calls arrive there just as well."""
    listed = set(r.header.entries("Errors"))
    raised = set(reachable_signals(r.routine.scope, r.routine.name)) | set(r.routine.signals)
    for code in sorted(raised - listed):
        yield 0, f"raises {code} (itself or in what it calls); add it to `Errors:`"
    for code in sorted(listed - raised):
        yield 0, f"`Errors:` lists {code}, which nothing raises; take it out"


def header_tells_the_results(r: RoutineText) -> Found:
    """The service reads result sets by their place."""
    returns = r.header.text("Returns")
    if r.routine.kind == "FUNCTION":
        if not returns.startswith("a value"):
            yield 0, "a function returns one value; write `Returns:  a value   what it is`"
        return
    silent = returns.strip().rstrip(".") in {"nothing", "none"}
    selects = [s for s in statements(r.code) if _is_result(s.text)]
    if silent and selects:
        yield r.body_start + selects[0].start, "answers a result set, the header says it returns nothing"
    if not silent and not selects and not any(c.kind == "PROCEDURE" for c in _called(r.routine)):
        yield 0, "answers no result set; write `Returns:  nothing`"


def header_has_an_example_that_calls_it(r: RoutineText) -> Found:
    """The example is executed by the tests, so it stays true; readers copy it."""
    called = rf"(?:CALL|SELECT)\b.*\b{r.routine.name}\("
    if not any(re.search(called, example) for example in r.header.examples):
        verb = "CALL" if r.routine.kind == "PROCEDURE" else "SELECT"
        yield 0, f"write `Example:  {verb} {r.routine.name}(…);` with values that work on the demo data"


def access_is_true(r: RoutineText) -> Found:
    """READS goes to connections that cannot write, MODIFIES into a transaction: the service believes it."""
    writes = [*r.words(r"\b(INSERT|REPLACE)\s+[`\w]+|\bUPDATE\s+[`\w]|\bDELETE\s+[`\w]+")]
    writes = [(place, text) for place, text in writes if not _is_lock(r, place)]
    called = [c for c in _called(r.routine) if c.access == "MODIFIES"]
    locks = [*r.words(r"\bFOR UPDATE\b")]
    reads = r.words(r"\b(FROM|JOIN)\s+`?\w")
    if r.routine.access != "MODIFIES":
        for place, text in writes:
            yield place, f"{text} in a routine that says {r.routine.access}; write MODIFIES SQL DATA"
        for other in called:
            yield r.body_start, f"calls {other.name}, which writes; write MODIFIES SQL DATA"
        for place, _ in locks:
            yield (
                place,
                "FOR UPDATE locks nothing where nothing is written; take it out, or MODIFIES SQL DATA",
            )
    elif not writes and not called and not locks:
        yield r.body_start, "says MODIFIES SQL DATA and writes nothing; write READS SQL DATA"
    if r.routine.access == "NO":
        for place, text in reads:
            if "JSON_TABLE" not in text:
                yield place, "reads in a routine that says NO SQL; write READS SQL DATA"
                return


def no_transaction_control(r: RoutineText) -> Found:
    """The service owns the transaction and repeats it as a whole; a COMMIT inside would leave half of it."""
    pattern = (
        r"\b(COMMIT|ROLLBACK|START\s+TRANSACTION|BEGIN\s+WORK|SAVEPOINT|XA\s+\w+"
        r"|SET\s+(\w+\s+)?TRANSACTION|SET\s+(SESSION\s+|GLOBAL\s+|@@[\w.]*)?autocommit)\b"
    )
    for place, text in r.words(pattern):
        yield place, f"{text}: take it out, the service commits"


def no_ddl(r: RoutineText) -> Found:
    """DDL commits by itself, waits for everybody and invalidates every cache; tables belong in sql/."""
    pattern = (
        r"\b(CREATE|ALTER|DROP|RENAME|TRUNCATE|GRANT|REVOKE|FLUSH)\s+[`\w]+"
        r"|\b(ANALYZE|OPTIMIZE|REPAIR|LOCK|UNLOCK)\s+TABLES?\b"
    )
    for place, text in r.words(pattern):
        yield place, f"{text}: write a migration in sql/, or use a JSON variable instead of a temporary table"


def no_user_variables(r: RoutineText) -> Found:
    """They outlive the call on a pooled connection, where the next caller finds them."""
    for place, text in r.words(r"(?<![@\w])@[\w`'\"]+"):
        name = re.sub(r"\W", "", text)
        yield place, f"{text}: DECLARE v_{name or 'name'} instead"


def no_settings(r: RoutineText) -> Found:
    """They outlive the call on a pooled connection just as well, and change what the next caller gets."""
    kinds = "SESSION|GLOBAL|PERSIST|LOCAL|NAMES|CHARACTER|PASSWORD|ROLE"
    pattern = rf"\bSET\s+(({kinds})\s+(?!TRANSACTION)\w+|@@[\w.]+)"
    for place, text in r.words(pattern):
        yield place, f"{text}: take it out; connections are set up in service/database.py"


def no_hidden_code(r: RoutineText) -> Found:
    """The server runs what stands in such a comment; whoever reads the file takes it for one."""
    for place, text in r.words(r"/\*M?!\d*"):
        yield place, f"{text} … */ is executed: write it as code"


def no_dynamic_sql(r: RoutineText) -> Found:
    """A statement made of values is an injection waiting for its value, and no tool can read it."""
    for place, text in r.words(r"\b(PREPARE|EXECUTE(\s+IMMEDIATE)?|DEALLOCATE)\b"):
        yield place, f"{text}: write the statement out; one branch for each form"


def handlers_resignal(r: RoutineText) -> Found:
    """A swallowed error hides the deadlock that the service would have retried, and work is lost as done."""
    for place, kind, errors, action in _handlers(r):
        # those that CONTINUE are the next rule's
        if errors and kind != "CONTINUE" and not _ends_in_resignal(action):
            yield place, f"the handler for {', '.join(errors)} must end in RESIGNAL"


def no_continue_handler_on_errors(r: RoutineText) -> Found:
    """After 1213 the transaction is gone: going on answers success for work that no longer exists."""
    for place, kind, errors, _ in _handlers(r):
        if errors and kind == "CONTINUE":
            yield (
                place,
                f"CONTINUE HANDLER FOR {', '.join(errors)}: make it an EXIT HANDLER that ends in RESIGNAL",
            )


READ = re.compile(r"\bINTO\s+(?:v|out|inout)_|\bFOR\s+\w+\s+IN\s*\(|\bCURSOR\s+FOR\b", re.IGNORECASE)
"""A SELECT whose rows the routine works with."""


def locks(r: RoutineText) -> Found:
    """Two calls at once read the same value, and one write is lost; FOR UPDATE makes the second one wait."""
    if r.routine.access != "MODIFIES":
        return
    last_write = {
        ref.table: statement.start
        for statement, ref in r.own_tables()
        if ref.verb in {"UPDATE", "INTO"} or re.search(r"\bDELETE\b", statement.text, re.IGNORECASE)
    }
    for statement in statements(r.code):
        select = re.search(r"\bSELECT\b", statement.text, re.IGNORECASE)
        if not select or not READ.search(statement.text):
            continue
        read = [f for f in references(statement.text) if f.verb in {"FROM", "JOIN"}]
        leads = [f.table for f in read if last_write.get(f.table, -1) > statement.start]
        if not leads or re.search(r"\bFOR UPDATE\b", statement.text, re.IGNORECASE):
            continue
        if UNLOCKED.search(r.comments_of(statement)):
            continue
        place = r.body_start + statement.start + select.start()
        yield place, f"reads {leads[0]}, which is written below: add FOR UPDATE, or `-- unlocked: why`"


def names_the_owner(r: RoutineText) -> Found:
    """A shard holds many owners: a statement without the owner reads, or changes, other people's rows."""
    if r.routine.scope != "shard":
        return
    for statement, ref in r.own_tables():
        if not _names_owner(statement.text, ref):
            column = f"{ref.alias}.owner_id" if ref.alias else "owner_id"
            yield (
                r.body_start + statement.start + ref.start,
                f"{ref.table} without {column}: add `{column} = in_owner`",
            )


def _names_owner(statement: str, ref: Reference) -> bool:
    """Whether the query that reads or writes a table compares its owner, or fills it in."""
    if ref.verb == "INTO":
        columns = re.compile(r"[\w.`]+\s*\(([^)]*)\)").match(statement, ref.start)
        return bool(columns and re.search(r"\bowner_id\b", columns[1]))
    name = ref.alias or ref.table
    before = rf"(?:\b{name}\.)" if ref.alias else rf"(?:(?<![.\w])(?:\b{name}\.)?)"
    compared = rf"{before}owner_id\s*(?:=|<=>|IN\b)|=\s*{before}owner_id\b|USING\s*\([^)]*\bowner_id\b"
    return re.search(compared, query_of(statement, ref.start), re.IGNORECASE) is not None


def prefixes(r: RoutineText) -> Found:
    """A variable named as a column silently wins over the column."""
    for name in r.routine.params:
        mode = r"out_|inout_" if re.search(rf"\b(OUT|INOUT)\s+{name}\b", r.routine.params_text) else r"in_"
        if not re.match(mode, name):
            yield 0, f"parameter {name}: begin its name with {mode.split('|')[0]}"
    for match in re.finditer(r"\bDECLARE\s+(\w+(?:\s*,\s*\w+)*)\s+(?=\w)", r.code, re.IGNORECASE):
        names = [n.strip() for n in match[1].split(",")]
        if names[0].upper() in {"EXIT", "CONTINUE", "UNDO"}:
            continue
        is_cursor = r.code[match.end() :].upper().startswith(("CURSOR", "CONDITION"))
        for name in names:
            if not name.startswith("c_" if is_cursor else "v_"):
                wanted = "c_" if is_cursor else "v_"
                yield r.body_start + match.start(), f"variable {name}: begin its name with {wanted}"


def refusals_have_a_code(r: RoutineText) -> Found:
    """The service tells a refusal from a failure by SQLSTATE 45000, and which one by the code in front."""
    for match in re.finditer(r"\b(?<!RE)SIGNAL\b[^;]*", r.code, re.IGNORECASE):
        place = r.body_start + match.start()
        text = r.routine.body[match.start() : match.end()]
        if not re.match(r"SIGNAL\s+SQLSTATE\s+'45000'", text, re.IGNORECASE):
            yield place, "write SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CODE'"
        elif not SIGNAL.search(text) and not SIGNAL.search(_comment_above(r.routine.body, match.start())):
            yield (
                place,
                "no code: write MESSAGE_TEXT = 'CODE'; if it is a variable, say so in a comment above",
            )


def _comment_above(text: str, place: int) -> str:
    lines = text[:place].splitlines()[:-1]
    return lines[-1] if lines and lines[-1].strip().startswith("--") else ""


def codes_are_declared(r: RoutineText) -> Found:
    """A code that no declaration knows is answered with 500."""
    if not _is_reached(r.routine, lambda place: place.startswith("service/") and not place.startswith(TOOLS)):
        return
    for code in sorted(r.routine.signals - declared_codes()):
        place = r.text.index(f"'{code}")
        yield (
            place,
            f"{code} is declared in no acl/*.json and known to no dialect: add it to `errors` of the "
            "services that call this, or to REFUSALS in service/dialects/…/errors.py",
        )


def somebody_calls_it(r: RoutineText) -> Found:
    """A routine that nobody calls is deployed to every shard, read by everybody, and tested by nobody."""
    if not _is_reached(r.routine, lambda place: place.startswith("service/")) and not r.header.text(
        "Callers"
    ):
        yield 0, "no handler, command or routine calls it: remove the file, or say who does with `Callers:`"


ROUTINE_RULES: tuple[Callable[[RoutineText], Found], ...] = (
    header_says_what_it_does,
    header_lists_the_parameters,
    header_lists_the_errors,
    header_tells_the_results,
    header_has_an_example_that_calls_it,
    access_is_true,
    no_transaction_control,
    no_ddl,
    no_user_variables,
    no_settings,
    no_dynamic_sql,
    no_hidden_code,
    handlers_resignal,
    no_continue_handler_on_errors,
    locks,
    names_the_owner,
    prefixes,
    refusals_have_a_code,
    codes_are_declared,
    somebody_calls_it,
)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _is_result(statement: str) -> bool:
    """Whether a statement answers rows to the caller."""
    plain = re.sub(r"^(?:BEGIN|THEN|ELSE|DO|IF\b.*?\bTHEN)\s+", "", statement, flags=re.DOTALL)
    return bool(re.match(r"(SELECT|WITH)\b", plain)) and not re.search(r"\bINTO\s+(v|out)_", plain)


def _is_lock(r: RoutineText, place: int) -> bool:
    """Whether an UPDATE is part of FOR UPDATE or ON DUPLICATE KEY UPDATE."""
    before = r.text[:place].rstrip()
    return before.endswith(("FOR", "KEY"))


def _called(routine: Routine) -> list[Routine]:
    return [other for other in load_routines() if (other.scope, other.name) in routine.calls]


def _is_reached(routine: Routine, counts: Callable[[str], bool]) -> bool:
    """Whether a place that counts calls the routine, or one that calls it."""
    seen: set[tuple[str, str]] = set()
    todo = [(routine.scope, routine.name)]
    while todo:
        key = todo.pop()
        if key in seen:
            continue
        seen.add(key)
        if any(map(counts, callers_of(*key))):
            return True
        todo += [(o.scope, o.name) for o in load_routines() if key in o.calls]
    return False


HANDLER = re.compile(
    r"\bDECLARE\s+(EXIT|CONTINUE|UNDO)\s+HANDLER\s+FOR\s+(?P<conditions>"
    r"(?:SQLSTATE\s+(?:VALUE\s+)?'[^']*'|NOT\s+FOUND|\w+)(?:\s*,\s*(?:SQLSTATE\s+(?:VALUE\s+)?'[^']*'|NOT\s+FOUND|\w+))*)\s*",
    re.IGNORECASE,
)
HARMLESS = {"NOT FOUND", "1329"}
"""The end of a cursor is no error."""


def _handlers(r: RoutineText) -> Iterator[tuple[int, str, list[str], str]]:
    """(place, EXIT or CONTINUE, the conditions that are errors, action) of each handler."""
    for match in HANDLER.finditer(r.code):
        # strings are blank in the code: read the conditions where they still stand
        text = r.routine.body[match.start("conditions") : match.end("conditions")]
        conditions = [" ".join(each.split()).upper() for each in text.split(",")]
        start = match.end()
        if re.match(r"(\w+\s*:\s*)?BEGIN\b", r.code[start:], re.IGNORECASE):
            action = r.code[start : block_end(r.code, start)]
        else:
            action = r.code[start:].partition(";")[0]
        errors = [each for each in conditions if each not in HARMLESS]
        yield r.body_start + match.start(), match[1].upper(), errors, action


def _ends_in_resignal(action: str) -> bool:
    """Whether the last thing that a handler does, in any case, is RESIGNAL."""
    block = re.fullmatch(r"(?:\w+\s*:\s*)?BEGIN\b(.*);\s*END\s*", action, re.DOTALL | re.IGNORECASE)
    last = block[1].rpartition(";")[2] if block else action
    return re.match(r"\s*RESIGNAL\b", last, re.IGNORECASE) is not None


# --- rules for tables and migrations ---------------------------------------------------------------


@dataclass(frozen=True)
class ScriptText:
    """A migration and its text."""

    path: Path
    scope: str
    text: str

    @cached_property
    def code(self) -> str:
        """Without comments and strings."""
        return code_only(self.text)


CREATE_TABLE = re.compile(
    r"\bCREATE\s+(?:OR\s+REPLACE\s+)?(?:TEMPORARY\s+)?TABLE\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>[\w`.]+)(?P<rest>[^;]*)",
    re.IGNORECASE,
)


def tables_are_innodb(s: ScriptText) -> Found:
    """Only InnoDB takes part in transactions, and only InnoDB is replicated by Galera."""
    for match in CREATE_TABLE.finditer(s.code):
        if not re.search(r"\bENGINE\s*=\s*InnoDB\b", match["rest"], re.IGNORECASE):
            yield match.start(), f"table {match['name']}: write ENGINE = InnoDB"
    for match in re.finditer(r"\bALTER\s+TABLE[^;]*?\bENGINE\s*=\s*(?!InnoDB\b)\w+", s.code, re.IGNORECASE):
        yield match.start(), "take the ENGINE out: every table is InnoDB"


def tables_have_a_primary_key(s: ScriptText) -> Found:
    """Without one, InnoDB hides a key of its own, and Galera and row replication search the whole table."""
    for match in CREATE_TABLE.finditer(s.code):
        key = re.search(r"PRIMARY\s+KEY\s*\(\s*`?(\w+)", match["rest"], re.IGNORECASE)
        if key is None:
            yield match.start(), f"table {match['name']}: add PRIMARY KEY (…) below the columns"
        elif s.scope == "shard" and key[1] != "owner_id":
            yield match.start(), f"table {match['name']}: a key of a shard table begins with owner_id"
    for match in re.finditer(r"\bALTER\s+TABLE[^;]*?\bDROP\s+PRIMARY\s+KEY\b[^;]*", s.code, re.IGNORECASE):
        if not re.search(r"\bADD\s+PRIMARY\s+KEY\b", match[0], re.IGNORECASE):
            yield match.start(), "add the new PRIMARY KEY in the same ALTER TABLE"


def migrations_stay_in_their_database(s: ScriptText) -> Found:
    """A script runs in every shard, and once more in a scratch database when somebody asks for drift."""
    verbs = r"\b(?:TABLE(?:\s+IF\s+(?:NOT\s+)?EXISTS)?|INTO|UPDATE|FROM|TRIGGER|USE)\s+`?yp`?\s*\."
    for match in re.finditer(rf"{verbs}|\bUSE\s+\w+", s.code, re.IGNORECASE):
        yield match.start(), f"{' '.join(match[0].split())}: name the table alone"


def migrations_are_numbered(s: ScriptText) -> Found:
    """Two with one number are applied in an order that nobody chose."""
    if not re.fullmatch(r"\d{4}_[a-z0-9_]+", s.path.stem):
        yield 0, "name it NNNN_what_it_does.sql"
    twins = [p for p in (ROOT / s.path.parent).glob(f"{s.path.stem[:4]}_*.sql") if p.name != s.path.name]
    if twins:
        yield 0, f"{twins[0].name} has the same number; take the next free one"


def migrations_say_how_to_undo(s: ScriptText) -> Found:
    """At night, with the service down, nobody should have to think that up."""
    if not re.search(r"^-- (?:no )?undo: \S", s.text, re.MULTILINE):
        yield 0, "add `-- undo: the statements that take it back`, or `-- no undo: why there is none`"


def migrations_can_be_repeated(s: ScriptText) -> Found:
    """A deploy that was killed runs the whole script again."""
    patterns = (
        (r"\bCREATE OR REPLACE TABLE \w", "CREATE TABLE IF NOT EXISTS; this one drops what is there"),
        (r"\bCREATE (?:TEMPORARY )?TABLE (?!IF NOT EXISTS)\w", "CREATE TABLE IF NOT EXISTS"),
        (r"\bCREATE (?:UNIQUE )?INDEX (?!IF NOT EXISTS)\w", "CREATE INDEX IF NOT EXISTS"),
        (r"\bTRIGGER (?!IF (?:NOT )?EXISTS)\w", "CREATE TRIGGER IF NOT EXISTS"),
        (
            r"\bADD CONSTRAINT (?!IF NOT EXISTS)\w+ (?!FOREIGN KEY IF NOT EXISTS)\w",
            "ADD CONSTRAINT name FOREIGN KEY IF NOT EXISTS",
        ),
        (r"\bDROP TABLE (?!IF EXISTS)\w", "DROP TABLE IF EXISTS"),
        (r"\bADD COLUMN (?!IF NOT EXISTS)\w", "ADD COLUMN IF NOT EXISTS"),
        (r"\bDROP COLUMN (?!IF EXISTS)\w", "DROP COLUMN IF EXISTS"),
        (r"\bADD (?:UNIQUE )?(?:KEY|INDEX) (?!IF NOT EXISTS)\w", "ADD KEY IF NOT EXISTS"),
        (r"\bDROP (?:KEY|INDEX) (?!IF EXISTS)\w", "DROP KEY IF EXISTS"),
        (r"\bINSERT INTO\b", "INSERT IGNORE INTO"),
    )
    for pattern, instead in patterns:
        for match in re.finditer(pattern.replace(" ", r"\s+"), s.code, re.IGNORECASE):
            yield match.start(), f"{' '.join(match[0].split()[:-1]) or match[0]}: write {instead}"


SCRIPT_RULES: tuple[Callable[[ScriptText], Found], ...] = (
    tables_are_innodb,
    tables_have_a_primary_key,
    migrations_are_numbered,
    migrations_stay_in_their_database,
    migrations_say_how_to_undo,
    migrations_can_be_repeated,
)


# --- running them ----------------------------------------------------------------------------------


def lint_routine(routine: Routine, text: str) -> list[Finding]:
    """Everything that is not in order in one routine."""
    subject = RoutineText(routine, text)
    return [
        Finding(routine.path, _line(text, place), check.__name__, message, check.__doc__ or "")
        for check in ROUTINE_RULES
        for place, message in check(subject)
    ]


def lint_script(path: Path, scope: str, text: str) -> list[Finding]:
    """Everything that is not in order in one migration."""
    subject = ScriptText(path, scope, text)
    return [
        Finding(path, _line(text, place), check.__name__, message, check.__doc__ or "")
        for check in SCRIPT_RULES
        for place, message in check(subject)
    ]


def lint_all(root: Path = ROOT) -> list[Finding]:
    """Every finding in procedures/ and sql/."""
    findings: list[Finding] = []
    for scope in ("yp", "shard"):
        for path in sorted((root / "procedures" / scope).rglob("*.sql")):
            try:
                parse_routine(path, scope, root)
            except FileError as exc:
                findings.append(
                    Finding(path.relative_to(root), 1, "a_file_is_one_routine_of_its_name", str(exc))
                )
        for path in sorted((root / "sql" / scope).glob("*.sql")):
            findings += lint_script(path.relative_to(root), scope, path.read_text())
    if findings and any(f.rule == "a_file_is_one_routine_of_its_name" for f in findings):
        return findings  # the others need all of them to be readable
    for routine in load_routines(root):
        findings += lint_routine(routine, (root / routine.path).read_text())
    return findings


def _line(text: str, place: int) -> int:
    return text.count("\n", 0, place) + 1
