"""Render the systemd units of a machine that runs the service, from templates/units/units.toml."""

from __future__ import annotations

import shlex
import tomllib
from dataclasses import asdict, dataclass
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from service import PACKAGE
from service.local.whole_file import whole_file

TEMPLATES = PACKAGE / "templates" / "units"


@dataclass(frozen=True)
class Machine:
    """The values that differ between machines."""

    program: Path
    """The installed `drumee-contacts`."""
    user: str
    settings: Path
    """File with the settings, `DRUMEE_…=…` lines."""
    admin_settings: Path
    """File with DRUMEE_DB_ADMIN, which only maintenance reads."""
    uploads: str = ""
    """DRUMEE_UPLOAD_DIR, when it is set."""


def render(machine: Machine) -> dict[str, str]:
    """Return the text of each unit file by name."""
    environment = Environment(  # noqa: S701  # unit files are no HTML
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        keep_trailing_newline=True,
    )
    # systemd reads quotes as a shell does, and % as the begin of a specifier.
    values = {**asdict(machine), "program": shlex.quote(str(machine.program)).replace("%", "%%")}
    files = {}
    for name, unit in tomllib.loads((TEMPLATES / "units.toml").read_text()).items():
        fields = {"calendar": "", **values, **unit, "name": name}
        files[f"{name}.service"] = environment.get_template("service.j2").render(fields)
        if fields["calendar"]:
            files[f"{name}.timer"] = environment.get_template("timer.j2").render(fields)
    return files


def write(machine: Machine, folder: Path) -> list[Path]:
    """Write the unit files to a folder; return their paths."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for name, text in sorted(render(machine).items()):
        paths.append(folder / name)
        with whole_file(paths[-1], 0o644) as file:
            file.write(text.encode())
    return paths
