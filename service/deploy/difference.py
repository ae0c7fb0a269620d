"""One difference between the expected state of a server and the installed one."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from service.errors import CommandError

BY_THE_DEPLOY, BY_NAME, BY_NOBODY = "deploy", "name", ""
"""Ways to put it back: a deploy, a deploy with ALLOW=name, or by hand."""


@dataclass(frozen=True)
class Difference:
    """An object that differs from the expected state."""

    db: str
    kind: str
    """table, view, trigger, event, database, account, or grant"""
    name: str
    what: str
    """changed, missing, unknown (not created by us), or remains (of an interrupted deploy)"""
    why: str
    when: str = ""
    """When it was changed, if the server keeps that."""
    diff: tuple[str, ...] = ()
    statements: tuple[str, ...] = ()
    """Statements that put it back."""
    repair: str = BY_NOBODY
    advice: tuple[str, ...] = ()

    @property
    def is_loss(self) -> bool:
        """Whether data are lost."""
        return self.kind == "table" and self.what == "missing"


class Ignore:
    """Objects of the site's own: lines `kind database.name`, in which * stands for any letters."""

    def __init__(self, path: str) -> None:
        self._patterns: list[tuple[str, str]] = []
        for number, line in enumerate(_lines(path), 1):
            words = line.partition("#")[0].split()
            if words and (len(words) != 2 or "." not in words[1]):
                raise CommandError(
                    f"DRUMEE_SCHEMA_IGNORE: line {number} of {path} is {line.strip()!r}; "
                    "a line has a kind and a name, such as: table shard1.copy_*"
                )
            if words:
                self._patterns.append((words[0].lower(), words[1]))

    def has(self, db: str, kind: str, name: str) -> bool:
        """Return whether the file lists an object."""
        return any(
            kind.lower() == own_kind and fnmatch.fnmatchcase(f"{db}.{name}", pattern)
            for own_kind, pattern in self._patterns
        )


def _lines(path: str) -> Iterable[str]:
    if not path:
        return []
    try:
        return Path(path).read_text().splitlines()
    except (OSError, UnicodeDecodeError) as exc:
        raise CommandError(f"DRUMEE_SCHEMA_IGNORE: {path} cannot be read: {exc}") from exc
