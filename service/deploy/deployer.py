"""Create or upgrade the registry and every shard: the plan, carried out.

Killed at any moment, it leaves a server that the next run brings to the end: each routine is replaced
atomically, each statement of a migration can be repeated, and what is done is read from the server itself.
"""

from __future__ import annotations

import dataclasses
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing, contextmanager, nullcontext
from dataclasses import dataclass, field

import pymysql
from pymysql.converters import escape_string

from service import as_typed
from service.deploy import guards, online
from service.deploy.alters import changes
from service.deploy.canary import Trial, choose
from service.deploy.change import Change
from service.deploy.changer import TableChanger
from service.deploy.create import create_statement
from service.deploy.difference import Difference, Ignore
from service.deploy.examples import news, run_examples
from service.deploy.expected import alter_database, differences
from service.deploy.journal import Journal, Lease, bootstrap, is_unfinished, lease_holder
from service.deploy.pace import Pace
from service.deploy.plan import (
    Files,
    Item,
    Plan,
    Wish,
    check_history,
    make_plan,
    render,
    render_items,
    summary,
)
from service.deploy.privileges import check_privileges, revoke_all
from service.deploy.progress import Interrupts, Progress
from service.deploy.recorder import Recorder
from service.deploy.revisions import contains
from service.deploy.state import (
    OPENING,
    Installed,
    InstalledText,
    State,
    escaped,
    plain_type,
    read_outline,
    read_state,
    scope_of,
    text_of,
)
from service.retry import attempts
from service.schema.routines import Routine, Script
from service.schema.uses import callers_of
from service.settings import Settings, database_servers
from service.store.admin import (
    COLLATION,
    DEFINER,
    DEFINER_NAME,
    DEFINER_RIGHTS,
    MAKE_DEFINER,
    Connection,
    DeployError,
    connect,
    view_statement,
)
from service.store.lock_watch import WATCH
from service.store.server_errors import RETRYABLE, concerns_one_owner

__all__ = ["DeployError", "Deployer", "Outcome", "connect"]

CHUNK = 50
"""Items that are journalled in one statement."""
LOCK_WAIT_SECONDS, ROW_WAIT_SECONDS = 1, 50
LOCK_ATTEMPTS = 20
LOCK_PAUSES = (0.1, 2.0)
CATCH_UP_ROWS = 200
"""Contacts in one transaction; the owner cannot write meanwhile."""
MARK_STALE = "INSERT IGNORE INTO contact_stale"
"""Statements of migrations that queue contacts whose records must be rebuilt (sql/README.md)."""


Tools = tuple[Journal, Progress, Pace, Interrupts]
"""The parts of a run."""


@dataclass
class Outcome:
    """The result of a deploy."""

    plan: Plan
    counts: Counter[str] = field(default_factory=Counter)
    failed: dict[str, str] = field(default_factory=dict)
    """Error by database."""
    tried: set[str] = field(default_factory=set)
    """Databases that the run has begun to change."""
    taken_back: str = ""
    """Database that has its earlier routines again, because a read failed."""
    seconds: float = 0.0

    @property
    def status(self) -> int:
        """Return the exit status: 0 all done, 1 items left to decide, 2 errors."""
        if self.failed:
            return 2
        return 1 if self.plan.decide else 0


class Deployer:
    """Plans and deploys over one administrator's connection; `say` gets each line of the report."""

    def __init__(
        self,
        settings: Settings,
        say: Callable[[str], None] = print,
        *,
        files: Files | None = None,
        allow: Sequence[str] = (),
        only: Sequence[str] = (),
        canary: str = "",
        chooses_canary: bool = False,
        rate: float = 0.0,
        examples: bool = True,
    ) -> None:
        self.settings = settings
        self.say = say
        self.files = files or Files.load()
        self.canary = canary
        self._chooses_canary = chooses_canary and not canary
        self.rate = rate
        # The routines of an older revision have run here before; their examples are for other demo data.
        self.examples = examples and not self.files.is_rollback
        self.connection = Connection(settings)
        self._changer: TableChanger
        """Of the run, or of the list of its statements."""
        # A migration may wait longer for rows than what a node applies of other nodes (galera.cnf).
        self.connection.run(
            f"SET SESSION lock_wait_timeout = {LOCK_WAIT_SECONDS}, "
            f"innodb_lock_wait_timeout = {ROW_WAIT_SECONDS}"
        )
        user = database_servers(settings.db)[0].user if settings.db else ""
        self.wish = Wish(allow=frozenset(allow), only=frozenset(only), app_user=user)

    def plan(self, new_shards: Sequence[str] = ()) -> Plan:
        """Compare the files with the server, without changing anything.

        Raise DeployError for a server that a deploy would not put right.
        """
        plan = self._compare(new_shards)
        guards.check_tables(plan)
        guards.check_order(plan, contains, self.wish.allow)
        if self._chooses_canary:
            self.canary = choose(self.connection, plan)
        elif self.canary and self.canary not in plan.state.shards:
            raise DeployError(f"CANARY={self.canary} is no shard; there are {', '.join(plan.state.shards)}")
        return plan

    def _compare(self, new_shards: Sequence[str] = (), command: str = "deploy") -> Plan:
        guards.check_writable(self.connection)
        check_privileges(self.connection, command, new_shards, self.settings.db_shard)
        state = self._state(new_shards)
        guards.check_databases(self.connection, state)
        if self.wish.only or command == "drift":
            guards.check_applied(state)
        if not self.wish.only:
            check_history(self.files, state)
            guards.check_versions(self.files, state)
        return self._plan_from(state, in_full=command == "drift")

    def _plan_from(self, state: State, *, in_full: bool = False) -> Plan:
        if self.wish.only:
            return make_plan(self.files, state, self.wish)
        server = self.connection.server
        others = differences(self.settings, server, self.files, state, in_full=in_full)
        plan = make_plan(self.files, state, self.wish, others)
        ignore = Ignore(self.settings.schema_ignore)
        plan.unknown = [r for r in plan.unknown if not ignore.has(r.db, r.kind, r.name)]
        plan.unknown_objects = [d for d in plan.unknown_objects if not ignore.has(d.db, d.kind, d.name)]
        for change in changes(self.settings, server, self.files, state, self.wish.allow):
            if isinstance(change, Change):
                plan.changes.append(change)
            else:
                plan.row_changes.append(change)
        return self._mark_removed(plan)

    def _mark_removed(self, plan: Plan) -> Plan:
        """Mark the routines that a deploy has created and that are gone: somebody dropped them by hand."""
        deployed = set(plan.state.deployed) - plan.state.opening
        names = {item.name for item in plan.todo if item.action == "create" and item.db in deployed}
        if not names:
            return plan
        last = {
            (db, name): action
            for db, name, action in self.connection.rows(
                "SELECT db_name, name, action FROM yp.deploy_journal "
                "WHERE name IN %s AND state = 'done' ORDER BY run_id, number",
                tuple(names),
            )
        }
        todo = [
            dataclasses.replace(item, why="removed by hand", by_hand=True)
            if item.action == "create" and last.get((item.db, item.name), "drop") != "drop"
            else item
            for item in plan.todo
        ]
        return dataclasses.replace(plan, todo=todo)

    def show(self, plan: Plan) -> None:
        """Report the plan."""
        *lines, last = render(plan, callers_of, lambda i: self._installed(plan, i))
        if self.examples and any(news(plan)):
            lines.append("  run       examples  of all that is new, first of all, in a scratch database")
        if self._chooses_canary and self.canary:
            lines.append(
                f"  try       reads     of real people, first of all in {self.canary} (CANARY= names another)"
            )
        for line in [*lines, last]:
            self.say(line)

    def statements(self, plan: Plan) -> list[str]:
        """Return the statements of a plan, database by database, as a deploy runs them; run none."""
        real, recorder = self.connection, Recorder(self.connection)
        self._changer = TableChanger(recorder, plan, self._patiently)
        self.connection = recorder
        try:
            for db in self._order(plan):
                items = plan.of(db)
                if items[0].action != "database":
                    recorder.raw.select_db(db)
                for item in items:
                    self._apply(item)
        finally:
            self.connection = real
        return recorder.statements

    def check(self, plan: Plan) -> None:
        """Raise DeployError when what is new fails in a scratch database: the services would fail, too.

        A new routine can break those that call it, and a new table every routine. A routine whose header or
        clauses alone have changed is not run, but must be one that can be sent.
        """
        guards.check_changes(plan, self.settings.big_table_mb)
        sources = {item.source for item in plan.todo if isinstance(item.source, Routine)}
        for routine in sorted(sources, key=lambda routine: routine.path):
            create_statement(routine, self.files.revision)
        routines, has_tables = news(plan)
        if not self.examples or not (routines or has_tables):
            return
        changed = None if has_tables else routines
        report = run_examples(self.settings, self.files, self.connection.server, changed)
        if report.failures:
            raise DeployError(
                f"nothing was deployed: MariaDB {report.version} does not do what the files need\n"
                + "\n".join(map(str, report.failures))
                + f"\n`{as_typed('deploy SKIP_EXAMPLES=1')}` deploys nevertheless"
            )
        self.say(str(report))

    def installed_text(self, plan: Plan, installed: Installed) -> str:
        """Return an installed statement in the form of our files."""
        return self._installed(plan, installed).statement

    def _installed(self, plan: Plan, installed: Installed) -> InstalledText:
        text = text_of(self.connection, installed)
        routine = plan.files.by_scope[scope_of(installed.db)].get(installed.name)
        if routine is None:
            return text
        statement = text.statement
        if routine.params_text.lstrip() == installed.params_text:  # the server keeps no blanks before them
            statement = statement.replace(f"({installed.params_text})", f"({routine.params_text})", 1)
        if plain_type(installed.returns, routine.returns) == plain_type(routine.returns, installed.returns):
            statement = statement.replace(f"RETURNS {installed.returns}\n", f"RETURNS {routine.returns}\n", 1)
        return dataclasses.replace(text, statement=statement)

    def drift(self) -> list[str]:
        """Return lines for everything that was changed by hand on the server; none without such."""
        plan = self._compare(command="drift")
        report = dataclasses.replace(
            plan,
            todo=[item for item in plan.todo if item.by_hand],
            decide=[item for item in plan.decide if item.action == "drifted"],
            unknown_objects=[*self._unfinished(plan.state), *plan.unknown_objects],
        )
        return render_items(report, callers_of, lambda i: self._installed(plan, i))

    def _unfinished(self, state: State) -> list[Difference]:
        """Return the shards that an interrupted deploy has not completed."""
        if not state.opening or lease_holder(self.connection):
            return []
        why = f"its first deploy was interrupted; `{as_typed('deploy')}` completes it"
        return [Difference(db, "shard", db, "remains", why) for db in sorted(state.opening)]

    def _state(self, new_shards: Sequence[str] = ()) -> State:
        return self._with_first_shard(read_state(self.connection, new_shards))

    def _is_current(self, state: State, new_shards: Sequence[str]) -> bool:
        """Return whether nothing has changed on the server since a state was read, except rows of users."""
        if state.routine_statements is None:
            return self._state(new_shards) == state
        outline = self._with_first_shard(read_outline(self.connection, new_shards))
        return outline == dataclasses.replace(state, routines=outline.routines)

    def _with_first_shard(self, state: State) -> State:
        """Add the shard that the very first deploy of a server makes."""
        first = self.settings.db_shard
        if first and not state.registered and first not in state.shards:
            state.shards.insert(0, first)
        return state

    def deploy(self, new_shard: str = "", check: Callable[[Plan], None] = lambda _: None) -> Outcome:
        """Do what the plan says. Running it again continues where it was stopped.

        `check` refuses a plan that nobody has approved.
        """
        started = time.monotonic()
        new_shards = [new_shard] if new_shard else []
        guards.check_writable(self.connection)
        with self.connection.without_limit():
            online.clean_up_interrupted(self.settings, self.connection, self._patiently, self.say)
        before = self.plan(new_shards)  # refuses before anything is written
        check(before)
        if before.state.collations.get("yp", COLLATION) != COLLATION:
            self.connection.run(alter_database("yp"))
            self.say(f"yp: new tables get {COLLATION} again")
        bootstrap(self.connection)
        with Lease(self.settings) as lease:
            # the comparison of all tables takes most of the time: it holds unless another deploy came between
            plan = before if self._is_current(before.state, new_shards) else self.plan(new_shards)
            if plan is not before and before.state.applied:  # else the registry that was just made differs
                check(plan)
            if plan.todo or plan.decide or plan.unknown or plan.unknown_objects:
                self.show(plan)
            outcome = Outcome(plan, Counter(unchanged=plan.unchanged))
            self.check(plan)
            if plan.todo:
                self._run_plan(plan, outcome, lease)
            elif is_unfinished(self.connection):
                self._finish(plan, outcome)
        outcome.seconds = time.monotonic() - started
        return outcome

    def add_shard(self, name: str) -> Outcome:
        """Register a new shard, then deploy it. Naming one that exists changes nothing."""
        guards.check_shard_name(name)
        return self.deploy(name)

    def _run_plan(self, plan: Plan, outcome: Outcome, lease: Lease) -> None:
        journal = Journal(self.connection, plan.files.revision)
        ended = "interrupted"
        try:
            with Progress(len(plan.todo), self.say) as progress, Interrupts(progress.line) as interrupts:
                pace = Pace(self.connection, self.rate, progress.line)
                self._changer = TableChanger(
                    self.connection, plan, self._patiently, journal, progress.line,
                    (interrupts.check, lease.check),
                )  # fmt: skip
                for db in self._order(plan):
                    lease.check()
                    with self._trial(db, plan) as trial:
                        self._run_database(db, plan, outcome, (journal, progress, pace, interrupts), trial)
                    if self._is_end(db, outcome):
                        progress.line(f"stopped: the others wait until {db} is in order")
                        break
            self._verify(outcome)
            self._catch_up(outcome)
            ended = "failed" if outcome.failed else "done"
        finally:
            if self.connection.raw.open:
                journal.end(ended)

    def _finish(self, plan: Plan, outcome: Outcome) -> None:
        """Do what a run that was killed after its last item has left: the records are caught up with."""
        journal = Journal(self.connection, plan.files.revision)
        outcome.tried.update(plan.state.deployed)
        self._catch_up(outcome)
        journal.end("done")

    def _is_end(self, db: str, outcome: Outcome) -> bool:
        """Return whether a failure stops the run. A canary that nobody has named may have one of its own."""
        named = {"yp"} if self._chooses_canary else {"yp", self.canary}
        return db in outcome.failed and (db in named or outcome.taken_back == db)

    def _order(self, plan: Plan) -> list[str]:
        return sorted(plan.databases, key=lambda db: (db != "yp", db != self.canary, db))

    @contextmanager
    def _trial(self, db: str, plan: Plan) -> Iterator[Trial | None]:
        """Prepare to try the registry and the canary; None for other databases, and for new ones."""
        if db not in {"yp", self.canary} or not {"yp", self.canary, db} <= plan.state.databases:
            yield None
            return
        with closing(Connection(self.settings, [self.connection.server])) as connection:
            yield Trial(connection, plan, db, self.canary)

    def _run_database(
        self, db: str, plan: Plan, outcome: Outcome, tools: Tools, trial: Trial | None = None
    ) -> None:
        items = plan.of(db)
        outcome.tried.add(db)
        try:
            if items[0].action != "database":
                self.connection.raw.select_db(db)
            for start in range(0, len(items), CHUNK):
                self._run_chunk(items[start : start + CHUNK], outcome, tools)
            if db == self.canary:
                self._verify_database(db, items)
            if trial and (failures := trial.check()):
                self._take_back(trial, tools[0])
                outcome.counts -= Counter(item.action for item in trial.items)
                outcome.taken_back = db
                raise DeployError(f"{failures}\n{trial.next_step}")
        except (pymysql.err.MySQLError, DeployError) as exc:
            outcome.failed[db] = str(exc.args[1] if len(exc.args) > 1 else exc)
            tools[1].line(f"FAILED  {db}: {outcome.failed[db]}")
        else:
            tools[1].line(f"{db}: {_counted(Counter(item.action for item in items))}")

    def _take_back(self, trial: Trial, journal: Journal) -> None:
        """Bring back the routines that a database had before the deploy."""
        undone = trial.undone
        first = journal.before(undone)
        for statement in trial.statements:
            self._patiently(statement)
        journal.after(first, undone, [0] * len(undone), "")

    def _run_chunk(self, items: Sequence[Item], outcome: Outcome, tools: Tools) -> None:
        journal, progress, pace, interrupts = tools
        first = journal.before(items)
        took: list[int] = []
        error = "interrupted"
        try:
            for item in items:
                interrupts.check()
                started = time.monotonic()
                self._apply(item)
                seconds = time.monotonic() - started
                took.append(round(seconds * 1000))
                outcome.counts[item.action] += 1
                progress.step(item.db)
                pace.after_item(seconds)
            error = ""
        except pymysql.err.MySQLError as exc:
            error = f"{items[len(took)].kind} {items[len(took)].name}: ({exc.args[0]}) {exc.args[-1]}"
            raise DeployError(error) from exc
        finally:
            if self.connection.raw.open and (took or error):
                journal.after(first, items, took, error if len(took) < len(items) else "")

    def _apply(self, item: Item) -> None:
        if item.action in {"migration", "view"}:
            assert isinstance(item.source, Script)  # noqa: S101  # for mypy
            with self.connection.without_limit():  # a big table takes as long as it takes
                self._script(item.db, item.action, item.source)
        elif item.action in {"create", "replace"}:
            assert isinstance(item.source, Routine)  # noqa: S101  # for mypy
            self._patiently(create_statement(item.source, self.files.revision))
        elif item.action == "drop":
            self._patiently(f"DROP {item.kind.upper()} IF EXISTS `{item.db}`.`{item.name}`")
        elif item.action == "repair":
            assert item.difference is not None  # noqa: S101  # for mypy
            for statement in item.difference.statements:
                self._patiently(statement)
        elif item.action == "grant":
            self._grant(item.db, item.name)
        elif item.action == "shard":
            self.connection.run(
                "UPDATE yp.shard SET is_open = 1 WHERE name = %s AND is_open = %s", item.db, OPENING
            )
        else:
            self._create_database(item.db)

    def _create_database(self, db: str) -> None:
        self.connection.run(f"CREATE DATABASE IF NOT EXISTS `{db}` CHARACTER SET utf8mb4 COLLATE {COLLATION}")
        # It may have been made by hand, empty.
        self.connection.run(alter_database(db))
        if db != "yp":
            # known from now on, so that the next deploy completes it whatever happens; not open yet
            self.connection.run(
                "INSERT IGNORE INTO yp.shard (name, is_open, ctime) VALUES (%s, %s, UNIX_TIMESTAMP())",
                db,
                OPENING,
            )
        self.connection.raw.select_db(db)

    def _grant(self, db: str, user: str) -> None:
        if user == DEFINER_NAME:
            self.connection.run(MAKE_DEFINER)
            self._grant_to(db, DEFINER, DEFINER_RIGHTS)
            return
        # the service's account may EXECUTE and nothing else
        server = database_servers(self.settings.db)[0]
        host = "localhost" if server.unix_socket else "%"
        account = f"'{escape_string(server.user)}'@'{host}'"
        # as arguments: the % of any host would be one of the statement's
        self.connection.run(
            "CREATE USER IF NOT EXISTS %s@%s IDENTIFIED BY %s", server.user, host, server.password
        )
        self._grant_to(db, account, "EXECUTE")

    def _grant_to(self, db: str, account: str, rights: str) -> None:
        """Grant rights on one database, and take back those that reached others (before 2026-11-28)."""
        self.connection.run(f"GRANT {rights} ON `{escaped(db)}`.* TO {account}")
        if escaped(db) != db and self.connection.one(
            "SELECT COUNT(*) FROM mysql.db WHERE Db = %s AND CONCAT(QUOTE(User), '@', QUOTE(Host)) = %s",
            db,
            account,
        ):
            revoke_all(self.connection, db, account)

    def _script(self, db: str, kind: str, script: Script) -> None:
        for statement in script.statements:
            if kind == "view":
                self._patiently(view_statement(statement))
            else:
                self._changer.execute(db, script.name, statement)
        self.connection.run(
            "REPLACE INTO yp.deploy_item (db_name, kind, name, digest, ctime) "
            "VALUES (%s, %s, %s, %s, UNIX_TIMESTAMP())",
            db, kind, script.name, script.digest,
        )  # fmt: skip

    def _patiently(self, statement: str, *args: object, commits: bool = False) -> int:
        """Run a statement, in a transaction if it `commits`; return the number of affected rows.

        Wait for locks briefly, as others queue behind it, and try again. On a node of a cluster, the lock may
        be one of another node.
        """
        with WATCH.over(self.connection, statement):
            return self._repeated(statement, *args, commits=commits)

    def _repeated(self, statement: str, *args: object, commits: bool) -> int:
        for attempt in attempts(LOCK_ATTEMPTS, *LOCK_PAUSES):
            try:
                with self.connection.transaction() if commits else nullcontext():
                    return self.connection.run(statement, *args)
            except pymysql.err.OperationalError as exc:
                if exc.args[0] not in RETRYABLE or attempt.is_last:
                    raise
                time.sleep(attempt.pause)
        raise AssertionError("unreachable")

    def _catch_up(self, outcome: Outcome) -> None:
        """Rebuild the records that a migration queued in contact_stale."""
        if "contact_stale_owner" not in self.files.by_scope["shard"]:
            return
        self.connection.run("SET SESSION tx_isolation = 'READ-COMMITTED'")
        databases = sorted(outcome.tried - {"yp"} - set(outcome.failed))
        with self.connection.without_limit():
            self._mark_stale_again(databases)
            self._sweep(databases)
            for db in self._behind(databases):
                while owner := self.connection.one(f"CALL `{db}`.contact_stale_owner()"):
                    self._catch_up_with(db, owner)

    def _sweep(self, databases: Sequence[str]) -> None:
        """Queue the records of all databases that older routines left behind, many in one statement."""
        for start in range(0, len(databases), CHUNK):
            sweeps = "".join(
                f"START TRANSACTION; CALL `{db}`.contact_sweep(); COMMIT; "
                for db in databases[start : start + CHUNK]
            )
            self._patiently(
                "BEGIN NOT ATOMIC DECLARE EXIT HANDLER FOR SQLEXCEPTION BEGIN ROLLBACK; RESIGNAL; END; "
                f"{sweeps} END"
            )

    def _behind(self, databases: Sequence[str]) -> Iterator[str]:
        """Yield the databases that have stale records, many of them asked at once."""
        for start in range(0, len(databases), CHUNK):
            chunk = databases[start : start + CHUNK]
            owners = self.connection.results(f"CALL `{db}`.contact_stale_owner()" for db in chunk)
            yield from (db for db, ((owner, _),) in zip(chunk, owners, strict=True) if owner)

    def _catch_up_with(self, db: str, owner: str) -> None:
        """Rebuild some records of an owner; set an owner with broken data aside for the service to retry."""
        try:
            self._patiently(f"CALL `{db}`.my_contacts_catch_up(%s, %s)", owner, CATCH_UP_ROWS, commits=True)
        except pymysql.err.MySQLError as exc:
            if not concerns_one_owner(exc):
                raise
            self._patiently(f"CALL `{db}`.contact_set_aside_add(%s, %s)", owner, str(exc), commits=True)
            self.say(f"{db}: the contact records of {owner} cannot be made, set aside: {exc}")

    def _mark_stale_again(self, databases: Sequence[str]) -> None:
        """Repeat the MARK_STALE statements of the applied migrations, now that the routines are installed.

        A service that ran meanwhile has emptied the queue and rebuilt the records with the old routines.
        """
        applied = self.connection.rows(
            "SELECT i.db_name, i.name FROM yp.deploy_item AS i WHERE i.kind = 'migration' "
            "AND i.ctime >= (SELECT MIN(r.started) FROM yp.deploy_run AS r "
            "WHERE r.id > (SELECT COALESCE(MAX(d.id), 0) FROM yp.deploy_run AS d WHERE d.outcome = 'done'))"
        )
        repetitions = {
            script.name: [statement for statement in script.statements if MARK_STALE in statement]
            for script in self.files.migrations["shard"]
        }
        places = set(databases)
        for db, name in sorted(applied):
            if db in places and repetitions.get(name):
                self.connection.raw.select_db(db)
                for statement in repetitions[name]:
                    self._patiently(statement)

    def _remaining_plan(self) -> Plan:
        """Plan again: after a complete deploy nothing remains."""
        return self._plan_from(self._state())

    def _verify(self, outcome: Outcome) -> None:
        again = self._remaining_plan()
        for db in again.databases:
            if db in outcome.tried and db not in outcome.failed:
                outcome.failed[db] = f"not as planned after the deploy: {summary(again)}"
                self.say(f"FAILED  {db}: {outcome.failed[db]}")

    def _verify_database(self, db: str, items: Sequence[Item]) -> None:
        state = self._state()
        if any(isinstance(item.source, Script) for item in items):
            # the others have their tables compared at the end
            state = dataclasses.replace(state, shards=[db])
        remaining = self._plan_from(state).of(db)
        if remaining:
            first = f"{remaining[0].kind} {remaining[0].name}"
            raise DeployError(f"{len(remaining)} items are not as planned, {first} is the first")


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {action}" for action, count in counts.items())
