"""Lint rules for the routines in procedures/."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache, cached_property

from service import ROOT
from service.auth import one_packet
from service.deploy.create import DEFINER_CLAUSE
from service.errors import read_refusal
from service.filemail import errors as filemail
from service.lint.collations import (
    collations_stand_alone,
    json_columns_have_a_collation,
    json_ids_are_variables,
)
from service.lint.directory import shards_read_the_directory
from service.lint.finding import Violations
from service.lint.layout import lines_fit
from service.lint.locks import locks_are_written
from service.rest import errors as rest
from service.rpc.declarations import COMMON_ERRORS
from service.rpc.definitions import read_declarations
from service.schema.header import Header, read_header
from service.schema.routines import (
    GUARD,
    Routine,
    load_routines,
    reachable_signals,
)
from service.schema.sqltext import (
    Reference,
    Statement,
    block_end,
    code_only,
    first_statement,
    query_of,
    references,
    statements,
)
from service.schema.uses import callers_of

LONGEST_HEADER = 8000


TOOLS = ("service/admin/", "service/bench/", "service/cli.py", "service/deploy/")
"""Callers that show a refusal to an administrator unchanged."""


UNLOCKED = re.compile(r"--\s*unlocked: \S")


@dataclass(frozen=True)
class RoutineText:
    """A routine and the text of its file."""

    routine: Routine
    text: str

    @cached_property
    def body_start(self) -> int:
        """Return the offset of the body in the file."""
        return self.text.index(self.routine.body)

    @cached_property
    def code(self) -> str:
        """Return the body without comments and strings; offsets are those of `routine.body`."""
        return code_only(self.routine.body)

    @cached_property
    def header(self) -> Header:
        """Return the header."""
        return read_header(self.routine)

    def words(self, pattern: str) -> Iterator[tuple[int, str]]:
        """Return (offset in the file, text) of every match in the code of the body."""
        for match in re.finditer(pattern, self.code, re.IGNORECASE):
            yield self.body_start + match.start(), " ".join(match[0].split())

    def own_tables(self) -> Iterator[tuple[Statement, Reference]]:
        """Return every reference to a table of the routine's own database."""
        known = tables(self.routine.scope)
        for statement in statements(self.code):
            for reference in references(statement.text):
                if reference.table in known:
                    yield statement, reference

    def comments_of(self, statement: Statement) -> str:
        """Return the lines of a statement as in the file, with the comments above it."""
        before = self.routine.body[: statement.start].splitlines()
        above: list[str] = []
        while before and (not before[-1].strip() or before[-1].strip().startswith("--")):
            above.insert(0, before.pop())
        end = statement.start + len(statement.text)
        return "\n".join(above) + self.routine.body[statement.start : end]


@cache
def tables(scope: str) -> frozenset[str]:
    """Return the tables and views that the files of one class of databases create."""
    text = "\n".join(p.read_text() for p in sorted((ROOT / "sql" / scope).rglob("*.sql")))
    made = re.findall(r"CREATE (?:TABLE IF NOT EXISTS|OR REPLACE VIEW) (\w+)", text)
    return frozenset(made)


@cache
def declared_codes() -> frozenset[str]:
    """Return every error code that a declaration in acl/ or another API knows, or that no answer has."""
    codes = {*COMMON_ERRORS, *filemail.REFUSALS, *rest.REFUSALS, one_packet.CHANGED}
    for content in read_declarations().values():
        for service in content["services"].values():
            codes |= {error["code"] for error in service["errors"]}
    return frozenset(codes)


def header_says_what_it_does(r: RoutineText) -> Violations:
    """A caller reads the header of a routine, not its body; `help` and the reference show nothing else."""
    if r.header.name != r.routine.name or not r.header.summary:
        yield 0, f"begin with `-- {r.routine.name}: what it does in one sentence.`"
    for section in ("Params", "Returns", "Errors", "Example"):
        if not r.header.text(section).strip():
            yield 0, f"the header has no `{section}:`; write `none` or `nothing` when there is nothing"
    if len(r.routine.header.encode()) > LONGEST_HEADER:
        yield 0, f"the header is longer than {LONGEST_HEADER} bytes; it travels as the routine's comment"
    if any(ord(letter) > 0xFFFF for letter in r.routine.header):
        yield 0, "the header has a character beyond U+FFFF, which the server cannot keep in a comment"


def header_lists_the_parameters(r: RoutineText) -> Violations:
    """Readers guess at a parameter without explanation; one that no longer exists misleads them."""
    listed = list(r.header.entries("Params"))
    actual = list(r.routine.params)
    if listed != actual:
        yield 0, f"`Params:` lists {_names(listed)}, the routine takes {_names(actual)}; make them equal"


def header_lists_the_errors(r: RoutineText) -> Violations:
    """The codes decide what the client sees; those of called routines arrive there as well."""
    listed = set(r.header.entries("Errors")) | set(r.header.entries("Excludes"))
    raised = set(reachable_signals(r.routine.scope, r.routine.name)) | set(r.routine.signals)
    for code in sorted(raised - listed):
        yield 0, f"raises {code} (itself or in what it calls); add it to `Errors:`"
    for code in sorted(listed - raised):
        yield 0, f"`Errors:` lists {code}, which nothing raises; take it out"


def header_tells_the_results(r: RoutineText) -> Violations:
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


def header_has_an_example_that_calls_it(r: RoutineText) -> Violations:
    """The example is executed by the tests, so it stays true; readers copy it."""
    called = rf"(?:CALL|SELECT)\b.*\b{r.routine.name}\("
    if not any(re.search(called, example) for example in r.header.examples):
        verb = "CALL" if r.routine.kind == "PROCEDURE" else "SELECT"
        yield 0, f"write `Example:  {verb} {r.routine.name}(…);` with values that work on the demo data"


def access_is_true(r: RoutineText) -> Violations:
    """READS runs on connections that cannot write, MODIFIES in a transaction: the service trusts it."""
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


def owner_is_the_definer(r: RoutineText) -> Violations:
    """A deploy gives every routine to one definer; the account of the service may read no table itself."""
    head = r.routine.statement[: -len(r.routine.body)]
    if not DEFINER_CLAUSE.search(code_only(head)):
        yield 0, "write SQL SECURITY DEFINER in front of BEGIN: plan and deploy refuse anything else"


def functions_only_read(r: RoutineText) -> Violations:
    """A server that writes a binary log refuses a function that writes (1418): no replica, no recovery."""
    if r.routine.kind == "FUNCTION" and r.routine.access == "MODIFIES":
        yield 0, "a function that writes: make it a procedure with an OUT parameter"


def writers_need_a_transaction(r: RoutineText) -> Violations:
    """Called by hand with autocommit, a routine that fails in the middle would keep the first half."""
    writes = r.routine.kind == "PROCEDURE" and r.routine.access == "MODIFIES"
    place = first_statement(r.routine.body)
    if writes and not r.routine.body.startswith(GUARD, place):
        yield r.body_start + place, f"begin with `{GUARD}`"
    if not writes and GUARD in r.routine.body:
        yield r.body_start + r.routine.body.index(GUARD), "takes a transaction to read: take it out"
    needs = "a transaction" if writes else ""
    if r.header.text("Needs").strip() != needs:
        yield 0, "write `Needs:    a transaction` above the example" if writes else "take `Needs:` out"


def no_transaction_control(r: RoutineText) -> Violations:
    """The service owns the transaction and repeats it as a whole; a COMMIT inside would leave half of it."""
    pattern = (
        r"\b(COMMIT|ROLLBACK|START\s+TRANSACTION|BEGIN\s+WORK|SAVEPOINT|XA\s+\w+"
        r"|SET\s+(\w+\s+)?TRANSACTION|SET\s+(SESSION\s+|GLOBAL\s+|@@[\w.]*)?autocommit)\b"
    )
    for place, text in r.words(pattern):
        yield place, f"{text}: take it out, the service commits"


def no_ddl(r: RoutineText) -> Violations:
    """DDL commits by itself, waits for everybody and invalidates every cache; tables belong in sql/."""
    pattern = (
        r"\b(CREATE|ALTER|DROP|RENAME|TRUNCATE|GRANT|REVOKE|FLUSH)\s+[`\w]+"
        r"|\b(ANALYZE|OPTIMIZE|REPAIR|LOCK|UNLOCK)\s+TABLES?\b"
    )
    for place, text in r.words(pattern):
        yield place, f"{text}: write a migration in sql/, or use a JSON variable instead of a temporary table"


def no_user_variables(r: RoutineText) -> Violations:
    """User variables outlive the call on a pooled connection, where the next caller sees them."""
    for place, text in r.words(r"(?<![@\w])@[\w`'\"]+"):
        name = re.sub(r"\W", "", text)
        yield place, f"{text}: DECLARE v_{name or 'name'} instead"


def no_settings(r: RoutineText) -> Violations:
    """Settings outlive the call on a pooled connection, and change the results of the next caller."""
    kinds = "SESSION|GLOBAL|PERSIST|LOCAL|NAMES|CHARACTER|PASSWORD|ROLE"
    pattern = rf"\bSET\s+(({kinds})\s+(?!TRANSACTION)\w+|@@[\w.]+)"
    for place, text in r.words(pattern):
        yield place, f"{text}: take it out; connections are set up in service/store/database.py"


def no_hidden_code(r: RoutineText) -> Violations:
    """The server executes such a comment, while readers of the file take it for a comment."""
    for place, text in r.words(r"/\*M?!\d*"):
        yield place, f"{text} … */ is executed: write it as code"


def no_dynamic_sql(r: RoutineText) -> Violations:
    """A statement built from values invites injection, and no tool can check it."""
    for place, text in r.words(r"\b(PREPARE|EXECUTE(\s+IMMEDIATE)?|DEALLOCATE)\b"):
        yield place, f"{text}: write the statement out; one branch for each form"


def handlers_resignal(r: RoutineText) -> Violations:
    """A swallowed error hides a deadlock that the service would retry: lost work looks complete."""
    for place, kind, errors, action in _handlers(r):
        # The next rule covers CONTINUE handlers.
        if errors and kind != "CONTINUE" and not _ends_in_resignal(action):
            yield place, f"the handler for {', '.join(errors)} must end in RESIGNAL"


def no_continue_handler_on_errors(r: RoutineText) -> Violations:
    """After 1213 the transaction is rolled back: to continue would report success for lost work."""
    for place, kind, errors, _ in _handlers(r):
        if errors and kind == "CONTINUE":
            yield (
                place,
                f"CONTINUE HANDLER FOR {', '.join(errors)}: make it an EXIT HANDLER that ends in RESIGNAL",
            )


READ = re.compile(r"\bINTO\s+(?:v|out|inout)_|\bFOR\s+\w+\s+IN\s*\(|\bCURSOR\s+FOR\b", re.IGNORECASE)
"""Return the SELECT whose rows the routine uses."""


def locks(r: RoutineText) -> Violations:
    """Two calls at once read the same value, and one write is lost; FOR UPDATE makes the second wait."""
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


def names_the_owner(r: RoutineText) -> Violations:
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
    """Return whether the query on a table compares its owner, or fills it in."""
    if ref.verb == "INTO":
        columns = re.compile(r"[\w.`]+\s*\(([^)]*)\)").match(statement, ref.start)
        return bool(columns and re.search(r"\bowner_id\b", columns[1]))
    name = ref.alias or ref.table
    before = rf"(?:\b{name}\.)" if ref.alias else rf"(?:(?<![.\w])(?:\b{name}\.)?)"
    compared = rf"{before}owner_id\s*(?:=|<=>|IN\b)|=\s*{before}owner_id\b|USING\s*\([^)]*\bowner_id\b"
    return re.search(compared, query_of(statement, ref.start), re.IGNORECASE) is not None


def prefixes(r: RoutineText) -> Violations:
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


MESSAGE = re.compile(r"\bMESSAGE_TEXT\s*=\s*(?P<text>v_\w+|(?:'(?:[^']|'')*'\s*)+)", re.IGNORECASE)
LONGEST_MESSAGE = 511
"""Bytes of a MESSAGE_TEXT that arrive; a longer one is error 1648 instead of the refusal."""


def refusals_have_a_code(r: RoutineText) -> Violations:
    """SQLSTATE 45000 marks a refusal, and its message is one value: a code, or JSON with a code."""
    for match in re.finditer(r"\b(?<!RE)SIGNAL\b[^;]*", r.code, re.IGNORECASE):
        place = r.body_start + match.start()
        text = r.routine.body[match.start() : match.end()]
        if not re.match(r"SIGNAL\s+SQLSTATE\s+'45000'", text, re.IGNORECASE):
            yield place, "write SIGNAL SQLSTATE '45000' SET MESSAGE_TEXT = 'CODE'"
            continue
        message = MESSAGE.search(text)
        if problem := _message_problem(message["text"] if message else "", r.routine.body[: match.start()]):
            yield place, problem


def _message_problem(text: str, before: str) -> str | None:
    """Return the problem of a MESSAGE_TEXT as it is written, or None; `before` is the body above it."""
    if text.startswith("v_"):
        if re.search(
            rf"\b{text}\s*=[^;]*?JSON_OBJECT\(\s*'code',|JSON_OBJECT\(\s*'code',[^;]*?INTO\s+{text}\b", before
        ):
            return None
        return f"{text} is no refusal: make it with JSON_OBJECT('code', 'CODE', 'field', …)"
    plain = "".join(re.findall(r"'((?:[^']|'')*)'", text)).replace("''", "'")
    if not plain.startswith("{"):
        return (
            None
            if re.fullmatch(r"[A-Z_0-9]+", plain)
            else "no code: write MESSAGE_TEXT = 'CODE', or JSON with it"
        )
    try:
        read_refusal(plain)
    except (ValueError, TypeError) as exc:
        return f"no refusal in JSON ({exc}); its keys are code, field, value, reason"
    return f"more than {LONGEST_MESSAGE} bytes" if len(plain.encode()) > LONGEST_MESSAGE else None


def codes_are_declared(r: RoutineText) -> Violations:
    """A code that no declaration knows is answered with 500."""
    if not _is_reached(r.routine, lambda place: place.startswith("service/") and not place.startswith(TOOLS)):
        return
    for code in sorted(r.routine.signals - declared_codes()):
        place = r.text.index(code, r.body_start)
        yield (
            place,
            f"{code} is declared in no acl/*.json and known to no API: add it to `errors` of the services "
            "that call this, or to REFUSALS in service/rest/errors.py or service/filemail/errors.py",
        )


def somebody_calls_it(r: RoutineText) -> Violations:
    """A routine without a caller is deployed to every shard, read by everybody, and tested by nobody."""
    if not _is_reached(r.routine, lambda place: place.startswith("service/")) and not r.header.text(
        "Callers"
    ):
        yield 0, "no handler, command or routine calls it: remove the file, or say who does with `Callers:`"


ROUTINE_RULES: tuple[Callable[[RoutineText], Violations], ...] = (
    header_says_what_it_does,
    header_lists_the_parameters,
    header_lists_the_errors,
    header_tells_the_results,
    header_has_an_example_that_calls_it,
    access_is_true,
    owner_is_the_definer,
    functions_only_read,
    writers_need_a_transaction,
    no_transaction_control,
    no_ddl,
    no_user_variables,
    no_settings,
    no_dynamic_sql,
    no_hidden_code,
    handlers_resignal,
    no_continue_handler_on_errors,
    locks,
    locks_are_written,
    names_the_owner,
    shards_read_the_directory,
    prefixes,
    json_columns_have_a_collation,
    json_ids_are_variables,
    collations_stand_alone,
    lines_fit,
    refusals_have_a_code,
    codes_are_declared,
    somebody_calls_it,
)


def _names(names: Sequence[str]) -> str:
    return ", ".join(names) or "none"


def _is_result(statement: str) -> bool:
    """Return whether a statement returns rows to the caller."""
    plain = re.sub(r"^(?:BEGIN|THEN|ELSE|DO|IF\b.*?\bTHEN)\s+", "", statement, flags=re.DOTALL)
    return bool(re.match(r"(SELECT|WITH)\b", plain)) and not re.search(r"\bINTO\s+(v|out)_", plain)


def _is_lock(r: RoutineText, place: int) -> bool:
    """Return whether an UPDATE is part of FOR UPDATE or ON DUPLICATE KEY UPDATE."""
    before = r.text[:place].rstrip()
    return before.endswith(("FOR", "KEY"))


def _called(routine: Routine) -> list[Routine]:
    return [other for other in load_routines() if (other.scope, other.name) in routine.calls]


def _is_reached(routine: Routine, counts: Callable[[str], bool]) -> bool:
    """Return whether a relevant place calls the routine, directly or through others."""
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
"""The end of a cursor is not an error."""


def _handlers(r: RoutineText) -> Iterator[tuple[int, str, list[str], str]]:
    """Return (place, EXIT or CONTINUE, error conditions, action) of each handler."""
    for match in HANDLER.finditer(r.code):
        # The code has blank strings: read the conditions from the source.
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
    """Return whether a handler always ends with RESIGNAL."""
    block = re.fullmatch(r"(?:\w+\s*:\s*)?BEGIN\b(.*);\s*END\s*", action, re.DOTALL | re.IGNORECASE)
    last = block[1].rpartition(";")[2] if block else action
    return re.match(r"\s*RESIGNAL\b", last, re.IGNORECASE) is not None
