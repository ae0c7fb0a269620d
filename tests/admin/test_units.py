"""The systemd units of a machine."""

from __future__ import annotations

import shutil
import subprocess
from configparser import RawConfigParser
from pathlib import Path

from service.admin.units import Machine, render, write

MACHINE = Machine(
    Path("/opt/drumee/bin/drumee-contacts"), "drumee", Path("/etc/d/settings"), Path("/etc/d/admin")
)
HARDENING = {
    "NoNewPrivileges": "yes", "ProtectSystem": "strict", "ProtectHome": "yes", "PrivateTmp": "yes",
    "PrivateDevices": "yes", "CapabilityBoundingSet": "", "User": "drumee",
}  # fmt: skip


def options_of(text: str, section: str) -> dict[str, str]:
    """Return the options of a section; of one that comes twice, the last."""
    parser = RawConfigParser(strict=False, delimiters=("=",), comment_prefixes=("#",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read_string(text)
    return dict(parser[section])


def test_the_service_is_started_again_whatever_ends_it() -> None:
    text = render(MACHINE)["drumee-contacts.service"]
    service = options_of(text, "Service")
    assert (service["Restart"], service["ExecStart"]) == ("always", "/opt/drumee/bin/drumee-contacts serve")
    assert options_of(text, "Unit")["StartLimitIntervalSec"] == "0", "it never gives up"
    assert options_of(text, "Install")["WantedBy"] == "multi-user.target"


def test_only_maintenance_may_change_the_schema() -> None:
    files = render(MACHINE)
    readers = {name for name, text in files.items() if "/etc/d/admin" in text}
    assert readers == {"drumee-contacts-backup.service", "drumee-contacts-drift.service"}
    assert {n for n in files if n.endswith(".timer")} == {
        f"{r.removesuffix('service')}timer" for r in readers
    }


def test_every_unit_is_confined() -> None:
    for name, text in render(MACHINE).items():
        if name.endswith(".service"):
            service = options_of(text, "Service")
            assert {option: service[option] for option in HARDENING} == HARDENING, name


def test_uploads_may_be_written_where_they_are() -> None:
    assert "ReadWritePaths" not in render(MACHINE)["drumee-contacts.service"]
    shared = Machine(MACHINE.program, "drumee", MACHINE.settings, MACHINE.admin_settings, "/srv/uploads")
    assert (
        options_of(render(shared)["drumee-contacts.service"], "Service")["ReadWritePaths"] == "/srv/uploads"
    )


def test_systemd_accepts_the_units(tmp_path: Path) -> None:
    program = tmp_path / "drumee 100% contacts"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    machine = Machine(program, "root", MACHINE.settings, MACHINE.admin_settings)
    paths = write(machine, tmp_path / "units")
    assert len(paths) == 5
    analyzer = shutil.which("systemd-analyze")
    if analyzer is None:
        return  # The options are held by the tests above.
    outcome = subprocess.run(
        [analyzer, "verify", *map(str, paths)], capture_output=True, text=True, check=False
    )
    assert (outcome.returncode, outcome.stderr) == (0, "")
