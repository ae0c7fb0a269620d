"""End a command by a signal: within seconds, after its clean-up."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress

CLEANUP_SECONDS = 20.0
SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
UNFINISHED = (
    f"\ninterrupted; the clean-up did not end within {CLEANUP_SECONDS:.0f} s, so the same command does the "
    "rest when it runs again\n"
)


class Interruption(KeyboardInterrupt):
    """A signal has asked the command to end.

    Python ends by a signal of its own, whatever the exit status is, when a plain KeyboardInterrupt has passed
    through `exec` of a text: imports do that for each dataclass.
    """


class Ending:
    """Turns the first signal into Interruption. Later ones must not disturb the clean-up."""

    def __init__(self) -> None:
        self.is_asked = False
        self._shields = 0
        self._is_due = False
        self.limit = threading.Timer(CLEANUP_SECONDS, _end_now)
        self.limit.daemon = True

    def receive(self, _number: int, _frame: object) -> None:
        """Handle a signal."""
        if self.is_asked:
            return
        self.is_asked = True
        self.limit.start()
        if self._shields:
            self._is_due = True
        else:
            raise Interruption

    @contextmanager
    def shield(self) -> Iterator[None]:
        """Let a signal wait until the end of the block."""
        self._shields += 1
        try:
            yield
        finally:
            self._shields -= 1
        if self._is_due and not self._shields:
            self._is_due = False
            raise Interruption


_endings: list[Ending] = []
"""That of the command which runs; none in tests and in services."""


def is_ending() -> bool:
    """Return whether a signal has asked the command to end."""
    return any(ending.is_asked for ending in _endings)


@contextmanager
def shielded() -> Iterator[None]:
    """Let a signal wait until the end of a clean-up, which would be half otherwise."""
    with _endings[-1].shield() if _endings else nullcontext():
        yield


@contextmanager
def ended_by_signals() -> Iterator[None]:
    """Raise Interruption in the block at Ctrl-C, SIGTERM, or when the terminal is closed.

    A signal that is ignored stays so: `nohup` means it, and the background of a shell.
    """
    ending, before = Ending(), {}
    if threading.current_thread() is threading.main_thread():
        for number in SIGNALS:
            if signal.getsignal(number) is not signal.SIG_IGN:
                before[number] = signal.signal(number, ending.receive)
    _endings.append(ending)
    try:
        yield
    finally:
        ending.limit.cancel()
        _endings.remove(ending)
        for number, handler in before.items():
            signal.signal(number, handler)


def interrupt_main_thread() -> None:
    """Send a signal to the main thread, which may wait for an answer of the server."""
    if thread := threading.main_thread().ident:
        signal.pthread_kill(thread, signal.SIGTERM)


def _end_now() -> None:
    with suppress(OSError):
        os.write(2, UNFINISHED.encode())
    os._exit(2)
