"""The commands for DBAs: plan, deploy, drift, adopt, proc and their relatives."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from service import as_typed
from service.errors import CommandError
from service.local.checkout import require_checkout
from service.local.with_servers import GOES_ON, UNCHANGED, with_stack

if TYPE_CHECKING:
    from service.deploy.deployer import Deployer, Outcome
    from service.settings import Settings

commands = typer.Typer()

Canary = Annotated[
    str,
    typer.Option(
        metavar="SHARD",
        help="Shard that comes first; the others wait until it is in order. Absent: one with few users.",
    ),
]
Revision = Annotated[
    str, typer.Option("--rev", metavar="REVISION", help="Git revision whose routines to deploy: a roll-back.")
]
Allow = Annotated[
    str,
    typer.Option(
        metavar="NAMES",
        help="Names whose unsafe, drifted or dropped state may be overwritten; unsafe: all such.",
    ),
]
Rate = Annotated[float, typer.Option(min=0, help="Items a second at most; 0: any number.")]
SkipExamples = Annotated[
    bool, typer.Option("--skip-examples", help="Do not run the examples of the headers before.")
]
RoutineFile = Annotated[
    str, typer.Option("--file", metavar="FILE", help="File of a routine, procedures/….sql.")
]


STOPPED = "stopped"
NO_DRIFT = "no drift: databases, routines, accounts and rights are as deploys have left them"


def _deployer(
    settings: Settings, canary: str, rev: str, allow: str, rate: float, skip_examples: bool
) -> Deployer:
    from service.deploy.checkout import files_of
    from service.deploy.deployer import Deployer
    from service.deploy.plan import Files
    from service.deploy.revisions import current_revision

    files = files_of(rev) if rev else Files.load(current_revision())
    return Deployer(
        settings, files=files, allow=_names(allow), canary=canary, rate=rate, examples=not skip_examples,
        chooses_canary=not (rev or skip_examples),
    )  # fmt: skip


def _names(text: str) -> list[str]:
    return text.replace(",", " ").split()


@commands.command(rich_help_panel="Schema")
def plan(
    canary: Canary = "",
    rev: Revision = "",
    allow: Allow = "",
    rate: Rate = 0,
    skip_examples: SkipExamples = False,
    sql: Annotated[bool, typer.Option("--sql", help="Print the statements in place of the plan.")] = False,
    out: Annotated[
        str,
        typer.Option(metavar="FILE", help="File for the plan, which deploy --plan does, and nothing else."),
    ] = "",
) -> int:
    """Show what deploy would do, and what it would leave to you; change nothing."""

    def work(settings: Settings) -> int:
        from service.deploy.saved_plan import Options, write_plan

        deployer = _deployer(settings, canary, rev, allow, rate, skip_examples)
        planned = deployer.plan()
        if sql:
            typer.echo("\n".join(["DELIMITER $$", *(f"{text}\n$$" for text in deployer.statements(planned))]))
        else:
            deployer.show(planned)
            deployer.check(planned)
        if out:
            options = Options(deployer.canary, rev, allow, rate, skip_examples)
            write_plan(Path(out), deployer, planned, options)
            text = f"{out} has this plan; `{as_typed(f'deploy PLAN={out}')}` does it, and nothing else"
            typer.echo(text, err=sql)  # behind the statements, it would be no SQL
        return 1 if planned.todo or planned.decide else 0

    return with_stack(work, UNCHANGED)


@commands.command(rich_help_panel="Schema")
def deploy(
    canary: Canary = "",
    rev: Revision = "",
    allow: Allow = "",
    rate: Rate = 0,
    skip_examples: SkipExamples = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show what would be done.")] = False,
    saved: Annotated[
        str, typer.Option("--plan", metavar="FILE", help="File of plan --out: do what it says, or nothing.")
    ] = "",
) -> int:
    """Create or upgrade the registry and every shard."""
    if saved and any((canary, rev, allow, rate, skip_examples, dry_run)):
        raise CommandError(
            f"PLAN={saved} has its own CANARY, REV, ALLOW, RATE and SKIP_EXAMPLES: give them to "
            f"`{as_typed(f'plan OUT={saved}')}`, and none to the deploy"
        )
    if dry_run:
        return plan(canary, rev, allow, rate, skip_examples)

    def work(settings: Settings) -> int:
        if saved:
            return _deploy_saved(settings, saved)
        return report(_deployer(settings, canary, rev, allow, rate, skip_examples).deploy())

    return with_stack(work, f"what was done stays; {GOES_ON}")


def _deploy_saved(settings: Settings, file: str) -> int:
    from service.deploy.saved_plan import SavedPlan

    saved = SavedPlan(file)
    options = saved.options
    deployer = _deployer(
        settings, options.canary, options.rev, options.allow, options.rate, options.skip_examples
    )
    return report(deployer.deploy(check=lambda plan: saved.check(deployer, plan)))


def report(outcome: Outcome) -> int:
    """Print what a deploy did, and return its exit status."""
    same = outcome.counts["unchanged"]
    done = ", ".join(f"{n} {what}" for what, n in sorted(outcome.counts.items()) if what != "unchanged")
    nothing = "nothing" if outcome.failed else "nothing to do"
    typer.echo(f"deployed: {done or nothing}, {same} unchanged, {outcome.seconds:.1f} s")
    for db, error in sorted(outcome.failed.items()):
        typer.echo(f"failed: {db}: {error}", err=True)
    if outcome.failed and not outcome.taken_back:
        typer.echo(f"`{as_typed('deploy')}` again continues with what is missing", err=True)
    elif outcome.plan.decide and not outcome.failed:
        names = sorted({item.name for item in outcome.plan.decide})
        typer.echo(f"left for you to decide (`{as_typed('plan')}` shows it): {', '.join(names)}")
    return outcome.status


@commands.command(rich_help_panel="Schema")
def drift() -> int:
    """Show what was changed by hand: databases, routines, tables, triggers, events, accounts, rights."""

    def work(settings: Settings) -> int:
        from service.deploy.deployer import Deployer

        lines = Deployer(settings).drift()
        typer.echo("\n".join(lines or [NO_DRIFT]))
        return 1 if lines else 0

    return with_stack(work, UNCHANGED)


@commands.command(rich_help_panel="Schema")
def doctor() -> int:
    """Run all examples of headers on every server, in scratch databases; show drift and advice."""

    def work(settings: Settings) -> int:
        from service.deploy.caches import advice
        from service.deploy.deployer import Deployer
        from service.deploy.examples import examine
        from service.deploy.guards import check_writable
        from service.deploy.plan import Files
        from service.deploy.revisions import current_revision

        deployer = Deployer(settings)
        check_writable(deployer.connection)  # no example can run there
        findings = 0
        for server, report in examine(settings, Files.load(current_revision())):
            findings += len(report.failures)
            typer.echo("\n".join(map(str, report.failures)) or f"{server}: {report}")
        lines = deployer.drift()
        typer.echo("\n".join([*(lines or [NO_DRIFT]), *advice(settings)]))
        return 1 if findings or lines else 0

    return with_stack(work, UNCHANGED)


@commands.command(rich_help_panel="Schema")
def adopt(
    file: RoutineFile,
    shard: Annotated[str, typer.Option(help="Database to take it from, when they differ.")] = "",
) -> int:
    """Write a change that was made by hand on a server into the file of the routine."""
    require_checkout("adopt")

    def work(settings: Settings) -> int:
        from service import ROOT
        from service.deploy.checkout import adopted, routine_of
        from service.deploy.deployer import Deployer
        from service.schema.routines import forget_routines

        routine = routine_of(file)
        text, places = adopted(Deployer(settings), routine, shard)
        if not places:
            typer.echo(f"nothing to adopt: {routine.name} was not changed by hand")
            return 0
        (ROOT / routine.path).write_text(text)
        forget_routines()
        routine_of(file)
        typer.echo(f"{routine.path} is now what {places} has; look at it, then `make lint` and `make deploy`")
        return 0

    return with_stack(work, UNCHANGED)


@commands.command(rich_help_panel="Schema")
def proc(file: RoutineFile, allow: Allow = "") -> int:
    """Deploy one routine to all databases of its kind."""

    def work(settings: Settings) -> int:
        from service.deploy.checkout import routine_of
        from service.deploy.deployer import Deployer
        from service.deploy.plan import Files
        from service.deploy.revisions import current_revision

        files = Files.load(current_revision())
        only = [routine_of(file).name]
        deployer = Deployer(settings, files=files, allow=_names(allow), only=only, chooses_canary=True)
        return report(deployer.deploy())

    return with_stack(work)


@commands.command(rich_help_panel="Schema")
def shard(name: Annotated[str, typer.Option(help="Name of its database.")]) -> int:
    """Make a shard and deploy it."""

    def work(settings: Settings) -> int:
        from service.deploy.deployer import Deployer

        status = report(Deployer(settings, say=lambda _: None).add_shard(name))
        if status == 0:
            typer.echo(f"shard {name} is ready")
        return status

    return with_stack(work)


@commands.command("shard-drop", rich_help_panel="Schema")
def shard_drop(name: Annotated[str, typer.Option(help="Name of its database.")]) -> int:
    """Drop a shard in which no user and no hub lives."""

    def work(settings: Settings) -> int:
        from service.deploy.shards import drop_shard

        drop_shard(settings, name)
        typer.echo(f"shard {name} is dropped")
        return 0

    return with_stack(work)


@commands.command(rich_help_panel="Schema")
def docs() -> int:
    """Write the reference of all routines to build/docs."""
    from service import WORK_DIR
    from service.deploy.docs import write

    for path in write(WORK_DIR / "build/docs"):
        typer.echo(path)
    return 0


@commands.command(rich_help_panel="Schema")
def stats(
    seconds: Annotated[float, typer.Option(min=0, help="How long to listen for the percentiles.")] = 5.0,
    since: Annotated[
        str,
        typer.Option(help="Time, or age such as 3d, from which to count; absent: since the server started."),
    ] = "",
) -> int:
    """Show calls, errors, p50 and p95 of each routine, and routines that nobody called."""

    def work(settings: Settings) -> int:
        from service.deploy import stats_snapshots as snapshots
        from service.deploy.stats import collect, render
        from service.store.admin import Connection

        connection = Connection(settings)
        begin = snapshots.begin(connection, since) if since else 0
        uses = collect(connection, seconds)
        if begin:
            typer.echo(f"since {snapshots.when(begin)}")
            lines = render(snapshots.uses_since(connection, uses, begin), snapshots.when(begin))
        else:
            lines = render(uses)
        typer.echo("\n".join(lines))
        if why := snapshots.keep(connection, uses):
            typer.echo(f"these numbers are not kept for SINCE=: {why}", err=True)
        return 0

    return with_stack(work, UNCHANGED)


@commands.command("history", rich_help_panel="Schema")
def show_history(
    since: Annotated[str, typer.Option(help="Time, or age such as 3d.")] = "",
    name: Annotated[str, typer.Option(help="User, hub, shard, file or routine.")] = "",
    limit: Annotated[int, typer.Option(min=1, help="How many, the last ones.")] = 20,
) -> int:
    """Show who deployed, moved, restored, backed up or dropped what, when, and how it ended."""

    def work(settings: Settings) -> int:
        from service.deploy.history import history
        from service.store.admin import Connection

        for line in history(Connection(settings), since, name, limit):
            typer.echo(line)
        return 0

    return with_stack(work, UNCHANGED)


@commands.command(rich_help_panel="Operate")
def backup(
    file: Annotated[str, typer.Option(metavar="FILE", help="Archive to write.")],
    allow: Annotated[
        str, typer.Option(metavar=STOPPED, help="Back up a replica that has stopped, too.")
    ] = "",
) -> int:
    """Write everything to one archive, while people work."""
    if allow not in {"", STOPPED}:
        raise typer.BadParameter(f"--allow (ALLOW=) is {STOPPED}, for a replica that has stopped")

    def work(settings: Settings) -> int:
        from service.deploy import backup as archives
        from service.deploy.revisions import current_revision

        path = Path(file)
        manifest = archives.backup(settings, path, current_revision(), may_have_stopped=bool(allow))
        size = path.stat().st_size / 1e6
        typer.echo(f"{path}: {len(manifest['databases'])} databases, {size:.1f} MB")
        if manifest["age"]:
            typer.echo(manifest["age"])
        if reason := (manifest["binary_log"] or {}).get("unknown"):
            typer.echo(f"no position for a restore with UNTIL: {reason}")
        if manifest["left_out"]:
            typer.echo(f"left out: the rights of {', '.join(manifest['left_out'])}")
        return 0

    return with_stack(work, f"{file} is as it was before, or complete")


@commands.command(rich_help_panel="Operate")
def restore(
    file: Annotated[str, typer.Option(metavar="FILE", help="Archive that backup has written.")],
    until: Annotated[
        str,
        typer.Option(help="Moment after the backup: a time, a position, or a transaction id."),
    ] = "",
    logs: Annotated[str, typer.Option(help="Folder of the binary logs, or mysql://account@host.")] = "",
    entity: Annotated[
        str, typer.Option(help="One user (id or email) or hub (id), into a server that is in use.")
    ] = "",
    replace: Annotated[bool, typer.Option("--replace", help="Replace the data that it has now.")] = False,
    shard: Annotated[
        str, typer.Option(help="One shard whose database is lost, into a server that is in use.")
    ] = "",
) -> int:
    """Bring an empty server to the state of an archive, or of a moment after it; or a user, hub or shard."""
    if bool(until) != bool(logs):
        raise typer.BadParameter("--until and --logs (UNTIL=, LOGS=) need each other")
    if sum(map(bool, (entity, shard, until))) > 1:
        raise typer.BadParameter("--entity, --shard and --until are three ways to restore: give one of them")
    if shard:
        work_on_shard = partial(_restore_shard, file=file, shard=shard)
        return with_stack(work_on_shard, f"{shard} is not complete; {GOES_ON}")
    if entity:
        work_on_one = partial(_restore_entity, file=file, entity=entity, replace=replace)
        return with_stack(work_on_one, f"{entity} is as before, or as in the archive; {GOES_ON}")

    def work(settings: Settings) -> int:
        from service.deploy.point_in_time import Recovery
        from service.deploy.restore import restore as restore_archive

        recovery = Recovery(until, logs) if until else None
        return report(restore_archive(settings, Path(file), recovery, typer.echo))

    return with_stack(work, "the restore is not complete; the same command starts it anew")


def _restore_entity(settings: Settings, file: str, entity: str, replace: bool) -> int:
    from service.deploy.restore_entity import restore_entity

    restored = restore_entity(settings, Path(file), entity, replace)
    typer.echo(
        f"{restored.entity} is in {restored.db} as of the archive: "
        f"{restored.rows} rows, {restored.seconds:.1f} s"
    )
    return 0


def _restore_shard(settings: Settings, file: str, shard: str) -> int:
    from service.deploy.restore_shard import restore_shard

    restored = restore_shard(settings, Path(file), shard)
    typer.echo(
        f"{shard} is as of the archive: {restored.entities} users and hubs are in line with the others, "
        f"{restored.seconds:.1f} s"
    )
    if restored.new:
        typer.echo(f"new since the backup, without data: {', '.join(restored.new)}")
    if restored.moved:
        command = as_typed(f"restore F={file} ENTITY={restored.moved[0]}")
        typer.echo(f"in another shard of the archive: {', '.join(restored.moved)}; `{command}` restores one")
    return 0


@commands.command(rich_help_panel="Operate")
def move(
    entity: Annotated[str, typer.Option(help="Id, or email of a person.")],
    shard: Annotated[str, typer.Option(help="Shard to move it to.")],
) -> int:
    """Move a person or hub to another shard; their requests get 503 while it lasts."""

    def work(settings: Settings) -> int:
        from service.deploy.move import move as move_entity

        moved = move_entity(settings, entity, shard)
        if moved is None:
            typer.echo(f"{entity} is in {shard} already")
        else:
            typer.echo(
                f"{moved.entity} moved from {moved.from_db} to {moved.to_db}: "
                f"{moved.rows} rows, {moved.seconds:.1f} s"
            )
        return 0

    return with_stack(work, f"{entity} has moved wholly, or not at all; {GOES_ON}")
