"""`python -m tests.chaos.cluster`: see `make cluster-faults`."""

from __future__ import annotations

import argparse
import asyncio
import sys
import time

from service.cluster.hosts import DATABASE_WAYS
from service.cluster.machine import loopback_hosts
from tests.chaos.cluster.faults import FAULTS, SHORT, Fault
from tests.chaos.cluster.load import ClusterLoad
from tests.chaos.cluster.rounds import ClusterRounds
from tests.chaos.cluster.site import throw_away_cluster
from tests.chaos.cluster.table import table
from tests.chaos.ledger import Ledger

PEOPLE, MANY_PEOPLE = 20, 65
"""Who invite each other; the second number for a fault that needs a thousand pairs more than all others."""


def main(words: list[str] | None = None) -> int:
    """Run, print the table; return 1 when a limit is broken."""
    options, started = parsed(words), time.monotonic()
    faults = chosen(options)
    with throw_away_cluster(loopback_hosts(options.database)) as site:
        ledger = Ledger()
        people = MANY_PEOPLE if any(fault.name == "two homes" for fault in faults) else PEOPLE
        rows = asyncio.run(ClusterRounds(site, ClusterLoad(site, ledger, people), ledger).run(faults))
    violations = [text for row in rows for text in row.violations()]
    print("", table(rows), "", *(violations or ["All limits are met."]), sep="\n")
    print(f"{time.monotonic() - started:.0f} s")
    return 1 if violations else 0


def parsed(words: list[str] | None) -> argparse.Namespace:
    """Return the options of the command line."""
    parser = argparse.ArgumentParser(prog="make cluster-faults")
    parser.add_argument("--short", action="store_true", help=", ".join(SHORT))
    parser.add_argument("--only", default="", help=", ".join(fault.name for fault in FAULTS))
    parser.add_argument("--database", default="balancer", choices=DATABASE_WAYS)
    options = parser.parse_args(words)
    options.names = {name.strip() for name in options.only.split(",") if name.strip()}
    unknown = options.names - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return options


def chosen(options: argparse.Namespace) -> list[Fault]:
    """Return the faults that the command line selects, in the order of the table."""
    wanted = options.names or (
        set(SHORT) if options.short else {fault.name for fault in FAULTS} - {"kill home"}
    )
    return [fault for fault in FAULTS if fault.name in wanted]


if __name__ == "__main__":
    sys.exit(main())
