"""The files of a deploy with one change, for tests."""

from __future__ import annotations

import dataclasses

from service.deploy.plan import Files
from service.schema.routines import Routine


def edited(name: str, old: str, new: str) -> Files:
    """Return the files with one routine changed."""
    files = Files.load("test")

    def change(routine: Routine) -> Routine:
        if routine.name != name:
            return routine
        assert old in routine.statement
        return dataclasses.replace(
            routine,
            statement=routine.statement.replace(old, new),
            params_text=routine.params_text.replace(old, new),
            body=routine.body.replace(old, new),
        )

    return dataclasses.replace(files, routines=tuple(map(change, files.routines)))
