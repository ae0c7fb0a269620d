"""Who calls a routine: handlers and commands in Python, and other routines."""

from __future__ import annotations

from functools import cache

from service.acl import routine_uses
from service.deploy.files import load_routines


@cache
def _callers() -> dict[tuple[str, str], list[str]]:
    found: dict[tuple[str, str], list[str]] = {}
    for use in routine_uses():
        found.setdefault((use.scope, use.name), []).append(use.where)
    for routine in load_routines():
        for called in sorted(routine.calls - {(routine.scope, routine.name)}):
            found.setdefault(called, []).append(str(routine.path))
    return found


def callers_of(scope: str, name: str) -> list[str]:
    """Places that call a routine: `service/….py:line` and `procedures/….sql`."""
    return _callers().get((scope, name), [])
