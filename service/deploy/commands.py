"""The commands for DBAs: plan, deploy, drift, adopt, proc and their relatives."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import Callable
from io import BytesIO
from pathlib import Path

import pymysql

from service import ROOT
from service.deploy.archive import unpack
from service.deploy.connection import DeployError
from service.deploy.deployer import Deployer, Outcome
from service.deploy.files import FileError, Routine, load_routines
from service.deploy.plan import Files
from service.settings import Settings, SettingsError
from service.stack import StackError, ensure_stack_env

Work = Callable[[Settings], int]


def with_stack(work: Work) -> int:
    """Run `work` against the servers of the settings, or the private ones of the run directory."""
    import os

    try:
        with ensure_stack_env() as env:
            return work(Settings.from_env({**os.environ, **env}))
    except (DeployError, FileError, SettingsError, StackError) as exc:
        print(exc, file=sys.stderr)
    except pymysql.err.MySQLError as exc:
        print(f"MariaDB refused: {exc}", file=sys.stderr)
    except KeyboardInterrupt:
        print("interrupted; the same command again goes on from here", file=sys.stderr)
    return 2


def current_revision(root: Path = ROOT) -> str:
    """The git revision of the checkout, with + when files differ from it; empty outside git."""
    found = _git(root, "describe", "--always", "--dirty=+", "--exclude=*")
    return found.decode().strip() if found is not None else ""


def _git(root: Path, *args: str) -> bytes | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(root), *args],
            capture_output=True,
            check=False,
        )
    except FileNotFoundError:
        return None
    return done.stdout if done.returncode == 0 else None


def files_of(revision: str, root: Path = ROOT) -> Files:
    """The routines of an older revision, with the tables of this one."""
    name = _git(root, "rev-parse", "--short", "--verify", "--end-of-options", f"{revision}^{{commit}}")
    content = _git(root, "archive", name.decode().strip(), "procedures") if name else None
    if name is None or content is None:
        raise DeployError(f"REV={revision} is no revision of this repository that has procedures/")
    with tempfile.TemporaryDirectory(prefix="drumee-rev-") as folder:
        with tarfile.open(fileobj=BytesIO(content)) as archive:
            unpack(archive, Path(folder))
        return Files.load(name.decode().strip(), Path(folder), is_rollback=True)


def _names(text: str | None) -> list[str]:
    return [name for name in (text or "").replace(",", " ").split() if name]


def _deployer(settings: Settings, args: argparse.Namespace) -> Deployer:
    files = files_of(args.rev) if args.rev else Files.load(current_revision())
    try:
        rate = float(args.rate or 0)
    except ValueError:
        raise DeployError(f"RATE={args.rate} is no number of items a second") from None
    return Deployer(settings, files=files, allow=_names(args.allow), canary=args.canary or "", rate=rate)


def plan(args: argparse.Namespace) -> int:
    """What deploy would do."""

    def work(settings: Settings) -> int:
        deployer = _deployer(settings, args)
        found = deployer.plan()
        deployer.show(found)
        return 1 if found.todo or found.decide else 0

    return with_stack(work)


def deploy(args: argparse.Namespace) -> int:
    """Do it."""
    if args.dry_run:
        return plan(args)
    return with_stack(lambda settings: report(_deployer(settings, args).deploy()))


def report(outcome: Outcome) -> int:
    """Say what a deploy did; its exit status."""
    same = outcome.counts["unchanged"]
    done = ", ".join(f"{n} {what}" for what, n in sorted(outcome.counts.items()) if what != "unchanged")
    print(f"deployed: {done or 'nothing to do'}, {same} unchanged, {outcome.seconds:.1f} s")
    for db, error in sorted(outcome.failed.items()):
        print(f"failed: {db}: {error}", file=sys.stderr)
    if outcome.failed:
        print("`make deploy` again continues with what is missing", file=sys.stderr)
    elif outcome.plan.decide:
        names = sorted({item.name for item in outcome.plan.decide})
        print(f"left for you to decide (`make plan` shows it): {', '.join(names)}")
    return outcome.status


def lint(_: argparse.Namespace) -> int:
    """Our rules for procedures/ and sql/."""
    from service.deploy.lint import lint_all

    found = lint_all()
    for finding in found:
        print(finding)
    files = f"{len(load_routines())} routines"
    print(f"{len(found)} findings in {files}" if found else f"All rules hold for {files}")
    return 1 if found else 0


def docs(_: argparse.Namespace) -> int:
    """The reference of all routines."""
    from service.deploy.docs import write

    for path in write(ROOT / "build/docs"):
        print(path)
    return 0


def stats(args: argparse.Namespace) -> int:
    """How routines are used."""
    from service.deploy.connection import Connection
    from service.deploy.stats import collect, render

    def work(settings: Settings) -> int:
        try:
            seconds = float(args.seconds or 5)
        except ValueError:
            raise DeployError(f"SECONDS={args.seconds} is no number") from None
        print("\n".join(render(collect(Connection(settings), seconds))))
        return 0

    return with_stack(work)


def backup(args: argparse.Namespace) -> int:
    """One archive with everything."""
    from service.deploy import backup as archives

    def work(settings: Settings) -> int:
        path = Path(args.file).absolute()
        manifest = archives.backup(settings, path, current_revision())
        size = path.stat().st_size / 1e6
        print(f"{path}: {len(manifest['databases'])} databases, {size:.1f} MB")
        return 0

    return with_stack(work)


def restore(args: argparse.Namespace) -> int:
    """An archive into an empty server."""
    from service.deploy import backup as archives

    return with_stack(lambda settings: report(archives.restore(settings, Path(args.file).absolute())))


def move(args: argparse.Namespace) -> int:
    """One person or hub to another shard."""
    from service.deploy.move import move as move_entity

    def work(settings: Settings) -> int:
        moved = move_entity(settings, args.entity, args.shard)
        if moved is None:
            print(f"{args.entity} is in {args.shard} already")
        else:
            print(
                f"{moved.entity} moved from {moved.from_db} to {moved.to_db}: "
                f"{moved.rows} rows, {moved.seconds:.1f} s"
            )
        return 0

    return with_stack(work)


def drift(_: argparse.Namespace) -> int:
    """What was changed by hand."""

    def work(settings: Settings) -> int:
        deployer = Deployer(settings)
        lines = deployer.drift()
        print("\n".join(lines or ["no drift: routines, tables and views are as deploys have left them"]))
        return 1 if lines else 0

    return with_stack(work)


def _routine_of(path: str) -> Routine:
    wanted = Path(path)
    absolute = wanted if wanted.is_absolute() else ROOT / wanted
    found = [r for r in load_routines() if ROOT / r.path == absolute.resolve()]
    if not found:
        raise DeployError(f"F={path} is no file of a routine, as procedures/yp/session/session_open.sql is")
    return found[0]


def proc(args: argparse.Namespace) -> int:
    """Deploy one routine."""

    def work(settings: Settings) -> int:
        routine = _routine_of(args.file)
        files = Files.load(current_revision())
        deployer = Deployer(settings, files=files, allow=_names(args.allow), only=[routine.name])
        return report(deployer.deploy())

    return with_stack(work)


def adopt(args: argparse.Namespace) -> int:
    """Write the installed version of a routine into its file."""

    def work(settings: Settings) -> int:
        routine = _routine_of(args.file)
        text, places = adopted(Deployer(settings), routine, args.shard or "")
        if not places:
            print(f"nothing to adopt: {routine.name} was not changed by hand")
            return 0
        (ROOT / routine.path).write_text(text)
        load_routines.cache_clear()
        _routine_of(args.file)
        print(f"{routine.path} is now what {places} has; look at it, then `make lint` and `make deploy`")
        return 0

    return with_stack(work)


def adopted(deployer: Deployer, routine: Routine, shard: str) -> tuple[str, str]:
    """(text of the file with the statement that is installed, databases that have it); "" for neither."""
    found = deployer.plan()
    drifted = [i for i in found.decide if i.action == "drifted" and i.source == routine]
    texts = {
        i.db: deployer.installed_text(found, i.installed)
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
