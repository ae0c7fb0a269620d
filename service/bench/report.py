"""The table, the targets of the issue, and the JSON file."""

from __future__ import annotations

import os
import platform
import re
import subprocess
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import orjson

from service.bench.measure import DISTURBED
from service.bench.tools import SLAP, WRK
from service.local.install import Program, find_program

RATIO_AT = 16
RATIOS = {"row": 0.2, "list": 0.35}
"""Required share of the limit at 16 connections."""
MAX_CALLS = 2
MAX_GROWTH = {
    "contact.show_contact of {}": 1.5,
    "GET /contacts of {}": 1.5,
    "GET /contacts?search, a family, of {}": 3,
    "GET /contacts?search, a first name, of {}": 3,
}
"""Ratio of the p50 in the large book to that in the small one."""
MAX_IDLE_MB = 120
MAX_SOCKETS_MB = 500
MAX_BROADCAST_MS = 100
MIN_PAIRS = 60
PROGRAMS = {
    "mariadb": Program(("mariadbd", "mysqld"), "", "", ""),
    "redis": Program(("redis-server", "valkey-server"), "", "", ""),
    "mariadb-slap": SLAP,
    "wrk": WRK,
}
COLUMNS = (
    "scenario",
    "conn",
    "req/s",
    "p50 ms",
    "p99 ms",
    "errors",
    "CALLs",
    "trips",
    "+CALLs",
    "cpu ms",
    "db ms",
    "limit/s",
    "ratio",
    "others",
)

Results = Mapping[str, Any]


def circumstances(only: str, seconds: float) -> dict[str, Any]:
    """Return date, versions and machine of the run."""
    python = {name: version(name) for name in ("aiohttp", "aiomysql", "orjson", "uvloop")}
    programs = {name: _version(program) for name, program in PROGRAMS.items()}
    return {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "cpus": os.cpu_count(),
        "only": only,
        "seconds": seconds,
        "versions": {"python": platform.python_version(), **python, **programs},
    }


def _version(program: Program) -> str:
    """Return the version number in the first line of a program's own output."""
    output = subprocess.run(
        [find_program(*program.names) or "", "--version"], capture_output=True, text=True, check=False
    )
    # Debian's wrk names itself debian/4.1.0; the Distrib of mariadb-slap is the server's number
    match = re.search(
        r"(?:Distrib |v=|debian/|Ver )?(\d+\.\d+[\w.]*)(?!.*Distrib)", output.stdout + output.stderr
    )
    return match.group(1) if match else "unknown"


def write(results: Results, folder: Path, name: str = "bench.json") -> Path:
    """Write everything as JSON; return the path."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / name
    path.write_bytes(orjson.dumps(results, option=orjson.OPT_INDENT_2) + b"\n")
    return path


def text(results: Results) -> str:
    """Render the whole report."""
    rows = [_row(each) for each in results["scenarios"]]
    parts = [
        table([COLUMNS, *rows]),
        NOTES,
        "\n".join(_facts(results)),
        "\n".join(_verdicts(results)),
        "\n".join(f"WARNING  {each}" for each in warnings(results)),
    ]
    return "\n" + "\n\n".join(filter(None, parts)) + "\n"


NOTES = """\
CALLs, trips: named CALLs and SQL round trips that a request waits for (from the service's log).
+CALLs: those it causes that nobody waits for. cpu ms, db ms: time on a core a request, of the service's
processes and of MariaDB's. limit: the same CALLs, without +CALLs, sent by mariadb-slap at as many
connections while the service is idle; ratio: req/s divided by it. others: cores used by others meanwhile.
Load makers share the cores with what they load: wrk with service and server, mariadb-slap with the server."""


def _row(result: Mapping[str, Any]) -> tuple[str, ...]:
    later = result["calls_with_background"] - (result["calls"] or 0)
    return (
        result["name"],
        str(result["connections"]),
        f"{result['requests_per_second']:,.0f}",
        f"{result['p50_ms']:.2f}",
        f"{result['p99_ms']:.2f}",
        str(result["errors"]),
        _number(result["calls"]),
        _number(result["trips"]),
        f"{max(later, 0):.2f}",
        f"{result['service_cpu_ms']:.2f}",
        f"{result['mariadb_cpu_ms']:.2f}",
        "?" if result["limit_per_second"] is None else f"{result['limit_per_second']:,.0f}",
        _number(result["ratio"]),
        "?" if result["others"] is None else f"{result['others']:.0%}",
    )


def _number(value: float | None) -> str:
    return "?" if value is None else f"{value:.2f}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Render rows of text, the first of which is the heading."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    return "\n".join([lines[0], "  ".join("-" * width for width in widths), *lines[1:]])


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    name, *numbers = row
    return "  ".join([name.ljust(widths[0]), *(n.rjust(w) for n, w in zip(numbers, widths[1:], strict=True))])


def _facts(results: Results) -> list[str]:
    lines = [f"worker, {when}: {_memory(workers)}" for when, workers in results["worker_mb"].items()]
    if results["delivery"]:
        lines.append(
            "a broadcast reaches a socket after {median_ms} ms, the last of them after "
            "{last_socket_median_ms} ms (medians of {broadcasts} broadcasts)".format(**results["delivery"])
        )
    lines += _relations(results.get("relations"))
    lines += _cards(results.get("cards"))
    lines += [_work(*each) for each in results.get("load", {}).items() if each[0] in WORKS]
    lines += [_fan_out(each) for each in results["scenarios"] if each["kind"] == "fan-out"]
    return lines


def _relations(result: Mapping[str, Any] | None) -> list[str]:
    if not result:
        return []
    return [
        "contact.invite + contact.invite_accept: {pairs_per_second} pairs/s "
        "({pairs} pairs, {at_once} at once, one worker)".format(**result["pairs"]),
        "contact.load: {contacts_per_second:,} contacts/s ({contacts:,} contacts, CSV, one worker); "
        "peak RSS of the worker {worker_mb} MB, of its reader {reader_mb} MB; meanwhile a page of another "
        "address book took {others_p50_ms} ms (median), {others_worst_ms} ms at worst".format(
            **result["load"]
        ),
    ]


def _cards(result: Mapping[str, Any] | None) -> list[str]:
    if not result:
        return []
    return [
        "CardDAV, {cards:,} cards, one worker: all names and tags {list_seconds} s, a first synchronisation "
        "{first_sync_seconds} s, one without changes {no_changes_median_ms} ms, a PUT {put_median_ms} ms "
        "(medians)".format(**result)
    ]


def _memory(workers: Sequence[Mapping[str, float]]) -> str:
    return ", ".join(f"{w['rss']:.0f} MB RSS ({w['pss']:.0f} MB PSS)" for w in workers) or "unknown here"


def _fan_out(result: Mapping[str, Any]) -> str:
    frames = result["frames_per_request"] * result["requests_per_second"]
    return (
        f"{result['name']}, {result['connections']} connections: {result['frames_per_request']:.1f} frames "
        f"a request, {frames:,.0f} a second, "
        f"the last {result['frames_after_seconds']} s after the last answer"
    )


WORKS = {"broadcast": "a broadcast to many", "room": "a join/leave pair in a room of many"}


def _work(name: str, result: Mapping[str, Any]) -> str:
    others = "?" if result["others"] is None else f"{result['others']:.0%}"
    return (
        f"{WORKS[name]}: {result['service_cpu_ms']} ms on a core of the service, "
        f"{result['mariadb_cpu_ms']} of MariaDB; others used {others} of the cores meanwhile"
    )


def _verdicts(results: Results) -> list[str]:
    return [
        f"{_verdict(each):<8}{each['measured']:7g} {each['wanted']:<7}  {each['name']}"
        for each in targets(results)
    ]


def _verdict(target: Mapping[str, Any]) -> str:
    """Return whether a target is met, with a question mark where others disturbed the measurement."""
    return ("met" if target["met"] else "MISSED") + ("?" if target.get("disturbed") else "")


def targets(results: Results) -> list[dict[str, Any]]:
    """Return the targets of the issue, as far as they were measured."""
    return [
        *_ratios(results),
        *_calls(results),
        *_growth(results),
        *_idle(results),
        *_relation_targets(results),
        *_card_targets(results.get("cards")),
        *_load(results),
    ]


def _target(name: str, measured: float, limit: float, *, least: bool) -> dict[str, Any]:
    met = measured >= limit if least else measured <= limit
    return {"name": name, "measured": measured, "wanted": f"{'>=' if least else '<='} {limit:g}", "met": met}


def _ratios(results: Results) -> list[dict[str, Any]]:
    return [
        _target(
            f"share of the limit, {each['name']}, {RATIO_AT} connections",
            each["ratio"],
            RATIOS[each["kind"]],
            least=True,
        )
        | {"disturbed": _disturbed(each)}
        for each in results["scenarios"]
        if each["connections"] == RATIO_AT and each["kind"] in RATIOS and each["ratio"] is not None
    ]


def _calls(results: Results) -> list[dict[str, Any]]:
    # Without concurrency nothing is retried.
    alone = [each for each in results["scenarios"] if each["connections"] == 1 and each["calls"] is not None]
    return [_target(f"CALLs, {each['name']}", each["calls"], MAX_CALLS, least=False) for each in alone]


def _growth(results: Results) -> list[dict[str, Any]]:
    p50 = {(each["name"], each["connections"]): each["p50_ms"] for each in results["scenarios"]}
    disturbed = {(each["name"], each["connections"]): _disturbed(each) for each in results["scenarios"]}
    sizes = [f"{results['books'][size]:,}" for size in ("small", "large")]
    return [
        _target(
            f"p50 of {title.format(sizes[1])} to that of {sizes[0]}, {connections} connections",
            round(p50[large, connections] / p50[small, connections], 2),
            limit,
            least=False,
        )
        | {"disturbed": disturbed[small, connections] or disturbed[large, connections]}
        for title, limit in MAX_GROWTH.items()
        for small, large in [[title.format(size) for size in sizes]]
        for name, connections in p50
        if name == large and (small, connections) in p50
    ]


def _idle(results: Results) -> list[dict[str, Any]]:
    workers = results["worker_mb"]["idle"]
    largest = max((worker["rss"] for worker in workers), default=0.0)
    return [_target("idle worker, MB RSS", largest, MAX_IDLE_MB, least=False)] if workers else []


def _relation_targets(results: Results) -> list[dict[str, Any]]:
    relations = results.get("relations")
    if not relations:
        return []
    name = f"MB that loading {relations['load']['contacts']:,} contacts takes"
    return [_target(name, relations["load"]["grown_mb"], 200, least=False)]


def _card_targets(result: Mapping[str, Any] | None) -> list[dict[str, Any]]:
    if not result:
        return []
    title = f"of {result['cards']:,} cards"
    return [
        _target(f"seconds of a first synchronisation {title}", result["first_sync_seconds"], 20, least=False),
        _target(f"ms of an empty synchronisation {title}", result["no_changes_median_ms"], 20, least=False),
    ]


def _load(results: Results) -> list[dict[str, Any]]:
    measured = results.get("load", {})
    return [target for name, of in LOAD_TARGETS.items() if name in measured for target in of(measured[name])]


def _idle_sockets(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = f"worker with {result['sockets']:,} idle sockets that offer deflate, MB RSS"
    return [_target(name, result["worker_mb"], MAX_SOCKETS_MB, least=False)]


def _broadcast(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = f"ms until all of {result['hearers']:,} sockets on {result['workers']} workers have a broadcast"
    return [
        _target(name, result["all_have_it_median_ms"], MAX_BROADCAST_MS, least=False)
        | {"disturbed": _disturbed(result)},
        _target("Redis messages a broadcast", result["redis_messages"], result["workers"], least=False),
    ]


def _room(result: Mapping[str, Any]) -> list[dict[str, Any]]:
    name = f"join/leave pairs a second, room of {result['sockets']}"
    return [
        _target(name, result["pairs_per_second"], MIN_PAIRS, least=True) | {"disturbed": _disturbed(result)},
        _target("clients with a wrong view of that room", result["wrong_views"], 0, least=False),
    ]


LOAD_TARGETS = {"idle": _idle_sockets, "broadcast": _broadcast, "room": _room}


def warnings(results: Results) -> list[str]:
    """Return everything that casts doubt on the figures."""
    doubts = [text for each in results["scenarios"] for text in _doubts(each)]
    return [*doubts, *_neighbours(results), *_disk_tables(results), *results["warnings"]]


def _doubts(result: Mapping[str, Any]) -> list[str]:
    doubts = {
        "errors": f"requests FAILED: {result['errors_by_kind']}",
        "pushes_lost": f"updates lost: {result['pushes_lost']}",
        "sockets_disconnected": f"sockets disconnected as too slow: {result['sockets_disconnected']}",
    }
    where = f"{result['name']}, {result['connections']} connections:"
    lines = [f"{where} {text}" for name, text in doubts.items() if result[name]]
    # At one connection nothing is retried.
    if result["connections"] == 1 and result["calls"] not in {None, result["limit_calls"]}:
        lines.append(f"{where} {result['calls']} CALLs a request, and {result['limit_calls']} in its limit")
    return lines


def _disturbed(result: Mapping[str, Any]) -> bool:
    return (result["others"] or 0) > DISTURBED


def _neighbours(results: Results) -> list[str]:
    """On a machine that others use as well, rates are meaningless."""
    shares = [each["others"] for each in results["scenarios"] if _disturbed(each)]
    if not shares:
        return []
    return [
        f"{len(shares)} of {len(results['scenarios'])} measurements are worth little: others used "
        f"{min(shares):.0%} to {max(shares):.0%} of the cores meanwhile (column others); measure alone"
    ]


def _disk_tables(results: Results) -> list[str]:
    """Temporary tables on disk cost more than everything else; they slow the service and its limit alike."""
    return [
        f"{each['name']}: {each['disk_tables']} temporary tables on disk a request lower the limit itself"
        for each in results["scenarios"]
        if each["connections"] == RATIO_AT and each["disk_tables"] >= 0.1
    ]
