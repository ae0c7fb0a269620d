"""The command `lint`."""

from __future__ import annotations

import typer

from service.local.checkout import require_checkout

commands = typer.Typer()


@commands.command(rich_help_panel="Develop")
def lint() -> int:
    """Check procedures/ and sql/ against our rules, and all code for repeated lines."""
    require_checkout("lint")
    from service import ROOT
    from service.lint.run import lint_all

    findings = lint_all()
    for finding in findings:
        typer.echo(finding)
    files = f"{len(list((ROOT / 'procedures').rglob('*.sql')))} routines"
    typer.echo(f"{len(findings)} findings in {files}" if findings else f"All rules hold for {files}")
    return 1 if findings else 0
