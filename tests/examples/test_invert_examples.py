"""The invert examples of every language meet each other: any client with any server for large pictures, in place."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent / "examples"
PYTHON = ROOT / "examples/python"
TIMEOUT = 120
SERVERS = {
    "cpp": [str(PROGRAMS / "invert_server")],
    "python": [sys.executable, str(PYTHON / "invert_server.py")],
}
CLIENTS = {
    "cpp": [str(PROGRAMS / "invert_client")],
    "c": [str(PROGRAMS / "c_invert_client")],
    "python": [sys.executable, str(PYTHON / "invert_client.py")],
}


@pytest.fixture
def name() -> Iterator[str]:
    made = f"example-{os.getpid()}-{os.urandom(4).hex()}"
    yield made
    left = Path("/dev/shm", made).exists()
    Path("/dev/shm", made).unlink(missing_ok=True)
    assert not left


@pytest.mark.parametrize("client", sorted(CLIENTS))
@pytest.mark.parametrize("server", sorted(SERVERS))
def test_any_client_has_its_pictures_inverted_in_place_by_any_server(name: str, server: str, client: str) -> None:
    """Scenario 6.9, 9.1"""
    with subprocess.Popen([*SERVERS[server], name], stdout=subprocess.PIPE, text=True) as serving:
        try:
            assert serving.stdout is not None and serving.stdout.readline() == "serving\n"
            asked = subprocess.run([*CLIENTS[client], name], capture_output=True, text=True, timeout=TIMEOUT)
            serving.send_signal(signal.SIGINT)
            serving.communicate(timeout=TIMEOUT)
        finally:
            serving.kill()
    assert (asked.returncode, asked.stderr) == (0, "")
    lines = asked.stdout.splitlines()
    pictures = [line for line in lines if line.startswith("picture ")]
    assert len(pictures) == 10
    for number, line in enumerate(pictures):
        assert line.endswith(f"of {255 - 10 * number}, in place")
    assert "remote_error" in lines[-1], "the server's refusal arrives with its text"
    assert serving.returncode == 0
