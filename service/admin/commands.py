"""Commands for people, address books, hubs, guest links, API keys, stuck mails and webhooks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from service.errors import CommandError
from service.local.with_servers import with_stack

if TYPE_CHECKING:
    from service.admin.registry import Registry
    from service.contacts.exporting import ExportOptions
    from service.settings import Settings

LONGEST_NAME = 64
"""Characters in the name of an API key."""
LIMIT: Any = {"min": -1, "max": 999_999_999}
LIMIT_HELP = "0: any number; -1: as the service allows."

commands = typer.Typer()


@commands.command(rich_help_panel="Develop")
def demo() -> int:
    """Load the demo data, unless it is there."""

    def work(settings: Settings) -> int:
        from service.admin import demo

        made = demo.load(settings)
        typer.echo("demo data: " + (", ".join(made) or "already there"))
        return 0

    return with_stack(work)


@commands.command(rich_help_panel="Operate")
def mail() -> int:
    """List mails that could not be sent, and why."""
    from service.mail.outbox import unsent_table

    return _with_registry(lambda registry: unsent_table(registry.call("yp", "mail_list", 200)))


@commands.command(rich_help_panel="Operate")
def webhooks(
    repeat: Annotated[int, typer.Option(help="Deliver this event again.")] = 0,
    resume: Annotated[str, typer.Option(help="Resume this webhook of the site, by its name.")] = "",
) -> int:
    """List webhooks with their state, backlog and last failure; repeat a delivery."""
    from service.admin.webhooks import change_or_list

    return _with_registry(lambda registry: change_or_list(registry, repeat, resume))


@commands.command(rich_help_panel="Operate")
def user(
    name: Annotated[str, typer.Option(help="First and last name.")],
    email: Annotated[str, typer.Option(help="Address to sign in with.")],
    password: Annotated[str, typer.Option(help="Asked for when absent.")] = "",
    domain: Annotated[str, typer.Option(help="Organisation; absent: the free domain.")] = "",
) -> int:
    """Register a person."""
    from service.web.email_address import normal_email

    if not name.strip():
        raise CommandError("the name is empty: give a first and a last name")
    if normal_email(email) is None:
        raise CommandError(f"{email!r} is not an email address")
    secret = password or _ask_password(email)
    firstname, _, lastname = " ".join(name.split()).partition(" ")

    def add(registry: Registry) -> str:
        uid, shard = registry.add_person(email, firstname, lastname, secret, domain or None)
        return f"{email} can sign in: uid {uid} on {shard}"

    return _with_registry(add)


def _ask_password(email: str) -> str:
    import getpass

    try:
        return getpass.getpass(f"Password for {email}: ")
    except EOFError:
        raise CommandError("no password: give PASSWORD=, or run this in a terminal") from None


@commands.command(rich_help_panel="Operate")
def hub(
    name: Annotated[str, typer.Option(help="Name that members see.")],
    owner: Annotated[str, typer.Option(help="Email or uid.")],
    area: Annotated[str, typer.Option(help="private, share, dmz or public.")] = "private",
) -> int:
    """Make a workspace."""
    if not name.strip():
        raise CommandError("the name is empty: members must see one")
    return _with_registry(lambda registry: f"hub {name} is {registry.add_hub(name, owner, area)}")


@commands.command(rich_help_panel="Operate")
def limits(
    hub: Annotated[str, typer.Option(help="Id of the hub.")],
    people: Annotated[int | None, typer.Option(**LIMIT, help=f"People in one room. {LIMIT_HELP}")] = None,
    minutes: Annotated[int | None, typer.Option(**LIMIT, help=f"Minutes of a meeting. {LIMIT_HELP}")] = None,
) -> int:
    """Limit the rooms of a hub, from the next meeting on; without a number, show its limits."""

    def limit(registry: Registry) -> str:
        known = registry.limit_rooms(hub, people, minutes)
        words = {None: "as the service allows", 0: "any number"}
        texts = [f"{name}: {words.get(number, number)}" for name, number in known.items()]
        return f"a room of hub {hub} has {', '.join(texts)}"

    return _with_registry(limit)


@commands.command(rich_help_panel="Operate")
def region(
    user: Annotated[str, typer.Option(help="Email or uid of the user.")],
    country: Annotated[
        str, typer.Option(help="Two letters, DE; empty: that of their own number, or of the service.")
    ],
) -> int:
    """Set the country of a user's phone numbers that have no country code."""
    from service.admin.acting import caller_of
    from service.live.phone_numbers import is_region

    code = country.strip().upper()

    def change(registry: Registry) -> str:
        if code and not is_region(code):
            raise CommandError(f"REGION={country} is no country: give two letters, as DE")
        caller = caller_of(registry, user)
        registry.set_phone_region(caller.uid, caller.db or "", code)
        return f"numbers of {user} without a country code are {f'those of {code}' if code else 'as before'}"

    return _with_registry(change)


@commands.command(rich_help_panel="Operate")
def link(
    hub: Annotated[str, typer.Option(help="Id of the hub.")],
    title: Annotated[str, typer.Option(help="Name of the meeting that guests see.")] = "",
    days: Annotated[int, typer.Option(help="How long the link is good; 0: for ever.")] = 7,
) -> int:
    """Let people without an account into the room of a dmz or public hub."""

    def add(registry: Registry) -> str:
        token, room = registry.add_link(hub, title, days)
        return f"guests enter room {room} with dmz.login and the token {token}"

    return _with_registry(add)


@commands.command(rich_help_panel="Operate")
def apikey(
    user: Annotated[str, typer.Option(help="Email or uid of the person it belongs to.")],
    scope: Annotated[
        str,
        typer.Option(
            help="agent: acts for that person; system, sync: for X-Claw-User-Id; carddav: an app password."
        ),
    ] = "agent",
    name: Annotated[str, typer.Option(help="What the key is for, such as the name of a phone.")] = "",
) -> int:
    """Make a key for a program that calls /api/v1, or an app password for a phone, and show it once."""
    from service.auth.keys import new_key
    from service.rest.declarations import SCOPES

    if scope not in SCOPES:
        raise CommandError(f"SCOPE={scope} is none of {', '.join(SCOPES)}")
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise CommandError(f"NAME has more than {LONGEST_NAME} characters, or control characters")

    def add(registry: Registry) -> str:
        key = new_key()
        ((key_id, _uid),) = registry.call("yp", "api_key_add", user, key, scope)
        registry.call("yp", "api_key_name", key_id, name.strip())
        return f"{key}\nshown this once; its id is {key_id}, its scope {scope}"

    return _with_registry(add)


@commands.command(rich_help_panel="Operate")
def apikeys(
    drop: Annotated[str, typer.Option(help="Id of the key to revoke.")] = "",
) -> int:
    """List the API keys, or revoke one."""

    def work(registry: Registry) -> str:
        if drop:
            return _drop_key(registry, drop)
        return _key_table(registry.call("yp", "api_key_list", None))

    return _with_registry(work)


def _drop_key(registry: Registry, key_id: str) -> str:
    from service.rest.change_feed import notify_key_change

    ((dropped,),) = registry.call("yp", "api_key_drop", key_id)
    if not dropped:
        return f"there is no key {key_id}"
    late = "" if notify_key_change(registry.settings) else "; Redis is away: its open /ws end within a minute"
    return f"key {key_id} is revoked{late}"


@commands.command("import", rich_help_panel="Operate")
def import_book(
    file: Annotated[Path, typer.Option(help="vCard, jCard or CSV file, of whatever name.")],
    user: Annotated[str, typer.Option(help="Email or uid of the person who gets the contacts.")],
    update: Annotated[str, typer.Option(help="For known people: add, replace or skip.")] = "add",
    charset: Annotated[str, typer.Option(help="Encoding, when the detection is wrong.")] = "",
) -> int:
    """Load a file into the address book of a person."""
    from service.contacts.encodings import codec_of
    from service.contacts.known import UPDATES

    if update not in UPDATES:
        raise CommandError(f"UPDATE={update} is none of {', '.join(UPDATES)}")
    if charset and not codec_of(charset):
        raise CommandError(f"CHARSET={charset} is no known encoding")

    def work(settings: Settings) -> int:
        from service.admin import book_import

        return book_import.load(settings, file, user, update, charset)

    return with_stack(work)


@commands.command("export", rich_help_panel="Operate")
def export_book(
    file: Annotated[Path, typer.Option(help="File to write; nobody else can read it.")],
    user: Annotated[str, typer.Option(help="Email or uid of the person whose contacts are written.")],
    format: Annotated[str, typer.Option(help="vcf, csv or jcard.")] = "vcf",  # noqa: A002
    version: Annotated[str, typer.Option(help="Of vcf: 3.0, 4.0 or 2.1.")] = "3.0",
    charset: Annotated[str, typer.Option(help="Of csv.")] = "utf-8",
    separator: Annotated[str, typer.Option(help="Of csv: a comma, a semicolon, or the word tab.")] = ",",
    option: Annotated[str, typer.Option(help="active, archived or all contacts.")] = "all",
    force: Annotated[bool, typer.Option("--force", help="Write over a file that exists.")] = False,
) -> int:
    """Write the address book of a person to a file."""
    from service.contacts.exporting import CSV_DEFAULTS, ExportOptions

    options = ExportOptions(format, option, version, charset, separator)
    _check_export(options)
    if format != "csv" and (charset, separator) != CSV_DEFAULTS:
        raise CommandError("CHARSET= and SEPARATOR= belong to FORMAT=csv")

    def work(settings: Settings) -> int:
        from service.admin import book_export

        return book_export.write(settings, file, user, options, force=force)

    return with_stack(work)


def _check_export(options: ExportOptions) -> None:
    """Refuse what contact.export_all does not take."""
    from dataclasses import asdict

    from service.rpc.definitions import read_declarations

    params = read_declarations()["contact"]["services"]["export_all"]["params"]
    for name, value in asdict(options).items():
        if value not in params[name]["enum"]:
            raise CommandError(f"{name.upper()}={value} is none of {' '.join(params[name]['enum'])}")


@commands.command(rich_help_panel="Operate")
def units(
    out: Annotated[str, typer.Option(help="Folder for the unit files.")],
    user: Annotated[str, typer.Option(help="System account that runs the service.")] = "drumee",
    program: Annotated[str, typer.Option(help="Path of drumee-contacts; absent: this one.")] = "",
    settings: Annotated[str, typer.Option(help="File with the settings.")] = "/etc/drumee-contacts/settings",
    admin_settings: Annotated[
        str, typer.Option(help="File with DRUMEE_DB_ADMIN, for backup and drift.")
    ] = "/etc/drumee-contacts/admin",
    uploads: Annotated[str, typer.Option(help="DRUMEE_UPLOAD_DIR, when it is set.")] = "",
) -> int:
    """Write systemd units: the service, a daily backup, a daily look for drift."""
    import sys

    from service.admin.units import Machine, write

    here = Path(sys.executable).with_name("drumee-contacts")
    machine = Machine(
        Path(program).absolute() if program else here, user, Path(settings), Path(admin_settings), uploads
    )
    typer.echo("\n".join(str(path) for path in write(machine, Path(out))))
    return 0


def _key_table(rows: list[tuple[str, str]]) -> str:
    import json

    from service.web.timestamps import wire_seconds

    lines = []
    for data, email in rows:
        key = json.loads(data)
        used = wire_seconds(key["last_used_at"]) or "never used"
        line = f"{key['id']}  {key['prefix']}…  {key['scope']:<7}  {used:<24}  {email}  {key['label']}"
        lines.append(line.rstrip())
    return "\n".join(lines) or "There are no keys."


def _with_registry(work: Callable[[Registry], str]) -> int:
    """Print what `work` returns; CommandError when the registry refuses it."""

    def print_result(settings: Settings) -> int:
        import pymysql

        from service.admin.registry import Registry
        from service.store.denials import explain

        try:
            typer.echo(work(Registry(settings)))
        except pymysql.err.MySQLError as exc:
            raise CommandError(f"refused: {explain(exc)}") from exc
        return 0

    return with_stack(print_result)
