"""Progress on a terminal and in a log."""

from __future__ import annotations

import os
import pty
import sys
from contextlib import suppress

import pytest

from service.admin.progress_bar import progress_bar


def text_on(leader: int) -> str:
    """Return what was written to a terminal that is closed."""
    text = b""
    with suppress(OSError):  # EIO: the end of a terminal
        while piece := os.read(leader, 10_000):
            text += piece
    os.close(leader)
    return text.decode()


def test_a_terminal_shows_a_bar(monkeypatch: pytest.MonkeyPatch) -> None:
    leader, follower = pty.openpty()
    with os.fdopen(follower, "w") as terminal:
        monkeypatch.setattr(sys, "stderr", terminal)
        with progress_bar("loading a.vcf", 200) as bar:
            bar(80)
            bar(200)
    picture = text_on(leader)
    assert "loading a.vcf" in picture
    assert ("40%" in picture, "100%" in picture, "###" in picture) == (True, True, True)


def test_a_log_has_a_line_for_each_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    with progress_bar("loading a.vcf", 200) as bar:
        for done in (0, 10, 20, 21, 99, 200, 200):
            bar(done)
    assert capsys.readouterr().err.splitlines() == [f"loading a.vcf: {n} %" for n in (10, 49, 100)]
