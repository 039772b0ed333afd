"""The C++ examples run and do what they say."""

import os
import signal
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAMS = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent / "examples"
TIMEOUT = 120


@pytest.fixture
def name():
    made = f"example-{os.getpid()}-{os.urandom(4).hex()}"
    yield made
    assert not Path("/dev/shm", made).exists()


def run(program, *arguments, **options):
    return subprocess.run(
        [str(PROGRAMS / program), *arguments], capture_output=True, text=True, timeout=TIMEOUT, **options
    )


def test_the_writer_reaches_the_reader(name):
    reader = subprocess.Popen([str(PROGRAMS / "reader"), name], stdout=subprocess.PIPE, text=True)
    try:
        written = run("writer", name)
        output, _ = reader.communicate(timeout=TIMEOUT)
    finally:
        reader.kill()
        reader.wait()
    assert (written.returncode, written.stdout) == (0, "10 pictures sent, 0 unread\n")
    assert reader.returncode == 0
    assert output.splitlines()[1:-1] == [
        f"frame {number + 1}: 307200 bytes, tag {1000 + number}, mean {10 * number}" for number in range(10)
    ]
    assert output.splitlines()[-1] == "the writer has closed"


def test_a_name_that_cannot_be_is_refused_with_the_reason():
    done = run("reader", "no/name")
    assert done.returncode == 1
    assert done.stderr.startswith("reader: ")


def test_messages_arrive_in_order_and_whole():
    count = 50_000
    done = run("messages", str(count))
    assert (done.returncode, done.stdout) == (0, f"{count} messages, total {3 * count * (count - 1) // 2}\n")


def test_a_child_writes_into_a_buffer_without_a_name():
    before = set(os.listdir("/dev/shm"))
    done = run("anonymous")
    assert (done.returncode, done.stdout) == (0, "1 frames\n2 without\n3 a\n4 name\n")
    assert {file for file in set(os.listdir("/dev/shm")) - before if file.startswith("anonymous")} == set()


def test_the_feeder_publishes_no_half_picture(name):
    reader = subprocess.Popen(
        [str(PROGRAMS.parent / "bin" / "zerobuffer"), "read", name, "--json"], stdout=subprocess.PIPE, text=True
    )
    try:
        fed = run("video_feeder", name, "8", "4", input="x" * (8 * 4 * 3 * 2 + 5))
        output, _ = reader.communicate(timeout=TIMEOUT)
    finally:
        reader.kill()
        reader.wait()
    assert fed.returncode == 1
    assert "inside a picture, after 5 of 96 bytes" in fed.stderr
    assert '"frames":2' in output.replace(" ", "")


def test_pictures_are_inverted_in_place_and_another_type_is_refused(name):
    server = subprocess.Popen([str(PROGRAMS / "invert_server"), name], stdout=subprocess.PIPE, text=True)
    try:
        assert server.stdout.readline() == "serving\n"
        client = run("invert_client", name)
        server.send_signal(signal.SIGINT)
        output, _ = server.communicate(timeout=TIMEOUT)
    finally:
        server.kill()
        server.wait()
    assert (client.returncode, client.stderr) == (0, "")
    assert client.stdout.splitlines() == [
        *(f"picture {number}: pixels of {255 - 10 * number}, in place" for number in range(10)),
        "remote_error: no handler for requests of type 200"]
    assert (server.returncode, output) == (0, "11 requests, 1 errors, 0 bytes copied\n")
