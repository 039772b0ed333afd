"""The comparison with other systems runs every row of every peer, fails where one cannot run, and leaves nothing behind: no
file, no shared memory, no process. No test looks at a time: figures of a short run are worth nothing."""

import json
import os
import resource
import signal
import subprocess
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROGRAM = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")) / "zerobuffer-bench-peers"
TIMEOUT = 280
SIZES = ("8", "64", "1k", "64k", "1m")
FRAMES = ("64k", "1m", "6m")
IN_SHARED_MEMORY = ("boost", "iceoryx")
READ_IN_PLACE = ("iceoryx", "zeromq", "nng", "shmsink")
PEERS = ("pipe", "unix_socket", "unix_packets", "boost", "iceoryx", "zeromq", "nng", "shmsink")


def rows_of(peer):
    """What a peer can do: all of it has to run."""
    if peer != "shmsink":
        for size in ("64",) if peer == "unix_packets" else SIZES:
            yield f"rtt{size}_{peer}"
        for size in SIZES if peer in IN_SHARED_MEMORY else ("64",):
            yield f"rtt{size}_spin_{peer}"
        for size in ("64", "1k"):
            yield f"one_way{size}_{peer}"
            if peer in IN_SHARED_MEMORY:
                yield f"one_way{size}_spin_{peer}"
    if peer != "unix_packets":
        for size in FRAMES:
            yield f"frame{size}_copy_{peer}"
            if peer in READ_IN_PLACE:
                yield f"frame{size}_read_{peer}"


def start(*arguments, **options):
    command = [str(word) for word in (PROGRAM, *arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, **options)


def ended(process):
    try:
        output, errors = process.communicate(timeout=TIMEOUT)
    except subprocess.TimeoutExpired:
        process.terminate()
        process.communicate()
        raise
    return process.returncode, output, errors


def left_by(pid):
    """Whatever bears the name of this run of the program, wherever a peer may have put it."""
    name = f"zerobuffer-bench-{pid}-"
    files = [f"{folder}/{file}" for folder in ("/tmp", "/dev/shm") for file in os.listdir(folder) if name in file]
    for file in ("/proc/net/unix", *(f"/proc/{process}/cmdline" for process in os.listdir("/proc") if process.isdigit())):
        try:
            if name in Path(file).read_text(errors="replace"):
                files.append(file)
        except OSError:  # the process has ended
            pass
    return files


def foreign_names():
    """Names that peers choose in their own way."""
    shared = {file for file in os.listdir("/dev/shm") if file.startswith(("iceoryx", "shmpipe"))}
    return shared | {file for file in os.listdir("/tmp") if file.startswith(("roudi", "iox-"))}


@pytest.fixture
def nothing_is_left():
    before = foreign_names()
    yield
    assert foreign_names() <= before


def test_every_row_of_every_peer_runs_beside_ours(nothing_is_left):
    process = start("--short", "--json")
    code, output, errors = ended(process)
    assert code == 0, errors
    *records, closing = [json.loads(line) for line in output.splitlines()]
    assert {record["system"] for record in records} == {"zerobuffer", *PEERS}
    for peer in PEERS:
        assert {record["workload"] for record in records if record["system"] == peer} == set(rows_of(peer))
    for record in records:
        assert record["spread"]["min"] > 0 and record["parameters"] and record["family"] in ("rtt", "one_way", "frames")
        if record["system"] != "zerobuffer":
            assert record["parameters"]["wait"] in ("spin", "block")
    # each row of a peer stands against one of ours, and each ratio says what it should be
    assert len(closing["ratios"]) >= sum(1 for peer in PEERS for row in rows_of(peer))
    assert all(ratio > 0 for ratio in closing["ratios"].values())
    assert set(closing["targets"]) == set(closing["ratios"]) and all(closing["targets"].values())
    assert all(verdict is None for verdict in closing["reached"].values())
    assert not left_by(process.pid)


@pytest.mark.parametrize("row", ["rtt64_unix_socket", "rtt64_zeromq", "one_way64_nng", "frame64k_read_shmsink"])
def test_a_peer_that_cannot_run_fails_the_run_and_is_named(row, nothing_is_left):
    few_files = lambda: resource.setrlimit(resource.RLIMIT_NOFILE, (5, 5))  # noqa: E731
    process = start("--short", "--only", row, preexec_fn=few_files)
    code, output, errors = ended(process)
    assert code == 1, output
    assert row in errors
    assert not left_by(process.pid)


@pytest.mark.parametrize("row", ["rtt64_iceoryx", "frame6m_read_shmsink", "rtt1m_boost"])
def test_a_signal_ends_it_and_all_that_it_started(row, nothing_is_left):
    process = start("--only", row, "--repetitions", "1000")
    deadline = time.monotonic() + 60
    while not left_by(process.pid) and time.monotonic() < deadline and process.poll() is None:
        time.sleep(0.02)
    time.sleep(0.5)
    process.send_signal(signal.SIGINT)
    code, _, errors = ended(process)
    assert code == 130, errors
    assert not left_by(process.pid)


def test_an_unknown_row_is_refused_with_the_names_that_there_are(nothing_is_left):
    process = start("--short", "--only", "rtt64_over_pigeons")
    code, _, errors = ended(process)
    assert code == 2 and "rtt64_pipe" in errors
