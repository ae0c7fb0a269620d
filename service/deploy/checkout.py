"""Find the files of a deploy: their revision, those of an older revision, one by its path."""

from __future__ import annotations

import tarfile
import tempfile
from io import BytesIO
from pathlib import Path

from service import ROOT
from service.deploy.archive import unpack
from service.deploy.deployer import Deployer
from service.deploy.plan import Files
from service.deploy.revisions import git_output, short_name
from service.local.checkout import require_checkout
from service.schema.routines import Routine, load_routines
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
    """Return the file's text with the installed statement, and the databases that have it; "" for neither."""
    plan = deployer.plan()
    drifted = [i for i in plan.decide if i.action == "drifted" and i.source == routine]
    texts = {
        i.db: deployer.installed_text(plan, i.installed)
        for i in drifted
        if i.installed and shard in {"", i.db}
    }
    if not texts:
        return "", ""
    places = ", ".join(texts)
    if len(set(texts.values())) > 1:
        raise DeployError(
            f"{routine.name} was changed in different ways in {places}; say which: SHARD={min(texts)}"
        )
    before = (ROOT / routine.path).read_text()
    return before.replace(routine.statement, next(iter(texts.values())), 1), places
