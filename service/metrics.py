"""Prometheus metrics of one process, or of all workers together."""

from __future__ import annotations

import os
from pathlib import Path

from prometheus_client import (
    CONTENT_TYPE_LATEST,
    REGISTRY,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    generate_latest,
    multiprocess,
)

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

REQUESTS = Counter("drumee_requests", "requests by service and HTTP status", ["service", "status"])
REQUEST_SECONDS = Histogram(
    "drumee_request_seconds", "time to answer a request", ["service"], buckets=SECONDS
)
CALLS = Counter("drumee_calls", "CALLs by routine and outcome", ["routine", "outcome"])
CALL_SECONDS = Histogram("drumee_call_seconds", "time of a CALL", ["routine"], buckets=SECONDS)
RETRIES = Counter("drumee_call_retries", "units that ran again, by error number", ["routine", "error"])
PUSHES = Counter("drumee_pushes", "live updates published, by outcome", ["outcome"])
REDIS_MASTER = Gauge(
    "drumee_redis_master",
    "1 while the Redis master answers, 0 while none is known; of several processes, the least",
    multiprocess_mode="livemin",
)
FRAMES = Counter("drumee_frames", "frames queued for WebSockets of this process")
SLOW_SOCKETS = Counter("drumee_slow_sockets", "WebSockets disconnected because they did not keep up")
REFUSED_SOCKETS = Counter("drumee_refused_sockets", "WebSockets closed by a limit, by reason", ["reason"])
SOCKETS = Gauge("drumee_sockets", "open WebSockets", multiprocess_mode="livesum")
LOOP_ROUNDS = Counter(
    "drumee_loop_rounds", "rounds of the endless tasks, by loop and outcome (ok, failed)", ["loop", "outcome"]
)
LOOP_LAST_NAME = "drumee_loop_last_round_time"
LOOP_LAST = Gauge(
    LOOP_LAST_NAME,
    "when a loop last finished a round, unix time; of several processes, of the one that is furthest behind",
    ["loop"],
    multiprocess_mode="livemin",
)
READY_ASKED_NAME = "drumee_ready_asked_time"
READY_ASKED = Gauge(
    READY_ASKED_NAME, "when a balancer last asked /-/ready, unix time", ["path"], multiprocess_mode="livemax"
)
SET_ASIDE = Gauge(
    "drumee_owners_set_aside",
    "owners whose contact records cannot be made just now; tried again every few minutes",
    multiprocess_mode="livemax",
)
SET_ASIDE_FAILURES = Counter("drumee_owner_failures", "failures to make the contact records of one owner")
SLOW_DATABASE_NAME = "drumee_database_slow_time"
SLOW_DATABASE = Gauge(
    SLOW_DATABASE_NAME,
    "when CALLs to a database last kept timing out, unix time; 0 once they are answered",
    ["database"],
    multiprocess_mode="livemax",
)
HOME = Gauge(
    "drumee_database_home",
    "processes whose home is this node; only with several addresses in DRUMEE_DB",
    ["node"],
    multiprocess_mode="livesum",
)
HOME_CHANGES = Counter("drumee_database_home_changes", "times that a process has left its home node")
NODES_UP = Gauge(
    "drumee_database_nodes_up",
    "servers of DRUMEE_DB, if there are several, that work; of several processes, the fewest that one sees",
    multiprocess_mode="livemin",
)
WEBHOOKS = Counter(
    "drumee_webhooks", "attempts to deliver events, by outcome; paused: webhooks given up", ["outcome"]
)
POOL = Gauge("drumee_pool_connections", "MariaDB connections", ["pool", "state"], multiprocess_mode="livesum")

_children: dict[tuple[str, str], tuple[Counter, Histogram]] = {}


def observe_call(db: str, name: str, outcome: str, seconds: float) -> None:
    """Count one CALL. All shards count as one."""
    scope = db if db == "yp" else "shard"
    key = (f"{scope}.{name}", outcome)
    children = _children.get(key)
    if children is None:
        children = _children[key] = (CALLS.labels(*key), CALL_SECONDS.labels(key[0]))
    children[0].inc()
    children[1].observe(seconds)


_requests: dict[tuple[str, int], tuple[Counter, Histogram]] = {}


def observe_request(service: str, status: int, seconds: float) -> None:
    """Count one request."""
    key = (service, status)
    children = _requests.get(key)
    if children is None:
        children = _requests[key] = (
            REQUESTS.labels(service, str(status)),
            REQUEST_SECONDS.labels(service),
        )
    children[0].inc()
    children[1].observe(seconds)


def last_rounds() -> dict[str, float]:
    """Return when each loop last finished a round, unix time, in the worker that is furthest behind.

    Empty when this process shares its metrics with no other worker.
    """
    return _of_all_workers("livemin", LOOP_LAST_NAME, "loop")


def ready_asked() -> float:
    """Return when a balancer last asked any worker, unix time; 0: never, or no other worker is known."""
    return max(_of_all_workers("livemax", READY_ASKED_NAME, "path").values(), default=0.0)


def slow_databases() -> dict[str, float]:
    """Return when CALLs to each database last kept timing out, unix time, in any worker; 0: no longer.

    Empty when this process shares its metrics with no other worker.
    """
    return _of_all_workers("livemax", SLOW_DATABASE_NAME, "database")


def _of_all_workers(mode: str, name: str, label: str) -> dict[str, float]:
    """Return the values of a gauge by its label; {} when this process shares its metrics with no other."""
    if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
        return {}
    files = [str(path) for path in Path(os.environ["PROMETHEUS_MULTIPROC_DIR"]).glob(f"gauge_{mode}_*.db")]
    gauges = multiprocess.MultiProcessCollector.merge(files)  # type: ignore[no-untyped-call]
    samples = [sample for gauge in gauges for sample in gauge.samples]
    return {sample.labels[label]: sample.value for sample in samples if sample.name == name}


def render() -> tuple[bytes, str]:
    """Return (text, content type) of the metrics page."""
    registry = REGISTRY
    if "PROMETHEUS_MULTIPROC_DIR" in os.environ:
        registry = CollectorRegistry()
        multiprocess.MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return generate_latest(registry), CONTENT_TYPE_LATEST.partition(";")[0]
