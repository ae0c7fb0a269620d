"""The bench measures what it says: its CALLs are the service's, its rows the routines'; times are not judged."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import orjson
import pytest

from service.bench import books, main, names, report, tools
from service.bench.scenarios import SCENARIOS, World
from service.demo import Registry
from service.deploy.deployer import connect
from service.install import find_program
from service.settings import Settings, database_servers
from tests.conftest import Admin
