"""What every test gets: a buffer name of its own, an end to anything that hangs, a look at what was left behind."""

import faulthandler
import gc
import itertools
import os
from pathlib import Path

import pytest
from peer import Peer, start_process, start_thread

SHARED_MEMORY = Path("/dev/shm")
HANGS_AFTER = 90  # seconds; no test takes a tenth of it

_counter = itertools.count()


@pytest.fixture
def name():
    return f"zbpy-{os.getpid()}-{next(_counter):05}"


@pytest.fixture(scope="session")
def terminal(request):
    """Standard error as it was before pytest took it, for the watchdog."""
    with request.config.pluginmanager.getplugin("capturemanager").global_and_fixture_disabled():
        descriptor = os.dup(2)
    with os.fdopen(descriptor, "w") as file:
        yield file


@pytest.fixture(autouse=True)
def nothing_hangs_and_nothing_is_left(name, terminal):
    faulthandler.dump_traceback_later(HANGS_AFTER, exit=True, file=terminal)
    yield
    gc.collect()
    faulthandler.cancel_dump_traceback_later()
    left = sorted(path.name for path in SHARED_MEMORY.iterdir() if path.name.startswith(name))
    for file in left:
        (SHARED_MEMORY / file).unlink(missing_ok=True)
    assert not left, f"left in /dev/shm: {left}"


@pytest.fixture
def start(request):
    """Starts a function of the test's file as the other side: a thread, or another process (see peer.py)."""
    peers: list[Peer] = []

    def begin(function, *arguments, where="process"):
        peers.append((start_process if where == "process" else start_thread)(function, *arguments))
        return peers[-1]

    yield begin
    for peer in peers:
        peer.end()


@pytest.fixture(params=["thread", "process"])
def where(request):
    """The other side is a thread of this process, and then another process."""
    return request.param
