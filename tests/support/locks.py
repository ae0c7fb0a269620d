"""The locks in requirements/."""

from __future__ import annotations

import re
from typing import NamedTuple

from packaging.markers import Marker
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from service import ROOT


class Pin(NamedTuple):
    """One package of a lock: its exact version, the marker that it depends on, the hashes of its files."""

    version: str
    marker: Marker | None
    hashes: frozenset[str]


def read_lock(name: str) -> dict[str, Pin]:
    """Return the pins of requirements/NAME.txt by canonical name."""
    lines = (ROOT / f"requirements/{name}.txt").read_text().replace("\\\n", " ").splitlines()
    pins: dict[str, Pin] = {}
    for line in lines:
        if line.strip() and not line.lstrip().startswith("#"):
            requirement = Requirement(line.partition("--hash=")[0])
            hashes = frozenset(re.findall(r"--hash=sha256:([0-9a-f]{64})(?=\s|$)", line))
            assert canonicalize_name(requirement.name) not in pins
            assert re.fullmatch(r"==[\w.+!]+", str(requirement.specifier))
            pin = Pin(str(requirement.specifier)[2:], requirement.marker, hashes)
            pins[canonicalize_name(requirement.name)] = pin
    return pins
