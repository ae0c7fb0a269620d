"""The console command `drumee-contacts`; `python -m service` is the same.

Each room declares its commands in its `commands` module, as functions whose parameters are the options.
Only typer is imported for that: what a command works with is imported when it runs, so that `--help` and
short commands start at once.
"""

from __future__ import annotations

import atexit
import gc
import io
import locale
import os
import signal
import sys
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from service import PROGRAM, as_typed
from service.admin.commands import commands as admin_commands
from service.cluster.commands import commands as cluster_commands
from service.deploy.commands import commands as deploy_commands
from service.errors import CommandError
from service.lint.command import commands as lint_commands
from service.local.checkout import require_checkout
from service.local.commands import commands as local_commands
from service.local.ending import ended_by_signals, is_ending

PANELS = ("Run", "Schema", "Operate", "Cluster", "Develop")
EPILOG = (
    "Exit status: 0 done, or nothing to do; 1 differences (what plan, drift, lint and a deploy leave for you "
    "to decide), or an import that ended early; 2 failed, and the last line says why."
)


GARBAGE_OBJECTS = 50_000
"""New objects after which a command searches for garbage. Python's own 700 are for small programs."""
INTERRUPTED = "interrupted; run the same command again"
OWN_SIGNALS = {"run", "serve"}
"""Commands that serve until a signal; the others are ended by one."""


class PanelGroup(TyperGroup):
    """Lists the commands under the titles of their panels, as rich does, but without 0.1 s of imports."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; CommandError when a signal ends it, or nobody reads what it prints."""
        words = [*ctx._protected_args, *ctx.args]
        if words and words[0] in OWN_SIGNALS:
            if signal.getsignal(signal.SIGINT) is signal.SIG_DFL:
                signal.signal(signal.SIGINT, signal.default_int_handler)
            return super().invoke(ctx)
        with ended_by_signals():
            try:
                return super().invoke(ctx)
            except KeyboardInterrupt:
                raise CommandError(INTERRUPTED) from None
            except BrokenPipeError:
                raise CommandError("ended early, because nobody reads its output any more") from None
            except RuntimeError as exc:  # of Python, when a signal comes while it imports a module
                if not is_ending():
                    raise
                raise CommandError(INTERRUPTED) from exc

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write one section for each panel."""
        for panel in PANELS:
            with formatter.section(panel):
                formatter.write_dl(
                    [
                        (name, command.get_short_help_str(limit=200))
                        for name, command in self.commands.items()
                        if getattr(command, "rich_help_panel", "") == panel
                    ]
                )


def main(argv: list[str] | None = None) -> int:
    """Run one command and return its exit status."""
    if argv is None:
        _read_utf8()
        _search_garbage_less()
    _open_streams()
    try:
        status = _status(argv)
        sys.stdout.flush()
    except CommandError as exc:
        _complain(str(exc))
        return 2
    except OSError as exc:  # a folder that is missing or closed; without a name, the output
        _complain(str(exc) if exc.filename else f"the output cannot be written: {exc.strerror or exc}")
        return 2
    except Exception as exc:
        _complain(_fault(exc))
        return 2
    return status


def _read_utf8() -> None:
    """Start again in the UTF-8 mode of Python when the locale, as cron may have it, is another one.

    Our files are UTF-8, and a routine that was read as Latin-1 would be deployed as that.
    """
    if not sys.flags.utf8_mode and locale.getencoding().lower() != "utf-8":
        os.environ["PYTHONUTF8"] = "1"
        os.execv(sys.executable, [sys.executable, *sys.orig_argv[1:]])  # noqa: S606


def _search_garbage_less() -> None:
    """Search for garbage rarely while modules are imported, and never when Python ends.

    Imported modules stay to the end, in half a million objects: the searches took a quarter of a command.
    """
    gc.set_threshold(GARBAGE_OBJECTS)
    # the system takes the memory back in any case
    atexit.register(gc.freeze)


def _open_streams() -> None:
    """Print to nowhere where a stream is closed, and marks in place of what its encoding lacks."""
    for name in ("stdout", "stderr"):
        stream = getattr(sys, name)
        if stream is None:
            setattr(sys, name, Path(os.devnull).open("w"))  # noqa: SIM115
        elif isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def _status(argv: list[str] | None) -> int:
    try:
        _program()(argv, prog_name=PROGRAM)
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def _complain(text: str) -> None:
    """Print a message, wherever that is possible; what could not be printed before is dropped."""
    with suppress(OSError):
        typer.echo(text, err=True)
    try:
        sys.stdout.flush()
    except OSError:
        # Python would fail on it again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _fault(exc: Exception) -> str:
    """Return the message for a fault of this program; its trace is in a file, and has no data of users."""
    import tempfile

    from service.log import kind_of, trace_of

    text = f"{PROGRAM} has failed by a fault of its own, {kind_of(exc)}"
    try:
        with tempfile.NamedTemporaryFile("w", prefix=f"{PROGRAM}-", suffix=".trace", delete=False) as file:
            file.write(trace_of(exc))
    except OSError:
        return f"{text}. Please report it"
    return f"{text}. Please report it with {file.name}"


def _program() -> typer.Typer:
    program = typer.Typer(
        cls=PanelGroup,
        rich_markup_mode=None,
        help="Contacts and conferences for the Drumee frontend, served from MariaDB stored procedures.",
        context_settings={"help_option_names": ["-h", "--help"]},
        epilog=EPILOG,
        add_completion=False,
        pretty_exceptions_enable=False,
        result_callback=_exit,
    )
    rooms = (local_commands, deploy_commands, admin_commands, cluster_commands, lint_commands, commands)
    declared = [command for room in rooms for command in room.registered_commands]
    program.registered_commands = sorted(declared, key=lambda command: PANELS.index(command.rich_help_panel))
    for command in program.registered_commands:
        command.epilog = EPILOG
    return program


def table() -> dict[str, Any]:
    """Return all commands by name, with their parameters."""
    commands_by_name: dict[str, Any] = typer.main.get_command(_program()).commands  # type: ignore[attr-defined]
    return commands_by_name


def _exit(status: int) -> None:
    raise typer.Exit(status)


commands = typer.Typer()


@commands.command(rich_help_panel="Run")
def serve() -> int:
    """Serve until SIGTERM, with the MariaDB and Redis that the settings name."""
    from service.local.metrics_folder import share_metrics
    from service.settings import Settings, SettingsError

    settings = Settings.from_env()
    for name in ("db", "redis"):
        if not getattr(settings, name):
            raise SettingsError(
                f"DRUMEE_{name.upper()} is not set; `{as_typed('run')}` starts private servers by itself"
            )
    share_metrics(Path(settings.run_dir).absolute() / "metrics")
    from service import log

    log.configure(settings.log_level)
    from service import server

    return server.serve(settings)


@commands.command(rich_help_panel="Run")
def settings() -> int:
    """Print the settings: a list in a terminal, elsewhere the table of the manual."""
    import shutil

    from service.settings import settings_list, settings_table

    columns = shutil.get_terminal_size().columns
    typer.echo(settings_list(columns) if sys.stdout.isatty() else settings_table())
    return 0


@commands.command(rich_help_panel="Develop")
def acl(
    module: Annotated[str, typer.Option(help="One module, as its file; absent: all modules, by name.")] = "",
) -> int:
    """Print the declarations of acl/ with every $ref resolved, as Drumee's tools read them."""
    import orjson

    from service.errors import DeclarationError
    from service.rpc.definitions import read_declarations

    try:
        modules = read_declarations()
    except DeclarationError as exc:
        raise CommandError(str(exc)) from exc
    if module and module not in modules:
        raise CommandError(f"MODULE={module} is none of {', '.join(modules)}")
    content = modules[module] if module else modules
    typer.echo(orjson.dumps(content, option=orjson.OPT_INDENT_2).decode())
    return 0


@commands.command(rich_help_panel="Develop")
def openapi() -> int:
    """Print the OpenAPI 3.1 document of the services, as /-/openapi.json answers it."""
    from service.reference import openapi_of_rpc
    from service.settings import Settings

    typer.echo(openapi_of_rpc(Settings.from_env().cookie).decode())
    return 0


@commands.command(rich_help_panel="Develop")
def asyncapi(
    api: Annotated[str, typer.Option(help="rpc: the socket of the frontend; rest: /ws")] = "rpc",
) -> int:
    """Print the AsyncAPI 3.0 document of a WebSocket, as the service answers it."""
    from service.reference import asyncapi_of_frontend, asyncapi_of_rest
    from service.settings import Settings

    settings = Settings.from_env()
    if api not in {"rpc", "rest"}:
        raise CommandError(f"API={api} is neither rpc nor rest")
    of_frontend = api == "rpc"
    url, cookie = settings.base_url, settings.cookie
    typer.echo((asyncapi_of_frontend(url, cookie) if of_frontend else asyncapi_of_rest(url)).decode())
    return 0


@commands.command(rich_help_panel="Develop")
def bench(
    only: Annotated[str, typer.Option(help="Scenarios whose name contains this.")] = "",
    seconds: Annotated[str, typer.Option(help="Length of each measurement; absent: 3.")] = "",
    against: Annotated[str, typer.Option(help="Revision to measure in turns with this checkout.")] = "",
    shards: Annotated[int, typer.Option(min=2, help="Shards of the scenario `shards`.")] = 1000,
) -> int:
    """Measure the service against its limit, or another revision, on servers of its own."""
    require_checkout("bench")
    from service.bench import main as bench_main

    return bench_main.bench(only, seconds, against, shards)


@commands.command("help", rich_help_panel="Develop")
def show_help(
    context: typer.Context,
    command: Annotated[str, typer.Argument(help="Command to explain; absent: list all.")] = "",
) -> None:
    """Explain a command, as its --help does."""
    words = [command] if command else []
    context.find_root().command.main([*words, "--help"], prog_name=PROGRAM)
