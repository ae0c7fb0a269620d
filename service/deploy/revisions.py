"""Revisions of the files: that of this checkout or program, and whether it contains another one."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

from service import IS_CHECKOUT, ROOT, __version__

VERSION = re.compile(r"(\d+)\.(\d+)\.(\d+)")
"""A revision of this form is the version of an installed program."""


def current_revision(root: Path = ROOT) -> str:
    """Return the git revision, with + when files differ from it; without git the version, or ""."""
    if root == ROOT and not IS_CHECKOUT:
        return __version__
    revision = git_output(root, "describe", "--always", "--dirty=+", "--exclude=*")
    return revision.decode().strip() if revision is not None else ""


def git_output(root: Path, *args: str) -> bytes | None:
    """Return what a git command prints; None when it fails, or without git."""
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *args],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def short_name(revision: str, root: Path = ROOT) -> str | None:
    """Return the short name of a commit; None unless git knows it."""
    name = git_output(root, "rev-parse", "--short", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    return name.decode().strip() if name else None


def contains(ours: str, other: str, root: Path = ROOT) -> bool | None:
    """Return whether our revision has what is installed as another one; None when that cannot be known.

    A commit that git does not know is newer, or of somebody else's branch. One that no branch or tag has any
    more was amended or rebased: its changes are in another one.
    """
    version, other_version = VERSION.match(ours), VERSION.match(other)
    if version and other_version:
        return [*map(int, version.groups())] >= [*map(int, other_version.groups())]
    if version or other_version or short_name(ours, root) is None:
        return None
    if short_name(other, root) is None:
        return False
    if git_output(root, "merge-base", "--is-ancestor", other, ours) is not None:
        return True
    return git_output(root, "for-each-ref", "--count=1", f"--contains={other}") == b""
