"""A plan in a file, to be reviewed and approved: `make deploy PLAN=` does what it says, or nothing.

The file has what would be done where, with hashes of the text before and after, and a hash of the routines
and migrations of every database. A deploy makes the same document anew, from the server and the checkout as
they are then; any difference is a reason to refuse.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from service import as_typed
from service.deploy.create import create_statement
from service.deploy.guards import UNTOUCHED
from service.deploy.journal import operator
from service.deploy.plan import Item, Plan
from service.deploy.state import Installed
from service.local.whole_file import whole_file
from service.schema.routines import Routine, Script
from service.store.admin import DeployError

if TYPE_CHECKING:
    from service.deploy.deployer import Deployer

FORMAT = "drumee-contacts plan 1"
OF_THE_FILE = ("made", "by", "digest")
"""Keys that say nothing about what would be done."""
REASONS = 12
"""More reasons than this are counted, not listed."""


@dataclass(frozen=True)
class Options:
    """The options of the command that made the plan: a deploy of the plan has the same."""

    canary: str = ""
    rev: str = ""
    allow: str = ""
    rate: float = 0
    skip_examples: bool = False


class SavedPlan:
    """A plan as its file has it."""

    def __init__(self, path: str) -> None:
        """Read a file. Raise DeployError unless `make plan OUT=` wrote it, and nobody changed it."""
        self.path = path
        try:
            content = orjson.loads(Path(path).read_bytes())
        except OSError as exc:
            raise DeployError(f"PLAN={path} cannot be read: {exc.strerror}") from exc
        except orjson.JSONDecodeError:
            content = None
        if not isinstance(content, dict) or content.get("format") != FORMAT:
            raise DeployError(f"PLAN={path} is no plan; `{as_typed(f'plan OUT={path}')}` writes one")
        if content.get("digest") != _digest_of_file(content):
            raise DeployError(
                f"PLAN={path} was changed after it was written. {UNTOUCHED} "
                f"`{as_typed(f'plan OUT={path}')}` writes it again"
            )
        self._content: dict[str, Any] = content
        self.options = Options(**content["options"])

    def check(self, deployer: Deployer, plan: Plan) -> None:
        """Raise DeployError with the reasons, when the plan of now is not the one in the file."""
        now = document(deployer, plan, self.options)
        reasons = [*_reasons(self._content, now)]
        if not reasons:
            return
        more = [f"and {len(reasons) - REASONS} more differences"] if len(reasons) > REASONS else []
        lines = "".join(f"\n  - {reason}" for reason in [*reasons[:REASONS], *more])
        raise DeployError(
            f"PLAN={self.path} is not what a deploy would do now:{lines}\n{UNTOUCHED} "
            f"`{as_typed(f'plan OUT={self.path}')}` writes a new one"
        )


def write_plan(path: Path, deployer: Deployer, plan: Plan, options: Options) -> None:
    """Write a plan to a file, which is complete or absent."""
    content = {
        **document(deployer, plan, options),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "by": operator(),
    }
    content["digest"] = _digest_of_file(content)
    with whole_file(path, 0o644) as file:
        file.write(orjson.dumps(content, option=orjson.OPT_INDENT_2 | orjson.OPT_APPEND_NEWLINE))


def document(deployer: Deployer, plan: Plan, options: Options) -> dict[str, Any]:
    """Return all that a plan says, as JSON has it."""
    return {
        "format": FORMAT,
        "revision": plan.files.revision,
        "options": asdict(options),
        "server": _server(deployer, plan),
        "databases": _databases(plan),
        "actions": _actions(plan, plan.todo),
        "left": _actions(plan, plan.decide),
        "tables": [
            {
                "migration": f"{change.scope}/{change.script}",
                "table": change.table,
                "way": change.way,
                "online in": sorted(db for db in change.big_in if change.is_online(db)),
            }
            for change in plan.changes
        ],
        "unknown": sorted(
            [
                *(f"{i.db}.{i.name}: {i.kind.lower()}" for i in plan.unknown),
                *(f"{d.db}.{d.name}: {d.kind}" for d in plan.unknown_objects),
            ]
        ),
    }


def _server(deployer: Deployer, plan: Plan) -> str:
    """Return a name that all nodes of a cluster share: that of the first deploy."""
    if not plan.state.applied:
        return "nothing is deployed"
    ((first, started, by),) = deployer.connection.rows(
        "SELECT id, started, operator FROM yp.deploy_run ORDER BY id LIMIT 1"
    ) or [(0, 0, "nobody")]
    return f"first deploy: {first}, at {started}, by {by}"


def _databases(plan: Plan) -> dict[str, dict[str, str]]:
    """Return hashes of what each database has."""
    state = plan.state
    texts: dict[int, str] = {}
    applied: dict[str, list[str]] = {}
    for (db, kind, name), digest in state.applied.items():
        applied.setdefault(db, []).append(f"{kind} {name} {digest}")
    return {
        db: {
            "routines": _digest(
                sorted(
                    f"{name} {_text_of(state.routines[db, name], texts)}" for name in state.routines.names(db)
                )
            ),
            "migrations and views": _digest(sorted(applied.get(db, ()))),
            "default collation": state.collations.get(db, ""),
        }
        for db in ["yp", *state.shards]
    }


def _text_of(installed: Installed, texts: dict[int, str]) -> str:
    """Return a hash of an installed routine; equal ones of many databases are hashed once."""
    if installed.group not in texts:
        values = asdict(installed)
        for name in ("group", "db", "modified"):
            del values[name]
        texts[installed.group] = _digest(values)
    return texts[installed.group]


def _actions(plan: Plan, items: Iterable[Item]) -> list[dict[str, Any]]:
    """Return the items; equal ones of many databases are one."""
    databases: dict[tuple[str, ...], list[str]] = {}
    texts: dict[int, str] = {}
    sent: dict[Routine, str] = {}
    for item in items:
        before = _text_of(item.installed, texts) if item.installed else ""
        if item.difference:
            before = _digest(item.difference.diff)
        key = (item.action, item.kind, item.name, item.why, before, _after(item, plan.files.revision, sent))
        databases.setdefault(key, []).append(item.db)
    return [
        {
            "action": action,
            "kind": kind,
            "name": name,
            "why": why,
            "before": before,
            "after": after,
            "in": dbs,
        }
        for (action, kind, name, why, before, after), dbs in databases.items()
    ]


def _after(item: Item, revision: str, sent: dict[Routine, str]) -> str:
    """Return a hash of the statements that are sent, or would be if somebody allowed it.

    "" for what has no text of its own: a new database, rights, a drop.
    """
    if item.difference:
        return _digest(item.difference.statements)
    if isinstance(item.source, Script):
        return _digest(item.source.statements)
    if item.source is None:
        return ""
    if item.source not in sent:
        sent[item.source] = _digest(create_statement(item.source, revision))
    return sent[item.source]


def _reasons(file: Mapping[str, Any], now: Mapping[str, Any]) -> Iterable[str]:
    """Say how the plan of now differs from the one in the file."""
    if file["revision"] != now["revision"]:
        yield f"the checkout is at {now['revision']}, the plan was made at {file['revision']}"
    if file["server"] != now["server"]:
        yield f"it was made for another server ({file['server']}; here: {now['server']})"
    if file["actions"] and not now["actions"]:
        yield "nothing of it is left to do: it was deployed already"
    yield from _database_reasons(file["databases"], now["databases"])
    for key, word in (("actions", "do"), ("left", "leave")):
        before, after = (
            {(a["action"], a["kind"], a["name"], db): {**a, "in": db} for a in each[key] for db in a["in"]}
            for each in (file, now)
        )
        for name in sorted({*before, *after}):
            if before.get(name) != after.get(name):
                yield _action_reason(name, word, before.get(name), after.get(name))
    if file["tables"] != now["tables"]:
        yield "a table is changed in another way now: its size, or the server, has changed"
    if file["unknown"] != now["unknown"]:
        names = sorted({*file["unknown"]} ^ {*now["unknown"]})
        yield f"objects of somebody else came or went: {', '.join(names[:REASONS])}"
    rest = {k: v for k, v in file.items() if k not in OF_THE_FILE}
    if rest.keys() != now.keys():
        yield "the file has other keys than a plan"


def _database_reasons(
    file: Mapping[str, Mapping[str, str]], now: Mapping[str, Mapping[str, str]]
) -> Iterable[str]:
    for db in sorted({*file, *now}):
        if db not in now:
            yield f"{db} is no database of ours any more"
        elif db not in file:
            yield f"{db} is a new database"
        else:
            names = [part for part, digest in now[db].items() if file[db].get(part) != digest]
            if names:
                yield f"{db} has changed on the server: {', '.join(names)}"


def _action_reason(
    name: tuple[str, ...], word: str, before: Mapping[str, Any] | None, after: Mapping[str, Any] | None
) -> str:
    action, kind, own_name, db = name
    subject = f"{action} {kind} {own_name} in {db}"
    if after is None:
        return f"no longer to {word}: {subject}"
    if before is None:
        return f"not in the plan, and now to {word}: {subject}"
    parts = [
        text
        for key, text in (("before", "the installed text"), ("after", "the new text"), ("why", "the reason"))
        if before[key] != after[key]
    ]
    return f"{subject}: {' and '.join(parts)} changed"


def _digest_of_file(content: Mapping[str, Any]) -> str:
    return _digest({key: value for key, value in content.items() if key != "digest"})


def _digest(value: object) -> str:
    return hashlib.sha256(orjson.dumps(value, option=orjson.OPT_SORT_KEYS)).hexdigest()
