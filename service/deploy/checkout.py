"""Find the files of a deploy: their revision, those of an older revision, one by its path."""

from __future__ import annotations

import dataclasses
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from service import ROOT, as_typed
from service.deploy.archive import unpack
from service.deploy.create import create_statement
from service.deploy.deployer import Deployer
from service.deploy.plan import LINE_ENDS, Files
from service.deploy.revisions import git_output, short_name
from service.deploy.state import ACCESS, Installed
from service.errors import CommandError
from service.local.checkout import require_checkout
from service.schema.routines import Routine, load_routines, parse_routine
from service.store.admin import DeployError


def extract(commit: str, folder: Path, *paths: str, root: Path = ROOT) -> bool:
    """Write these paths of a commit, or all, below a folder. Return False when it has no such path."""
    content = git_output(root, "archive", commit, *paths)
    if content is None:
        return False
    with tarfile.open(fileobj=BytesIO(content)) as archive:
        unpack(archive, folder)
    return True


def files_of(revision: str, root: Path = ROOT) -> Files:
    """Return the routines of an older revision, with the tables of this one."""
    if root == ROOT:
        require_checkout(f"REV={revision}")
    with tempfile.TemporaryDirectory(prefix="drumee-rev-") as folder:
        name = short_name(revision, root)
        if name is None or not extract(name, Path(folder), "procedures", root=root):
            raise DeployError(f"REV={revision} is no revision of this repository that has procedures/")
        return Files.load(name, Path(folder), is_rollback=True)


def routine_of(path: str) -> Routine:
    """Return the routine of a file, named from here or from the top of the checkout."""
    named = Path(path)
    absolute = named if named.is_absolute() else ROOT / named
    routines = [r for r in load_routines() if ROOT / r.path == absolute.resolve()]
    if not routines:
        raise DeployError(f"F={path} is no file of a routine, as procedures/yp/session/session_open.sql is")
    return routines[0]


def adopted(deployer: Deployer, routine: Routine, shard: str) -> tuple[str, str]:
    """Return the file's text with the installed statement, and the databases that have it; "" for neither.

    Raise DeployError when the new file would not be what is installed: the drift would not end.
    """
    plan = deployer.plan()
    drifted = {
        i.db: i.installed
        for i in plan.decide
        if i.action == "drifted" and i.source == routine and i.installed and shard in {"", i.db}
    }
    texts = {db: _in_words_of(routine, deployer.installed_text(plan, each)) for db, each in drifted.items()}
    if any(i.source == routine and i.why == LINE_ENDS and shard in {"", i.db} for i in plan.todo):
        raise DeployError(
            f"{routine.path} stays as it is: {LINE_ENDS} on the server; `{as_typed('deploy')}` puts them back"
        )
    if not texts:
        return "", ""
    places = ", ".join(texts)
    if len(set(texts.values())) > 1:
        raise DeployError(
            f"{routine.name} was changed in different ways in {places}; say which: SHARD={min(texts)}"
        )
    db, statement = next(iter(texts.items()))
    text = (ROOT / routine.path).read_text().replace(routine.statement, statement.replace("\r\n", "\n"), 1)
    if reason := _difference(text, routine, drifted[db], statement):
        raise DeployError(
            f"{routine.path} stays as it is, because {places} has {reason}. Bring the change into the file "
            f"by hand, then `{as_typed(f'deploy ALLOW={routine.name}')}` installs the file"
        )
    return text, places


def _in_words_of(routine: Routine, statement: str) -> str:
    """Return an installed statement; where it says nothing about its data access, the file's word stays."""
    of_file = {"READS": "READS SQL DATA", "MODIFIES": "MODIFIES SQL DATA", "NO": "NO SQL"}[routine.access]
    return statement.replace("    CONTAINS SQL\n", f"    {of_file}\n", 1)


def _difference(text: str, routine: Routine, installed: Installed, statement: str) -> str:
    """Return how a new file would differ from what is installed; "" when it would not."""
    if "\r" in statement and statement.replace("\r\n", "\n") == routine.statement:
        return "other line ends (CRLF) and no other change"
    if "\r" in statement:
        return "line ends (CRLF) that a file cannot have"
    with tempfile.TemporaryDirectory(prefix="drumee-adopt-") as folder:
        path = Path(folder) / routine.path.name
        path.write_text(text)
        try:
            new = parse_routine(path, routine.scope, Path(folder))
            create_statement(new, "")
        except CommandError as exc:
            return f"a form that a file cannot have: {str(exc).replace(f'{folder}/', '')}"
    if new.fingerprint != installed.fingerprint:
        return "a text that a file would change"
    if installed.access == "CONTAINS_SQL":
        installed = dataclasses.replace(installed, access=ACCESS[new.access])
    traits = set(installed.traits_changed(new)) - set(installed.traits_wrong())
    return f"another {', '.join(sorted(traits))}, which the file cannot keep" if traits else ""
