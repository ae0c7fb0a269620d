"""`python -m service …`: what the make targets run."""

from __future__ import annotations

import argparse
import getpass
import os
import sys
from collections.abc import Callable

from service.settings import Settings, SettingsError, settings_table

EPILOG = "Exit status: 0 done, or nothing to do; 2 failed, and the last line says why."

Command = Callable[[argparse.Namespace], int]


def main(argv: list[str] | None = None) -> int:
    """Run one command; its exit status."""
    parser = argparse.ArgumentParser(prog="python -m service", epilog=EPILOG)
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    for name, (run, doc, options) in COMMANDS.items():
        sub = commands.add_parser(name, help=doc, description=doc, epilog=EPILOG)
        for flag, required, text in options:
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
    # the metrics library looks at the environment when it is imported
    os.environ.setdefault("PROMETHEUS_MULTIPROC_DIR", "")
    from service.server import prepare_metrics, serve

    prepare_metrics(settings)
    return serve(settings)


def _with_stack(work: Callable[[Settings], int]) -> int:
    """Run `work` against the servers of the settings, or the private ones of the run directory."""
    from service.deploy.deployer import DeployError
    from service.stack import StackError, ensure_stack_env

    try:
        with ensure_stack_env() as env:
            return work(Settings.from_env({**os.environ, **env}))
    except (DeployError, StackError) as exc:
        print(exc, file=sys.stderr)
        return 2


def _deploy(_: argparse.Namespace) -> int:
    from service.deploy.deployer import Deployer

    def work(settings: Settings) -> int:
        counts = Deployer(settings).deploy()
        print("deployed: " + ", ".join(f"{n} {what}" for what, n in sorted(counts.items())))
        return 0

    return _with_stack(work)


def _shard(args: argparse.Namespace) -> int:
    from service.deploy.deployer import Deployer

    def work(settings: Settings) -> int:
        Deployer(settings, say=lambda _: None).add_shard(args.name)
        print(f"shard {args.name} is ready")
        return 0

    return _with_stack(work)


def _demo(_: argparse.Namespace) -> int:
    from service import demo

    def work(settings: Settings) -> int:
        made = demo.load(settings)
        print("demo data: " + (", ".join(made) or "already there"))
        return 0

    return _with_stack(work)


def _mail(_: argparse.Namespace) -> int:
    from service.demo import Registry
    from service.mail import stuck_table

    def work(settings: Settings) -> int:
        print(stuck_table(Registry(settings).call("yp", "mail_list", 200)))
        return 0

    return _with_stack(work)


def _user(args: argparse.Namespace) -> int:
    password = args.password or getpass.getpass(f"Password for {args.email}: ")
    firstname, _, lastname = args.name.partition(" ")

    def make(registry: object) -> str:
        from service.demo import Registry

        assert isinstance(registry, Registry)  # noqa: S101  # for mypy
        uid, shard = registry.add_person(args.email, firstname, lastname, password, args.domain or None)
        return f"{args.email} can sign in: uid {uid} on {shard}"

    return _register(make)


def _hub(args: argparse.Namespace) -> int:
    def make(registry: object) -> str:
        from service.demo import Registry

        assert isinstance(registry, Registry)  # noqa: S101  # for mypy
        return f"hub {args.name} is {registry.add_hub(args.name, args.owner, args.area or 'private')}"

    return _register(make)


def _register(make: Callable[[object], str]) -> int:
    import pymysql

    from service.demo import Registry

    def work(settings: Settings) -> int:
        try:
            print(make(Registry(settings)))
        except pymysql.err.MySQLError as exc:
            print(f"refused: {exc.args[1]}", file=sys.stderr)
            return 2
        return 0

    return _with_stack(work)


def _settings(_: argparse.Namespace) -> int:
    print(settings_table())
    return 0


def _shell(_: argparse.Namespace) -> int:
    from service.run import shell

    return shell()


def _bench(args: argparse.Namespace) -> int:
    from service.bench.main import bench

    return bench(args.only or "", args.seconds or "")


Option = tuple[str, bool, str]
COMMANDS: dict[str, tuple[Command, str, list[Option]]] = {
    "run": (_run, "start private servers, deploy, load demo data, serve; Ctrl-C stops it all", []),
    "up": (_up, "the same in the background; returns when the service is healthy", []),
    "down": (_down, "stop what up has started", []),
    "serve": (_serve, "serve only; MariaDB and Redis are given by the settings", []),
    "deploy": (_deploy, "create or upgrade the registry and every shard", []),
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
    "hub": (
        _hub,
        "make a workspace",
        [
            ("--name", True, "name that members see"),
            ("--owner", True, "email or uid"),
            ("--area", False, "private (default), share, dmz or public"),
        ],
    ),
    "shard": (_shard, "make a shard and deploy it", [("--name", True, "name of its database")]),
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
