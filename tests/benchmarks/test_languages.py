"""The comparison of the languages runs, says what it found in the documented form, and fails where something cannot run. No
test looks at a time: figures of a short run are worth nothing."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")).parent
DOTNET = Path(os.environ.get("ZEROBUFFER_DOTNET_BIN_DIR", ROOT / "build/dotnet/bin"))
CSHARP = DOTNET / "ZeroBuffer.Benchmarks/release/ZeroBuffer.Benchmarks.dll"
LIBRARY = BUILD / "lib/libzerobuffer.so.2"
TIMEOUT = 250
WORKLOADS = {"rtt64", "stream64", "stream64_batch16", "frame6m_read", "call64", "call64_in_place"}


def languages(*arguments, csharp=CSHARP):
    built = ["--bench", BUILD / "bin/zerobuffer", "--library", LIBRARY, "--csharp", csharp]
    command = [sys.executable, ROOT / "benchmarks/languages.py", *built, *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT)


def left_in_shared_memory():
    return {file for file in os.listdir("/dev/shm") if file.startswith("bench-")}


def test_every_language_runs_every_workload():
    before = left_in_shared_memory()
    done = languages("--short", "--json")
    assert done.returncode == 0, done.stderr
    *records, closing = [json.loads(line) for line in done.stdout.splitlines()]
    compared = {(language, workload) for language in ("cpp", "csharp", "python") for workload in WORKLOADS}
    alone = {("csharp", "read_release"), ("python", "read_release")}
    assert {(record["language"], record["workload"]) for record in records} == compared | alone
    for record in records:
        assert record["system"] == "zerobuffer" and record["machine"] and record["parameters"]
        spread = record["spread"]
        assert spread["min"] <= record["median"] <= spread["max"]
        assert spread["min"] > 0 or record["workload"] == "read_release"
    assert set(closing["ratios"]) == {
        f"{language}_{workload}_over_cpp" for language in ("csharp", "python") for workload in WORKLOADS
    }
    assert closing["short"] and set(closing["reached"]) == set(closing["targets"])
    assert all(verdict is None for verdict in closing["reached"].values())
    assert left_in_shared_memory() <= before


def test_a_table_shows_the_ratios_and_their_targets():
    done = languages("--short", "--only", "rtt64", "--language", "csharp")
    assert done.returncode == 0, done.stderr
    assert "csharp_rtt64_over_cpp" in done.stdout and "≤ 2.0" in done.stdout
    assert "reached" not in done.stdout and "python" not in done.stdout


@pytest.mark.parametrize("end", ["a side is killed", "Ctrl-C"])
def test_a_run_that_ends_in_the_middle_leaves_nothing(end):
    command = [sys.executable, ROOT / "benchmarks/languages.py", "--bench", BUILD / "bin/zerobuffer", "--library", LIBRARY]
    driver = subprocess.Popen(
        [str(word) for word in (*command, "--csharp", CSHARP, "--only", "frame6m_read")],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + TIMEOUT
        while not any(file.startswith(f"bench-{driver.pid}-") for file in left_in_shared_memory()):
            assert driver.poll() is None and time.monotonic() < deadline
            time.sleep(0.005)
        sides = [int(word) for word in Path(f"/proc/{driver.pid}/task/{driver.pid}/children").read_text().split()]
        os.kill(sides[0] if end == "a side is killed" else driver.pid, signal.SIGKILL if end == "a side is killed" else signal.SIGINT)
        driver.communicate(timeout=TIMEOUT)
    finally:
        driver.kill()
        driver.wait()
    assert driver.returncode == (1 if end == "a side is killed" else 130)
    assert not any(Path(f"/proc/{side}").exists() for side in sides)
    assert not any(file.startswith(f"bench-{driver.pid}-") for file in left_in_shared_memory())


def test_what_was_not_built_is_named(tmp_path):
    done = languages("--short", csharp=tmp_path / "nothing.dll")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no file" in done.stderr and "nothing.dll" in done.stderr


def test_a_side_that_fails_fails_the_run(tmp_path):
    broken = tmp_path / "broken.dll"
    broken.write_bytes(b"no program")
    done = languages("--short", "--only", "rtt64", csharp=broken)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no answer from dotnet" in done.stderr


@pytest.mark.parametrize(
    "side", [["dotnet", CSHARP], [sys.executable, ROOT / "benchmarks/python_side.py"]], ids=["csharp", "python"]
)
def test_a_message_out_of_order_fails_the_side(side):
    """The checks of the sides are real: a writer that begins at 2 is found."""
    import zerobuffer

    name = f"bench-order-{os.getpid()}"
    with zerobuffer.Writer(name, payload_size=1 << 20) as writer:
        with subprocess.Popen(
            [str(word) for word in side], stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
            env={**os.environ, "ZEROBUFFER_LIBRARY": str(LIBRARY)},
        ) as process:
            try:
                process.stdin.write(f"frame6m_read second {name} 1\n")
                process.stdin.flush()
                assert writer.wait_for_readers(1, timeout=TIMEOUT)
                writer.write((2).to_bytes(8, "little") * 8)
                output, error = process.communicate(timeout=TIMEOUT)
            finally:
                process.kill()
    assert process.returncode != 0 and output == ""
    assert "out of order" in error
