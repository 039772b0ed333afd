#!/usr/bin/env python3
"""Counts, by callgrind, the instructions of the library's calls for one frame of 64 bytes in one process: `write`, and `read` with
giving back, in C++ and C; `read` with giving back, and `read_array`, in Python, its interpreter included. Owns the counting; what
runs are the loops of the costs (c/costs.cpp, c/read_cost.c, python_side.py). .NET does not run under valgrind: no row of C#.

A count hardly depends on the machine and not at all on its load, so there is one repetition, and a short run is a full one.
"""

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any, Dict, List

HERE = Path(__file__).resolve().parent
BIN = HERE.parent / "build/release/bin"
FRAMES_OF_A_RUN = 2000  # ten rounds of 200: what a side does that is given no time
WARM_UP_ROUNDS = 20  # in which Python's interpreter specialises the loop
LIMIT_S = 300

FAMILY = "instructions"
PYTHON = "python"
# A row: the program, and in which of its functions it is counted; or Python, and its loop.
COUNTED = {
    "write": ("zerobuffer_bench_costs", "write_frames"),
    "read_release": ("zerobuffer_bench_costs", "read_frames"),
    "write_c": ("zerobuffer_bench_c", "write_frames"),
    "read_release_c": ("zerobuffer_bench_c", "read_frames"),
    "read_release_python": (PYTHON, "read_release"),
    "read_array_python": (PYTHON, "read_array"),
}

Json = Dict[str, Any]


class CountError(Exception):
    """What went wrong, for people."""


def callgrind(options: List[str], command: List[str], said: str, out: Path) -> None:
    done = subprocess.run(
        ["valgrind", "--tool=callgrind", f"--callgrind-out-file={out}", *options, *command],
        input=said, text=True, capture_output=True, timeout=LIMIT_S, env={**os.environ, "LD_BIND_NOW": "1"},
    )
    if done.returncode != 0:
        raise CountError(f"{' '.join(command)} failed under valgrind:\n{done.stderr[-2000:]}")


def total_of(file: Path) -> int:
    """All instructions of a dump."""
    for line in file.read_text(errors="replace").splitlines():
        if line.startswith(("summary:", "totals:")):
            return int(line.split()[1])
    raise CountError(f"{file} has no total")


def in_function(program: Path, function: str, scratch: Path) -> float:
    """Instructions of one frame inside a function of a side, and of what that calls."""
    out = scratch / f"{program.name}.{function}"
    callgrind([f"--toggle-collect={function}*"], [str(program)], "read_release first none 0\n", out)
    total = total_of(out)
    if total == 0:
        raise CountError(f"callgrind does not find {function} in {program}")
    return total / FRAMES_OF_A_RUN


def in_python(loop: str, scratch: Path) -> float:
    """Instructions of one frame between the two marks of run_loop()."""
    out = scratch / f"python.{loop}"
    callgrind(["--dump-before=getppid"], [sys.executable, str(HERE / "instructions.py"), "--loop", loop], "", out)
    between = out.with_name(f"{out.name}.2")
    if not between.is_file():
        raise CountError("callgrind did not meet the marks in Python")
    from python_side import FRAMES_WAITING

    return total_of(between) / FRAMES_WAITING


def run_loop(loop: str) -> None:
    """What runs under callgrind: one round between two calls of getppid(), by which it knows where to count."""
    import numpy as np
    from python_side import FRAMES_WAITING, SMALL_RING, read_and_release, read_arrays
    from zerobuffer import Reader, Writer

    image = np.ones((4, 16), np.uint8)
    with Reader.anonymous(payload_size=SMALL_RING) as reader, Writer.from_fd(reader.fileno()) as writer:
        for rounds in range(WARM_UP_ROUNDS, -1, -1):
            for _ in range(FRAMES_WAITING):
                if loop == "read_array":
                    writer.write_array(image)
                else:
                    writer.write(image)
            if rounds == 0:
                os.getppid()
            (read_arrays if loop == "read_array" else read_and_release)(reader)
            if rounds == 0:
                os.getppid()


def names_asked_for(arguments: Any) -> List[str]:
    """What is counted: `--only` names rows, or calls in every language."""
    if arguments.group and FAMILY not in arguments.group:
        return []
    return [name for name in COUNTED if not arguments.only or {f"instructions_{name}", name, name.split("_")[0]} & {*arguments.only}]


def count_all(names: List[str], bin_folder: Path) -> Dict[str, float]:
    if shutil.which("valgrind") is None:
        raise CountError("valgrind is not installed")
    counts = {}
    with tempfile.TemporaryDirectory(prefix="zerobuffer-bench-") as folder:
        for name in names:
            program, loop = COUNTED[name]
            if program != PYTHON and not (bin_folder / program).is_file():
                raise CountError(f"there is no file {bin_folder / program}; docs/benchmarks.md says how it is built")
            counts[name] = in_python(loop, Path(folder)) if program == PYTHON else in_function(bin_folder / program, loop, Path(folder))
    return counts


def records_of(counts: Dict[str, float]) -> List[Json]:
    machine = {"cpus": os.cpu_count(), "kernel": os.uname().release, "architecture": os.uname().machine}
    return [
        {
            "system": "zerobuffer", "language": {"_c": "c", "_python": "python"}.get(name[name.rfind("_"):], "cpp"),
            "family": FAMILY, "workload": f"instructions_{name}", "unit": "instructions",
            "parameters": {"message_bytes": 64}, "repetitions": 1, "median": count,
            "spread": {"min": count, "q1": count, "q3": count, "max": count}, "values": [count], "machine": machine,
        }
        for name, count in counts.items()
    ]


def closing_of(counts: Dict[str, float]) -> Json:
    """How many more than in C++, call by call."""
    like = {name: "write" if name.startswith("write") else "read_release" for name in counts if name.endswith(("_c", "_python"))}
    beyond = {f"instructions_{name}_beyond_cpp": counts[name] - counts[cpp] for name, cpp in like.items() if cpp in counts}
    return {
        "ratios": beyond, "medians": {f"instructions_{name}": count for name, count in counts.items()},
        "spread": {name: {"min": value, "q1": value, "q3": value, "max": value} for name, value in beyond.items()},
        "ratio_values": {name: [value] for name, value in beyond.items()},
        "targets": dict.fromkeys(beyond), "reached": dict.fromkeys(beyond), "short": False,
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Counts the instructions of the calls for one frame, by callgrind.")
    parser.add_argument("--group", nargs="+", action="extend", default=[], metavar="FAMILY", help=f"this one has {FAMILY}")
    parser.add_argument("--only", nargs="+", action="extend", default=[], metavar="NAME", help=f"only these: {', '.join(COUNTED)}")
    parser.add_argument("--json", action="store_true", help="a line for each figure and a closing object")
    parser.add_argument("--bench", type=Path, default=BIN / "zerobuffer", help="beside which the programs are that are counted")
    parser.add_argument("--short", action="store_true", help=argparse.SUPPRESS)  # as every driver has it; a count needs none
    for option in ("--repetitions", "--limit-s", "--library", "--csharp"):  # likewise
        parser.add_argument(option, help=argparse.SUPPRESS)
    parser.add_argument("--loop", choices=("read_release", "read_array"), help=argparse.SUPPRESS)
    arguments: Any = parser.parse_args()
    if arguments.loop:
        run_loop(arguments.loop)
        return 0
    names = names_asked_for(arguments)
    if not names:
        print("instructions: nothing is called so", file=sys.stderr)
        return 2
    begin = time.monotonic()
    try:
        counts = count_all(names, arguments.bench.parent)
    except CountError as error:
        print(f"instructions: {error}", file=sys.stderr)
        return 1
    if arguments.json:
        for line in (*records_of(counts), {**closing_of(counts), "seconds": time.monotonic() - begin}):
            print(json.dumps(line))
    else:
        for name, count in counts.items():
            print(f"{name:<24}{count:>10.1f} instructions")
    return 0


if __name__ == "__main__":
    sys.exit(main())
