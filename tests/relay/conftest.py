"""What the relay's tests share: the programs under test, buffers of a test's own, and processes that never outlive it.

A program that was not built is a failure.
"""

import os
import uuid
from pathlib import Path

import pytest
from relay_programs import BUILT, COMMANDS, LIMIT, Program


@pytest.fixture
def running():
    processes = []
    yield processes
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate(timeout=LIMIT)


@pytest.fixture(params=list(COMMANDS))
def program(request, running):
    """The program under test, one language after the other."""
    assert BUILT[request.param].exists(), f"{BUILT[request.param]} was not built"
    return Program(request.param, running)


@pytest.fixture
def name():
    """A buffer name of this test's own; the test fails if anything of that name is left."""
    chosen = f"zb-relay-{os.getpid()}-{uuid.uuid4().hex[:8]}"
    yield chosen
    left = [path.name for path in Path("/dev/shm").glob(f"{chosen}*")]
    for path in left:
        (Path("/dev/shm") / path).unlink()
    assert left == []
