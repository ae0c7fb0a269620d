"""Ctrl-C and SIGTERM during the work of a command."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any


@contextmanager
def on_signals(work: Callable[[], Any]) -> Iterator[None]:
    """Call `work` at Ctrl-C and SIGTERM, also in the background of a shell, where SIGINT is ignored."""
    loop = asyncio.get_running_loop()
    signals = (signal.SIGINT, signal.SIGTERM)
    for number in signals:
        loop.add_signal_handler(number, work)
    try:
        yield
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
