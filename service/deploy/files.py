"""What the files under `sql/` and `procedures/` declare, as plain data."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from service import ROOT

CREATE = re.compile(
    r"CREATE OR REPLACE (?P<kind>PROCEDURE|FUNCTION) (?P<name>\w+)\((?P<params>.*?)\n?\)\n"
    r"(?P<traits>.*?)\n(?P<body>BEGIN\b.*END)\$\$",
    re.DOTALL,
)
PARAM = re.compile(r"^\s*(?:(?P<mode>IN|OUT|INOUT) )?(?P<name>\w+)\s+(?P<type>.+?),?\s*$", re.MULTILINE)
SIGNAL = re.compile(r"MESSAGE_TEXT = '([A-Z_0-9]+)")
NESTED_CALL = re.compile(r"\bCALL (?:(\w+)\.)?(\w+)\(")


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
        """Identifies the content of the statement."""
        return hashlib.sha256(self.statement.encode()).hexdigest()[:16]


def _parse(path: Path, scope: str) -> Routine:
    text = path.read_text()
    match = CREATE.search(text)
    if match is None:
        raise FileError(f"{path}: no CREATE OR REPLACE PROCEDURE or FUNCTION … END$$ found")
    name = match["name"]
    if name != path.stem:
        raise FileError(f"{path}: declares {name}; a file is named as its routine")
    access = re.search(r"\b(READS|MODIFIES|NO) SQL( DATA)?", match["traits"])
    if access is None:
        raise FileError(f"{path}: says neither READS SQL DATA, MODIFIES SQL DATA nor NO SQL")
    body = match["body"]
    header = "\n".join(line[3:] for line in text[: match.start()].splitlines() if line.startswith("--"))
    calls = {(db or scope, called) for db, called in NESTED_CALL.findall(body)}
    return Routine(
        path=path.relative_to(ROOT),
        scope=scope,
        kind=match["kind"],
        name=name,
        params=tuple(m["name"] for m in PARAM.finditer(match["params"])),
        access=access[1],
        statement=match[0].removesuffix("$$"),
        body=body,
        header=header,
        signals=frozenset(SIGNAL.findall(body)),
        calls=frozenset(calls),
    )


@cache
def load_routines() -> tuple[Routine, ...]:
    """Every routine, functions first (procedures and other functions use them)."""
    routines = [
        _parse(path, scope)
        for scope in ("yp", "shard")
        for path in sorted((ROOT / "procedures" / scope).rglob("*.sql"))
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
        used = {
            (scope, name)
            for scope, name in functions
            if name != routine.name and re.search(rf"\b{name}\(", routine.body)
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
