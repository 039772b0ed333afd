"""One command runs every benchmark and writes one result file; what cannot run is named and fails the run. No test looks at a
time: figures of a short run are worth nothing."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
BIN = Path(os.environ.get("ZEROBUFFER_BIN_DIR", ROOT / "build/release/bin"))
DOTNET = Path(os.environ.get("ZEROBUFFER_DOTNET_BIN_DIR", ROOT / "build/dotnet/bin"))
CSHARP = DOTNET / "ZeroBuffer.Benchmarks/release/ZeroBuffer.Benchmarks.dll"
TIMEOUT = 1000  # of all rows on a machine that has other things to do

ROW = {"system": "floor", "workload": "invented", "unit": "ns", "family": "floor", "median": 2.0,
       "spread": {"min": 1.0, "q1": 1.5, "q3": 2.5, "max": 3.0}, "repetitions": 3, "machine": {"processor": "said once"}}
CLOSING = {"ratios": {}, "placement": "near", "not_run": {"invented_huge": "no huge pages here"}}


def command(*arguments, bin_dir=BIN, output):
    return [str(word) for word in (sys.executable, ROOT / "benchmarks/run.py", "--no-build", "--bin-dir", bin_dir, "--csharp", CSHARP,
                                   "--output", output, *arguments)]


def run(*arguments, bin_dir=BIN, output):
    done = subprocess.run(command(*arguments, bin_dir=bin_dir, output=output), capture_output=True, text=True, timeout=TIMEOUT)
    return done, [json.loads(line) for line in output.read_text().splitlines()] if output.exists() else []


def program(folder, text, name="zerobuffer"):
    """A driver of a test's own."""
    folder.mkdir(exist_ok=True)
    path = folder / name
    path.write_text(f"#!{sys.executable}\nimport json, sys, time\n{text}\n")
    path.chmod(0o755)
    return folder


def prints(*lines):
    return "\n".join(f"print({json.dumps(line)!r})" for line in lines)


def drivers():
    """Those that belong to this checkout."""
    done = subprocess.run([sys.executable, str(ROOT / "benchmarks/run.py"), "--help"], capture_output=True, text=True, timeout=60, check=True)
    return re.search(r"only these programs: ([a-z_, ]+)", " ".join(done.stdout.split()))[1].replace(" ", "").split(",")


# What test_peers.py, test_languages.py and test_instructions.py run whole, is only begun here.
PARTS = {"bench": ["--only", "rtt64"], "peers": ["--only", "rtt64_pipe"], "languages": ["--only", "rtt64"], "instructions": ["--only", "instructions_write"]}


def test_every_driver_is_run_by_a_test():
    assert set(drivers()) == set(PARTS)


@pytest.mark.timeout(TIMEOUT + 60)
@pytest.mark.parametrize(("driver", "part"), PARTS.items(), ids=list(PARTS))
def test_every_benchmark_runs(driver, part, tmp_path):
    done, lines = run("--short", "--driver", driver, *part, output=tmp_path / "result.jsonl")
    assert done.returncode == 0, done.stderr
    first, *rows, closing = lines
    assert first["run"]["command"] == " ".join(["benchmarks/run.py", "--driver", driver, *part, "--short"])
    assert first["run"]["failed"] == [] and first["run"]["short"]
    assert {"processor", "cpus", "architecture", "kernel"} <= set(first["run"]["machine"])
    assert rows and {row["driver"] for row in rows} == {driver} == {closing["driver"]}
    assert len({row["workload"] for row in rows}) == len(rows)
    assert all(row["spread"]["min"] <= row["median"] <= row["spread"]["max"] for row in rows)
    assert not any("machine" in row for row in rows)  # said once, in the first line


@pytest.mark.timeout(TIMEOUT + 60)
def test_nothing_is_left_out_of_a_whole_run(tmp_path):
    """But for what this machine refuses, and that is named."""
    done, lines = run("--short", "--driver", "bench", output=tmp_path / "result.jsonl")
    assert done.returncode == 0, done.stderr
    closing = lines[-1]
    refused = tuple(closing["not_run"])
    assert not [name for name, value in closing["ratios"].items() if value is None and not (refused and name.startswith(refused))]
    families = {row["family"] for row in lines if "workload" in row}
    assert families >= {"floor", "rtt", "one_way", "frames", "video", "calls", "chain", "readers", "life", "cost"}


def test_one_workload_is_measured_by_whoever_has_it(tmp_path):
    done, lines = run("--short", "--driver", "bench", "--only", "memcpy_warm", output=tmp_path / "result.jsonl")
    assert done.returncode == 0, done.stderr
    assert [row["workload"] for row in lines if "workload" in row] == ["memcpy_warm"]
    assert str(tmp_path / "result.jsonl") in done.stdout


def test_what_nobody_has_is_an_error(tmp_path):
    done, lines = run("--short", "--driver", "bench", "--only", "no_such_workload", output=tmp_path / "result.jsonl")
    assert (done.returncode, lines) == (1, [])
    assert "no driver has what was asked for" in done.stderr


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (prints(ROW, CLOSING) + "\nsys.exit(1)", "exit code 1"),
        (prints(ROW), "without a row and a closing line"),
        (prints(CLOSING), "without a row and a closing line"),
        ("print('no JSON')", "no JSON"),
        (prints({**ROW, "median": 9.0}, CLOSING), "the row invented: the median 9.0 is outside"),
        (prints({**ROW, "spread": {"min": 1.0}}, CLOSING), "the row invented has no full spread"),
        (prints({key: value for key, value in ROW.items() if key != "unit"}, CLOSING), "the row invented has no unit"),
    ],
    ids=["exit code", "no closing line", "no row", "no JSON", "median outside", "spread", "unit"],
)
def test_a_driver_that_fails_fails_the_run_and_is_named(text, reason, tmp_path):
    done, lines = run("--short", "--driver", "bench", bin_dir=program(tmp_path / "bin", text), output=tmp_path / "result.jsonl")
    assert (done.returncode, lines) == (1, [])
    assert "bench failed: " in done.stderr and reason in done.stderr


def test_a_program_that_was_not_built_is_named(tmp_path):
    done, lines = run("--short", "--driver", "bench", bin_dir=tmp_path, output=tmp_path / "result.jsonl")
    assert (done.returncode, lines) == (1, [])
    assert f"{tmp_path}/zerobuffer is not there" in done.stderr


def test_what_the_others_measured_is_kept_when_one_fails(tmp_path):
    folder = program(tmp_path / "bin", prints(ROW, CLOSING))
    command_line = ["--driver", "bench", "languages", "--only", "rtt64"]  # the languages find no C sides there
    done, lines = run(*command_line, bin_dir=folder, output=tmp_path / "result.jsonl")
    assert done.returncode == 1
    assert [row["workload"] for row in lines if "workload" in row] == ["invented"]
    assert lines[0]["run"]["failed"] == ["languages"] and "failed: languages" in done.stderr


def test_what_this_machine_refuses_is_said_and_is_no_failure(tmp_path):
    done, lines = run("--driver", "bench", bin_dir=program(tmp_path / "bin", prints(ROW, CLOSING)), output=tmp_path / "result.jsonl")
    assert done.returncode == 0, done.stderr
    assert "cannot run invented_huge: no huge pages here" in done.stderr
    assert lines[-1]["not_run"] == {"invented_huge": "no huge pages here"}


def test_the_options_reach_the_driver_and_stand_in_the_result(tmp_path):
    said = "parameters = json.loads(%r); parameters['parameters'] = {'said': sys.argv[1:]}; print(json.dumps(parameters)); " % json.dumps(ROW)
    folder = program(tmp_path / "bin", said + prints(CLOSING))
    options = ["--group", "rtt", "frames", "--repetitions", "9", "--limit-s", "30"]
    done, lines = run("--driver", "bench", *options, bin_dir=folder, output=tmp_path / "result.jsonl")
    assert done.returncode == 0, done.stderr
    told = ["--group", "rtt", "--group", "frames", "--repetitions", "9", "--limit-s", "30"]
    assert lines[1]["parameters"]["said"] == ["bench", *told, "--json"]
    assert lines[0]["run"]["command"] == " ".join(["benchmarks/run.py", "--driver", "bench", *told])


def test_ctrl_c_ends_the_driver_and_writes_nothing(tmp_path):
    folder = program(tmp_path / "bin", "import os; open(sys.argv[0] + '.pid', 'w').write(str(os.getpid())); time.sleep(600)")
    with subprocess.Popen(command("--driver", "bench", bin_dir=folder, output=tmp_path / "result.jsonl"), stderr=subprocess.PIPE) as process:
        try:
            deadline = time.monotonic() + 60
            told = folder / "zerobuffer.pid"
            while not (told.exists() and told.read_text()):
                assert process.poll() is None and time.monotonic() < deadline
                time.sleep(0.02)
            process.send_signal(signal.SIGINT)
            process.communicate(timeout=60)
        finally:
            process.kill()
    assert process.returncode == 130
    assert not Path(f"/proc/{told.read_text()}").exists()
    assert not (tmp_path / "result.jsonl").exists()
