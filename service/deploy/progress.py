"""What people see while it runs: a bar on a terminal, plain lines in a pipe; the same facts."""

from __future__ import annotations

import sys
from collections.abc import Callable

from tqdm import tqdm

Say = Callable[[str], None]


class Progress:
    """Counts items; `say` gets the lines."""

    def __init__(self, total: int, say: Say) -> None:
        self._say = say
        self._bar: tqdm[None] | None = None
        if say is print and sys.stdout.isatty() and total:
            self._bar = tqdm(total=total, unit=" items", leave=False, file=sys.stdout)

    def __enter__(self) -> Progress:
        return self

    def __exit__(self, *_details: object) -> None:
        if self._bar is not None:
            self._bar.close()

    def step(self, db: str) -> None:
        """One more item is done."""
        if self._bar is not None:
            self._bar.set_postfix_str(db, refresh=False)
            self._bar.update()

    def line(self, text: str) -> None:
        """A line that stays."""
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            self._say(text)
