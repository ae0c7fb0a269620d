"""The progress of a command, for a terminal and for a log."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import typer

STEPS = 10
"""Lines in a log."""


@contextmanager
def progress_bar(label: str, length: int) -> Iterator[Callable[[int], None]]:
    """Yield a function that takes how much of `length` is done.

    It draws a bar on the terminal; elsewhere, it prints a line for each tenth. Both go to standard error.
    """
    if sys.stderr.isatty():
        with typer.progressbar(length=length, label=label, file=sys.stderr) as bar:
            yield lambda done: bar.update(done - bar.pos)
        return
    last = 0

    def print_tenth(done: int) -> None:
        nonlocal last
        step = done * STEPS // max(length, 1)
        if step > last:
            last = step
            typer.echo(f"{label}: {done * 100 // max(length, 1)} %", err=True)

    yield print_tenth
