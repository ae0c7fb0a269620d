"""The declarations of the files under `sql/` and `procedures/`, as plain data."""

from __future__ import annotations

import dataclasses
import hashlib
import re
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

from service import ROOT
from service.errors import MOVING, CommandError
from service.schema.sqltext import NOT_CODE, code_only

CREATE = re.compile(
    r"\bCREATE\s+OR\s+REPLACE\s+(?P<kind>PROCEDURE|FUNCTION)\s+`?(?P<name>\w+)`?\s*\(", re.IGNORECASE
)
DELIMITER = re.compile(r"^DELIMITER[ \t]+(\S+)[ \t]*$", re.IGNORECASE | re.MULTILINE)
BLOCK = re.compile(r"(?:`?\w+`?\s*:\s*)?\bBEGIN\b", re.IGNORECASE)
"""The beginning of a body, with its label."""
DETERMINISTIC = re.compile(r"(?<!\bNOT)(?<!\s)\s+DETERMINISTIC\b", re.IGNORECASE)
PARAM = re.compile(r"\s*(?:(?:IN|OUT|INOUT)\s+)?`?(?P<name>[\w$]+)`?\s", re.IGNORECASE)
TRAIT_AFTER_TYPE = (
    r"(?:NOT\s+)?DETERMINISTIC|(?:READS|MODIFIES|CONTAINS|NO)\s+SQL|SQL\s+SECURITY|COMMENT|LANGUAGE"
)
RETURNS = re.compile(rf"\bRETURNS\s+(.+?)\s*(?:\b(?:{TRAIT_AFTER_TYPE})\b|$)", re.IGNORECASE | re.DOTALL)
REFUSAL = re.compile(r"""(?:MESSAGE_TEXT\s*=\s*'|"code":\s*"|'code',\s*')([A-Z_0-9]+)['"]""")
"""A code that a body raises: alone, in a JSON text, or in the JSON_OBJECT that such a text is made of."""
USED = re.compile(r"\b(\w+)\s*\(")
"""What may be the use of a function."""
NESTED_CALL = re.compile(r"\bCALL\s+(?:`?(\w+)`?\s*\.\s*)?`?(\w+)`?", re.IGNORECASE)


GUARD = "IF @@autocommit AND NOT @@in_transaction THEN CALL yp.transaction_missing(); END IF;"
"""First statement of every procedure that writes. Without autocommit, its own first write starts the
transaction. The nested CALL costs nothing until it is needed: 0.6 µs instead of 2.5 µs (2026-11-26)."""


class FileError(CommandError):
    """A file does not have the form that `procedures/README.md` describes."""

    def __init__(self, path: Path, fault: str) -> None:
        """Name the file as somebody in the checkout does."""
        self.fault = fault
        super().__init__(f"{path.relative_to(ROOT) if path.is_relative_to(ROOT) else path}: {fault}")


@dataclass(frozen=True)
class Routine:
    """One stored procedure or function, as its file declares it."""

    path: Path
    scope: str
    """`yp` or `shard`: the class of databases it lives in."""
    kind: str
    name: str
    params: tuple[str, ...]
    """Names, in order."""
    params_text: str
    """The text between the parentheses, byte by byte, as the server stores it."""
    returns: str
    """Return type of a function; empty for a procedure."""
    deterministic: bool
    access: str
    """READS, MODIFIES or NO: the SQL data access clause."""
    statement: str
    """CREATE OR REPLACE … END, without DELIMITER."""
    body: str
    header: str
    """The comment in front of the statement, without the dashes."""
    signals: frozenset[str]
    """Error codes that its own body raises."""
    calls: frozenset[tuple[str, str]]
    """(scope, name) of routines that its body uses."""
    line: int = 1
    """Line of the file in which the statement begins."""

    @cached_property
    def digest(self) -> str:
        """Return a digest of the statement and of its header."""
        return hashlib.sha256(f"{self.header}\n{self.statement}".encode()).hexdigest()[:16]

    @cached_property
    def fingerprint(self) -> str:
        """Return a digest of parameters and body, which the server can compute of an installed routine."""
        # The server drops the white space before the parameters of a function, but not of a procedure.
        params = self.params_text.lstrip() if self.kind == "FUNCTION" else self.params_text
        text = f"{params}\n{self.body}".encode()
        return hashlib.md5(text, usedforsecurity=False).hexdigest()[:16]

    @property
    def signature(self) -> str:
        """Return the parameters with normalised white space."""
        return one_line(self.params_text)


def one_line(text: str) -> str:
    """Return the text with every run of white space replaced by one blank."""
    return " ".join(text.split())


def same_parameters(params: str, others: str) -> bool:
    """Return whether two texts between parentheses declare the same, so that calls of one fit the other."""
    return _in_one_spelling(params) == _in_one_spelling(others)


def _in_one_spelling(params: str) -> str:
    """Return parameters without comments, backticks and the IN that the server adds, in lower case."""
    pieces, end = [], 0
    for match in NOT_CODE.finditer(params):
        token = match[0]
        name = token[1:-1].lower() if token[0] == "`" else " "
        pieces += [params[end : match.start()].lower(), token if token[0] in "'\"" else name]
        end = match.end()
    text = one_line("".join([*pieces, params[end:].lower()]))
    text = re.sub(r"\s*([(),])\s*", r"\1", text)
    return re.sub(r"(?:^|(?<=,))in ", "", text)


def parse_routine(path: Path, scope: str, root: Path) -> Routine:
    """Parse the routine of a file. Raise FileError when the file does not have the form of one.

    All that the server accepts between the parentheses, and from BEGIN to END, is read as the server does.
    """
    text = text_of(path)
    code = code_only(text)
    match, close, block, end = _parts(path, text, code)
    name = match["name"]
    if name != path.stem:
        raise FileError(path, f"declares {name}; a file is named as its routine")
    traits = code[close + 1 : block]
    access = re.search(r"\b(READS|MODIFIES|NO)\s+SQL(\s+DATA)?\b", traits, re.IGNORECASE)
    if access is None:
        raise FileError(path, "says neither READS SQL DATA, MODIFIES SQL DATA nor NO SQL")
    body = text[block:end]
    header = "\n".join(line[3:] for line in text[: match.start()].splitlines() if line.startswith("--"))
    returns = RETURNS.search(text[close + 1 : block])
    calls = {(db or scope, called) for db, called in NESTED_CALL.findall(code_only(body.replace(GUARD, "")))}
    params_text = text[match.end() : close]
    return Routine(
        path=path.relative_to(root),
        scope=scope,
        kind=match["kind"].upper(),
        name=name,
        params=_param_names(params_text),
        params_text=params_text,
        returns=returns[1] if returns else "",
        deterministic=DETERMINISTIC.search(traits) is not None,
        access=access[1].upper(),
        statement=text[match.start() : end],
        body=body,
        header=header,
        signals=frozenset(code for match in REFUSAL.finditer(body) if (code := match[match.lastindex or 0]))
        - {MOVING},
        calls=frozenset(calls),
        line=text.count("\n", 0, match.start()) + 1,
    )


def text_of(path: Path) -> str:
    """Return the text of a file. Raise FileError when it is not UTF-8."""
    try:
        return path.read_text()
    except UnicodeDecodeError as exc:
        raise FileError(path, f"byte {exc.start} is not UTF-8; save the file in UTF-8") from None


def _parts(path: Path, text: str, code: str) -> tuple[re.Match[str], int, int, int]:
    """Return the head, and the offsets of the closing parenthesis, of the body and of its end."""
    match = CREATE.search(code)
    if match is None:
        raise FileError(path, "no CREATE OR REPLACE PROCEDURE or FUNCTION found")
    marks = DELIMITER.findall(text, 0, match.start())
    if not marks:
        raise FileError(path, "write DELIMITER $$ in a line above CREATE, and END$$ at the end")
    close = _closing_parenthesis(code, match.end())
    block = BLOCK.search(code, close)
    end = code.find(marks[-1], block.end() if block else close)
    if block is None or end < 0:
        raise FileError(path, f"write the body as BEGIN … END{marks[-1]}")
    if CREATE.search(code, end):
        raise FileError(path, "declares more than one routine; give each a file")
    around = DELIMITER.sub("", f"{code[: match.start()]}\n{code[end + len(marks[-1]) :]}").split("\n")
    if more := [line.strip() for line in around if line.strip()]:
        raise FileError(
            path,
            f"{more[0]!r} is outside of CREATE … END{marks[-1]} (the first {marks[-1]} ends it), and "
            "nothing runs it; a statement that runs once is a migration in sql/",
        )
    return match, close, block.start(), end - len(text[:end]) + len(text[:end].rstrip())


def _closing_parenthesis(code: str, start: int) -> int:
    """Return the offset of the parenthesis that closes the one before `start`; the end without one."""
    depth = 1
    for at in range(start, len(code)):
        depth += {"(": 1, ")": -1}.get(code[at], 0)
        if depth == 0:
            return at
    return len(code)


def _param_names(params: str) -> tuple[str, ...]:
    """Return the names of parameters: commas within the parentheses of a type part none."""
    code = code_only(params)
    while (flat := re.sub(r"\([^()]*\)", "", code)) != code:
        code = flat
    return tuple(match["name"] for part in code.split(",") if (match := PARAM.match(part)))


@cache
def load_routines(root: Path = ROOT) -> tuple[Routine, ...]:
    """Return every routine below `root`/procedures, functions first, because others use them."""
    routines = [
        parse_routine(path, scope, root)
        for scope in ("yp", "shard")
        for path in sorted((root / "procedures" / scope).rglob("*.sql"))
    ]
    paths: dict[tuple[str, str], Path] = {}
    for routine in routines:
        if other := paths.get((routine.scope, routine.name)):
            raise FileError(root / routine.path, f"{other} declares {routine.name}, too")
        paths[routine.scope, routine.name] = routine.path
    return tuple(sorted(_with_functions(routines), key=lambda r: (r.kind != "FUNCTION", r.name)))


def _with_functions(routines: list[Routine]) -> list[Routine]:
    """Add the functions that each body uses to its `calls` (they are not called by CALL)."""
    functions = {(r.scope, r.name) for r in routines if r.kind == "FUNCTION"}
    result = []
    for routine in routines:
        names = set(USED.findall(code_only(routine.body))) - {routine.name}
        used = {(scope, name) for scope, name in functions if name in names}
        result.append(dataclasses.replace(routine, calls=routine.calls | used))
    return result


@cache
def _by_name() -> dict[tuple[str, str], Routine]:
    return {(r.scope, r.name): r for r in load_routines()}


@cache
def reachable_routines(scope: str, name: str) -> frozenset[Routine]:
    """Return a routine and all that it calls, through any number of others."""
    by_name = _by_name()
    reached: dict[tuple[str, str], Routine] = {}
    todo = [(scope, name)]
    while todo:
        key = todo.pop()
        if key not in reached and key in by_name:
            reached[key] = by_name[key]
            todo.extend(by_name[key].calls)
    return frozenset(reached.values())


@cache
def reachable_signals(scope: str, name: str) -> frozenset[str]:
    """Return the error codes that a routine, or any routine it calls, may raise."""
    return frozenset(code for routine in reachable_routines(scope, name) for code in routine.signals)


def modifies(scope: str, name: str) -> bool:
    """Return whether a routine declares MODIFIES SQL DATA; False when there is none of this name."""
    routine = _by_name().get((scope, name))
    return routine is not None and routine.access == "MODIFIES"


RENDERING = ("contact_render_parts", "contacts_render", "my_contact_store", "my_contact_replace")
"""Routines of a shard that write records and events themselves."""


@cache
def callers_within(scope: str, *names: str) -> frozenset[str]:
    """Return the names of routines and of all routines of their class of databases that reach one of them."""
    callers = set(names)
    grown = True
    while grown:
        reaching = {
            r.name
            for r in load_routines()
            if r.scope == scope and any((scope, each) in r.calls for each in callers)
        }
        grown = not reaching <= callers
        callers |= reaching
    return frozenset(callers)


def forget_routines() -> None:
    """Let the next look at the routines and the migrations read their files again."""
    for known in (
        load_routines, _by_name, reachable_routines, reachable_signals, callers_within, migration_names
    ):  # fmt: skip
        known.cache_clear()


@dataclass(frozen=True)
class Script:
    """A migration or a view: a file of statements."""

    path: Path
    scope: str
    name: str
    statements: tuple[str, ...]

    @cached_property
    def digest(self) -> str:
        """Return a digest of the statements, without comments."""
        return hashlib.sha256("\n".join(self.statements).encode()).hexdigest()[:16]


def read_script(path: Path, scope: str) -> Script:
    """Read the statements of a migration or a view."""
    code = "\n".join(line for line in text_of(path).splitlines() if not line.startswith("--"))
    statements = tuple(s.strip() for s in re.split(r";\s*(?:\n|$)", code) if s.strip())
    return Script(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path, scope, path.stem, statements)


def load_migrations(scope: str) -> list[Script]:
    """Return the numbered scripts of one class of databases, in order."""
    return [read_script(p, scope) for p in _migration_files(scope)]


@cache
def migration_names(scope: str) -> tuple[str, ...]:
    """Return the names of these scripts, in order, without reading them."""
    return tuple(path.stem for path in _migration_files(scope))


def _migration_files(scope: str) -> list[Path]:
    return sorted((ROOT / "sql" / scope).glob("[0-9]*.sql"))


def load_views(scope: str) -> list[Script]:
    """Return the views of one class of databases, in the order of their names."""
    return [read_script(p, scope) for p in sorted((ROOT / "sql" / scope / "views").glob("*.sql"))]
