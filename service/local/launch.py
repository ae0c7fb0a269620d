"""Become the program that a file describes, with any path and any setting, and a log of its own.

The configuration of supervisord has no escapes for quotes and comments, and its arguments can be read by
everybody on the machine. Its own writing of logs does not survive a full disk.
"""

import json
import os
import sys
from pathlib import Path

LOG_BYTES = 8 * 1024 * 1024


def main(path: str) -> None:
    """Read `command`, `directory`, `environ` and `log` from a JSON file, and become that."""
    spec = json.loads(Path(path).read_text())
    log = Path(spec["log"])
    if log.exists() and log.stat().st_size > LOG_BYTES:
        log.replace(log.with_suffix(".log.1"))
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    for standard in (1, 2):
        os.dup2(output, standard)
    os.chdir(spec["directory"])
    os.execvpe(spec["command"][0], spec["command"], {**os.environ, **spec["environ"]})  # noqa: S606


if __name__ == "__main__":
    main(sys.argv[1])
