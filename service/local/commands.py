"""Commands that run the service on this machine."""

from __future__ import annotations

from typing import Annotated

import typer

commands = typer.Typer()


@commands.command(rich_help_panel="Run")
def run() -> int:
    """Start private servers, deploy, load demo data and serve until Ctrl-C, which stops it all."""
    from service.local import run

    return run.run()


@commands.command(rich_help_panel="Run")
def up() -> int:
    """Do what run does, in the background; return when the service is healthy."""
    from service.local import background

    return background.up()


@commands.command(rich_help_panel="Run")
def down() -> int:
    """Stop what run or up started."""
    from service.local import background

    return background.down()


@commands.command(rich_help_panel="Develop")
def listen(
    user: Annotated[str, typer.Option(help="Email or user name.")],
    password: Annotated[str, typer.Option(help="Password of the user.")],
) -> int:
    """Sign in and print what arrives on the WebSocket."""
    from service.local import listen
    from service.local.running import running_url
    from service.settings import Settings

    # what runs here may have been started with another port
    return listen.run(running_url() or Settings.from_env().base_url, user, password)


@commands.command(rich_help_panel="Develop")
def shell() -> int:
    """Open the mariadb client on the private server, or on that of the settings."""
    from service.local.shell import shell

    return shell()
