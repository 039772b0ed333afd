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
OURS = {
    "c": {"rtt64", "stream64", "stream64_batch16", "stream64_batch", "frame6m_read"},
    "csharp": {"rtt64", "stream64", "stream64_batch16", "stream64_batch", "frame6m_read", "call64", "call64_in_place"},
    "python": {"rtt64", "stream64", "stream64_batch16", "stream64_batch", "frame6m_read", "call64", "call64_in_place"},
}
COSTS = {"c": {"read_release"}, "csharp": {"read_release"}, "python": {"read_release", "read_array"}}
PEERS = {
    "python": {
        "rtt64": {"multiprocessing_pipe", "multiprocessing_queue", "shared_memory", "pyzmq"},
        "stream64": {"multiprocessing_pipe", "multiprocessing_queue", "shared_memory", "pyzmq"},
        "frame6m_read": {"shared_memory", "pyzmq"},
        "frame6m_copy": {"multiprocessing_pipe", "multiprocessing_queue", "shared_memory"},
    },
    "csharp": {
        "rtt64": {"named_pipe", "mapped_file"},
        "stream64": {"named_pipe", "mapped_file"},
        "frame6m_read": {"mapped_file"},
        "frame6m_copy": {"named_pipe", "mapped_file"},
    },
}
SHARES = [0.01, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.995, 0.999, 0.9995, 0.9999, 1]


def languages(*arguments, csharp=CSHARP):
    built = ["--bench", BUILD / "bin/zerobuffer", "--library", LIBRARY, "--csharp", csharp]
    command = [sys.executable, ROOT / "benchmarks/languages.py", *built, *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=TIMEOUT)


def left_in_shared_memory(begin="bench-"):
    return {file for file in os.listdir("/dev/shm") if file.startswith(begin)}


def expected_rows():
    rows = {(workload, "cpp") for workloads in OURS.values() for workload in workloads} | {("read_release", "cpp")}
    rows |= {(f"{workload}_{language}", language) for table in (OURS, COSTS) for language in table for workload in table[language]}
    for language, workloads in PEERS.items():
        rows |= {(f"{workload}_{language}", language) for workload in workloads}
        for workload, systems in workloads.items():
            rows |= {(f"{workload.replace('stream64', 'one_way64')}_{system}", language) for system in systems}
    return rows


def expected_ratios():
    over = {f"{workload}_{language}_over_cpp" for language, workloads in OURS.items() for workload in workloads}
    beyond = {f"{workload}_{language}_beyond_cpp_ns" for language, workloads in COSTS.items() for workload in workloads}
    ahead = {
        f"{workload}_{language}_over_{system}"
        for language, workloads in PEERS.items() for workload, systems in workloads.items() for system in systems
    }
    return over | beyond | ahead


def test_every_language_runs_every_workload_and_so_does_every_peer():
    before = left_in_shared_memory()
    done = languages("--short", "--json")
    assert done.returncode == 0, done.stderr
    *records, closing = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(record["workload"], record["language"]) for record in records} == expected_rows()
    assert len(records) == len(expected_rows())
    for record in records:
        assert record["machine"] and record["parameters"] and record["unit"]
        assert record["family"] in {"rtt", "one_way", "frames", "calls", "cost"}
        assert (record["system"] == "zerobuffer") == (not any(record["workload"].endswith(s) for s in ALL_SYSTEMS))
        spread = record["spread"]
        assert 0 < spread["min"] <= record["median"] <= spread["max"]
        assert len(record["values"]) == record["repetitions"]
        if record["family"] in {"rtt", "calls"} and record["language"] != "cpp":
            assert [share for share, _ in record["latency"]["curve"]] == SHARES
            curve = [nanoseconds for _, nanoseconds in record["latency"]["curve"]]
            assert curve == sorted(curve) and curve[0] > 0
    assert set(closing["ratios"]) == set(closing["targets"]) == set(closing["ratio_values"]) == expected_ratios()
    assert closing["short"] and set(closing["reached"]) == set(closing["targets"])
    assert all(verdict is None for verdict in closing["reached"].values())
    assert left_in_shared_memory() <= before


ALL_SYSTEMS = {system for workloads in PEERS.values() for systems in workloads.values() for system in systems}


def test_a_table_shows_the_ratios_and_their_targets():
    done = languages("--short", "--only", "rtt64", "--language", "csharp")
    assert done.returncode == 0, done.stderr
    assert "rtt64_csharp_over_cpp" in done.stdout and "≤ 2.0" in done.stdout
    assert "reached" not in done.stdout and "python" not in done.stdout and "stream64" not in done.stdout


def test_a_family_can_be_asked_for():
    done = languages("--short", "--json", "--group", "cost")
    assert done.returncode == 0, done.stderr
    *records, closing = [json.loads(line) for line in done.stdout.splitlines()]
    assert {record["family"] for record in records} == {"cost"}
    assert set(closing["ratios"]) == {name for name in expected_ratios() if "_beyond_" in name}


def test_when_the_time_is_over_nothing_more_is_begun():
    done = languages("--short", "--json", "--limit-s", "0")
    assert done.returncode == 0, done.stderr
    *records, closing = [json.loads(line) for line in done.stdout.splitlines()]
    assert records == [] and set(closing["ratios"].values()) == {None}


def test_a_name_that_there_is_not_is_refused():
    done = languages("--short", "--only", "rtt65")
    assert (done.returncode, done.stdout) == (2, "") and "nothing is called so" in done.stderr


@pytest.mark.parametrize("workload", ["frame6m_read", "frame6m_read_shared_memory", "frame6m_read_mapped_file"])
@pytest.mark.parametrize("end", ["a side is killed", "Ctrl-C"])
def test_a_run_that_ends_in_the_middle_leaves_nothing(end, workload):
    command = [sys.executable, ROOT / "benchmarks/languages.py", "--bench", BUILD / "bin/zerobuffer", "--library", LIBRARY]
    driver = subprocess.Popen(
        [str(word) for word in (*command, "--csharp", CSHARP, "--only", workload)],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
    )
    try:
        deadline = time.monotonic() + TIMEOUT
        while not left_in_shared_memory(f"bench-{driver.pid}-"):
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
    assert not left_in_shared_memory(f"bench-{driver.pid}-")


def test_what_was_not_built_is_named(tmp_path):
    done = languages("--short", csharp=tmp_path / "nothing.dll")
    assert (done.returncode, done.stdout) == (1, "")
    assert "there is no file" in done.stderr and "nothing.dll" in done.stderr


def test_a_side_that_fails_fails_the_run(tmp_path):
    broken = tmp_path / "broken.dll"
    broken.write_bytes(b"no program")
    done = languages("--short", "--only", "rtt64_csharp", csharp=broken)
    assert (done.returncode, done.stdout) == (1, "")
    assert "no answer from dotnet" in done.stderr


@pytest.mark.parametrize(
    "side", [[BUILD / "bin/zerobuffer_bench_c"], ["dotnet", CSHARP], [sys.executable, ROOT / "benchmarks/python_side.py"]],
    ids=["c", "csharp", "python"],
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
