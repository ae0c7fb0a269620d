"""The files of the checkout with a change, as a deploy reads them."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable

from service.deploy.plan import Files
from service.schema.routines import Routine


def with_body(name: str, change: Callable[[str], str]) -> Files:
    """Return the files with another body of a routine."""
    files = Files.load("test")

    def changed(routine: Routine) -> Routine:
        if routine.name != name:
            return routine
        body = change(routine.body)
        assert body != routine.body
        statement = routine.statement.replace(routine.body, body)
        return dataclasses.replace(routine, body=body, statement=statement)

    return dataclasses.replace(files, routines=tuple(map(changed, files.routines)))
