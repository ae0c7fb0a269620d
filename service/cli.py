"""`python -m service …`: what the make targets run."""

from __future__ import annotations

import argparse
import getpass
import json
import os
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from service.settings import Settings, SettingsError, settings_table

if TYPE_CHECKING:
    from service.demo import Registry

EPILOG = (
    "Exit status: 0 done, or nothing to do; 1 differences (what plan, drift, lint and a deploy leave for you "
    "to decide); 2 failed, and the last line says why."
)

Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m service", epilog=EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, doc, options) in COMMANDS.items():
        sub = commands.add_parser(name, help=doc, description=doc, epilog=EPILOG)
        for flag, required, text in options:
            if required is None:
                sub.add_argument(flag, action="store_true", help=text)
            else:
                sub.add_argument(flag, required=required, help=text)
        sub.set_defaults(run=run)
    args = parser.parse_args(argv)
    try:
        status: int = args.run(args)
    except SettingsError as exc:
        print(f"settings: {exc}", file=sys.stderr)
        return 2
    return status


def _run(_: argparse.Namespace) -> int:
    from service import run

    return run.run()


def _up(_: argparse.Namespace) -> int:
    from service import run

    return run.up()


def _down(_: argparse.Namespace) -> int:
    from service import run

    return run.down()


def _serve(_: argparse.Namespace) -> int:
    settings = Settings.from_env()
    for name in ("db", "redis"):
        if not getattr(settings, name):
            raise SettingsError(
                f"DRUMEE_{name.upper()} is not set; `make run` starts private servers by itself"
            )
    _share_metrics(Path(settings.run_dir).absolute() / "metrics")
    from service import log

    log.configure(settings.log_level)
    from service.server import serve

    return serve(settings)


def _share_metrics(folder: Path) -> None:
    """A fresh folder in which the workers share their numbers.

    The metrics library looks at the environment when it is imported, so this comes before that.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    os.environ["PROMETHEUS_MULTIPROC_DIR"] = str(folder)


def _lazily(name: str) -> Command:
    """A command of `service.deploy.commands`, imported when it is run."""

    def run(args: argparse.Namespace) -> int:
        from service.deploy import commands

        command: Command = getattr(commands, name)
        return command(args)

    return run


def with_stack(work: Callable[[Settings], int]) -> int:
    """Run `work` against the servers of the settings, or the private ones of the run directory."""
    from service.deploy import commands

    return commands.with_stack(work)


def _shard(args: argparse.Namespace) -> int:
    from service.deploy.commands import report
    from service.deploy.deployer import Deployer

    def work(settings: Settings) -> int:
        status = report(Deployer(settings, say=lambda _: None).add_shard(args.name))
        if status == 0:
            print(f"shard {args.name} is ready")
        return status

    return with_stack(work)


def _demo(_: argparse.Namespace) -> int:
    from service import demo

    def work(settings: Settings) -> int:
        made = demo.load(settings)
        print("demo data: " + (", ".join(made) or "already there"))
        return 0

    return with_stack(work)


def _mail(_: argparse.Namespace) -> int:
    from service.demo import Registry
    from service.mail import stuck_table

    def work(settings: Settings) -> int:
        print(stuck_table(Registry(settings).call("yp", "mail_list", 200)))
        return 0

    return with_stack(work)


def _user(args: argparse.Namespace) -> int:
    from service.schema import normal_email

    if normal_email(args.email) is None:
        print(f"{args.email!r} is not an email address", file=sys.stderr)
        return 2
    try:
        password = args.password or getpass.getpass(f"Password for {args.email}: ")
    except EOFError:
        print("no password: give PASSWORD=, or run this in a terminal", file=sys.stderr)
        return 2
    firstname, _, lastname = args.name.partition(" ")

    def make(registry: Registry) -> str:
        uid, shard = registry.add_person(args.email, firstname, lastname, password, args.domain or None)
        return f"{args.email} can sign in: uid {uid} on {shard}"

    return _register(make)


def _hub(args: argparse.Namespace) -> int:
    def make(registry: Registry) -> str:
        return f"hub {args.name} is {registry.add_hub(args.name, args.owner, args.area or 'private')}"

    return _register(make)


def _link(args: argparse.Namespace) -> int:
    def make(registry: Registry) -> str:
        token, room = registry.add_link(args.hub, args.title or "", int(args.days or 7))
        return f"guests enter room {room} with dmz.login and the token {token}"

    return _register(make)


def _apikey(args: argparse.Namespace) -> int:
    from service.dialects.rest.declarations import SCOPES
    from service.dialects.rest.tokens import new_key

    scope = args.scope or "agent"
    if scope not in SCOPES:
        print(f"SCOPE={scope} is none of {', '.join(SCOPES)}", file=sys.stderr)
        return 2

    def make(registry: Registry) -> str:
        key = new_key()
        ((key_id, _uid),) = registry.call("yp", "api_key_add", args.user, key, scope)
        return f"{key}\nshown this once; its id is {key_id}, its scope {scope}"

    return _register(make)


def _apikeys(args: argparse.Namespace) -> int:
    def make(registry: Registry) -> str:
        if args.drop:
            return _drop_key(registry, args.drop)
        return _key_table(registry.call("yp", "api_key_list", None))

    return _register(make)


def _drop_key(registry: Registry, key_id: str) -> str:
    from service.dialects.rest.notes import tell_keys

    ((dropped,),) = registry.call("yp", "api_key_drop", key_id)
    if not dropped:
        return f"there is no key {key_id}"
    late = "" if tell_keys(registry.settings) else "; Redis is away: its open /ws end within a minute"
    return f"key {key_id} opens nothing any more{late}"


def _key_table(rows: list[tuple[str, str]]) -> str:
    from service.dialects.rest.times import wire_seconds

    lines = []
    for data, email in rows:
        key = json.loads(data)
        used = wire_seconds(key["last_used_at"]) or "never used"
        lines.append(f"{key['id']}  {key['prefix']}…  {key['scope']:<6}  {used:<24}  {email}")
    return "\n".join(lines) or "There are no keys."


def _register(make: Callable[[Registry], str]) -> int:
    import pymysql

    from service.demo import Registry

    def work(settings: Settings) -> int:
        try:
            print(make(Registry(settings)))
        except pymysql.err.MySQLError as exc:
            print(f"refused: {exc.args[1]}", file=sys.stderr)
            return 2
        return 0

    return with_stack(work)


def _listen(args: argparse.Namespace) -> int:
    from service import listen
    from service.run import running_url

    # what runs here may have been started with another port
    return listen.run(running_url() or Settings.from_env().base_url, args.user, args.password)


def _settings(_: argparse.Namespace) -> int:
    print(settings_table())
    return 0


def _shell(_: argparse.Namespace) -> int:
    from service.run import shell

    return shell()


def _bench(args: argparse.Namespace) -> int:
    from service.bench.main import bench

    return bench(args.only or "", args.seconds or "")


Option = tuple[str, bool | None, str]
"""(flag, whether it must be given, help); None: the flag takes no value."""
DEPLOY_OPTIONS: list[Option] = [
    ("--canary", False, "shard that comes first; the others wait until it is in order"),
    ("--rev", False, "git revision whose routines are deployed: the rollback"),
    ("--allow", False, "names whose unsafe, drifted or dropped state may be overwritten; unsafe: all such"),
    ("--rate", False, "items a second at most"),
]
FILE: Option = ("--file", True, "file of a routine, procedures/….sql")
COMMANDS: dict[str, tuple[Command, str, list[Option]]] = {
    "run": (_run, "start private servers, deploy, load demo data, serve; Ctrl-C stops it all", []),
    "up": (_up, "the same in the background; returns when the service is healthy", []),
    "down": (_down, "stop what up has started", []),
    "serve": (_serve, "serve only; MariaDB and Redis are given by the settings", []),
    "plan": (_lazily("plan"), "what deploy would do, and what it would leave to you", DEPLOY_OPTIONS),
    "deploy": (
        _lazily("deploy"),
        "create or upgrade the registry and every shard",
        [*DEPLOY_OPTIONS, ("--dry-run", None, "only say what would be done, as plan does")],
    ),
    "lint": (_lazily("lint"), "our rules for procedures/ and sql/", []),
    "docs": (_lazily("docs"), "write the reference of all routines to build/docs", []),
    "stats": (
        _lazily("stats"),
        "calls, errors, p50 and p95 of each routine, and routines nobody called",
        [("--seconds", False, "how long to listen for the percentiles; 5 when absent, 0 for none")],
    ),
    "backup": (_lazily("backup"), "write everything to one archive", [("--file", True, "archive to write")]),
    "restore": (
        _lazily("restore"),
        "bring an empty server to what an archive holds",
        [("--file", True, "archive that backup has written")],
    ),
    "move": (
        _lazily("move"),
        "move a person or hub to another shard; 503 for him while it lasts",
        [("--entity", True, "id, or email of a person"), ("--shard", True, "where to")],
    ),
    "drift": (_lazily("drift"), "what was changed by hand on the servers", []),
    "adopt": (
        _lazily("adopt"),
        "write a change that was made by hand into the file of the routine",
        [FILE, ("--shard", False, "database to take it from, when they differ")],
    ),
    "proc": (
        _lazily("proc"),
        "deploy one routine to all databases of its kind",
        [FILE, ("--allow", False, "its name, when the deploy leaves it to you")],
    ),
    "mail": (_mail, "list mails that could not be sent, and why", []),
    "demo": (_demo, "load the demo data, unless it is there", []),
    "user": (
        _user,
        "register a person",
        [
            ("--name", True, "first and last name"),
            ("--email", True, "address to sign in with"),
            ("--password", False, "asked for when absent"),
            ("--domain", False, "organisation; absent: the free domain"),
        ],
    ),
    "apikey": (
        _apikey,
        "make a key for a program that calls /api/v1; it is shown once",
        [
            ("--user", True, "email or uid of the person it belongs to"),
            ("--scope", False, "agent (default): acts for that person; system, sync: for X-Claw-User-Id"),
        ],
    ),
    "apikeys": (
        _apikeys,
        "list the keys, or take one away",
        [("--drop", False, "id of a key that shall open nothing any more")],
    ),
    "hub": (
        _hub,
        "make a workspace",
        [
            ("--name", True, "name that members see"),
            ("--owner", True, "email or uid"),
            ("--area", False, "private (default), share, dmz or public"),
        ],
    ),
    "link": (
        _link,
        "let people without an account into the room of a dmz or public hub",
        [
            ("--hub", True, "id of the hub"),
            ("--title", False, "name of the meeting that guests see"),
            ("--days", False, "how long the link is good, 7 by default; 0: for ever"),
        ],
    ),
    "shard": (_shard, "make a shard and deploy it", [("--name", True, "name of its database")]),
    "listen": (
        _listen,
        "sign in and print what arrives on the WebSocket",
        [("--user", True, "email or user name"), ("--password", True, "his password")],
    ),
    "settings": (_settings, "print the table of settings", []),
    "shell": (_shell, "the mariadb client on the private server", []),
    "bench": (
        _bench,
        "measure the service against its limit",
        [
            ("--only", False, "scenarios whose name contains this"),
            ("--seconds", False, "per measurement"),
        ],
    ),
}
