"""Show progress as a bar on a terminal and as plain lines in a pipe, with the same facts."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable

from tqdm import tqdm

from service.local.ending import interrupt_main_thread

ITEM_SECONDS = 5.0
"""For the item that runs at a signal; a longer one is interrupted."""

Say = Callable[[str], None]


class Interrupts:
    """End a deploy on Ctrl-C or SIGTERM between two items.

    The second signal ends it at once; so does the first one when the item takes long.
    """

    def __init__(self, say: Say) -> None:
        self._say = say
        self._before: dict[signal.Signals, object] = {}
        self._is_asked = False
        self._limit = threading.Timer(ITEM_SECONDS, interrupt_main_thread)
        self._limit.daemon = True

    def __enter__(self) -> Interrupts:
        if threading.current_thread() is threading.main_thread():
            for number in (signal.SIGINT, signal.SIGTERM):
                self._before[number] = signal.signal(number, self._receive)
        return self

    def __exit__(self, *_details: object) -> None:
        self._limit.cancel()
        self._restore()

    def check(self) -> None:
        """Raise KeyboardInterrupt between two items after a signal."""
        if self._is_asked:
            raise KeyboardInterrupt

    def _receive(self, _number: int, _frame: object) -> None:
        self._is_asked = True
        self._restore()
        self._limit.start()
        self._say("stopping after this item …")

    def _restore(self) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)  # type: ignore[arg-type]
        self._before = {}


class Progress:
    """Counts items; `say` receives the lines."""

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
        """Count one more item."""
        if self._bar is not None:
            self._bar.set_postfix_str(db, refresh=False)
            self._bar.update()

    def line(self, text: str) -> None:
        """Print a line that stays."""
        if self._bar is not None:
            self._bar.write(text, file=sys.stdout)
        else:
            self._say(text)
