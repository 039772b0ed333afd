"""Lets pytest run the cells of the matrix as matrix.py does, a few at once: a test waits for its cell's outcome."""

from concurrent.futures import Future
from typing import Dict, Iterator

import pytest

from cells.cell import Cell
from cells.runner import Outcome, Runner


@pytest.fixture(scope="session")
def outcomes(request: pytest.FixtureRequest) -> "Iterator[Dict[Cell, Future[Outcome]]]":
    """All cells that this session will ask for, in its order, already on their way."""
    parameters = [getattr(item, "callspec").params for item in request.session.items if hasattr(item, "callspec")]
    cells = [chosen["cell"] for chosen in parameters if isinstance(chosen.get("cell"), Cell)]
    runner = Runner()
    try:
        yield dict(zip(cells, runner.submit(cells)))
    finally:
        runner.close()
