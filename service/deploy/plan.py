"""Compare the files with the installed state: `make plan` prints the differences, `deploy` removes them."""

from __future__ import annotations

import dataclasses
import difflib
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Protocol, TypeVar

from service import ROOT, as_typed
from service.deploy.change import Change
from service.deploy.difference import BY_NAME, BY_THE_DEPLOY, Difference
from service.deploy.row_changes import RowChange
from service.deploy.state import Installed, InstalledText, State, scope_of
from service.schema.routines import (
    Routine,
    Script,
    load_migrations,
    load_routines,
    load_views,
    same_parameters,
)
from service.store.admin import DEFINER_NAME, DeployError

T = TypeVar("T")
SHOWN_AS = {
    "database": ("create", "database"),
    "grant": ("grant", "rights to"),
    "migration": ("apply", "migration"),
    "view": ("make", "view"),
    "shard": ("open", "shard"),
}
"""(verb, kind) in a plan of the actions that are named after their object."""
ORDER = (
    "database", "account", "grant", "table", "trigger", "migration", "view", "function", "procedure", "shard"
)  # fmt: skip
"""Kinds in the order in which they are created; drops come last."""
DECIDE = ("unsafe", "drifted", "drop")
"""Actions that need a name: ALLOW=name."""
DIFFS = 3
"""Texts of one routine whose differences are shown."""
LINE_ENDS = "only the line ends were changed by hand (CRLF)"
"""Reason to replace a routine: a client that a DBA edited it with has sent other line ends."""
BY_HAND = " changed by hand"
"""End of a reason."""
MANY = 20
"""As many new routines as this are listed on one line."""
UNSAFE = "unsafe"
"""ALLOW=unsafe allows every routine whose parameters changed, for a server without other callers."""


@dataclass(frozen=True)
class Files:
    """The files of one revision."""

    routines: tuple[Routine, ...]
    migrations: Mapping[str, Sequence[Script]]
    views: Mapping[str, Sequence[Script]]
    revision: str = ""
    is_rollback: bool = False

    @classmethod
    def load(cls, revision: str = "", routines_from: Path = ROOT, *, is_rollback: bool = False) -> Files:
        """Read the files. Tables and views are always those of the checkout: they only go forward."""
        return cls(
            load_routines(routines_from),
            {scope: load_migrations(scope) for scope in ("yp", "shard")},
            {scope: load_views(scope) for scope in ("yp", "shard")},
            revision,
            is_rollback,
        )

    @cached_property
    def by_scope(self) -> dict[str, dict[str, Routine]]:
        """Return the routines by class of database and name, in the order of their creation."""
        routines: dict[str, dict[str, Routine]] = {"yp": {}, "shard": {}}
        for routine in self.routines:
            routines[routine.scope][routine.name] = routine
        return routines


@dataclass(frozen=True, slots=True)
class Item:
    """One action in one database, or one decision for the administrator."""

    db: str
    action: str
    """create, replace, drop, repair, the kind of any other object, or one of DECIDE"""
    kind: str
    """One of ORDER."""
    name: str
    why: str
    source: Routine | Script | None = None
    installed: Installed | None = None
    difference: Difference | None = None
    """Of an object that is no routine."""
    by_hand: bool = False
    """Whether somebody changed by hand what a deploy had made."""

    @property
    def from_digest(self) -> str:
        """Digest of the replaced statement; empty without one, or when it is unknown."""
        stamp = self.installed.stamp if self.installed else None
        return stamp["digest"] if stamp else ""

    @property
    def to_digest(self) -> str:
        """Digest of the new statement; empty for a drop."""
        return self.source.digest if self.source and self.action != "drop" else ""

    @property
    def changes_text(self) -> bool:
        """Whether the installed routine has other parameters or another body than the new one."""
        return (
            isinstance(self.source, Routine)
            and self.installed is not None
            and self.installed.fingerprint != self.source.fingerprint
        )


@dataclass
class Plan:
    """Actions, decisions, and the state they are based on."""

    files: Files
    state: State
    todo: list[Item] = field(default_factory=list)
    decide: list[Item] = field(default_factory=list)
    unknown: list[Installed] = field(default_factory=list)
    unknown_objects: list[Difference] = field(default_factory=list)
    """Objects of somebody else that are no routines."""
    changes: list[Change] = field(default_factory=list)
    """What the pending migrations change in existing tables."""
    row_changes: list[RowChange] = field(default_factory=list)
    """What they change in the rows of these."""
    unchanged: int = 0
    in_order: set[tuple[str, tuple[int, ...]]] = field(default_factory=set)
    """(scope, likeness) of databases in whose routines nothing was to do."""
    _verdicts: dict[tuple[str, str, int], tuple[str, str] | None] = field(default_factory=dict)

    def verdict(self, routine: Routine, installed: Installed | None) -> tuple[str, str] | None:
        """Return (action, reason) or None; equal states of many databases are compared once."""
        if installed is None:
            return "create", "new"
        key = (routine.scope, routine.name, installed.group)
        if key not in self._verdicts:
            self._verdicts[key] = _compare(routine, installed)
        return self._verdicts[key]

    @property
    def databases(self) -> list[str]:
        """Return the databases with something to do: the registry first, then the shards."""
        names = {item.db for item in self.todo}
        return sorted(names, key=lambda name: (name != "yp", name))

    def of(self, db: str) -> list[Item]:
        """Return the items of one database, in their order."""
        return self._by_database.get(db, [])

    @cached_property
    def _by_database(self) -> dict[str, list[Item]]:
        """Return the items by database: a thousand shards are searched once."""
        by_database: dict[str, list[Item]] = {}
        for item in self.todo:
            by_database.setdefault(item.db, []).append(item)
        return by_database


@dataclass(frozen=True)
class Wish:
    """The wishes of the command line."""

    allow: frozenset[str] = frozenset()
    """Routines whose unsafe, drifted or dropped state may be overwritten."""
    only: frozenset[str] = frozenset()
    """Routines to deploy; empty for everything."""
    app_user: str = ""
    """Account of the service, which gets EXECUTE."""


def make_plan(files: Files, state: State, wish: Wish, differences: Iterable[Difference] = ()) -> Plan:
    """Compare files and state, without any access to the server; `differences` are those of other objects."""
    plan = Plan(files, state)
    repairs: dict[str, list[Item]] = defaultdict(list)
    for difference in differences:
        _of_difference(difference, plan, wish, repairs)
    for db in ["yp", *state.shards]:
        scope = scope_of(db)
        items: list[Item] = []
        if not wish.only:
            items += _database(db, state, wish)
            items += _scripts(db, "migration", files.migrations[scope], state)
            items += _scripts(db, "view", files.views[scope], state)
            items += repairs[db]
        items += _routines(db, files, files.by_scope[scope], plan, wish)
        plan.todo += sorted(items, key=_turn)
    return plan


def _of_difference(difference: Difference, plan: Plan, wish: Wish, repairs: dict[str, list[Item]]) -> None:
    """Add what a difference asks for: a repair by the deploy, or a decision."""
    if difference.what in {"unknown", "remains"}:
        plan.unknown_objects.append(difference)
        return
    is_allowed = difference.repair == BY_NAME and difference.name in wish.allow
    is_repair = is_allowed or difference.repair == BY_THE_DEPLOY
    action = "repair" if is_repair else "drifted"
    item = Item(
        difference.db, action, difference.kind, difference.name, difference.why,
        difference=difference, by_hand=True,
    )  # fmt: skip
    (repairs[difference.db] if is_repair else plan.decide).append(item)


def _turn(item: Item) -> tuple[bool, int, bool]:
    """Create new routines before replacing those that may call them."""
    return item.action == "drop", ORDER.index(item.kind), item.action != "create"


def check_history(files: Files, state: State) -> None:
    """Refuse migrations whose numbers, names or order are not those of the databases."""
    _check_twins(files, state)
    _check_names(files, state)
    _check_late(files, state)


def _check_names(files: Files, state: State) -> None:
    """Refuse databases whose migrations have other names than ours of the same numbers."""
    ours = {scope: {s.name[:4]: s.name for s in scripts} for scope, scripts in files.migrations.items()}
    for db, kind, name in sorted(state.applied):
        own_name = ours[scope_of(db)].get(name[:4], name)
        if kind == "migration" and own_name != name:
            raise DeployError(
                f"the migration {name} was applied to {db}, and this version has {own_name} in its place: "
                "the database was made before the first release or by a branch, and cannot be upgraded. "
                "With nothing to keep, drop it (`make clean` drops a private server) and deploy again; "
                "else export the contacts with the version that made it, and load them into a new database"
            )


def _check_twins(files: Files, state: State) -> None:
    """Refuse two migrations of one number: nobody has chosen their order."""
    applied = {name for _, kind, name in state.applied if kind == "migration"}
    for scripts in files.migrations.values():
        for first, second in itertools.pairwise(scripts):
            if first.name[:4] == second.name[:4]:
                later = first if second.name in applied else second
                raise DeployError(
                    f"{first.path} and {second.path.name} have one number, as when two branches meet: "
                    f"nothing was touched. {_way_out(later, scripts[-1].name)}"
                )


def _check_late(files: Files, state: State) -> None:
    """Refuse new migrations below those that were applied: elsewhere they run in another order."""
    for db in ["yp", *state.shards]:
        applied = state.migrations(db)
        newest = max(applied, default="")
        for script in files.migrations[scope_of(db)]:
            if script.name not in applied and script.name < newest:
                raise DeployError(
                    f"{script.path} is new to {db}, where {newest} was applied before it, as when two "
                    f"branches meet: nothing was touched. {_way_out(script, newest)}"
                )


def _way_out(script: Script, newest: str) -> str:
    name = f"{int(newest[:4]) + 1:04}{script.name[4:]}.sql"
    return f"The branch that comes later renames its file: `git mv {script.path} {script.path.parent}/{name}`"


def _database(db: str, state: State, wish: Wish) -> Iterator[Item]:
    is_known = db == "yp" or db in state.registered
    if db not in state.databases or not is_known:
        yield Item(db, "database", "database", db, "new")
    if db in state.opening or not is_known:
        yield Item(db, "shard", "shard", db, "opens when it is complete")
    by_hand = state.is_deployed(db) and db not in state.opening
    for user in sorted(filter(None, {DEFINER_NAME, wish.app_user})):
        if (db, user) in state.granted and (db, user) not in state.wide:
            continue
        why = "rights are missing" if user in state.users else "the account is missing"
        if (db, user) in state.wide:
            why = f"its rights reach other databases: _ in {db} stands for any letter"
        yield Item(db, "grant", "grant", user, why, by_hand=by_hand)


def _scripts(db: str, kind: str, scripts: Sequence[Script], state: State) -> Iterator[Item]:
    """Plan the migrations or the views."""
    for script in scripts:
        applied = state.applied.get((db, kind, script.name))
        if applied == script.digest:
            continue
        if kind == "migration" and applied is not None:
            raise DeployError(
                f"{script.path} was changed after it was applied to {db}; "
                "migrations are append-only: undo the edit and write a new one"
            )
        yield Item(db, kind, kind, script.name, "changed" if applied else "new", script)


def _routines(
    db: str, files: Files, routines: Mapping[str, Routine], plan: Plan, wish: Wish
) -> Iterator[Item]:
    likeness = scope_of(db), plan.state.routines.likeness(db)
    if likeness in plan.in_order:
        plan.unchanged += len(routines)
        return
    before = plan.unchanged, len(plan.decide), len(plan.unknown)
    has_items = False
    for item in _routine_items(db, files, routines, plan, wish):
        has_items = True
        yield item
    after = plan.unchanged - len(routines), len(plan.decide), len(plan.unknown)
    if not has_items and after == before:
        plan.in_order.add(likeness)


def _routine_items(
    db: str, files: Files, routines: Mapping[str, Routine], plan: Plan, wish: Wish
) -> Iterator[Item]:
    alike = plan.state.routines.alike(db)
    for routine in routines.values():
        if wish.only and routine.name not in wish.only:
            continue
        installed = alike.get(routine.name)
        verdict = plan.verdict(routine, installed)
        if verdict is None:
            plan.unchanged += 1
            continue
        action, why = verdict
        installed = plan.state.routines.get((db, routine.name))
        item = Item(
            db, action, routine.kind.lower(), routine.name, why, routine, installed,
            by_hand=why == LINE_ENDS or why.endswith(BY_HAND),
        )  # fmt: skip
        if item.action in DECIDE and not _allowed(item, wish):
            plan.decide.append(item)
        else:
            yield dataclasses.replace(item, action="replace") if item.action in DECIDE else item
    if wish.only or files.is_rollback:
        return
    for name in plan.state.routines.names(db):
        if name not in routines:
            yield from _extra(db, plan.state.routines[db, name], plan, wish)


def _allowed(item: Item, wish: Wish) -> bool:
    return item.name in wish.allow or (item.action == "unsafe" and UNSAFE in wish.allow)


def _compare(routine: Routine, installed: Installed) -> tuple[str, str] | None:
    """Return (action, reason) for an installed routine; None when it matches its file."""
    stamp = installed.stamp
    is_same = installed.fingerprint == routine.fingerprint
    traits = installed.traits_changed(routine)
    if is_same and not traits:
        is_stamped = stamp is not None and stamp["digest"] == routine.digest and bool(stamp["fingerprint"])
        return None if is_stamped else ("replace", "header or comment")
    # A change made by hand and adopted since is in the file: nothing is lost.
    is_adopted = is_same and (stamp is None or stamp["digest"] != routine.digest)
    by_hand = "" if is_adopted else _changed_by_hand(routine, installed)
    if by_hand and by_hand != LINE_ENDS:
        return "drifted", by_hand
    if not same_parameters(installed.params_text, routine.params_text):
        return "unsafe", "parameters changed"
    if by_hand:
        return "replace", by_hand  # nobody's work is lost
    if not is_same:
        return "replace", "body"
    # A client that has made it again keeps neither its mark nor, perhaps, whose rights it has.
    return "replace", f"{', '.join(traits)}{BY_HAND if stamp is None else ''}"


def _changed_by_hand(routine: Routine, installed: Installed) -> str:
    """Return the reason why an installed routine is not the result of a deploy; empty when it is."""
    stamp = installed.stamp
    if stamp is None:
        is_alike = installed.plain_fingerprint == routine.fingerprint
        return LINE_ENDS if is_alike else "carries no mark of a deploy"
    # Routines of the first deployer carry a mark without fingerprint: only the file is known.
    if stamp["fingerprint"] and installed.fingerprint != stamp["fingerprint"]:
        has_more = installed.plain_fingerprint != stamp["fingerprint"] or installed.traits_wrong()
        return LINE_ENDS if not has_more else f"body or parameters{BY_HAND}"
    wrong = installed.traits_wrong()
    if wrong:
        return f"{', '.join(wrong)}{BY_HAND}"
    if stamp["digest"] == routine.digest:
        return f"{', '.join(installed.traits_changed(routine)) or 'body'}{BY_HAND}"
    return ""


def _extra(db: str, installed: Installed, plan: Plan, wish: Wish) -> Iterator[Item]:
    if installed.stamp is None:
        plan.unknown.append(installed)
        return
    item = Item(
        db,
        "drop",
        installed.kind.lower(),
        installed.name,
        f"{installed.stamp['path']} is gone",
        None,
        installed,
    )
    if installed.name in wish.allow:
        yield item
    else:
        plan.decide.append(item)


Callers = Callable[[str, str], list[str]]
"""Return the places that call (scope, routine)."""
TextOf = Callable[[Installed], InstalledText]
"""Return the text of an installed routine."""


def render(plan: Plan, callers: Callers, text_of: TextOf) -> list[str]:
    """Render the plan in lines; equal changes of many databases share one."""
    shards = len(plan.state.shards)
    rev = f"rev {plan.files.revision} · " if plan.files.revision else ""
    head = f"plan  {rev}{shards} shard{'s' * (shards != 1)} · {len(plan.files.routines)} routines"
    return [head, *render_items(plan, callers, text_of), summary(plan)]


def render_items(plan: Plan, callers: Callers, text_of: TextOf) -> list[str]:
    """Render the actions and decisions, without a title."""
    lines: list[str] = []
    for (action, kind, name, why, *_), items in _grouped([*_show_many(plan, lines), *plan.decide]):
        verb, thing = SHOWN_AS.get(action, (action, kind))
        if difference := items[0].difference:
            verb = difference.what if action == "drifted" else verb
            why = ", ".join(filter(None, [why, difference.when]))
        lines.append(f"  {verb:<9} {thing:<9} {name:<26} {places(items):<18} {why}")
        if action == "unsafe":
            lines += _show_unsafe(items[0], callers)
        if action == "migration":
            scope = scope_of(items[0].db)
            changes: list[Change | RowChange] = [*plan.changes, *plan.row_changes]
            ours = [c for c in changes if (c.scope, c.script) == (scope, name)]
            lines += [f"            {line}" for change in ours for line in change.lines()]
        if action == "replace":
            lines += _show_replacement(items, text_of)
        if difference:
            lines += _show_difference(difference, action)
        elif action == "drifted":
            lines += _show_drift(items, text_of)
        if action == "drop" and items[0] in plan.decide:
            lines.append(f"            → {as_typed(f'deploy ALLOW={name}')}   (once nobody calls it)")
    for (name,), unknown in _by(plan.unknown, lambda i: (i.name,)):
        lines.append(
            f"  unknown   {unknown[0].kind.lower():<9} {name:<26} {places(unknown):<18} not ours, left alone"
        )
    for (what, kind, name, why), objects in _by(
        plan.unknown_objects, lambda d: (d.what, d.kind, d.name, d.why)
    ):
        lines.append(f"  {what:<9} {kind:<9} {name:<26} {places(objects):<18} {why}")
    return lines


def _show_difference(difference: Difference, action: str) -> list[str]:
    """Show what differs, and the statements or the command that puts it back."""
    lines = [f"            {line}" for line in difference.diff]
    if not difference.advice:
        lines += [f"            {line}" for text in difference.statements for line in f"{text};".splitlines()]
    if action == "drifted":
        lines += [f"            → {line}" for line in difference.advice]
    if action == "drifted" and difference.repair == BY_NAME and not difference.advice:
        lines.append(f"            → {as_typed(f'deploy ALLOW={difference.name}')}   (puts it back)")
    return lines


def _show_many(plan: Plan, lines: list[str]) -> list[Item]:
    """Add one line for many new routines; return the others, whose differences somebody wants to read."""
    groups = _by(plan.todo, lambda i: (i.action, i.kind, i.why, scope_of(i.db)))
    singles: list[Item] = []
    for (action, kind, why, _), items in groups:
        names = {item.name for item in items}
        if len(names) < MANY or action != "create" or kind not in {"procedure", "function"}:
            singles += items
            continue
        where = places(list({item.db: item for item in items}.values()))
        lines.append(f"  {action:<9} {f'{len(names)} {kind}s':<36} {where:<18} {why}")
    return singles


def summary(plan: Plan) -> str:
    """Return the last line of a plan."""
    if not plan.todo and not plan.decide:
        return f"nothing to do: {plan.unchanged} routines are as their files say"
    parts = [f"{len(plan.todo)} to do"] if plan.todo else []
    if plan.decide:
        parts.append(f"{len(plan.decide)} to decide")
    return ", ".join([*parts, f"{plan.unchanged} unchanged"])


def _grouped(items: Iterable[Item]) -> list[tuple[tuple[str, ...], list[Item]]]:
    def key(item: Item) -> tuple[str, ...]:
        diff = item.difference.diff if item.difference else ()
        return (item.action, item.kind, item.name, item.why, *diff)

    return _by(items, key)


def _by(items: Iterable[T], key: Callable[[T], tuple[str, ...]]) -> list[tuple[tuple[str, ...], list[T]]]:
    groups: dict[tuple[str, ...], list[T]] = defaultdict(list)
    for item in items:
        groups[key(item)].append(item)
    return list(groups.items())


class InDatabase(Protocol):
    """Anything that is in one database."""

    @property
    def db(self) -> str:
        """Name of the database."""


def places(items: Iterable[InDatabase]) -> str:
    """Describe the databases in a few words."""
    names = [item.db for item in items]
    if len(names) <= 3:
        return ", ".join(names)
    return f"{len(names)} databases"


def _show_unsafe(item: Item, callers: Callers) -> list[str]:
    assert item.installed is not None  # noqa: S101  # for mypy
    assert isinstance(item.source, Routine)  # noqa: S101  # for mypy
    call_sites = callers(item.source.scope, item.name) or ["nobody in this checkout"]
    return [
        f"            installed ({item.installed.signature})",
        f"            file      ({item.source.signature})",
        *(f"            called by {place}" for place in call_sites),
        f"            → {as_typed(f'deploy ALLOW={item.name}')}   "
        "(with the callers; or give it a new name instead)",
    ]


def _show_replacement(items: Sequence[Item], text_of: TextOf) -> list[str]:
    """Show how the new text differs from the installed one, which may not be the same everywhere."""
    groups = _by(items, lambda i: (i.from_digest, i.installed.fingerprint if i.installed else ""))
    lines = []
    for _, alike in groups[:DIFFS]:
        assert alike[0].installed is not None  # noqa: S101  # for mypy
        assert isinstance(alike[0].source, Routine)  # noqa: S101  # for mypy
        if len(groups) > 1:
            lines.append(f"            in {places(alike)}")
        installed, source = text_of(alike[0].installed), alike[0].source
        lines += [
            f"            {line}"
            for line in _diff(
                ("installed", _whole(installed.header, installed.statement)),
                (str(source.path), _whole(source.header, source.statement)),
            )
        ]
    if len(groups) > DIFFS:
        lines.append(f"            … and {len(groups) - DIFFS} more texts")
    return lines


def _whole(header: str, statement: str) -> str:
    """Return a routine as its file has it."""
    return "\n".join([*(f"-- {line}".rstrip() for line in header.splitlines()), statement])


def _show_drift(items: Sequence[Item], text_of: TextOf) -> list[str]:
    lines = []
    for item in items[:3]:
        assert item.installed is not None  # noqa: S101  # for mypy
        assert isinstance(item.source, Routine)  # noqa: S101  # for mypy
        lines.append(f"            in {item.db}, last changed {item.installed.modified}")
        text = text_of(item.installed).statement
        lines += [f"            {line}" for line in drift_diff(item.source, text)]
    if len(items) > 3:
        lines.append(f"            … and in {len(items) - 3} more databases")
    first = items[0]
    assert isinstance(first.source, Routine)  # noqa: S101  # for mypy
    assert first.installed is not None  # noqa: S101  # for mypy
    # no file can say what every routine has alike: its definer, its sql_mode
    is_in_text = text_of(first.installed).statement != first.source.statement
    return [
        *lines,
        *([f"            → make adopt F={first.source.path}   (keep it)"] if is_in_text else []),
        f"            → {as_typed(f'deploy ALLOW={first.name}')}   (overwrite it)",
    ]


def drift_diff(routine: Routine, installed: str) -> list[str]:
    """Return the difference between the installed statement and the file."""
    if installed != routine.statement and installed.splitlines() == routine.statement.splitlines():
        return ["only the line ends differ: those of the server are CRLF"]
    return _diff((str(routine.path), routine.statement), ("installed", installed))


def _diff(before: tuple[str, str], after: tuple[str, str]) -> list[str]:
    """Return the difference of two texts, each with its name in front."""
    (old_name, old), (new_name, new) = before, after
    return [*difflib.unified_diff(old.splitlines(), new.splitlines(), old_name, new_name, lineterm="", n=1)]
