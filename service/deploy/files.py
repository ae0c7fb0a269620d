"""What the files under `sql/` and `procedures/` declare, as plain data."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from service import ROOT
from service.deploy.sqltext import code_only
from service.errors import MOVING

CREATE = re.compile(
    r"CREATE OR REPLACE (?P<kind>PROCEDURE|FUNCTION) (?P<name>\w+)\((?P<params>[^\n]*|.*?\n)\)\n"
    r"(?P<traits>.*?)\n(?P<body>BEGIN\b.*END)\$\$",
    re.DOTALL,
)
PARAM = re.compile(r"^\s*(?:(?P<mode>IN|OUT|INOUT) )?(?P<name>\w+)\s+(?P<type>.+?),?\s*$", re.MULTILINE)
SIGNAL = re.compile(r"MESSAGE_TEXT\s*=\s*'([A-Z_0-9]+)")
NESTED_CALL = re.compile(r"\bCALL\s+(?:`?(\w+)`?\s*\.\s*)?`?(\w+)`?", re.IGNORECASE)


class FileError(ValueError):
    """A file does not have the form that `procedures/README.md` describes."""


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
    """What stands between the parentheses, byte by byte: the server keeps it like that."""
    returns: str
    """Type that a function returns; empty for a procedure."""
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

    @property
    def digest(self) -> str:
        """Identifies the content of the file: the statement, and the header that travels with it."""
        return hashlib.sha256(f"{self.header}\n{self.statement}".encode()).hexdigest()[:16]

    @property
    def fingerprint(self) -> str:
        """Identifies parameters and body; the server can compute the same from what is installed."""
        # the server drops the white space in front of a function's parameters, not of a procedure's
        params = self.params_text.lstrip() if self.kind == "FUNCTION" else self.params_text
        text = f"{params}\n{self.body}".encode()
        return hashlib.md5(text, usedforsecurity=False).hexdigest()[:16]

    @property
    def signature(self) -> str:
        """The parameters, white space evened out: two that are equal can be called in the same way."""
        return one_line(self.params_text)


def one_line(text: str) -> str:
    """The text with every run of white space made one blank."""
    return " ".join(text.split())


def parse_routine(path: Path, scope: str, root: Path) -> Routine:
    """The routine that a file declares; FileError when it has not the form of one."""
    text = path.read_text()
    match = CREATE.search(text)
    if match is None:
        raise FileError(f"{path}: no CREATE OR REPLACE PROCEDURE or FUNCTION … END$$ found")
    name = match["name"]
    if name != path.stem:
        raise FileError(f"{path}: declares {name}; a file is named as its routine")
    if "$$" in match["body"]:
        raise FileError(f"{path}: declares more than one routine; give each a file")
    access = re.search(r"\b(READS|MODIFIES|NO) SQL( DATA)?", match["traits"])
    if access is None:
        raise FileError(f"{path}: says neither READS SQL DATA, MODIFIES SQL DATA nor NO SQL")
    body = match["body"]
    header = "\n".join(line[3:] for line in text[: match.start()].splitlines() if line.startswith("--"))
    returns = re.search(r"^\s*RETURNS (.+)$", match["traits"], re.MULTILINE)
    calls = {(db or scope, called) for db, called in NESTED_CALL.findall(code_only(body))}
    return Routine(
        path=path.relative_to(root),
        scope=scope,
        kind=match["kind"],
        name=name,
        params=tuple(m["name"] for m in PARAM.finditer(match["params"])),
        params_text=match["params"],
        returns=returns[1].strip() if returns else "",
        deterministic=re.search(r"^\s*DETERMINISTIC", match["traits"], re.MULTILINE) is not None,
        access=access[1],
        statement=match[0].removesuffix("$$"),
        body=body,
        header=header,
        signals=frozenset(SIGNAL.findall(body)) - {MOVING},
        calls=frozenset(calls),
    )


@cache
def load_routines(root: Path = ROOT) -> tuple[Routine, ...]:
    """Every routine below `root`/procedures, functions first (procedures and other functions use them)."""
    routines = [
        parse_routine(path, scope, root)
        for scope in ("yp", "shard")
        for path in sorted((root / "procedures" / scope).rglob("*.sql"))
    ]
    names = {(r.scope, r.name) for r in routines}
    if len(names) != len(routines):
        raise FileError("two files declare the same routine")
    return tuple(sorted(_with_functions(routines), key=lambda r: (r.kind != "FUNCTION", r.name)))


def _with_functions(routines: list[Routine]) -> list[Routine]:
    """Add the functions that each body uses to its `calls` (they are not called by CALL)."""
    functions = {(r.scope, r.name) for r in routines if r.kind == "FUNCTION"}
    result = []
    for routine in routines:
        code = code_only(routine.body)
        used = {
            (scope, name)
            for scope, name in functions
            if name != routine.name and re.search(rf"\b{name}\s*\(", code)
        }
        result.append(Routine(**{**vars(routine), "calls": routine.calls | used}))
    return result


def reachable_signals(scope: str, name: str) -> frozenset[str]:
    """Error codes that a routine, or anything it calls, may raise."""
    by_name = {(r.scope, r.name): r for r in load_routines()}
    seen: set[tuple[str, str]] = set()
    todo = [(scope, name)]
    codes: set[str] = set()
    while todo:
        key = todo.pop()
        routine = by_name.get(key)
        if key in seen or routine is None:
            continue
        seen.add(key)
        codes |= routine.signals
        todo.extend(routine.calls)
    return frozenset(codes)


@cache
def callers_within(scope: str, name: str) -> frozenset[str]:
    """Names of the routines of the same class of databases that reach this one, and its own."""
    found = {name}
    grown = True
    while grown:
        reaching = {
            r.name
            for r in load_routines()
            if r.scope == scope and any((scope, each) in r.calls for each in found)
        }
        grown = not reaching <= found
        found |= reaching
    return frozenset(found)


@dataclass(frozen=True)
class Script:
    """A migration or a view: a file of statements."""

    path: Path
    scope: str
    name: str
    statements: tuple[str, ...]

    @property
    def digest(self) -> str:
        """Identifies the content of the statements; comments do not count."""
        return hashlib.sha256("\n".join(self.statements).encode()).hexdigest()[:16]


def _script(path: Path, scope: str) -> Script:
    code = "\n".join(line for line in path.read_text().splitlines() if not line.startswith("--"))
    statements = tuple(s.strip() for s in re.split(r";\s*(?:\n|$)", code) if s.strip())
    return Script(path.relative_to(ROOT), scope, path.stem, statements)


def load_migrations(scope: str) -> list[Script]:
    """Numbered scripts of one class of databases, in order."""
    return [_script(p, scope) for p in sorted((ROOT / "sql" / scope).glob("[0-9]*.sql"))]


def load_views(scope: str) -> list[Script]:
    """Views of one class of databases, in the order of their names."""
    return [_script(p, scope) for p in sorted((ROOT / "sql" / scope / "views").glob("*.sql"))]
