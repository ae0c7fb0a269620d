"""The test files that take longest, in the order in which a run starts them."""

LONGEST = (
    "tests/rpc/test_dispatcher_bad_input.py",
    "tests/contacts/test_exporting.py",
    "tests/docs/test_console.py",
    "tests/stories/test_relations_stateful.py",
    "tests/deploy/test_deployer.py",
    "tests/filemail/test_routes.py",
    "tests/contacts/test_importing_process.py",
    "tests/rest/test_openapi.py",
    "tests/bench/test_main.py",
    "tests/deploy/test_deployer_kill.py",
    "tests/rest/test_operations_bad_input.py",
    "tests/deploy/test_deployer_upgrade.py",
    "tests/procedures/test_plans.py",
    "tests/store/test_home_galera.py",
    "tests/stories/test_faults.py",
    "tests/contacts/test_invitations.py",
    "tests/contacts/test_importing.py",
    "tests/stories/test_calls.py",
    "tests/modules/test_conference_calls.py",
    "tests/attack/test_guessing.py",
    "tests/test_wheel.py",
    "tests/local/test_stack.py",
    "tests/local/test_run.py",
    "tests/web/test_fields.py",
)
"""All others take less than half a minute."""
