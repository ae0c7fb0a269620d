"""Examples in Python, SQL, JSON and plain text are taken from the tree, deployed, or compared with acl/."""

from __future__ import annotations

import json

import pytest

from service.deploy.deployer import connect
from service.lint.commit_message import problems
from service.lint.run import lint_script
from service.settings import Settings, database_servers
from tests.docs.pages import ROOT, Block, blocks_of
from tests.docs.refresh import MIGRATION, copies, original_of
from tests.support.people import misfit


@pytest.mark.parametrize("block", copies(), ids=str)
def test_an_example_is_a_function_or_a_file_of_the_tree(block: Block) -> None:
    assert block.text == original_of(block), "`.venv/bin/python -m tests.docs.refresh` copies it again"


@pytest.mark.parametrize("block", [b for b in blocks_of("sql") if MIGRATION in b.title], ids=str)
def test_a_migration_passes_lint_and_can_be_repeated_and_undone(block: Block, settings: Settings) -> None:
    folder = (ROOT / block.title).parent
    path = ROOT / block.title.replace(MIGRATION, f"{len(list(folder.glob('*.sql'))) + 1:04}")
    findings = [str(finding) for finding in lint_script(path, path.parent.name, block.text)]
    assert not findings, "\n".join(findings)
    undo = block.text.partition("-- undo: ")[2].partition("\n")[0]
    connection = connect(database_servers(settings.db_admin))
    try:
        with connection.cursor() as cursor:
            cursor.execute("USE shard1")
            for statement in (block.text, block.text, undo):
                cursor.execute(statement)
    finally:
        connection.close()


@pytest.mark.parametrize("block", blocks_of("json"), ids=str)
def test_a_json_example_is_a_frame_as_it_is_declared(block: Block) -> None:
    assert misfit(json.loads(block.text)) is None


@pytest.mark.parametrize("block", blocks_of("text"), ids=str)
def test_a_text_example_is_a_commit_message_that_passes(block: Block) -> None:
    assert problems(block.text) == []
