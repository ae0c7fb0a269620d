"""The site on which the commands of the pages run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.docs.site import Site, served


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Site, str]]:
    """A site that is up, and what `make run` has printed."""
    with served(tmp_path_factory.mktemp("docs")) as site:
        yield site
