"""What the relay's tests share: the three programs, buffers of a test's own, and processes that never outlive it.

Knows how each program is started (relay/README.md), nothing of what it does. A program that was not built is a failure.
"""

import json
import os
import subprocess
import sys
import uuid
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CPP = Path(os.environ.get("ZEROBUFFER_RELAY_CPP", ROOT / "build/release/relay/zerobuffer_relay"))
CSHARP = Path(os.environ.get("ZEROBUFFER_RELAY_CSHARP", ROOT / "build/dotnet/bin/ZeroBuffer.Relay/release/ZeroBuffer.Relay.dll"))
LIBRARY = os.environ.get("ZEROBUFFER_LIBRARY", str(ROOT / "build/release/lib/libzerobuffer.so"))
COMMANDS = {
    "cpp": [str(CPP)],
    "python": [sys.executable, str(ROOT / "relay/python/main.py")],
    "csharp": ["dotnet", str(CSHARP)],
}
LIMIT = 60  # seconds that no step here comes near unless it hangs


class Program:
    """One language's program."""

    def __init__(self, language, running):
        self.language = language
        self._running = running

    def start(self, *arguments, **keywords):
        """Begins it beside the test."""
        keywords = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | keywords
        environment = os.environ | {"ZEROBUFFER_LIBRARY": LIBRARY}
        process = subprocess.Popen([*COMMANDS[self.language], *map(str, arguments)], env=environment, **keywords)
        self._running.append(process)
        return process

    def run(self, *arguments, stdin=None, **keywords):
        """Runs it to its end: exit code, standard output and standard error."""
        process = self.start(*arguments, stdin=subprocess.PIPE if stdin is not None else subprocess.DEVNULL, **keywords)
        return self.finish(process, stdin)

    @staticmethod
    def finish(process, stdin=None):
        out, err = process.communicate(stdin, timeout=LIMIT)
        return subprocess.CompletedProcess(process.args, process.returncode, out, err)


def report(result):
    """The JSON report, which is the last line of standard output."""
    lines = result.stdout.splitlines()
    assert lines, f"no report; exit code {result.returncode}, standard error: {result.stderr.decode()}"
    return json.loads(lines[-1])


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
    built = {"cpp": CPP, "python": ROOT / "relay/python/main.py", "csharp": CSHARP}[request.param]
    assert built.exists(), f"{built} was not built"
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
