"""`python -m tests.chaos`: see `make chaos`."""

from __future__ import annotations

import argparse
import asyncio
import random
import sys

from tests.chaos.faults import FAULTS
from tests.chaos.rounds import Plan, Rounds
from tests.chaos.site import throw_away_site


def main() -> int:
    """Run, print the table; return 1 when something was lost or wrong."""
    plan = _plan()
    print(f"seed {plan.seed}, {plan.minutes:g} minutes", flush=True)
    with throw_away_site() as site:
        report = asyncio.run(Rounds(site, plan).run())
    violations = report.violations()
    print("", *report.lines(), "", *(violations or ["Nothing was lost, and nothing was wrong."]), sep="\n")
    return 1 if violations else 0


def _plan() -> Plan:
    parser = argparse.ArgumentParser(prog="make chaos")
    parser.add_argument("--minutes", type=float, default=2.0)
    parser.add_argument("--seed", type=int, default=random.randrange(1_000_000))
    parser.add_argument("--rounds", type=int, default=0, help="at most so many, spread over the minutes")
    parser.add_argument("--pace", type=float, default=0.1, help="seconds between the calls of each writer")
    parser.add_argument("--only", default="", help=", ".join(fault.name for fault in FAULTS))
    options = parser.parse_args()
    only = tuple(name.strip() for name in options.only.split(",") if name.strip())
    unknown = set(only) - {fault.name for fault in FAULTS}
    if unknown:
        parser.error(f"no such fault: {', '.join(sorted(unknown))}")
    return Plan(options.minutes, options.seed, options.rounds, options.pace, only)


if __name__ == "__main__":
    sys.exit(main())
