"""How the relay's tests start the three programs and take what they say (relay/README.md). Knows nothing of what they do."""

import json
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CPP = Path(os.environ.get("ZEROBUFFER_RELAY_CPP", ROOT / "build/release/relay/zerobuffer_relay"))
CSHARP = Path(os.environ.get("ZEROBUFFER_RELAY_CSHARP", ROOT / "build/dotnet/bin/ZeroBuffer.Relay/release/ZeroBuffer.Relay.dll"))
LIBRARY = os.environ.get("ZEROBUFFER_LIBRARY", str(ROOT / "build/release/lib/libzerobuffer.so"))
PYTHON = ROOT / "relay/python/main.py"
BUILT = {"cpp": CPP, "python": PYTHON, "csharp": CSHARP}
COMMANDS = {
    "cpp": [str(CPP)],
    "python": [sys.executable, str(PYTHON)],
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
