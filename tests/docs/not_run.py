"""Commands on the pages that the tests do not run, each with the reason and with the test that covers it."""

NOT_RUN = {
    "make test": "it is what runs the tests",
    "make bench": "it measures for many minutes; tests/bench/test_main.py runs it on small books",
    "make bench AGAINST=HEAD~10 ONLY=contact.update": "minutes as well; tests/bench/test_against.py runs it",
    ".venv/bin/drumee-contacts bench --only contact.add": "as make bench",
    ".venv/bin/drumee-contacts bench --only load:": "as make bench",
    ".venv/bin/drumee-contacts bench --only CardDAV": "as make bench",
    ".venv/bin/drumee-contacts bench --only deploys": "as make bench",
    ".venv/bin/drumee-contacts bench --only shards --shards 1000": "as make bench",
    "pip install --require-hashes -r requirements/service.txt": "as pip install .",
    "pip install .": "it would change this environment; tests/test_wheel.py installs into an empty one",
    "make restore F=.run/all.tar.gz SHARD=shard2": (
        "no shard is lost there; tests/deploy/test_restore_shard.py does it"
    ),
    "make restore F=.run/all.tar.gz UNTIL='2026-11-28 10:00:00' LOGS=/var/log/mysql": (
        "no binary log there; tests/deploy/test_point_in_time.py does it"
    ),
    "make cluster": "it starts twelve servers; make cluster-faults starts the same ones",
    "make cluster-status": "as make cluster",
    "make cluster-kill NODE=home": "as make cluster",
    "make cluster-heal": "as make cluster",
    "make cluster-down": "as make cluster",
    "make cluster-faults": "as make cluster; it takes ten minutes",
    "drumee-contacts serve": "it serves until it is stopped; tests/test_wheel.py starts it",
}
