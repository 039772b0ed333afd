"""Instructions are counted and said in the documented form, and what cannot be counted fails. No test asserts a count."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BENCH = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin")) / "zerobuffer"


def instructions(*arguments, bench=BENCH, path=os.environ["PATH"]):
    command = [sys.executable, ROOT / "benchmarks/instructions.py", "--bench", bench, *arguments]
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, timeout=280, env={**os.environ, "PATH": path})


def test_a_call_is_counted_in_each_language():
    done = instructions("--json", "--only", "read_release", "read_release_c", "read_release_python")
    assert done.returncode == 0, done.stderr
    *records, closing = [json.loads(line) for line in done.stdout.splitlines()]
    assert {(record["workload"], record["language"]) for record in records} == {
        ("instructions_read_release", "cpp"), ("instructions_read_release_c", "c"), ("instructions_read_release_python", "python"),
    }
    assert all(record["median"] > 0 and record["unit"] == "instructions" for record in records)
    assert set(closing["ratios"]) == {"instructions_read_release_c_beyond_cpp", "instructions_read_release_python_beyond_cpp"}


@pytest.mark.parametrize("arguments", [["--only", "fly"], ["--group", "rtt"]])
def test_what_there_is_not_is_refused(arguments):
    done = instructions(*arguments)
    assert (done.returncode, done.stdout) == (2, "") and "nothing is called so" in done.stderr


def test_a_program_that_was_not_built_is_named(tmp_path):
    done = instructions("--only", "write", bench=tmp_path / "zerobuffer")
    assert (done.returncode, done.stdout) == (1, "") and "zerobuffer_bench_costs" in done.stderr


def test_without_valgrind_it_fails(tmp_path):
    done = instructions("--only", "write", path=str(tmp_path))
    assert (done.returncode, done.stdout) == (1, "") and "valgrind is not installed" in done.stderr
