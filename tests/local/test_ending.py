"""A signal ends a command, and waits for its clean-up."""

from __future__ import annotations

import os
import signal

import pytest

from service.local.ending import ended_by_signals, shielded


def clean_up(done: list[str]) -> None:
    """Get a signal in the middle of a clean-up."""
    with ended_by_signals():
        with shielded():
            os.kill(os.getpid(), signal.SIGTERM)
            done.append("cleaned up")
        done.append("and went on")


def test_a_signal_waits_for_the_clean_up() -> None:
    done: list[str] = []
    with pytest.raises(KeyboardInterrupt):
        clean_up(done)
    assert done == ["cleaned up"]
